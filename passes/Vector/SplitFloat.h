// Numbers as sums of two bfloat16.
#ifndef LLMC_PASSES_VECTOR_SPLITFLOAT_H
#define LLMC_PASSES_VECTOR_SPLITFLOAT_H

#include "passes/Vector/Emitter.h"

namespace llmc::kernel {

// f32 in two parts that are not rounded yet: `high` has the upper 16 bits of each number, which is
// a bfloat16 already, `low` is what is left and exact.
struct SplitFloat {
  Value high, low;
};
SplitFloat emitSplit(Emitter &e, Value x);

// 16 f32 as bfloat16, rounded to nearest: 16 x i16. For CPUs with AVX512-BF16.
Value emitToBfloat16(Emitter &e, Value x);
// 32 of them, those of `first` first: as 16 x i32, pairs of neighbours.
Value emitToBfloat16Pairs(Emitter &e, Value first, Value second);
// Lane i has the pair of lane i of both, `first` in the low half: 16 x i32.
Value emitInterleavedBfloat16(Emitter &e, Value first, Value second);

} // namespace llmc::kernel

#endif
