// LoRA adapters of a model that runs: what the importer has to know of them, and their numbers.
#ifndef LLMC_COMPILER_DRIVER_ADAPTERWEIGHTS_H
#define LLMC_COMPILER_DRIVER_ADAPTERWEIGHTS_H

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/gguf/file/GgufFile.h"
#include "frontends/gguf/import/Importer.h"
#include "frontends/lora/adapter/Combined.h"
#include <span>
#include <vector>

namespace llmc {

class AdapterWeights {
public:
  // None.
  AdapterWeights() = default;
  // Reads and combines adapters for `base`. Errors name the adapter's file, or `base` where it is
  // compiled already.
  static absl::StatusOr<AdapterWeights> read(std::span<const lora::AdapterChoice> choices,
                                             const gguf::GgufFile &base);

  std::vector<AdaptedWeight> requests() const;
  // The f32 values, row by row, of the weight of this name in a program that was imported with
  // requests(). Empty when it is none of these. As long as this object, also when it was moved.
  std::span<const float> find(absl::string_view name) const;

private:
  std::vector<lora::AdapterMatrix> matrices_; // scale() is 1
};

} // namespace llmc

#endif
