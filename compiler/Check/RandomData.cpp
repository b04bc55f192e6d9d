#include "compiler/Check/RandomData.h"
#include "dialects/llm/Formats/BlockCodec.h"
#include "dialects/llm/Formats/BlockProgram.h"
#include "dialects/llm/Formats/Half.h"
#include <algorithm>
#include <cmath>
#include <cstring>

namespace llmc {
namespace {

void putHalf(uint8_t *at, double x) {
  uint16_t half = floatToHalf(static_cast<float>(x));
  std::memcpy(at, &half, 2);
}

// Fills the float fields of a block; `d` is the scale. Where a format has a minimum, it is random
// and of the size of the products.
void putScales(const BlockFormat &format, uint8_t *block, double d, double minimum) {
  for (const BlockField &f : format.program().fields) {
    absl::string_view name = f.name;
    if (name == "d")
      putHalf(block + f.offset, d);
    else if (name == "m")
      putHalf(block + f.offset, 8 * d * minimum);
    else if (name == "dmin")
      putHalf(block + f.offset, 4 * d * minimum);
  }
}

void makeFloat(const BlockFormat &format, uint8_t *at, double x) {
  float f = static_cast<float>(x);
  if (format.bytes == 2 && absl::string_view(format.name) == "f16")
    return putHalf(at, x);
  // The upper half of a float is a bf16.
  std::memcpy(at, reinterpret_cast<uint8_t *>(&f) + (4 - format.bytes), format.bytes);
}

double rootMeanSquare(const std::vector<float> &values) {
  double sum = 0;
  for (double v : values)
    sum += v * v;
  return std::sqrt(sum / values.size());
}

void makeBlock(const BlockFormat &format, uint8_t *block, double size, Random &random) {
  for (uint32_t i = 0; i < format.bytes; ++i)
    block[i] = static_cast<uint8_t>(random.bits() >> 24);
  if (absl::string_view(format.name) == "mxfp4") {
    // A scale is a power of two; e2m1 values are about 3.
    block[0] = static_cast<uint8_t>(127 + std::floor(std::log2(size / 3) + random.uniform(0, 1)));
    return;
  }
  double d = random.uniform(0.5, 1.5) * (random.bits() & 1 ? 1 : -1);
  double minimum = random.uniform(-1, 1);
  constexpr double kUnit = 1.0 / 128; // far from the ends of f16
  putScales(format, block, d * kUnit, minimum);
  std::vector<float> weights(format.weights);
  decodeRow(format, block, format.weights, weights.data());
  putScales(format, block, d * kUnit * size / rootMeanSquare(weights), minimum);
}

} // namespace

Rows randomRows(int64_t count, int64_t width, Random &random) {
  Rows rows{count, width, std::vector<float>(count * width)};
  for (float &x : rows.data)
    x = static_cast<float>(random.uniform(-1, 1));
  return rows;
}

std::vector<uint8_t> randomMatrix(const BlockFormat &format, int64_t rows, int64_t columns,
                                  Random &random) {
  std::vector<uint8_t> bytes(rows * format.rowBytes(columns));
  const double size = 1 / std::sqrt(static_cast<double>(columns));
  for (size_t at = 0; at < bytes.size(); at += format.bytes) {
    if (format.weights == 1)
      makeFloat(format, &bytes[at], random.uniform(-1.73, 1.73) * size);
    else
      makeBlock(format, &bytes[at], size, random);
  }
  return bytes;
}

std::vector<uint8_t> floatBytes(const std::vector<float> &values) {
  std::vector<uint8_t> bytes(values.size() * sizeof(float));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

std::vector<uint8_t> randomVector(int64_t size, double low, double high, Random &random) {
  std::vector<float> values(size);
  for (float &x : values)
    x = static_cast<float>(random.uniform(low, high));
  return floatBytes(values);
}

std::vector<float> decodeMatrix(const BlockFormat &format, const std::vector<uint8_t> &bytes) {
  std::vector<float> weights(bytes.size() / format.bytes * format.weights);
  decodeRow(format, bytes.data(), weights.size(), weights.data());
  return weights;
}

} // namespace llmc
