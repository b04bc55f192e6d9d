#include "frontends/lora/data/PreferenceRecord.h"
#include "absl/strings/str_cat.h"
#include "frontends/lora/data/RecordJson.h"
#include <algorithm>
#include <nlohmann/json.hpp>

namespace llmc::lora {
namespace {

using Json = nlohmann::json;

// Where two texts that have no prompt of their own part: after the last whole word that both have.
size_t commonWords(absl::string_view a, absl::string_view b) {
  const size_t differs = std::ranges::mismatch(a, b).in1 - a.begin();
  if (differs == a.size() && differs == b.size())
    return differs;
  size_t end = differs;
  while (end > 0 && a[end - 1] != ' ' && a[end - 1] != '\n')
    --end;
  // The space belongs to the word behind it, as tokens have it.
  return end > 0 && a[end - 1] == ' ' ? end - 1 : end;
}

PreferenceRecord fromTexts(const std::string &prompt, absl::string_view chosen,
                           absl::string_view rejected) {
  const size_t common = prompt.empty() ? commonWords(chosen, rejected) : 0;
  const auto record = [&](absl::string_view answer) {
    JsonlRecord out;
    if (const std::string before = absl::StrCat(prompt, answer.substr(0, common)); !before.empty())
      out.texts.push_back({.text = before, .learned = false});
    if (answer.size() > common)
      out.texts.push_back({.text = std::string(answer.substr(common))});
    return out;
  };
  return {record(chosen), record(rejected)};
}

// What is asked, as far as it stands beside the answers; `isChat` where an answer is a message.
struct Question {
  std::string text;
  std::vector<Message> messages;
  bool isChat = false;
};

absl::StatusOr<Question> questionOf(const Json &object, bool alpacaInput) {
  Question question;
  absl::StatusOr<std::vector<Message>> messages = std::vector<Message>();
  if (object.contains("messages") || object.contains("conversations")) {
    messages = conversationOf(object);
  } else if (object.contains("prompt") && object["prompt"].is_array()) {
    messages = messagesOf(object["prompt"], "role", "content");
  } else if (object.contains("instruction")) {
    messages = alpacaQuestion(object, alpacaInput);
  } else {
    // "question" always is one of a chat, "prompt" if the answers are messages.
    const bool asked = object.contains("question") && !object.contains("prompt");
    absl::StatusOr<std::string> text = textOf(object, asked ? "question" : "prompt");
    if (!text.ok())
      return text.status();
    if (asked || !object["chosen"].is_string()) {
      absl::StatusOr<std::string> system = textOf(object, "system");
      if (!system.ok())
        return system.status();
      if (!system->empty())
        messages->push_back({Role::System, *system});
      if (!text->empty())
        messages->push_back({Role::User, *text});
    } else {
      question.text = *std::move(text);
      return question;
    }
  }
  if (!messages.ok())
    return messages.status();
  question.messages = *std::move(messages);
  question.isChat = true;
  return question;
}

// The whole conversation up to the answer under `key`, which may contain the question.
absl::StatusOr<std::vector<Message>> conversationWith(const Json &object, const char *key,
                                                      const Question &question) {
  std::vector<Message> conversation = question.messages;
  const Json &answer = object[key];
  if (answer.is_string()) {
    conversation.push_back({Role::Assistant, answer.get<std::string>()});
    return conversation;
  }
  const Json list = answer.is_object() ? Json::array({answer}) : answer;
  if (!list.is_array() || list.empty())
    return badRecord(absl::StrCat("'", key, "' is neither a text nor a list of messages"));
  const bool shareGpt = list[0].is_object() && list[0].contains("from");
  absl::StatusOr<std::vector<Message>> messages =
      shareGpt ? messagesOf(list, "from", "value") : messagesOf(list, "role", "content");
  if (!messages.ok())
    return absl::Status(messages.status().code(),
                        absl::StrCat("'", key, "': ", messages.status().message()));
  // A list that does not start with an answer has the question in it.
  if ((*messages)[0].role != Role::Assistant) {
    const bool hasSystem = (*messages)[0].role == Role::System;
    const bool keepsSystem =
        !hasSystem && !conversation.empty() && conversation[0].role == Role::System;
    conversation.resize(keepsSystem ? 1 : 0);
  }
  std::ranges::move(*messages, std::back_inserter(conversation));
  return conversation;
}

void unlearnCommon(std::vector<Message> &a, std::vector<Message> &b) {
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (a[i].role != b[i].role || a[i].text != b[i].text)
      break;
    a[i].learned = b[i].learned = false;
  }
}

} // namespace

absl::StatusOr<PreferenceRecord> parsePreferenceRecord(absl::string_view line, bool alpacaInput) {
  absl::StatusOr<Json> object = parseRecordObject(line);
  if (!object.ok())
    return object.status();
  if (!object->contains("chosen") || !object->contains("rejected"))
    return badRecord("no chosen and rejected answer; preferences are lines of prompt, chosen and "
                     "rejected, and all else is for train_mode: sft");
  for (const char *answer : {"chosen", "rejected"})
    if ((*object)[answer].is_null())
      return badRecord(absl::StrCat("'", answer, "' is null; give an answer"));
  absl::StatusOr<Question> question = questionOf(*object, alpacaInput);
  if (!question.ok())
    return question.status();
  if (!question->isChat) {
    absl::StatusOr<std::string> rejected = textOf(*object, "rejected");
    if (!rejected.ok())
      return rejected.status();
    return fromTexts(question->text, (*object)["chosen"].get<std::string>(), *rejected);
  }
  absl::StatusOr<std::vector<Message>> chosen = conversationWith(*object, "chosen", *question);
  if (!chosen.ok())
    return chosen.status();
  absl::StatusOr<std::vector<Message>> rejected = conversationWith(*object, "rejected", *question);
  if (!rejected.ok())
    return rejected.status();
  unlearnCommon(*chosen, *rejected);
  return PreferenceRecord{{.messages = *std::move(chosen)}, {.messages = *std::move(rejected)}};
}

} // namespace llmc::lora
