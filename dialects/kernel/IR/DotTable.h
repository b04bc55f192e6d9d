// What code for a kind of CPU is made of: the instructions that its int8 dot products take, and how
// much of its work fits its registers. The one place that knows; everything else asks here.
#ifndef LLMC_DIALECTS_KERNEL_IR_DOTTABLE_H
#define LLMC_DIALECTS_KERNEL_IR_DOTTABLE_H

#include "dialects/kernel/IR/KernelDialect.h"
#include <vector>

namespace llmc::kernel {

// `rows` rows of `vectors` vectors of 16 sums: the tile of a product of f32 matrices.
struct BroadcastTile {
  int64_t rows, vectors;
  int64_t lanes() const { return vectors * 16; }
};

// How much fits the registers beside a row of one factor and an element of the other. A vector of
// 16 words or floats takes 512 / bits of them.
struct RegisterFit {
  int64_t registers, bits;
  // Attention: most queries of a tile in a step of one token, queries of one in longer steps, and
  // vectors of sums that stay in registers.
  int64_t tokenQueries, promptQueries, attentionSums;
  BroadcastTile broadcast; // of attention over sequences
  BroadcastTile training;  // of products of training, whose rows are tokens
};

struct DotRow {
  Dot dot;
  const char *architecture; // as llvm::Triple names it; empty: any
  const char *features;     // LLVM's names of those that a CPU must have, between commas
  const char *instructions; // of a dot product, for people
  // Whether both factors are signed bytes, see DotProduct.h.
  bool signedBytes;
  // Whether there are fused products and sums, and conversions of f16.
  bool fusedFloats;
  // Whether products of many tokens unpack groups of weight rows to panels, see panelCount().
  bool panels;
  // Token tile widths of matrix products, ascending from 1, and the widest that may be chosen.
  std::vector<int64_t> tiles;
  int64_t widestTile;
  RegisterFit fit;
};

// All kinds, the better ones first: a CPU's is the first whose features it has.
llvm::ArrayRef<DotRow> dotRows();

const DotRow &dotRow(Dot dot);

} // namespace llmc::kernel

#endif
