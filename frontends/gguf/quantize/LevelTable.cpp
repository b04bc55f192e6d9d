#include "frontends/gguf/quantize/LevelEncoders.h"

namespace llmc::quantize::LLMC_SIMD_LEVEL {
namespace {

struct Row {
  uint32_t ggmlType;
  RowEncoder encode;
};

constexpr Row kRows[] = {
    {0, encodeF32},    {1, encodeF16},    {30, encodeBF16}, {8, encodeQ8_0},    {2, encodeQ4_0},
    {3, encodeQ4_1},   {6, encodeQ5_0},   {7, encodeQ5_1},  {10, encodeQ2_K},   {11, encodeQ3_K},
    {12, encodeQ4_K},  {13, encodeQ5_K},  {14, encodeQ6_K}, {20, encodeIQ4_NL}, {23, encodeIQ4_XS},
    {35, encodeTQ2_0}, {39, encodeMXFP4},
};

RowEncoder find(uint32_t ggmlType) {
  for (const Row &row : kRows)
    if (row.ggmlType == ggmlType)
      return row.encode;
  return nullptr;
}

} // namespace

const LevelTable table = {find, halvesToFloats, bfloatsToFloats, firstNotFinite};

} // namespace llmc::quantize::LLMC_SIMD_LEVEL
