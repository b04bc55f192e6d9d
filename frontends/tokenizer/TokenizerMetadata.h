// What a model file says about its tokenizer, independent of the file's format.
#ifndef LLMC_FRONTENDS_TOKENIZER_TOKENIZERMETADATA_H
#define LLMC_FRONTENDS_TOKENIZER_TOKENIZERMETADATA_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace llmc {

// The type of a token, with GGUF's ids (tokenizer.ggml.token_type).
enum class TokenType : int32_t {
  Undefined = 0,
  Normal = 1,
  Unknown = 2,
  Control = 3,
  UserDefined = 4,
  Unused = 5,
  Byte = 6,
};

struct TokenizerMetadata {
  std::string model; // "llama": SentencePiece BPE; "gpt2": byte-level BPE; "gemma4": BPE on U+2581
  std::string pre;   // byte-level BPE: the name of the pre-tokenizer; empty means "default"

  std::vector<std::string> tokens;
  std::vector<float> scores;       // empty, or one for each token
  std::vector<int32_t> tokenTypes; // TokenType; empty (all Normal), or one for each token
  std::vector<std::string> merges; // "left right", the best one first; BPE only

  // Ids. What is missing takes the default of its kind; ids outside of the vocabulary are errors.
  std::optional<int32_t> bos, eos, unknown, eot, eom, pad;
  std::optional<int32_t> fimPrefix, fimSuffix, fimMiddle, fimPad, fimRepo, fimSeparator;

  std::optional<bool> addBos, addEos;
  std::optional<bool> addSpacePrefix; // "llama" only; default true

  std::string modelName; // general.name; some models' special tokens swallow white space by it
};

} // namespace llmc

#endif
