// Turns the text between special tokens into tokens.
#ifndef LLMC_FRONTENDS_TOKENIZER_WORDENCODER_H
#define LLMC_FRONTENDS_TOKENIZER_WORDENCODER_H

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "frontends/tokenizer/MergeQueue.h"
#include "frontends/tokenizer/WordCache.h"
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace llmc::tokenizer {

// The working memory of one call of encode().
struct EncodeState {
  MergeQueue queue;
  WordCache cache;
  std::deque<std::string> buffers; // texts that the cache's keys point into
};

class WordEncoder {
public:
  virtual ~WordEncoder() = default;
  // Appends the tokens of `text`, valid UTF-8 that outlives `state`. Safe to call from several
  // threads, each with a state of its own.
  virtual absl::Status encode(absl::string_view text, EncodeState &state,
                              std::vector<int32_t> &out) const = 0;
};

} // namespace llmc::tokenizer

#endif
