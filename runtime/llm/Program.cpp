#include "runtime/llm/Program.h"
#include "dialects/llm/Formats/PackedLayout.h"
#include <cmath>

namespace llmc {
namespace {

// Rows of a matrix that is not packed are looked up.
bool isReadWhole(const ProgramWeight &weight) { return weight.packed || weight.rows == 1; }

} // namespace

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

double ProgramManifest::weightBytesPerStep(int64_t tokens) const {
  double bytes = 0;
  for (const ProgramWeight &weight : weights)
    if (isReadWhole(weight))
      bytes += double(weight.bytes()) * weight.shareOfStep(tokens);
  return bytes;
}

double ProgramManifest::bytesPerStep(int64_t tokens, double positions) const {
  double bytes = weightBytesPerStep(tokens);
  for (const ProgramWeight &weight : weights)
    if (!isReadWhole(weight))
      bytes += double(tokens) * double(weight.format->rowBytes(weight.columns));
  // Of a capacity that any layout of the cache divides.
  constexpr int64_t kCapacity = 1024;
  for (const KvCacheShape &cache : caches)
    bytes += double(cache.bytes(kCapacity)) / kCapacity * positions;
  return bytes;
}

} // namespace llmc
