// How products of f32 matrices are cut into tiles of sums: what the memory plan and the code agree
// on.
#ifndef LLMC_DIALECTS_KERNEL_IR_BROADCASTPLAN_H
#define LLMC_DIALECTS_KERNEL_IR_BROADCASTPLAN_H

#include "dialects/kernel/IR/KernelDialect.h"

namespace llmc::kernel {

// `rows` rows of `vectors` vectors of 16 sums.
struct BroadcastTile {
  int64_t rows, vectors;
  int64_t lanes() const { return vectors * 16; }
};

// The largest tile whose sums stay in registers beside a row of one factor and an element of the
// other. A vector of 16 sums takes one register of AVX512, two of AVX2 and four of plain SSE.
constexpr BroadcastTile broadcastTile(Dot dot) {
  switch (dot) {
  case Dot::Amx:
  case Dot::Vnni512:
    return {8, 2};
  case Dot::Vnni256:
  case Dot::Avx2:
    return {6, 1};
  case Dot::Plain:
    break;
  }
  return {2, 1};
}

} // namespace llmc::kernel

#endif
