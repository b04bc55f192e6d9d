// Weights that are the same on every machine, easy ones and hard ones.
#ifndef LLMC_TESTS_UNIT_QUANTIZE_TESTROWS_H
#define LLMC_TESTS_UNIT_QUANTIZE_TESTROWS_H

#include <cstdint>
#include <vector>

namespace llmc::quantize::testing {

class Random {
public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint32_t bits() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>(state_ >> 40);
  }
  // Bell-shaped, deviation about 0.3; exact in a float.
  float bell() {
    int32_t sum = 0;
    for (int i = 0; i < 4; ++i)
      sum += static_cast<int32_t>(bits() >> 8) - 32768;
    return static_cast<float>(sum) * 0x1p-17f;
  }

private:
  uint64_t state_;
};

constexpr uint64_t kTestRows = 16, kTestColumns = 768;

// Rows 0-7 are bell-shaped, the others: long tails, zeros in places, all zero, a constant, a
// negative constant, +-1 in turn, nearly equal negative weights, tiny ones (2^-100).
inline std::vector<float> testRows() {
  std::vector<float> x;
  Random random(2024);
  for (uint64_t row = 0; row < kTestRows; ++row)
    for (uint64_t column = 0; column < kTestColumns; ++column) {
      float v = random.bell();
      switch (row) {
      case 8:
        v = v * v * v * 8;
        break;
      case 9:
        v = column % 64 < 40 ? 0 : v;
        break;
      case 10:
        v = 0;
        break;
      case 11:
        v = 1.5f;
        break;
      case 12:
        v = -2.25f;
        break;
      case 13:
        v = column % 2 ? 1.0f : -1.0f;
        break;
      case 14:
        v = -5.0f - 0x1p-12f * v;
        break;
      case 15:
        v *= 0x1p-100f;
        break;
      default:
        break;
      }
      x.push_back(v);
    }
  return x;
}

inline std::vector<float> testImportance() {
  std::vector<float> w;
  Random random(7);
  for (uint64_t column = 0; column < kTestColumns; ++column) {
    float v = random.bell();
    w.push_back(v * v * 4 + 0x1p-10f);
  }
  return w;
}

} // namespace llmc::quantize::testing

#endif
