// Training data from files: plain text and JSONL.
//
// Plain text is cut into samples at `sample_start`, or has a sample at each token when that is
// empty. Of JSONL, each line is an object whose keys say what it is; keys beside these are ignored:
//   text                          learned whole
//   prompt, completion            one text after the other; with mask_prompt only the second is
//                                 learned. Lists of messages are also allowed.
//   messages                      {role: system | user | assistant, content}; of the assistant's,
//                                 `weight` may be 0: not learned
//   conversations                 {from: system | human | gpt, value} (sharegpt)
//   instruction, input, output    (alpaca; `input`, `system` may be missing)
// With train_mode dpo or orpo a line is a preference, `chosen` and `rejected`:
//   prompt, chosen, rejected      texts, or lists of messages (TRL, UltraFeedback), which may begin
//                                 with the prompt; without `prompt`, what both begin with is it
//   question, chosen, rejected    with `system` or without (ORCA)
//   conversations or messages or instruction beside chosen and rejected, each a text or a message
//                                 (LLaMA-Factory)
// Messages become text by a chat template (Conversation.h); with mask_prompt what the assistant
// says is learned, and what ends its turn. A template that writes the date has the file's.
#ifndef LLMC_FRONTENDS_LORA_DATA_DATALOADER_H
#define LLMC_FRONTENDS_LORA_DATA_DATALOADER_H

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/lora/config/TrainConfig.h"
#include "frontends/lora/data/Dataset.h"
#include "frontends/tokenizer/Tokenizer.h"
#include <cstdint>
#include <string>

namespace llmc::lora {

// What was read. Lengths are of samples in tokens; of a pair, that of the longer answer counts.
struct DataReport {
  std::string path;
  bool pairs = false; // samples are pairs of answers
  uint64_t samples = 0, validationSamples = 0;
  uint64_t tokens = 0, uniqueTokens = 0; // of the files, validation included
  uint64_t learnedTokens = 0;            // 0 where all are
  uint64_t cut = 0, longest = 0;         // samples longer than max_seq_length
  uint64_t shorter = 0, shortest = 0;    // samples that do not fill it
  uint64_t dropped = 0;                  // samples of which nothing is left to learn
  uint64_t skippedBytes = 0;             // of text before the first sample_start

  // Some lines, each ending in a newline.
  std::string text() const;
};

struct TrainingData {
  Dataset train, validation; // the latter may be empty
  DataReport report;
};

// Reads config.data (and config.validationData, or the valid file of a directory), or holds a part
// back as config.valSize says: the end of a text that has a sample at each token, samples chosen by
// the seed otherwise. `modelTemplate` is the model's tokenizer.chat_template, or empty. Errors name
// the file, the line and what to do: nothing to read, no UTF-8, no JSON, unknown keys or roles,
// and, with long_samples: error, a sample that is too long.
absl::StatusOr<TrainingData> loadData(const TrainConfig &config, const Tokenizer &tokenizer,
                                      absl::string_view modelTemplate);

} // namespace llmc::lora

#endif
