#include "runtime/llm/Program.h"
#include "dialects/llm/Formats/PackedLayout.h"

namespace llmc {

uint64_t ProgramWeight::bytes() const {
  return packed ? PackedLayout(*format).bytes(rows, columns) : rows * format->rowBytes(columns);
}

uint64_t KvCacheShape::bytes(int64_t capacity) const {
  return uint64_t(layers) * heads * capacity * (keyBytes + valueBytes);
}

} // namespace llmc
