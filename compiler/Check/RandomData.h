// Made-up weights and activations.
#ifndef LLMC_COMPILER_CHECK_RANDOMDATA_H
#define LLMC_COMPILER_CHECK_RANDOMDATA_H

#include "compiler/Check/CompiledProgram.h"
#include "dialects/llm/Formats/BlockFormats.h"
#include <random>

namespace llmc {

// Numbers that are the same on every system.
class Random {
public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  uint32_t bits() { return engine_(); }
  double uniform(double low, double high) {
    return low + (high - low) * (static_cast<double>(engine_()) / 4294967296.0);
  }

private:
  std::mt19937 engine_;
};

// Uniform in [-1, 1].
Rows randomRows(int64_t count, int64_t width, Random &random);

// A matrix in GGUF's layout whose blocks use all values of their quants, each block with scales of
// its own; the root mean square of its weights is 1 / sqrt(columns), so that products are about 1.
std::vector<uint8_t> randomMatrix(const BlockFormat &format, int64_t rows, int64_t columns,
                                  Random &random);
std::vector<uint8_t> floatBytes(const std::vector<float> &values);
// f32, uniform in [low, high].
std::vector<uint8_t> randomVector(int64_t size, double low, double high, Random &random);

std::vector<float> decodeMatrix(const BlockFormat &format, const std::vector<uint8_t> &bytes);

} // namespace llmc

#endif
