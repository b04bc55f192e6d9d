#include "dialects/kernel/IR/DotTable.h"
#include "llvm/ADT/STLExtras.h"

namespace llmc::kernel {

llvm::ArrayRef<DotRow> dotRows() {
  constexpr RegisterFit kAvx512 = {32, 512, 8, 12, 24, {8, 2}, {12, 2}};
  constexpr RegisterFit kAvx2 = {16, 256, 6, 6, 6, {6, 1}, {4, 1}};
  constexpr RegisterFit kNeon = {32, 128, 6, 6, 6, {6, 1}, {6, 1}};
  constexpr RegisterFit kSse = {16, 128, 2, 2, 2, {2, 1}, {4, 1}};
  static const std::vector<DotRow> rows = {
      {.dot = Dot::Amx,
       .architecture = "x86_64",
       .features = "amx-bf16,avx512bf16,avx512vnni,avx512bw,avx512vl",
       .instructions = "tdpbf16ps for 16 tokens, vpdpbusd for fewer",
       .signedBytes = false,
       .fusedFloats = true,
       .panels = true,
       .tiles = {1, 2, 4, 8, 16},
       .widestTile = 16,
       .fit = kAvx512},
      {.dot = Dot::Vnni512,
       .architecture = "x86_64",
       .features = "avx512vnni,avx512bw,avx512vl",
       .instructions = "vpdpbusd",
       .signedBytes = false,
       .fusedFloats = true,
       .panels = true,
       .tiles = {1, 2, 4, 8, 12},
       .widestTile = 12,
       .fit = kAvx512},
      {.dot = Dot::Vnni256,
       .architecture = "x86_64",
       .features = "avxvnni,avx2,fma,f16c",
       .instructions = "vpdpbusd",
       .signedBytes = false,
       .fusedFloats = true,
       .panels = false,
       .tiles = {1, 2},
       .widestTile = 4,
       .fit = kAvx2},
      {.dot = Dot::Avx2,
       .architecture = "x86_64",
       .features = "avx2,fma,f16c",
       .instructions = "vpmaddubsw and vpmaddwd",
       .signedBytes = false,
       .fusedFloats = true,
       .panels = false,
       .tiles = {1, 2},
       .widestTile = 4,
       .fit = kAvx2},
      {.dot = Dot::I8mm,
       .architecture = "aarch64",
       .features = "i8mm,dotprod,neon",
       .instructions = "usdot",
       .signedBytes = false,
       .fusedFloats = true,
       .panels = false,
       .tiles = {1, 2},
       .widestTile = 4,
       .fit = kNeon},
      {.dot = Dot::DotProd,
       .architecture = "aarch64",
       .features = "dotprod,neon",
       .instructions = "sdot",
       .signedBytes = true,
       .fusedFloats = true,
       .panels = false,
       .tiles = {1, 2},
       .widestTile = 4,
       .fit = kNeon},
      {.dot = Dot::Neon,
       .architecture = "aarch64",
       .features = "neon",
       .instructions = "smull, addp and sadalp",
       .signedBytes = true,
       .fusedFloats = true,
       .panels = false,
       .tiles = {1, 2},
       .widestTile = 4,
       .fit = kNeon},
      {.dot = Dot::Plain,
       .architecture = "",
       .features = "",
       .instructions = "products of 32 bits",
       .signedBytes = false,
       .fusedFloats = false,
       .panels = false,
       .tiles = {1},
       .widestTile = 1,
       .fit = kSse},
  };
  return rows;
}

const DotRow &dotRow(Dot dot) {
  return *llvm::find_if(dotRows(), [&](const DotRow &row) { return row.dot == dot; });
}

bool usesPanels(Dot dot) { return dotRow(dot).panels; }

} // namespace llmc::kernel
