#include "runtime/llm/Program.h"
#include "dialects/llm/Formats/PackedLayout.h"
#include <cmath>

namespace llmc {

double ProgramWeight::shareOfStep(int64_t tokens) const {
  return 1 - std::pow(1 - double(used) / double(experts), double(tokens));
}

uint64_t ProgramWeight::bytes() const {
  return packed ? PackedLayout(*format).bytes(rows, columns) : rows * format->rowBytes(columns);
}

uint64_t KvCacheShape::bytes(int64_t capacity) const {
  return uint64_t(layers) * heads * capacity * (keyBytes + valueBytes);
}

uint64_t ProgramWeight::sourceOffset() const {
  const uint64_t first = firstRow.value_or(0);
  return isVector ? format->rowBytes(first) : first * format->rowBytes(columns);
}

std::string ProgramWeight::artifactName() const {
  return firstRow ? name + ".row." + std::to_string(*firstRow) : name;
}

} // namespace llmc
