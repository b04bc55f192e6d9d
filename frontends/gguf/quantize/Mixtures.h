// Which block format each tensor of a model gets, by llama-quantize's mixtures and fallbacks. What
// is decided here is data in tables; see Mixtures.cpp.
#ifndef LLMC_FRONTENDS_GGUF_QUANTIZE_MIXTURES_H
#define LLMC_FRONTENDS_GGUF_QUANTIZE_MIXTURES_H

#include "absl/strings/string_view.h"
#include "dialects/llm/Formats/BlockFormats.h"
#include "frontends/gguf/file/GgufFile.h"
#include "frontends/gguf/quantize/FileTypes.h"
#include <cstdint>
#include <string>

namespace llmc::quantize {

// What a tensor does, as far as mixtures tell tensors apart.
enum class TensorRole {
  Other,
  Output,
  TokenEmbedding,
  AttentionQuery,
  AttentionKey,
  AttentionValue, // also fused query-key-value, and the compressed key-value projection
  AttentionOutput,
  FfnUp,
  FfnGate,
  FfnDown,
};
TensorRole roleOf(absl::string_view tensorName);

// The number N of a name that begins with "blk.N.", -1 for others.
int64_t blockOf(absl::string_view tensorName);

// The order in which llama.cpp handles and writes tensors: by block, then by name.
bool comesBefore(absl::string_view a, absl::string_view b);

// False for what no type but COPY's own touches: vectors, norms, routers and other small tensors
// that are worth more than their bytes, and integers.
bool isQuantizable(const gguf::TensorInfo &tensor);

// What the rules ask of a model.
struct ModelFacts {
  std::string architecture;
  uint32_t blocks = 0;
  uint32_t valueTensors = 0; // tensors with role AttentionValue
  uint32_t headsPerKey = 1;  // query heads that share one key and value head
  uint32_t experts = 0;
  bool seventyB = false; // 80 blocks with shared value heads
  bool tied = true;      // no output.weight: the token embedding is the output matrix, too
  bool importance = false;
};
// Never fails: what the metadata does not say keeps its default.
ModelFacts factsOf(const gguf::GgufFile &file, bool importance);

// Walks a file's tensors in order and chooses each one's format; rules may count tensors.
class Mixture {
public:
  // `outputFormat` replaces what the mixture says of the output matrix; may be nullptr.
  Mixture(const FileType &type, const ModelFacts &facts, const BlockFormat *outputFormat);

  // `name` is what the tensor is called in the new model.
  const BlockFormat &choose(const gguf::TensorInfo &tensor, absl::string_view name);
  const BlockFormat &choose(const gguf::TensorInfo &tensor) { return choose(tensor, tensor.name); }

private:
  const BlockFormat *outputFormatFor(const gguf::TensorInfo &tensor) const;

  const FileType &type_;
  const ModelFacts &facts_;
  const BlockFormat *outputFormat_;
  uint32_t valuesSeen_ = 0, downsSeen_ = 0;
};

// `wanted`, or what stands in for it where rows of `columns` weights are not whole blocks of it.
const BlockFormat &fittingFormat(const BlockFormat &wanted, uint64_t columns);

// Whether `format` in a file of this type is garbage without an importance matrix.
bool needsImportance(const FileType &type, const BlockFormat &format, TensorRole role);

} // namespace llmc::quantize

#endif
