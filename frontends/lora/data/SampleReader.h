// One file's samples, before they are cut to the context.
#ifndef LLMC_FRONTENDS_LORA_DATA_SAMPLEREADER_H
#define LLMC_FRONTENDS_LORA_DATA_SAMPLEREADER_H

#include "absl/status/statusor.h"
#include "frontends/lora/config/TrainConfig.h"
#include "frontends/lora/data/Conversation.h"
#include "frontends/lora/data/Dataset.h"
#include "frontends/tokenizer/Tokenizer.h"
#include <cstdint>
#include <string>
#include <vector>

namespace llmc::lora {

struct FileSamples {
  std::vector<int32_t> tokens;
  std::vector<uint8_t> learned; // empty: all
  bool everyToken = false;      // a sample starts at each token; `sequences` is empty
  std::vector<Dataset::Range> sequences;
  uint64_t sequencesPerSample = 1;
  std::vector<uint64_t> lines; // where each sample starts, counted from 1
  uint64_t skippedBytes = 0;
};

// By the name's ending: .jsonl and .json are JSONL, all else is plain text.
absl::StatusOr<FileSamples> readSamples(const std::string &path, const TrainConfig &config,
                                        const Tokenizer &tokenizer,
                                        absl::string_view modelTemplate);

} // namespace llmc::lora

#endif
