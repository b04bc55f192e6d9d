// Made-up weights and activations, and what quantization makes of activations.
#ifndef LLMC_TESTS_NUMERICS_TESTDATA_H
#define LLMC_TESTS_NUMERICS_TESTDATA_H

#include "dialects/llm/Formats/BlockFormats.h"
#include "tests/numerics/JitProgram.h"
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

// Of the weights' type in a program, "f16" or "!llm.block<q4_0>".
std::string elementType(const BlockFormat &format);

// What products with block formats see of activations: blocks of 32 share the scale max|x| / 127,
// each element is rounded to the nearest integer of -127 to 127, ties to even. `exact` are float
// values, for which this computes as compiled code does, in f32.
TensorValue<double> quantizeActivations(const TensorValue<double> &exact);

// The matrix unit takes bfloat16: activations rounded to even, weights away from zero in a tie.
TensorValue<double> roundActivations(const TensorValue<double> &exact);
std::vector<float> roundWeights(std::vector<float> weights);

// Whether products with block formats are the matrix unit's in steps of `rows` tokens.
bool usesMatrixUnit(int64_t rows);

// How far a row stays from ties of the rounding that products apply to it, as a multiple of the
// relative error that activations may have which compiled code computed itself: only above 1 do
// they round as the exact ones do.
double distanceToTie(std::span<const double> row, bool matrixUnit);

} // namespace llmc

#endif
