#include "frontends/eval/EvalRecord.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "frontends/gguf/file/GgufText.h"
#include "frontends/lora/data/JsonlRecord.h"
#include "frontends/lora/data/RecordJson.h"
#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

namespace llmc::eval {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostChoices = 1024;

absl::Status bad(absl::string_view what) { return absl::InvalidArgumentError(what); }

const Json *find(const Json &object, std::initializer_list<const char *> keys) {
  for (const char *key : keys)
    if (const auto found = object.find(key); found != object.end())
      return &*found;
  return nullptr;
}

absl::StatusOr<std::vector<std::string>> textsOf(const Json &list, absl::string_view what) {
  if (!list.is_array())
    return bad(absl::StrCat("'", what, "' is not a list of texts"));
  std::vector<std::string> texts;
  for (const Json &item : list) {
    if (!item.is_string())
      return bad(absl::StrCat("'", what, "' has an item that is no text"));
    texts.push_back(item.get<std::string>());
  }
  return texts;
}

std::optional<size_t> placeOf(const std::vector<std::string> &list, const std::string &text) {
  const auto found = std::find(list.begin(), list.end(), text);
  return found == list.end() ? std::nullopt
                             : std::optional<size_t>(static_cast<size_t>(found - list.begin()));
}

// The index that `answer` stands for.
absl::StatusOr<size_t> answerOf(const Json &answer, const std::vector<std::string> &choices,
                                const std::vector<std::string> &labels) {
  const auto index = [&](int64_t i) -> absl::StatusOr<size_t> {
    if (i < 0 || static_cast<uint64_t>(i) >= choices.size())
      return bad(absl::StrCat("the answer ", i, " is none of the ", choices.size(),
                              " choices, which are counted from 0"));
    return static_cast<size_t>(i);
  };
  if (answer.is_number_integer())
    return index(answer.get<int64_t>());
  if (!answer.is_string())
    return bad(
        "the answer is neither a number nor a text; give its index from 0, its letter or its "
        "text");
  const std::string text = answer.get<std::string>();
  for (const std::vector<std::string> *list : {&labels, &choices})
    if (const std::optional<size_t> place = placeOf(*list, text))
      return *place;
  const auto letter = text.size() == 1 ? absl::ascii_toupper(text[0]) - 'A' : -1;
  if (letter >= 0 && letter < 26 && static_cast<size_t>(letter) < choices.size())
    return index(letter);
  int64_t number;
  if (absl::SimpleAtoi(text, &number))
    return index(number);
  return bad(
      absl::StrCat("the answer ", gguf::inQuotes(text, 40),
                   " is none of the choices; give its index from 0, its letter or its text"));
}

absl::StatusOr<EvalRecord> choiceOf(const Json &object) {
  EvalRecord record{.kind = RecordKind::Choice};
  const Json *prompt = find(object, {"prompt", "question"});
  if (!prompt || !prompt->is_string())
    return bad("choices without a text to choose for; give it as 'prompt' or 'question'");
  record.prompt = prompt->get<std::string>();
  const Json &choices = object["choices"];
  std::vector<std::string> labels;
  if (choices.is_object()) {
    for (auto [key, into] : {std::pair("text", &record.completions), std::pair("label", &labels)}) {
      const Json *list = find(choices, {key});
      absl::StatusOr<std::vector<std::string>> texts = textsOf(list ? *list : Json(), key);
      if (!texts.ok())
        return texts.status();
      *into = *std::move(texts);
    }
    if (labels.size() != record.completions.size())
      return bad(absl::StrCat(record.completions.size(), " texts of choices have ", labels.size(),
                              " labels"));
  } else {
    absl::StatusOr<std::vector<std::string>> texts = textsOf(choices, "choices");
    if (!texts.ok())
      return texts.status();
    record.completions = *std::move(texts);
  }
  if (record.completions.size() < 2 || record.completions.size() > kMostChoices)
    return bad(absl::StrCat(record.completions.size(), " choices; give 2 to ", kMostChoices));
  for (const std::string &choice : record.completions)
    if (absl::StripAsciiWhitespace(choice).empty())
      return bad("a choice is empty");
  const Json *answer = find(object, {"answer", "answerKey", "label"});
  if (!answer)
    return bad("which choice is right is not said; give 'answer': its index from 0, its letter or "
               "its text");
  absl::StatusOr<size_t> right = answerOf(*answer, record.completions, labels);
  if (!right.ok())
    return right.status();
  record.answer = *right;
  return record;
}

} // namespace

absl::StatusOr<EvalRecord> parseEvalRecord(absl::string_view line, bool alpacaInput) {
  absl::StatusOr<Json> object = lora::parseRecordObject(line);
  if (!object.ok())
    return object.status();
  if (object->contains("choices"))
    return choiceOf(*object);
  absl::StatusOr<lora::JsonlRecord> read =
      lora::parseJsonlRecord(line, /*maskPrompt=*/true, alpacaInput);
  if (!read.ok())
    return bad(absl::StrCat(read.status().message(),
                            object->contains("prompt") || object->contains("question")
                                ? "; beside a prompt give completion, or choices and answer"
                                : ""));
  EvalRecord record{.kind = RecordKind::Completion};
  if (!read->messages.empty()) {
    if (read->messages.back().role != lora::Role::Assistant)
      return bad(
          "the last message is not the assistant's, so there is nothing to compare with; add "
          "its answer");
    record.completions.push_back(std::move(read->messages.back().text));
    read->messages.pop_back();
    record.messages = std::move(read->messages);
  } else {
    const bool isText = !object->contains("prompt") || !object->contains("completion");
    record.kind = isText ? RecordKind::Text : RecordKind::Completion;
    record.completions.emplace_back();
    for (lora::Segment &segment : read->texts)
      (segment.learned ? record.completions[0] : record.prompt) = std::move(segment.text);
  }
  if (absl::StripAsciiWhitespace(record.completions[0]).empty())
    return bad(record.kind == RecordKind::Text ? "the text is empty" : "the completion is empty");
  return record;
}

} // namespace llmc::eval
