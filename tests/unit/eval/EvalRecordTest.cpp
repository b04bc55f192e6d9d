#include "frontends/eval/EvalRecord.h"
#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace llmc::eval {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

EvalRecord read(absl::string_view line) {
  auto record = parseEvalRecord(line, /*alpacaInput=*/true);
  EXPECT_TRUE(record.ok()) << line << ": " << record.status();
  return record.ok() ? *record : EvalRecord{};
}

std::string errorOf(absl::string_view line) {
  auto record = parseEvalRecord(line, /*alpacaInput=*/true);
  EXPECT_FALSE(record.ok()) << line;
  return std::string(record.status().message());
}

TEST(EvalRecord, Kinds) {
  const EvalRecord completion = read(R"({"prompt": "a", "completion": " b", "id": 7})");
  EXPECT_EQ(completion.kind, RecordKind::Completion);
  EXPECT_EQ(completion.prompt, "a");
  EXPECT_THAT(completion.completions, ElementsAre(" b"));
  EXPECT_EQ(read(R"({"prompt": "", "completion": "b"})").kind, RecordKind::Completion);
  const EvalRecord text = read(R"({"text": "a b"})");
  EXPECT_EQ(text.kind, RecordKind::Text);
  EXPECT_THAT(text.completions, ElementsAre("a b"));
}

TEST(EvalRecord, OfAConversationTheLastAnswerCounts) {
  const EvalRecord record = read(R"({"messages": [
      {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"},
      {"role": "user", "content": "r"}, {"role": "assistant", "content": "b"}]})");
  EXPECT_EQ(record.messages.size(), 3u);
  EXPECT_EQ(record.messages.back().text, "r");
  EXPECT_THAT(record.completions, ElementsAre("b"));
  const EvalRecord alpaca = read(R"({"instruction": "do", "input": "", "output": "done"})");
  EXPECT_EQ(alpaca.messages.size(), 2u); // the system's and the user's
  EXPECT_THAT(alpaca.completions, ElementsAre("done"));
  EXPECT_THAT(errorOf(R"({"messages": [{"role": "user", "content": "q"}]})"),
              HasSubstr("add its answer"));
}

TEST(EvalRecord, AnswersOfChoices) {
  for (const char *answer : {"1", "\"B\"", "\"b\"", "\"blue\"", "\"1\""}) {
    const EvalRecord record = read(
        absl::StrCat(R"({"question": "q", "choices": ["red", "blue"], "answer": )", answer, "}"));
    EXPECT_EQ(record.kind, RecordKind::Choice);
    EXPECT_EQ(record.prompt, "q");
    EXPECT_THAT(record.completions, ElementsAre("red", "blue"));
    EXPECT_EQ(record.answer, 1u) << answer;
  }
  // A text that is a choice is that one, whatever letter or number it is.
  EXPECT_EQ(read(R"({"prompt": "q", "choices": ["3", "1", "0"], "answer": "0"})").answer, 2u);
  EXPECT_EQ(read(R"({"prompt": "q", "choices": ["B", "A"], "answer": "A"})").answer, 1u);
  // ARC's form.
  EXPECT_EQ(read(R"({"question": "q", "choices": {"text": ["x", "y"], "label": ["1", "2"]},
                     "answerKey": "2"})")
                .answer,
            1u);
}

TEST(EvalRecord, ErrorsSayWhatToDo) {
  EXPECT_THAT(errorOf(R"({"prompt": "q", "choices": ["a", "b"], "answer": 2})"),
              HasSubstr("counted from 0"));
  EXPECT_THAT(errorOf(R"({"prompt": "q", "choices": ["a", "b"], "answer": -1})"),
              HasSubstr("counted from 0"));
  EXPECT_THAT(errorOf(R"({"prompt": "q", "choices": ["a", "b"], "answer": "ab"})"),
              HasSubstr("give its index"));
  EXPECT_THAT(errorOf(R"({"prompt": "q", "choices": ["a", "b"], "answer": "d"})"),
              HasSubstr("'d' is none of the choices"));
  EXPECT_THAT(errorOf(R"({"prompt": "q", "choices": ["a", "b"], "answer": [1]})"),
              HasSubstr("give its index"));
  EXPECT_THAT(errorOf(R"({"prompt": "q", "choices": ["a", "b"]})"), HasSubstr("give 'answer'"));
  EXPECT_THAT(errorOf(R"({"prompt": "q", "choices": ["a"], "answer": 0})"), HasSubstr("give 2"));
  EXPECT_THAT(errorOf(R"({"prompt": "q", "choices": ["a", " "], "answer": 0})"),
              HasSubstr("is empty"));
  EXPECT_THAT(errorOf(R"({"prompt": "q", "choices": ["a", 1], "answer": 0})"),
              HasSubstr("no text"));
  EXPECT_THAT(errorOf(R"({"choices": ["a", "b"], "answer": 0})"), HasSubstr("'question'"));
  EXPECT_THAT(errorOf(R"({"question": "q", "answer": "a"})"), HasSubstr("choices and answer"));
  EXPECT_THAT(errorOf(R"({"prompt": "q", "completion": ""})"), HasSubstr("is empty"));
  EXPECT_THAT(errorOf("[]"), HasSubstr("one object a line"));
  EXPECT_THAT(errorOf("{"), HasSubstr("not JSON"));
}

} // namespace
} // namespace llmc::eval
