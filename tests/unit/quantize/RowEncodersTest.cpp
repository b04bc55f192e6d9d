#include "frontends/gguf/quantize/RowEncoders.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "dialects/llm/Formats/BlockCodec.h"
#include "tests/unit/quantize/TestRows.h"
#include <algorithm>
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>

namespace llmc::quantize {
namespace {

using testing::Random;
using testing::testImportance;
using testing::testRows;

const BlockFormat &formatNamed(absl::string_view name) {
  const BlockFormat *format = findBlockFormat(name);
  EXPECT_NE(format, nullptr) << name;
  return *format;
}

std::vector<uint8_t> encode(const BlockFormat &format, const std::vector<float> &x,
                            uint64_t columns, const std::vector<float> *importance = nullptr) {
  std::vector<uint8_t> out(format.rowBytes(x.size()));
  encodeRows(format, x.data(), x.size() / columns, columns,
             importance ? importance->data() : nullptr, out.data());
  return out;
}

std::vector<float> decode(const BlockFormat &format, const std::vector<uint8_t> &blocks) {
  std::vector<float> x(blocks.size() / format.bytes * format.weights);
  decodeRow(format, blocks.data(), x.size(), x.data());
  return x;
}

double squaredError(const std::vector<float> &x, const std::vector<float> &y,
                    const std::vector<float> *importance = nullptr) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    double miss = double(x[i]) - double(y[i]);
    sum += miss * miss * (importance ? (*importance)[i % importance->size()] : 1.0);
  }
  return sum;
}

uint64_t hashOf(const std::vector<uint8_t> &bytes) {
  uint64_t hash = 0xcbf29ce484222325u; // FNV-1a
  for (uint8_t byte : bytes)
    hash = (hash ^ byte) * 0x100000001b3u;
  return hash;
}

// What ggml_quantize_chunk of llama.cpp's official library (node-llama-cpp 3.22, linux-x64) makes
// of testRows(): a hash of all bytes, with even and with testImportance() weighting, and the first
// ones.
struct GgmlBytes {
  const char *format;
  uint64_t evenly, weighted;
  const char *first;
};
constexpr GgmlBytes kGgmlBytes[] = {
    {"f16", 0x8f73be59ab8e5544u, 0x8f73be59ab8e5544u, "f1b192b002a2d33916b929b4e029dbb4"},
    {"bf16", 0x56e5d2b91cd06254u, 0x56e5d2b91cd06254u, "3ebe12be40bc3a3f23bf85be3c3d9bbe"},
    {"q8_0", 0x8461f24cc4fbf2e4u, 0x8461f24cc4fbf2e4u,
     "de1de0e7fe7f91d308cbce0e76052ed7f6db46b92808fcd4adefbf03df648fd9e34f"},
    {"q4_0", 0xb4cf03e910c559dfu, 0x63cdd40a4ee583c1u, "d3ad4aca58708fbbd79bcb87a128f5aba93a"},
    {"q4_1", 0x614dad1a7adb72c1u, 0x2cf03a509af8aeffu, "dd2d2bb9b535a78f7044286434785ed70a5556c5"},
    {"q5_0", 0xddb92eb4608b4fc4u, 0x1856f1b4bc4f569eu,
     "d3a9b7e1f2777493b0f00e66bf27860e413fea554165"},
    {"q5_1", 0xb5654797e3139d52u, 0x1253dfbf782a6f0bu,
     "ac292bb948160d888a5b4e0fe09940c868f0aecf04a9bd9a"},
    {"iq4_nl", 0x257751032cb8c7e6u, 0xb1f6927fda186576u, "b79d3bda58708fbce79cdc87b017f4bba92b"},
    {"iq4_xs", 0x9d75369cd86c542bu, 0xbfe640e6b0435a8cu,
     "4f8a3ff09d7c084c3bda58708fbce79cdc87b017f4bba92be53225939801abb676fa"},
    {"tq2_0", 0xb04eebdf2f49e7b3u, 0xb04eebdf2f49e7b3u, "55591566545965551595565555551551"},
    {"mxfp4", 0x9757c8c716fc08d6u, 0x9757c8c716fc08d6u, "7c5bda40170fcce1acdc01b760f4ccb96b"},
};

TEST(RowEncodersTest, GivesTheBytesOfGgml) {
  std::vector<float> x = testRows(), w = testImportance();
  for (const GgmlBytes &row : kGgmlBytes) {
    const BlockFormat &format = formatNamed(row.format);
    std::vector<uint8_t> evenly = encode(format, x, testing::kTestColumns);
    std::string first = absl::HexStringToBytes(row.first);
    EXPECT_EQ(absl::BytesToHexString(
                  absl::string_view(reinterpret_cast<char *>(evenly.data()), first.size())),
              row.first)
        << row.format;
    EXPECT_EQ(hashOf(evenly), row.evenly) << row.format;
    EXPECT_EQ(hashOf(encode(format, x, testing::kTestColumns, &w)), row.weighted) << row.format;
  }
}

// The squared error of ggml's K encoders on rows 0-9 of testRows(), from the same library: evenly
// weighted, and with testImportance() both while encoding and while measuring.
struct GgmlLoss {
  const char *format;
  double evenly, weighted;
};
constexpr GgmlLoss kGgmlLoss[] = {
    {"q2_K", 80.1078, 12.6506},  {"q3_K", 15.9186, 4.0424},     {"q4_K", 4.53622, 1.13868},
    {"q5_K", 1.29306, 0.338546}, {"q6_K", 0.288743, 0.0748426},
};

TEST(RowEncodersTest, LosesLessThanGgmlsKEncoders) {
  std::vector<float> x = testRows(), w = testImportance();
  x.resize(10 * testing::kTestColumns);
  for (const GgmlLoss &row : kGgmlLoss) {
    const BlockFormat &format = formatNamed(row.format);
    EXPECT_LT(squaredError(x, decode(format, encode(format, x, testing::kTestColumns))), row.evenly)
        << row.format;
    EXPECT_LT(squaredError(x, decode(format, encode(format, x, testing::kTestColumns, &w)), &w),
              row.weighted)
        << row.format;
  }
}

TEST(RowEncodersTest, AllCpuLevelsGiveTheSameBytes) {
  std::vector<float> x = testRows(), w = testImportance();
  ASSERT_GE(cpuLevels().size(), 1u);
  for (const BlockFormat &format : blockFormats())
    for (const float *importance : std::initializer_list<const float *>{nullptr, w.data()}) {
      std::vector<uint8_t> expected;
      for (const CpuLevel &level : cpuLevels()) {
        RowEncoder encoder = level.table->find(format.ggmlType);
        ASSERT_NE(encoder, nullptr) << format.name;
        std::vector<uint8_t> out(format.rowBytes(x.size()));
        encoder(x.data(), testing::kTestRows, testing::kTestColumns, importance, out.data());
        if (expected.empty())
          expected = out;
        EXPECT_EQ(out, expected) << format.name << " on " << level.name;
      }
    }
}

TEST(RowEncodersTest, RowsDoNotDependOnTheirNeighbours) {
  std::vector<float> x = testRows(), w = testImportance();
  for (const BlockFormat &format : blockFormats()) {
    std::vector<uint8_t> together = encode(format, x, testing::kTestColumns, &w), alone;
    for (uint64_t row = 0; row < testing::kTestRows; ++row) {
      std::vector<float> one(x.begin() + row * testing::kTestColumns,
                             x.begin() + (row + 1) * testing::kTestColumns);
      std::vector<uint8_t> bytes = encode(format, one, testing::kTestColumns, &w);
      alone.insert(alone.end(), bytes.begin(), bytes.end());
    }
    EXPECT_EQ(together, alone) << format.name;
  }
}

// The squared error of one block of a format with one step per 32 weights, w = step * (q - offset)
// or w = step * table[q], when a thousand steps around the spanning one are tried.
double bruteForce(const std::vector<float> &x, const std::vector<float> &w, float lowest,
                  float highest) {
  float extreme = *std::max_element(x.begin(), x.end(),
                                    [](float a, float b) { return std::fabs(a) < std::fabs(b); });
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 1000; ++i) {
    double step = extreme / lowest * (0.6 + 0.0008 * i), sum = 0;
    for (size_t k = 0; k < x.size(); ++k) {
      double q = std::clamp<double>(std::nearbyint(x[k] / step), lowest, highest);
      sum += w[k] * (step * q - x[k]) * (step * q - x[k]);
    }
    best = std::min(best, sum);
  }
  return best;
}

TEST(RowEncodersTest, WeightedStepsComeNearToBruteForce) {
  Random random(11);
  struct Case {
    const char *format;
    float lowest, highest;
  };
  for (const Case &c : {Case{"q4_0", -8, 7}, Case{"q5_0", -16, 15}}) {
    double found = 0, best = 0;
    for (int block = 0; block < 64; ++block) {
      std::vector<float> x(32), w(32);
      for (int i = 0; i < 32; ++i) {
        x[i] = random.bell();
        w[i] = 1;
      }
      const BlockFormat &format = formatNamed(c.format);
      found += squaredError(x, decode(format, encode(format, x, 32, &w)));
      best += bruteForce(x, w, c.lowest, c.highest);
    }
    // Its objective counts large weights more, so it is not the best in this measure.
    EXPECT_GE(found, best * 0.999) << c.format;
    EXPECT_LE(found, best * 1.15) << c.format;
  }
}

// The share of a bell-shaped row's squares that is lost. The bounds of the K formats are below what
// ggml's encoders lose.
TEST(RowEncodersTest, LossOfBellShapedWeightsIsSmall) {
  std::vector<float> x = testRows();
  x.resize(8 * testing::kTestColumns);
  double squares = squaredError(x, std::vector<float>(x.size()));
  struct Case {
    const char *format;
    double most;
  };
  for (const Case &c :
       {Case{"f32", 0}, Case{"f16", 4.3e-8}, Case{"bf16", 2.9e-6}, Case{"q8_0", 2.6e-5},
        Case{"q6_K", 2.7e-4}, Case{"q5_K", 1.16e-3}, Case{"q5_1", 1.4e-3}, Case{"q5_0", 1.7e-3},
        Case{"q4_K", 4.68e-3}, Case{"iq4_xs", 5.7e-3}, Case{"iq4_nl", 5.6e-3}, Case{"q4_1", 5.8e-3},
        Case{"q4_0", 6.7e-3}, Case{"mxfp4", 1.3e-2}, Case{"q3_K", 1.97e-2}, Case{"q2_K", 7.4e-2}}) {
    const BlockFormat &format = formatNamed(c.format);
    double loss = squaredError(x, decode(format, encode(format, x, testing::kTestColumns)));
    EXPECT_LE(loss / squares, c.most) << c.format;
  }
}

// Weights that a block can hold exactly come back nearly so: all levels of one sub-block step.
TEST(RowEncodersTest, FindsStepsThatFitExactly) {
  struct Case {
    const char *format;
    int low, high;
  };
  for (const Case &c : {Case{"q3_K", -4, 3}, Case{"q6_K", -32, 31}, Case{"q4_K", -5, 10},
                        Case{"q5_K", -9, 22}, Case{"q2_K", -1, 2}}) {
    std::vector<float> x(512);
    Random random(3);
    for (size_t i = 0; i < x.size(); ++i)
      x[i] = 0.25f * static_cast<float>(
                         i % 16 == 0 ? c.low
                         : i % 16 == 1
                             ? c.high
                             : c.low + static_cast<int>(random.bits() % (c.high - c.low + 1)));
    const BlockFormat &format = formatNamed(c.format);
    double loss = squaredError(x, decode(format, encode(format, x, x.size())));
    EXPECT_LT(loss / squaredError(x, std::vector<float>(x.size())), 1e-6) << c.format;
  }
}

TEST(RowEncodersTest, HardRowsStayNearTheirWeights) {
  Random random(99);
  for (const BlockFormat &format : blockFormats())
    for (int trial = 0; trial < 60; ++trial) {
      std::vector<float> x(256), w(256);
      float scale = std::ldexp(1.0f, static_cast<int>(random.bits() % 150) - 140);
      for (int i = 0; i < 256; ++i) {
        float v = random.bell();
        switch (trial % 6) {
        case 0:
          break;
        case 1:
          v = random.bits() % 8 ? 0 : v;
          break;
        case 2:
          v = 0.25f;
          break;
        case 3:
          v = i == 77 ? 1.0f : v * 0x1p-20f;
          break;
        case 4:
          v = -1.0f - v * 0x1p-18f;
          break;
        case 5:
          v = i % 3 ? 1.0f : 0.0f;
          break;
        }
        x[i] = v * scale;
        w[i] = random.bits() % 4 ? 1.0f : 0.0f;
      }
      for (const std::vector<float> *importance :
           {static_cast<std::vector<float> *>(nullptr), &w}) {
        std::vector<uint8_t> blocks = encode(format, x, 256, importance);
        ASSERT_TRUE(stepsAreFinite(format, blocks.data(), blocks.size() / format.bytes));
        std::vector<float> y = decode(format, blocks);
        float largest = 0;
        for (float v : x)
          largest = std::max(largest, std::fabs(v));
        for (size_t i = 0; i < x.size(); ++i) {
          ASSERT_TRUE(std::isfinite(y[i])) << format.name << " trial " << trial;
          // Beyond it only halves that are denormal, whose own step is 2^-24.
          ASSERT_LE(std::fabs(y[i]), 1.5f * largest + 0x1p-12f)
              << format.name << " trial " << trial << " weight " << i;
        }
      }
    }
}

TEST(RowEncodersTest, ZerosAreZero) {
  std::vector<float> x(512, 0.0f), w(512, 0.0f);
  for (const BlockFormat &format : blockFormats())
    for (const std::vector<float> *importance : {static_cast<std::vector<float> *>(nullptr), &w})
      EXPECT_THAT(decode(format, encode(format, x, 512, importance)), ::testing::Each(0.0f))
          << format.name;
}

TEST(RowEncodersTest, StepsOutOfRangeAreSeen) {
  std::vector<float> x(256, 1e9f);
  x[3] = -2e9f;
  for (const char *name : {"f16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "iq4_nl", "tq2_0"}) {
    const BlockFormat &format = formatNamed(name);
    std::vector<uint8_t> blocks = encode(format, x, 256);
    EXPECT_FALSE(stepsAreFinite(format, blocks.data(), blocks.size() / format.bytes)) << name;
  }
  for (const char *name : {"f32", "bf16", "mxfp4"}) {
    const BlockFormat &format = formatNamed(name);
    std::vector<uint8_t> blocks = encode(format, x, 256);
    EXPECT_TRUE(stepsAreFinite(format, blocks.data(), blocks.size() / format.bytes)) << name;
  }
}

TEST(RowEncodersTest, DecodesSixteenBitFloatsOnEachLevel) {
  std::vector<uint8_t> all(2 * 65536);
  for (uint32_t i = 0; i < 65536; ++i) {
    all[2 * i] = static_cast<uint8_t>(i);
    all[2 * i + 1] = static_cast<uint8_t>(i >> 8);
  }
  for (const char *name : {"f16", "bf16"}) {
    std::vector<float> expected = decode(formatNamed(name), all);
    for (const CpuLevel &level : cpuLevels()) {
      std::vector<float> got(65536);
      auto convert = absl::string_view(name) == "f16" ? level.table->halvesToFloats
                                                      : level.table->bfloatsToFloats;
      convert(all.data(), got.size(), got.data());
      for (uint32_t i = 0; i < 65536; ++i)
        ASSERT_TRUE(got[i] == expected[i] || (std::isnan(got[i]) && std::isnan(expected[i])))
            << name << " " << i << " on " << level.name;
    }
  }
}

TEST(RowEncodersTest, FindsTheFirstNumberThatIsNotFinite) {
  for (uint64_t count : {1u, 15u, 16u, 17u, 100u})
    for (uint64_t at = 0; at <= count; ++at) {
      std::vector<float> x(count, -3.4e38f);
      if (at < count)
        x[at] = at % 2 ? std::numeric_limits<float>::quiet_NaN()
                       : -std::numeric_limits<float>::infinity();
      for (const CpuLevel &level : cpuLevels())
        EXPECT_EQ(level.table->firstNotFinite(x.data(), count), at) << level.name;
    }
}

} // namespace
} // namespace llmc::quantize
