// What quantizing a file will do, tensor by tensor, before any of it is done.
#ifndef LLMC_FRONTENDS_GGUF_QUANTIZE_QUANTIZATIONPLAN_H
#define LLMC_FRONTENDS_GGUF_QUANTIZE_QUANTIZATIONPLAN_H

#include "absl/status/statusor.h"
#include "dialects/llm/Formats/BlockFormats.h"
#include "frontends/gguf/file/GgufFile.h"
#include "frontends/gguf/quantize/FileTypes.h"
#include "frontends/gguf/quantize/ImportanceMatrix.h"
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace llmc::quantize {

// Tensors in whose name the regular expression is found, in any case, get this format.
struct TensorTypeRule {
  std::string pattern;
  const BlockFormat *format;
};

// A metadata value that replaces the source's or is new. An integer takes the type that the source
// has for it where it fits, else U32, I32 or I64, whichever fits first; a double becomes F32.
struct MetadataOverride {
  std::string key;
  std::variant<int64_t, double, bool, std::string> value;
};

struct QuantizationOptions {
  const FileType *fileType = nullptr;           // required
  bool pure = false;                            // no mixture: the base format for all matrices
  bool leaveOutput = false;                     // output.weight keeps its type
  bool allowRequantize = false;                 // also from types below 16 bits
  const BlockFormat *outputFormat = nullptr;    // of output.weight
  const BlockFormat *embeddingFormat = nullptr; // of token_embd.weight
  std::vector<TensorTypeRule> rules;            // the first that matches wins
  bool keepSplit = false;             // as many parts as the source, with the same tensors
  std::vector<uint32_t> prunedBlocks; // blocks to leave out; those behind them move up
  std::vector<MetadataOverride> overrides;
};

// Changes the decoded weights of a row before they are encoded. Rows are counted through all
// matrices of a tensor. Runs on several threads at once.
using RowChange = std::function<void(uint64_t row, std::span<float> weights)>;

struct PlannedTensor {
  const gguf::TensorInfo *tensor;
  std::string name;                  // in the new file
  const BlockFormat *format;         // nullptr: copied as it is
  uint64_t bytes;                    // in the new file
  bool fallback;                     // its rows are not whole blocks of the format it should have
  std::span<const float> importance; // empty, or one factor for each column of each matrix
  RowChange change = nullptr;        // of weights that are not copied

  bool isCopied() const { return format == nullptr; }
};

struct QuantizationPlan {
  QuantizationOptions options;
  std::vector<PlannedTensor> tensors; // in the order of the new file
  uint64_t weights = 0, sourceBytes = 0, bytes = 0;
  size_t fallbacks = 0;
  uint32_t blocks = 0; // of the source, where some are pruned
  std::string
      lacksImportance; // the first tensor that would be garbage without an importance matrix
};

// Errors: InvalidArgument for a pattern that is no regular expression, for a tensor that would be
// quantized a second time without allowRequantize, for an importance entry of the wrong size, and
// for blocks to prune that the model does not have. `importance` may be nullptr; `file` and
// `importance` must outlive the plan.
absl::StatusOr<QuantizationPlan> planQuantization(const gguf::GgufFile &file,
                                                  const QuantizationOptions &options,
                                                  const ImportanceMatrix *importance);

} // namespace llmc::quantize

#endif
