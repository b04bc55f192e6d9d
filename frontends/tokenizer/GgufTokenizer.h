// The tokenizer of a GGUF file.
#ifndef LLMC_FRONTENDS_TOKENIZER_GGUFTOKENIZER_H
#define LLMC_FRONTENDS_TOKENIZER_GGUFTOKENIZER_H

#include "absl/status/statusor.h"
#include "frontends/gguf/file/GgufFile.h"
#include "frontends/tokenizer/Tokenizer.h"
#include "frontends/tokenizer/TokenizerMetadata.h"

namespace llmc {

// The tokenizer.ggml.* keys of `file`, copied. Ids outside of the vocabulary count as missing, as
// files write them for "none". Errors name the file and the key.
absl::StatusOr<TokenizerMetadata> readTokenizerMetadata(const gguf::GgufFile &file);

// The same and Tokenizer::create(); all errors name the file.
absl::StatusOr<std::unique_ptr<Tokenizer>> loadTokenizer(const gguf::GgufFile &file);

} // namespace llmc

#endif
