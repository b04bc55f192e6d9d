// What attention of sequences and its adjoint share.
#ifndef LLMC_PASSES_VECTOR_CAUSALATTENTION_H
#define LLMC_PASSES_VECTOR_CAUSALATTENTION_H

#include "dialects/kernel/IR/CausalPlan.h"
#include "passes/Vector/BroadcastTile.h"
#include "passes/Vector/RowTiles.h"
#include "passes/Vector/TrainingKernels.h"

namespace llmc::kernel {

// 2^x = e^(x ln 2)
inline constexpr double kLog2e = 1.4426950408889634, kLn2 = 0.6931471805599453;

struct CausalShape {
  template <class Op>
  explicit CausalShape(Op op)
      : heads(op.getHeads()), kvHeads(op.getKvHeads()), key(op.getKeyElements()),
        value(op.getValueElements()), sequence(op.getSequence()), window(op.getWindow()),
        queryRow(op.getQuery().getType().getRowBytes()),
        keyRow(op.getKeys().getType().getRowBytes()),
        valueRow(op.getValues().getType().getRowBytes()),
        logSumRow(op.getLogSums().getType().getRowBytes()) {
    // Positions are compared in 32 bits, and no step has so many.
    if (window >= int64_t(1) << 30)
      window = 0;
    outRow = (heads * value + kLanes - 1) / kLanes * 64;
  }

  int64_t heads, kvHeads;
  int64_t key, value; // elements of a head
  int64_t sequence, window;
  int64_t queryRow, keyRow, valueRow, outRow, logSumRow; // bytes

  int64_t group() const { return heads / kvHeads; } // query heads per key/value head
  // All that code depends on.
  std::string name() const;
};

// One sequence of a step.
struct CausalSequence {
  Value first;  // row
  Value length; // rows
};

class CausalKernel {
public:
  CausalKernel(Emitter &e, const CausalShape &shape, Value rows);

  // Sequences of the step, of which the last may be cut off, and the rows of the longest.
  Value sequences, longest;
  CausalSequence sequence(Value index);

  // The part of head `head` from row `row` on of a buffer with heads of `width` elements.
  RowPart head(Value buffer, int64_t rowBytes, Value row, Value head, int64_t width);
  Value ceilDiv(Value x, int64_t y) { return e.div(e.add(x, e.c64(y - 1)), e.c64(y)); }
  Value i32(Value x) { return e.create<mlir::arith::TruncIOp>(e.i32, x); }
  // Whether a query sees a key, both vectors of positions in i32.
  Value sees(Value query, Value key);

protected:
  Emitter &e;
  const CausalShape &shape;
  Value rows;
};

} // namespace llmc::kernel

#endif
