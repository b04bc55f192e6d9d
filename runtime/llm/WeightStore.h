// Memory for packed weights.
#ifndef LLMC_RUNTIME_LLM_WEIGHTSTORE_H
#define LLMC_RUNTIME_LLM_WEIGHTSTORE_H

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/core/ThreadTeam.h"
#include "runtime/llm/Program.h"
#include <memory>
#include <span>

namespace llmc {

// Anonymous memory in pages, zero at first; large enough pieces lie on huge pages where the system
// has them.
class PageMemory {
public:
  static absl::StatusOr<std::shared_ptr<PageMemory>> allocate(uint64_t bytes);
  ~PageMemory();
  PageMemory(const PageMemory &) = delete;
  PageMemory &operator=(const PageMemory &) = delete;

  uint8_t *data() const { return data_; }
  uint64_t size() const { return size_; }

private:
  PageMemory(uint8_t *data, uint64_t size) : data_(data), size_(size) {}
  uint8_t *data_;
  uint64_t size_;
};

// A weight in GGUF's layout.
struct PackSource {
  const uint8_t *data;
  bool mapped = true; // from a file: its pages are given back as soon as they are packed
};

// Packs the weights that want it from GGUF's layout into memory of their own, all threads together.
// `sources[i]` is weight i. `progress` is told the share that is done, 0 to 1. Fills
// program.weights and adds an owner.
absl::Status packWeights(Program &program, std::span<const PackSource> sources, ThreadTeam &team,
                         absl::FunctionRef<void(double)> progress);

// Gives all weights memory filled with one small positive number, for timing a shape without a
// file.
absl::Status splatWeights(Program &program, ThreadTeam &team);

} // namespace llmc

#endif
