// What JSONL records of all kinds are made of: texts, messages, lists of messages.
#ifndef LLMC_FRONTENDS_LORA_DATA_RECORDJSON_H
#define LLMC_FRONTENDS_LORA_DATA_RECORDJSON_H

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/lora/data/Conversation.h"
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace llmc::lora {

// InvalidArgument, without file and line.
absl::Status badRecord(absl::string_view what);

// A line's object. Nesting is bounded.
absl::StatusOr<nlohmann::json> parseRecordObject(absl::string_view line);

// The text under a key, also of content in parts; empty where there is none.
absl::StatusOr<std::string> textOf(const nlohmann::json &object, const char *key);

// A list of messages, whose role and text are under the two keys: "role" and "content", or "from"
// and "value".
absl::StatusOr<std::vector<Message>> messagesOf(const nlohmann::json &list, const char *roleKey,
                                                const char *textKey);

// The conversation under `messages` or `conversations`, after the text under `system`; none where
// there is no such key.
absl::StatusOr<std::vector<Message>> conversationOf(const nlohmann::json &object);

// What an alpaca record's `system`, `instruction` and `input` ask. `alpacaInput`: the input stands
// under a heading of its own, as the alpaca format has it.
absl::StatusOr<std::vector<Message>> alpacaQuestion(const nlohmann::json &object, bool alpacaInput);

} // namespace llmc::lora

#endif
