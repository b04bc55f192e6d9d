// Splits text into the words in which byte-level BPE merges.
#ifndef LLMC_FRONTENDS_TOKENIZER_PRETOKENIZER_H
#define LLMC_FRONTENDS_TOKENIZER_PRETOKENIZER_H

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/tokenizer/PreTokenizerTable.h"
#include <cstdint>
#include <memory>
#include <vector>

namespace llmc::tokenizer {

class PreTokenizer {
public:
  // Compiles the expressions of `spec`. An Internal error names the one that does not compile.
  static absl::StatusOr<std::unique_ptr<PreTokenizer>> create(const PreTokenizerSpec &spec);
  ~PreTokenizer();

  // The end offset of each word of `text`, ascending; the last one is text.size(). `text` must be
  // valid UTF-8 of less than 2 GiB. Safe to call from several threads. ResourceExhausted when an
  // expression runs out of memory.
  absl::StatusOr<std::vector<uint32_t>> split(absl::string_view text) const;

private:
  struct Regex;
  class Scratch;

  PreTokenizer();
  absl::Status splitByRegex(const Regex &regex, Scratch &scratch, absl::string_view text,
                            const std::vector<uint32_t> &in, std::vector<uint32_t> &out) const;

  struct Pass;
  std::vector<Pass> passes_;
};

} // namespace llmc::tokenizer

#endif
