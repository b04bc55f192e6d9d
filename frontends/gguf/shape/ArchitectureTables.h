// What a GGUF of each architecture holds, as tables: its metadata keys, and its tensors with the
// names of their extents.
#ifndef LLMC_FRONTENDS_GGUF_SHAPE_ARCHITECTURETABLES_H
#define LLMC_FRONTENDS_GGUF_SHAPE_ARCHITECTURETABLES_H

#include "frontends/gguf/shape/ModelShape.h"
#include <variant>
#include <vector>

namespace llmc::gguf {

// Extents of tensors, by what they are made of.
enum class Extent : uint8_t {
  None,
  Vocabulary,
  Width,
  Head,    // of one key
  Queries, // of all heads
  Keys,    // of all key/value heads; values have as many
  QueriesKeysValues,
  FeedForward, // of an expert, where there are experts
  GateAndUp,   // twice that
  Experts,
};

// A matrix, [rows, columns] or [experts, rows, columns]; or a vector of f32 where `columns` is
// None.
struct TensorRow {
  const char *name;
  Extent rows, columns = Extent::None;
  bool perExpert = false;
  bool alwaysF32 = false; // a matrix that converters do not quantize
};

using KeyNumber = std::variant<uint32_t, float, bool>;

struct KeyRow {
  const char *name; // without the architecture in front
  KeyNumber (*value)(const ModelShape &);
};

struct ArchitectureTable {
  const char *family; // as ModelShape has it
  const char *name;   // general.architecture
  std::vector<KeyRow> keys;
  std::vector<TensorRow> layer; // names without "blk.N."
  std::vector<TensorRow> last;  // after the layers, beside the output matrix
};

// The table of a shape of modelShapes().
const ArchitectureTable &architectureOf(const ModelShape &shape);

uint64_t extentOf(Extent extent, const ModelShape &shape);

} // namespace llmc::gguf

#endif
