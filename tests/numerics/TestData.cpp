#include "tests/numerics/TestData.h"
#include "dialects/llm/Formats/BlockCodec.h"
#include "dialects/llm/Formats/BlockProgram.h"
#include "dialects/llm/Formats/Half.h"
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace llmc {
namespace {

constexpr int64_t kBlock = 32;

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

struct Scale {
  float scale, inverse;
};
Scale scaleOf(std::span<const double> block) {
  float largest = 0;
  for (double x : block)
    largest = std::max(largest, std::abs(static_cast<float>(x)));
  return {largest / 127.0f, largest == 0 ? 0.0f : 127.0f / largest};
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

std::string elementType(const BlockFormat &format) {
  return format.weights == 1 ? format.name : absl::StrCat("!llm.block<", format.name, ">");
}

TensorValue<double> quantizeActivations(const TensorValue<double> &exact) {
  TensorValue<double> result = exact;
  for (int64_t r = 0; r < exact.rows(); ++r)
    for (int64_t k = 0; k < exact.columns(); k += kBlock) {
      int64_t count = std::min(kBlock, exact.columns() - k);
      Scale s = scaleOf(exact.row(r).subspan(k, count));
      for (double &x : result.row(r).subspan(k, count))
        x = static_cast<double>(std::nearbyint(static_cast<float>(x) * s.inverse)) * s.scale;
    }
  return result;
}

TensorValue<double> roundActivations(const TensorValue<double> &exact) {
  TensorValue<double> result = exact;
  for (double &x : result.data) {
    uint32_t bits = std::bit_cast<uint32_t>(static_cast<float>(x));
    bits += 0x7fff + ((bits >> 16) & 1);
    x = std::bit_cast<float>(bits & 0xffff0000);
  }
  return result;
}

std::vector<float> roundWeights(std::vector<float> weights) {
  for (float &w : weights)
    w = std::bit_cast<float>((std::bit_cast<uint32_t>(w) + 0x8000) & 0xffff0000);
  return weights;
}

bool usesMatrixUnit(int64_t rows) {
  static const TargetDescription target = *describeTarget(testTarget());
  return target.dot == kernel::Dot::Amx &&
         rows > target.tiles.widths[target.tiles.widths.size() - 2];
}

double distanceToTie(std::span<const double> row, bool matrixUnit) {
  // A norm in f32 is wrong by a few units in the last place, 2^-24 each.
  constexpr double kError = 16 * 0x1p-24;
  double least = INFINITY;
  for (size_t k = 0; k < row.size(); k += kBlock) {
    std::span<const double> block = row.subspan(k, std::min<size_t>(kBlock, row.size() - k));
    Scale s = scaleOf(block);
    for (double x : block) {
      if (x == 0)
        continue;
      // In units of what it is rounded to, and the largest that such a number is.
      double scaled =
          matrixUnit ? std::ldexp(std::abs(x), 7 - std::ilogb(x)) : std::abs(x) * s.inverse;
      double largest = matrixUnit ? 256 : 127;
      least = std::min(least, std::abs(scaled - std::floor(scaled) - 0.5) / (kError * largest));
    }
  }
  return least;
}

} // namespace llmc
