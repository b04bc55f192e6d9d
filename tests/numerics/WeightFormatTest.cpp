// Weights of each kind of block, from bytes that the test lays out itself.
#include "absl/strings/str_replace.h"
#include "tests/numerics/TestProgram.h"
#include <cstdint>

namespace llmc {
namespace {

using Bytes = std::vector<uint8_t>;

// Halves whose bits anyone can check: 0x3c00 is 1 and one less exponent (0x0400) halves it.
constexpr uint16_t kHalfHalf = 0x3800, kHalfQuarter = 0x3400, kHalfMinusTwo = 0xc000;

void putHalf(Bytes &bytes, uint16_t half) {
  bytes.push_back(half & 0xff);
  bytes.push_back(half >> 8);
}

// Bytes that use every bit and repeat nowhere.
Bytes noise(size_t count, uint32_t seed) {
  Bytes bytes(count);
  for (uint8_t &byte : bytes) {
    seed = seed * 1664525 + 1013904223;
    byte = static_cast<uint8_t>(seed >> 24);
  }
  return bytes;
}

// One row of `columns` weights stored as `format`, through a program.
std::vector<double> decode(const std::string &format, int columns, const Bytes &bytes) {
  TestProgram program(
      absl::StrReplaceAll(R"(
    llm.weight @w : tensor<1xCOLUMNSxFORMAT> from "w"
    func.func @f(%token: tensor<1xi32>) -> tensor<1xCOLUMNSxf32> {
      %w = llm.get_weight @w : tensor<1xCOLUMNSxFORMAT>
      %y = llm.embed %token, %w : tensor<1xi32>, tensor<1xCOLUMNSxFORMAT> -> tensor<1xCOLUMNSxf32>
      return %y : tensor<1xCOLUMNSxf32>
    })",
                          {{"COLUMNS", std::to_string(columns)}, {"FORMAT", format}}));
  program.addWeight("w", bytes);
  auto interpreter = program.interpreter<double>();
  return run<double>(interpreter, "f", {TokensValue{{0}}});
}

TEST(WeightFormat, Floats) {
  EXPECT_EQ(decode("f32", 2, {0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc1}), (std::vector<double>{1, -10}));
  EXPECT_EQ(decode("f16", 3, {0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00}),
            (std::vector<double>{1, -2, 0x1p-24}));
  EXPECT_EQ(decode("bf16", 2, {0x80, 0x3f, 0x20, 0xc1}), (std::vector<double>{1, -10}));
}

TEST(WeightFormat, Q4_0) {
  Bytes block, q = noise(16, 1);
  putHalf(block, kHalfHalf);
  q[0] = 0xf0; // weight 0 is nibble 0, weight 16 is nibble 15
  block.insert(block.end(), q.begin(), q.end());
  std::vector<double> w = decode("!llm.block<q4_0>", 32, block);
  ASSERT_EQ(w.size(), 32u);
  EXPECT_EQ(w[0], -4);
  EXPECT_EQ(w[16], 3.5);
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(w[i], 0.5 * ((q[i] & 15) - 8)) << i;
    EXPECT_EQ(w[i + 16], 0.5 * ((q[i] >> 4) - 8)) << i;
  }
}

TEST(WeightFormat, Q8_0TwoBlocks) {
  Bytes row, q = noise(64, 2);
  q[0] = 0x80; // -128
  q[63] = 0x7f;
  putHalf(row, kHalfHalf);
  row.insert(row.end(), q.begin(), q.begin() + 32);
  putHalf(row, kHalfMinusTwo);
  row.insert(row.end(), q.begin() + 32, q.end());
  std::vector<double> w = decode("!llm.block<q8_0>", 64, row);
  ASSERT_EQ(w.size(), 64u);
  EXPECT_EQ(w[0], -64);
  EXPECT_EQ(w[63], -254);
  for (int i = 0; i < 64; ++i)
    EXPECT_EQ(w[i], (i < 32 ? 0.5 : -2.0) * static_cast<int8_t>(q[i])) << i;
}

TEST(WeightFormat, Q4_K) {
  Bytes block, scales = noise(12, 3), q = noise(128, 4);
  scales[0] = 0x3f; // scale 0 is 63
  scales[4] = 0x02; // minimum 0 is 2
  q[0] = 0x0f;      // weight 0 is 15
  putHalf(block, kHalfHalf);
  putHalf(block, kHalfQuarter);
  block.insert(block.end(), scales.begin(), scales.end());
  block.insert(block.end(), q.begin(), q.end());
  std::vector<double> w = decode("!llm.block<q4_K>", 256, block);
  ASSERT_EQ(w.size(), 256u);
  EXPECT_EQ(w[0], 0.5 * 63 * 15 - 0.25 * 2);
  for (int k = 0; k < 256; ++k) {
    // Sub-blocks 0 to 3 have six bits in one byte, 4 to 7 four bits and the top two of another.
    int s = k / 32, scale, minimum;
    if (s < 4) {
      scale = scales[s] & 63;
      minimum = scales[s + 4] & 63;
    } else {
      scale = (scales[s + 4] & 15) + 16 * (scales[s - 4] >> 6);
      minimum = (scales[s + 4] >> 4) + 16 * (scales[s] >> 6);
    }
    // 64 weights share 32 bytes: first the low nibbles, then the high ones.
    int byte = q[k / 64 * 32 + k % 32];
    int nibble = k % 64 < 32 ? byte & 15 : byte >> 4;
    EXPECT_EQ(w[k], 0.5 * scale * nibble - 0.25 * minimum) << k;
  }
}

TEST(WeightFormat, Q6_K) {
  Bytes low = noise(128, 5), high = noise(64, 6), scales = noise(16, 7), block;
  low[0] = 0x0f; // weight 0 is 15 + 16 * 3 - 32
  high[0] = 0x03;
  scales[0] = 0xfe; // -2
  for (const Bytes &field : {low, high, scales})
    block.insert(block.end(), field.begin(), field.end());
  putHalf(block, kHalfHalf);
  std::vector<double> w = decode("!llm.block<q6_K>", 256, block);
  ASSERT_EQ(w.size(), 256u);
  EXPECT_EQ(w[0], -31);
  for (int k = 0; k < 256; ++k) {
    // Each half of the block: 64 bytes of nibbles, 32 bytes of four times two bits.
    int half = k / 128, quarter = k % 128 / 32, l = k % 32;
    int byte = low[half * 64 + (quarter % 2) * 32 + l];
    int nibble = quarter < 2 ? byte & 15 : byte >> 4;
    int top = (high[half * 32 + l] >> (2 * quarter)) & 3;
    EXPECT_EQ(w[k], 0.5 * static_cast<int8_t>(scales[k / 16]) * (nibble + 16 * top - 32)) << k;
  }
}

TEST(WeightFormat, BytesOfAnotherSizeAreRefused) {
  TestProgram program(R"(
    llm.weight @w : tensor<2x32x!llm.block<q4_0>> from "blk.0.w"
    func.func @f(%x: tensor<1x32xf32>) -> tensor<1x2xf32> {
      %w = llm.get_weight @w : tensor<2x32x!llm.block<q4_0>>
      %y = llm.linear %x, %w : tensor<1x32xf32>, tensor<2x32x!llm.block<q4_0>> -> tensor<1x2xf32>
      return %y : tensor<1x2xf32>
    })");
  auto interpreter = program.interpreter<double>();
  auto x = rows(1, std::vector<double>(32, 1));
  auto message = [&] { return std::string(interpreter.call("f", {x}).status().message()); };
  EXPECT_NE(message().find("no tensor 'blk.0.w'"), std::string::npos) << message();
  for (size_t size : {0, 35, 37}) {
    program.addWeight("blk.0.w", Bytes(size));
    EXPECT_NE(message().find("needs 36"), std::string::npos) << message();
  }
  program.addWeight("blk.0.w", Bytes(36));
  expectNear(run<double>(interpreter, "f", {x}), {0, 0});
}

TEST(WeightFormat, DecodedOnce) {
  TestProgram program(R"(
    llm.weight @w : tensor<1x1xf32> from "w"
    llm.weight @unused : tensor<1x1xf32> from "unused"
    func.func @f(%x: tensor<1x1xf32>) -> tensor<1x1xf32> {
      %w = llm.get_weight @w : tensor<1x1xf32>
      %y = llm.linear %x, %w : tensor<1x1xf32>, tensor<1x1xf32> -> tensor<1x1xf32>
      return %y : tensor<1x1xf32>
    })");
  program.addFloats("w", {3});
  auto interpreter = program.interpreter<double>();
  EXPECT_EQ(program.reads(), 0);
  for (int i = 0; i < 3; ++i)
    expectNear(run<double>(interpreter, "f", {rows(1, {2})}), {6});
  EXPECT_EQ(program.reads(), 1);
}

TEST(WeightFormat, PackedTypesReadTheSameBytes) {
  TestProgram program(R"(
    llm.weight @w : tensor<2x1xf32, #llm.packed<rows = 16>> from "w"
    func.func @f(%x: tensor<1x1xf32>) -> tensor<1x2xf32> {
      %w = llm.get_weight @w : tensor<2x1xf32, #llm.packed<rows = 16>>
      %y = llm.linear %x, %w
         : tensor<1x1xf32>, tensor<2x1xf32, #llm.packed<rows = 16>> -> tensor<1x2xf32>
      return %y : tensor<1x2xf32>
    })");
  program.addFloats("w", {3, 4});
  auto interpreter = program.interpreter<double>();
  expectNear(run<double>(interpreter, "f", {rows(1, {2})}), {6, 8});
}

} // namespace
} // namespace llmc
