// One line of a file to evaluate with.
#ifndef LLMC_FRONTENDS_EVAL_EVALRECORD_H
#define LLMC_FRONTENDS_EVAL_EVALRECORD_H

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/lora/data/Conversation.h"
#include <cstddef>
#include <string>
#include <vector>

namespace llmc::eval {

// What a record has, by its keys; other keys are ignored:
//   Completion  prompt + completion, messages, conversations, instruction + output: what training
//               reads (frontends/lora/data). Of a conversation, the last message is to be written,
//               which has to be the assistant's
//   Choice      prompt or question, choices (a list of texts, or {"text": [...], "label": [...]}),
//               and answer, answerKey or label: the right choice's index from 0, its text, or its
//               letter (its own label, where there are labels)
//   Text        text
enum class RecordKind { Completion, Choice, Text };

struct EvalRecord {
  RecordKind kind;
  std::string prompt = {};                  // empty where there are messages
  std::vector<lora::Message> messages = {}; // of a conversation, those before the last
  // Of a Choice, all choices; else one: the completion or the text.
  std::vector<std::string> completions = {};
  size_t answer = 0; // which of them is right
};

// The error says what is wrong with the line and what would be right, without file and number.
// `alpacaInput` as parseJsonlRecord() has it.
absl::StatusOr<EvalRecord> parseEvalRecord(absl::string_view line, bool alpacaInput);

} // namespace llmc::eval

#endif
