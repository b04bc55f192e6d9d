// One line of a JSONL file of preferences: two answers, of which one is better.
#ifndef LLMC_FRONTENDS_LORA_DATA_PREFERENCERECORD_H
#define LLMC_FRONTENDS_LORA_DATA_PREFERENCERECORD_H

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/lora/data/JsonlRecord.h"

namespace llmc::lora {

// Each with the prompt in front. What both begin with is not learned.
struct PreferenceRecord {
  JsonlRecord chosen, rejected;
};

// The error says what is wrong with the line, without file and number. `alpacaInput` is
// parseJsonlRecord()'s.
absl::StatusOr<PreferenceRecord> parsePreferenceRecord(absl::string_view line, bool alpacaInput);

} // namespace llmc::lora

#endif
