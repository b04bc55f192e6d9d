#include "frontends/gguf/quantize/RowEncoders.h"

#include "dialects/llm/Formats/BlockCodec.h"
#include "dialects/llm/Formats/BlockProgram.h"
#include <cassert>
#include <cstring>
#include <vector>

namespace llmc::quantize {

namespace baseline {
extern const LevelTable table;
}
#ifdef LLMC_SIMD_X86_LEVELS
namespace v3 {
extern const LevelTable table;
}
namespace v4 {
extern const LevelTable table;
}
#endif

namespace {

std::vector<CpuLevel> detectLevels() {
  std::vector<CpuLevel> levels = {{"baseline", &baseline::table}};
#ifdef LLMC_SIMD_X86_LEVELS
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v3"))
    levels.push_back({"x86-64-v3", &v3::table});
  if (__builtin_cpu_supports("x86-64-v4"))
    levels.push_back({"x86-64-v4", &v4::table});
#endif
  return levels;
}

constexpr uint32_t kF32 = 0, kF16 = 1, kBF16 = 30; // ggml types

const LevelTable &best() { return *cpuLevels().back().table; }

} // namespace

std::span<const CpuLevel> cpuLevels() {
  static const std::vector<CpuLevel> levels = detectLevels();
  return levels;
}

void encodeRows(const BlockFormat &format, const float *x, uint64_t rows, uint64_t columns,
                const float *importance, uint8_t *out) {
  RowEncoder encode = best().find(format.ggmlType);
  assert(encode && columns % format.weights == 0);
  encode(x, rows, columns, importance, out);
}

bool stepsAreFinite(const BlockFormat &format, const uint8_t *blocks, uint64_t count) {
  // Whether none of the 16-bit floats at `offset` in the blocks has all of these exponent bits.
  auto finiteAt = [&](uint32_t offset, uint16_t exponent) {
    bool finite = true;
    for (uint64_t i = 0; i < count; ++i) {
      uint16_t half;
      std::memcpy(&half, blocks + i * format.bytes + offset, 2);
      finite &= (half & exponent) != exponent;
    }
    return finite;
  };
  if (format.ggmlType == kBF16)
    return finiteAt(0, 0x7f80);
  const BlockProgram &program = format.program();
  for (const BlockNode &node : program.nodes) {
    if (node.op != BlockOp::HalfToFloat)
      continue;
    const BlockNode &half = program.nodes[node.a];
    if (!finiteAt(program.fields[half.a].offset + 2 * half.index, 0x7c00))
      return false;
  }
  return true;
}

void decodeRows(const BlockFormat &format, const uint8_t *rows, uint64_t weights, float *out) {
  switch (format.ggmlType) {
  case kF32:
    std::memcpy(out, rows, 4 * weights);
    break;
  case kF16:
    best().halvesToFloats(rows, weights, out);
    break;
  case kBF16:
    best().bfloatsToFloats(rows, weights, out);
    break;
  default:
    decodeRow(format, rows, weights, out);
  }
}

uint64_t firstNotFinite(const float *x, uint64_t count) { return best().firstNotFinite(x, count); }

} // namespace llmc::quantize
