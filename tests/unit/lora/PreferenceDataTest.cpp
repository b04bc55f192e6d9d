// Pairs of answers: how they are written, split and batched.
#include "frontends/chat/BuiltinTemplates.h"
#include "tests/unit/lora/TestData.h"
#include <set>

namespace llmc::lora::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Pairs : Data {
  explicit Pairs(int64_t context = 200) : Data(context) { config.trainMode = "dpo"; }

  // Rows of a line: the chosen answer's and the rejected's.
  Rows rowsOf(const std::string &line, const std::string &chatTemplate = "") {
    write("t.jsonl", line + "\n");
    const TrainingData data = loaded(chatTemplate);
    EXPECT_EQ(data.train.size(), 1u) << line;
    BatchSource source(data.train, config, *tokenizer, false);
    Batch batch;
    source.next(batch);
    EXPECT_EQ(batch.rows, 4u);
    return {row(batch, 0), row(batch, 1)};
  }
  std::pair<std::string, std::string> learnedOf(const std::string &line,
                                                const std::string &chatTemplate = "") {
    const Rows rows = rowsOf(line, chatTemplate);
    return {rows[0].second, rows[1].second};
  }
};

const std::string kChatml(chat::findBuiltinTemplate("chatml")->source);

TEST(PreferenceData, TextsFollowThePrompt) {
  Pairs data;
  const Rows rows = data.rowsOf(R"({"prompt": "xy", "chosen": " zu", "rejected": " zv", "n": 1})");
  EXPECT_THAT(rows[0].first, HasSubstr("<s> xy zu</s>"));
  EXPECT_THAT(rows[1].first, HasSubstr("<s> xy zv</s>"));
  EXPECT_EQ(rows[0].second, " zu</s>");
  EXPECT_EQ(rows[1].second, " zv</s>");
}

TEST(PreferenceData, WithoutAPromptWhatBothBeginWithIsOne) {
  Pairs data;
  using Learned = std::pair<std::string, std::string>;
  EXPECT_EQ(data.learnedOf(R"({"chosen": "h: xy a: zu v", "rejected": "h: xy a: zw"})"),
            Learned(" zu v</s>", " zw</s>"));
  EXPECT_EQ(data.learnedOf(R"({"chosen": "xy", "rejected": "zu"})"), Learned(" xy</s>", " zu</s>"));
  EXPECT_EQ(data.learnedOf(R"({"chosen": "xy zu", "rejected": "xy"})"),
            Learned(" xy zu</s>", " xy</s>"));
}

TEST(PreferenceData, ConversationsOfEveryKind) {
  Pairs data;
  const char *question = "<|im_start|>user\nu<|im_end|>\n<|im_start|>assistant\n";
  const std::string r = R"({"role": "assistant", "content": "r"})";
  const std::string s = R"({"role": "assistant", "content": "s"})";
  const std::string u = R"({"role": "user", "content": "u"})";
  const auto object = [](const std::string &prompt, const std::string &chosen,
                         const std::string &rejected) {
    return "{" + prompt + "\"chosen\": " + chosen + ", \"rejected\": " + rejected + "}";
  };
  for (const std::string &line : {
           object("\"prompt\": [" + u + "], ", "[" + r + "]", "[" + s + "]"),
           object("", "[" + u + "," + r + "]", "[" + u + "," + s + "]"),
           object("\"prompt\": \"u\", ", "[" + u + "," + r + "]", "[" + u + "," + s + "]"),
           object("\"prompt\": \"u\", ", "[" + r + "]", "[" + s + "]"),
           object("\"messages\": [" + u + "], ", r, s),
           object(R"("conversations": [{"from": "human", "value": "u"}], )",
                  R"({"from": "gpt", "value": "r"})", R"({"from": "gpt", "value": "s"})"),
           object("\"conversations\": [], ", "[" + u + "," + r + "]", "[" + u + "," + s + "]"),
           object("\"question\": \"u\", ", "\"r\"", "\"s\""),
           object("\"instruction\": \"u\", ", "\"r\"", "\"s\""),
           object("\"prompt\": [" + u + "], ", "\"r\"", "\"s\""),
       }) {
    const Rows rows = data.rowsOf(line, kChatml);
    EXPECT_THAT(rows[0].first, HasSubstr(std::string(" ") + question + "r<|im_end|>")) << line;
    EXPECT_THAT(rows[1].first, HasSubstr(std::string(" ") + question + "s<|im_end|>")) << line;
    EXPECT_EQ(rows[0].second, "r<|im_end|>") << line;
    EXPECT_EQ(rows[1].second, "s<|im_end|>") << line;
  }
  // A system message stands in front once, wherever it comes from.
  const std::string system = R"({"role": "system", "content": "y"})";
  for (const std::string &line :
       {object(R"("system": "y", "question": "u", )", "\"r\"", "\"s\""),
        object("\"prompt\": [" + system + "," + u + "], ", "[" + u + "," + r + "]",
               "[" + u + "," + s + "]"),
        object("", "[" + system + "," + u + "," + r + "]", "[" + system + "," + u + "," + s + "]")})
    EXPECT_THAT(data.rowsOf(line, kChatml)[0].first,
                HasSubstr("<s> <|im_start|>system\ny<|im_end|>\n" + std::string(question) + "r"))
        << line;
  // Of several turns, those that are the same are not learned.
  const Rows turns = data.rowsOf(object("", "[" + u + "," + r + "," + u + "," + r + "]",
                                        "[" + u + "," + r + "," + u + "," + s + "]"),
                                 kChatml);
  EXPECT_EQ(turns[0].second, "r<|im_end|>");
  EXPECT_EQ(turns[1].second, "s<|im_end|>");
}

TEST(PreferenceData, PairsThatTeachNothingAreLeftOut) {
  Pairs data(6);
  data.write("t.jsonl", R"({"prompt": "x", "chosen": "yz", "rejected": "yz"}
{"prompt": "xyzuvwxyz", "chosen": "y", "rejected": "z"}
{"prompt": "xyzu", "chosen": "vwx", "rejected": "vwy"}
{"prompt": "xyzu", "chosen": "v", "rejected": "w"}
{"prompt": "x", "chosen": "", "rejected": "w"}
)");
  const TrainingData loaded = data.loaded();
  // The same, too long a prompt, the same after the cut; an end of text is an answer.
  EXPECT_EQ(loaded.report.dropped, 3u);
  EXPECT_EQ(loaded.report.samples, 2u);
  EXPECT_THAT(loaded.report.text(), HasSubstr("2 pairs, "));
  EXPECT_THAT(loaded.report.text(), HasSubstr("3 pairs were left out"));
  data.config.longSamples = "error";
  EXPECT_THAT(data.error(), HasSubstr("t.jsonl:2: the sample has"));
}

TEST(PreferenceData, BatchesKeepPairsTogether) {
  Pairs data(5);
  std::string text;
  for (char c = 'a'; c <= 'w'; ++c)
    text += std::string("{\"prompt\": \"x\", \"chosen\": \"") + c + "y\", \"rejected\": \"" + c +
            "z\"}\n";
  data.write("t.jsonl", text);
  data.config.valSize = 0.25;
  data.config.addEos = false;
  const TrainingData loaded = data.loaded();
  EXPECT_EQ(loaded.report.validationSamples, 6u);
  EXPECT_EQ(loaded.train.size(), 17u);
  BatchSource source(loaded.train, data.config, *data.tokenizer);
  std::set<char> seen;
  Batch batch;
  for (int i = 0; i < 9; ++i) {
    ASSERT_TRUE(source.next(batch));
    ASSERT_EQ(batch.rows, 4u);
    ASSERT_EQ(batch.samples.size(), 2u);
    for (uint64_t pair = 0; pair < 2; ++pair) {
      const std::string chosen = data.row(batch, 2 * pair).second;
      const std::string rejected = data.row(batch, 2 * pair + 1).second;
      EXPECT_EQ(chosen[0], rejected[0]);
      EXPECT_EQ(chosen.substr(1), "y");
      EXPECT_EQ(rejected.substr(1), "z");
      seen.insert(chosen[0]);
    }
    const std::vector<int32_t> tokens = batch.tokens;
    source.fill(std::vector<uint64_t>(batch.samples), batch);
    EXPECT_EQ(batch.tokens, tokens);
  }
  EXPECT_EQ(seen.size(), 17u);
  EXPECT_EQ(source.sampleAt(1, 0), batch.samples[1]);
  // The last batch of data that is gone over once is filled up.
  BatchSource once(loaded.train, data.config, *data.tokenizer, false);
  while (once.next(batch)) {
  }
  EXPECT_THAT(batch.samples, ElementsAre(16));
  EXPECT_EQ(data.row(batch, 2).second, "");
  EXPECT_EQ(data.row(batch, 3).second, "");
}

TEST(PreferenceData, ErrorsNameTheLine) {
  Pairs data;
  const auto error = [&](const std::string &name, const std::string &text) {
    data.write(name, text);
    return data.error();
  };
  EXPECT_THAT(error("t.txt", "text"), HasSubstr("t.txt: plain text has no preferences"));
  EXPECT_THAT(error("t.jsonl", "{\"text\": \"a\"}"),
              HasSubstr("t.jsonl:1: no chosen and rejected answer"));
  EXPECT_THAT(error("t.jsonl", "{\"chosen\": 1, \"rejected\": \"a\"}"),
              HasSubstr("'chosen' is neither a text nor a list of messages"));
  EXPECT_THAT(error("t.jsonl", "{\"chosen\": [], \"rejected\": \"a\"}"), HasSubstr("'chosen'"));
  EXPECT_THAT(error("t.jsonl", "{\"chosen\": \"a\", \"rejected\": [1]}"), HasSubstr("'rejected'"));
  EXPECT_THAT(error("t.jsonl", "{\"chosen\": [1], \"rejected\": []}"),
              HasSubstr("'chosen': a message is not an object"));
  EXPECT_THAT(error("t.jsonl", "{\"chosen\": null, \"rejected\": null}"), HasSubstr("'chosen'"));
  data.config.trainMode = "sft";
  EXPECT_THAT(error("t.jsonl", R"({"prompt": "a", "chosen": "b", "rejected": "c"})"),
              HasSubstr("learn from them with train_mode: dpo"));
}

} // namespace
} // namespace llmc::lora::testing
