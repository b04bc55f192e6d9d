// The passes of pre-tokenizers that group digits by three from the right.
#ifndef LLMC_FRONTENDS_TOKENIZER_DIGITGROUPS_H
#define LLMC_FRONTENDS_TOKENIZER_DIGITGROUPS_H

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "frontends/tokenizer/PreTokenizerTable.h"
#include <cstdint>
#include <vector>

namespace llmc::tokenizer {

// Appends the ends of the pieces of text[begin, end) to `out`; the last one is `end`. `numberEnd`
// tells where the character at an offset ends if it is a \p{N}, and otherwise 0.
void splitDigitGroups(PreTokenizerPass::Kind kind, absl::string_view text, uint32_t begin,
                      uint32_t end, absl::FunctionRef<uint32_t(uint32_t)> numberEnd,
                      std::vector<uint32_t> &out);

} // namespace llmc::tokenizer

#endif
