#include "frontends/lora/data/JsonlRecord.h"
#include "absl/strings/str_cat.h"
#include "frontends/lora/data/RecordJson.h"
#include <nlohmann/json.hpp>

namespace llmc::lora {
namespace {

using Json = nlohmann::json;

absl::StatusOr<JsonlRecord> fromPrompt(const Json &object, bool maskPrompt) {
  JsonlRecord record;
  if (object["prompt"].is_array() && object["completion"].is_array()) {
    for (const char *key : {"prompt", "completion"}) {
      absl::StatusOr<std::vector<Message>> messages = messagesOf(object[key], "role", "content");
      if (!messages.ok())
        return messages.status();
      for (Message &message : *messages) {
        message.learned = key == absl::string_view("completion");
        record.messages.push_back(std::move(message));
      }
    }
    return record;
  }
  for (const char *key : {"prompt", "completion"}) {
    absl::StatusOr<std::string> text = textOf(object, key);
    if (!text.ok())
      return text.status();
    const bool learned = !maskPrompt || key == absl::string_view("completion");
    if (!text->empty())
      record.texts.push_back({.text = *std::move(text), .learned = learned});
  }
  return record;
}

absl::StatusOr<JsonlRecord> fromAlpaca(const Json &object, bool alpacaInput) {
  absl::StatusOr<std::vector<Message>> messages = alpacaQuestion(object, alpacaInput);
  if (!messages.ok())
    return messages.status();
  absl::StatusOr<std::string> answer = textOf(object, "output");
  if (!answer.ok())
    return answer.status();
  messages->push_back({Role::Assistant, *answer});
  return JsonlRecord{.messages = *std::move(messages)};
}

} // namespace

absl::StatusOr<JsonlRecord> parseJsonlRecord(absl::string_view line, bool maskPrompt,
                                             bool alpacaInput) {
  absl::StatusOr<Json> parsed = parseRecordObject(line);
  if (!parsed.ok())
    return parsed.status();
  const Json &object = *parsed;
  if (object.contains("messages") || object.contains("conversations")) {
    absl::StatusOr<std::vector<Message>> messages = conversationOf(object);
    if (!messages.ok())
      return messages.status();
    return JsonlRecord{.messages = *std::move(messages)};
  }
  if (object.contains("prompt") && object.contains("completion"))
    return fromPrompt(object, maskPrompt);
  if (object.contains("instruction") && object.contains("output"))
    return fromAlpaca(object, alpacaInput);
  if (object.contains("text")) {
    absl::StatusOr<std::string> text = textOf(object, "text");
    if (!text.ok())
      return text.status();
    JsonlRecord record;
    if (!text->empty())
      record.texts.push_back({.text = *std::move(text)});
    return record;
  }
  if (object.contains("chosen") && object.contains("rejected"))
    return badRecord("chosen and rejected are preferences; learn from them with train_mode: dpo or "
                     "train_mode: orpo");
  return badRecord(
      "none of text, prompt + completion, messages, conversations and instruction + output");
}

} // namespace llmc::lora
