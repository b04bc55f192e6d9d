// One line of a JSONL file.
#ifndef LLMC_FRONTENDS_LORA_DATA_JSONLRECORD_H
#define LLMC_FRONTENDS_LORA_DATA_JSONLRECORD_H

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/lora/data/Conversation.h"
#include <string>
#include <vector>

namespace llmc::lora {

// What DataLoader.h lists: texts one after the other, or a conversation.
struct JsonlRecord {
  std::vector<Segment> texts = {};    // of text, and of prompt and completion
  std::vector<Message> messages = {}; // of the others
};

// The error says what is wrong with the line, without file and number. `alpacaInput`: an alpaca
// record's input stands under a heading of its own, as the alpaca format has it.
absl::StatusOr<JsonlRecord> parseJsonlRecord(absl::string_view line, bool maskPrompt,
                                             bool alpacaInput);

} // namespace llmc::lora

#endif
