// Walks the packed weights of a group of 16 rows, as all that unpacks them does.
#ifndef LLMC_PASSES_VECTOR_WEIGHTBLOCKS_H
#define LLMC_PASSES_VECTOR_WEIGHTBLOCKS_H

#include "passes/Vector/BlockEmitter.h"
#include "passes/Vector/PrefetchStream.h"

namespace llmc::kernel {

// Goes over `units` units from `group` on. `body` gets each block's header and body and its place
// in a panel, where blocks lie `panelBytes` apart.
void forWeightBlocks(Emitter &e, const PackedLayout &layout, Value group, Value panel, Value units,
                     int64_t panelBytes,
                     llvm::function_ref<void(Value header, Value blockBody, Value panel)> body);

// A word of four columns of a block of an integer format, and what its bytes are in f32.
struct WeightLine {
  int64_t index;
  Value word;         // of each row, in its lane
  Value scale, shift; // weight = scale * byte + shift

  // Column `i` of the four.
  Value weight(Emitter &e, int64_t i) const;
};

// Calls `body` with the lines of a block in their order, after a step of `ahead` each.
void forWeightLines(Emitter &e, const PackedLayout &layout, Dot dot, Value header, Value blockBody,
                    PrefetchStream &ahead, llvm::function_ref<void(const WeightLine &)> body);

} // namespace llmc::kernel

#endif
