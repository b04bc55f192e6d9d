// Texts of which some parts are learned, as tokens.
#ifndef LLMC_FRONTENDS_LORA_DATA_SEGMENTS_H
#define LLMC_FRONTENDS_LORA_DATA_SEGMENTS_H

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/tokenizer/Tokenizer.h"
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace llmc::lora {

struct Segment {
  std::string text = {};
  bool eos = false; // the end-of-text token instead of a text
  bool learned = true;
};

struct SampleTokens {
  std::vector<int32_t> tokens;
  std::vector<uint8_t> learned; // one for each token
};

// Segments that follow each other without an end-of-text token are tokenized as one text; a token
// belongs to the segment in which it starts. Where what is learned would begin within a token, what
// is before it is tokenized alone, as it is when the model is asked. Texts of special tokens are
// those tokens.
absl::StatusOr<SampleTokens> encodeSegments(const Tokenizer &tokenizer,
                                            std::span<const Segment> segments);

// Where each of the tokens of `text` starts, in bytes; nullopt when their texts are not it (an
// unknown token, a tokenizer that changes the text).
std::optional<std::vector<uint64_t>>
tokenOffsets(const Tokenizer &tokenizer, absl::string_view text, std::span<const int32_t> tokens);

} // namespace llmc::lora

#endif
