// What `llmc inspect` tells of a model file.
#ifndef LLMC_TOOLS_LLMC_MODELSUMMARY_H
#define LLMC_TOOLS_LLMC_MODELSUMMARY_H

#include "frontends/gguf/file/GgufFile.h"
#include "runtime/llm/Program.h"
#include <string>
#include <vector>

namespace llmc::cli {

// Tensors of one type.
struct TypeShare {
  std::string name; // "Q4_K"
  uint64_t tensors = 0, parameters = 0, bytes = 0;
};

struct ModelSummary {
  std::string architecture, name; // empty where the file does not say
  uint64_t parameters = 0, tensorBytes = 0;
  uint64_t active = 0;          // parameters that a token takes: not those of other experts
  std::vector<TypeShare> types; // the one with the most bytes first

  // Of `experts` matrices a token takes `used`.
  void add(absl::string_view type, uint64_t tensorParameters, uint64_t bytes, uint64_t experts,
           uint64_t used);
  void sortTypes();
  double bitsPerWeight() const {
    return parameters ? 8.0 * double(tensorBytes) / double(parameters) : 0;
  }
};

ModelSummary summarize(const gguf::GgufFile &file);
// Of a compiled model, whose tensors are packed bytes: what the program says they are.
ModelSummary summarize(const gguf::GgufFile &file, const ProgramManifest &manifest);

// "Q4_K", or "I8" for a type that is no block format.
std::string tensorTypeName(const gguf::TensorInfo &tensor);

// What a session takes, in bytes.
struct MemoryNeeds {
  int64_t context = 0;
  uint64_t weights = 0, cache = 0, scratch = 0;
  uint64_t total() const { return weights + cache + scratch; }
};

// `context` 0: the default of a session.
MemoryNeeds memoryNeeds(const ProgramManifest &manifest, int64_t context);

} // namespace llmc::cli

#endif
