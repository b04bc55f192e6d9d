// What the speed of a CPU's code depends on and its results do not: what DotTable.h has, or
// `llmc tune` measured on this machine.
#ifndef LLMC_COMPILER_TARGET_TILECHOICE_H
#define LLMC_COMPILER_TARGET_TILECHOICE_H

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dialects/kernel/IR/KernelDialect.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace llmc {

struct TileChoice {
  // Token tile widths of matrix products, ascending from 1.
  std::vector<int64_t> widths;
  // Bytes, see #kernel.memory.
  int64_t prefetchFar = kernel::kPrefetchFar;
  int64_t prefetchNear = kernel::kPrefetchNear;
  int64_t panelCache = kernel::kPanelCache;

  bool operator==(const TileChoice &) const = default;
};

// What the table has for code with such dot products.
TileChoice builtInTiles(kernel::Dot dot);

// What `llmc tune` may choose for code with such dot products, with the rule that is broken as an
// error. Whether a product takes the matrix unit is not among it: its sums are others.
absl::Status checkTiles(kernel::Dot dot, const TileChoice &tiles);

// Where the choices of this user are kept: $XDG_CONFIG_HOME/llmc/tiles.json or
// ~/.config/llmc/tiles.json, an object of choices by "CPU/dot products". Empty when neither
// variable is set.
std::string tilesPath();

// This user's choice for the CPU (LLVM's name), if there is one. An error when the file is damaged.
absl::StatusOr<std::optional<TileChoice>> tunedTiles(kernel::Dot dot, absl::string_view cpu);

// Keeps a choice for the CPU in tilesPath(); those for others stay.
absl::Status keepTiles(kernel::Dot dot, absl::string_view cpu, const TileChoice &tiles);

} // namespace llmc

#endif
