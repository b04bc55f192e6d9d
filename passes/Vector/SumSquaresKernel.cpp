// Sums of the squares of columns. A thread takes groups of columns that lie side by side and goes
// down all rows with them, so that it reads whole stretches of a row and keeps its sums in
// registers.
#include "passes/Vector/Kernels.h"

using namespace mlir;

namespace llmc::kernel {

// Vectors of columns that are summed at once: 512 bytes of each row, and as many chains of sums.
static constexpr int64_t kGroup = 8;

// Adds the squares of `columns` columns, at most a group's, at `input` to the sums at `sums`.
static void emitGroup(Emitter &e, int64_t columns, int64_t rowBytes, Value rows, Value input,
                      Value sums) {
  const int64_t vectors = (columns + kLanes - 1) / kLanes;
  // What stands behind the last column is no number.
  Value mask = columns % kLanes ? e.laneMask(e.c64(columns % kLanes)) : Value();
  auto load = [&](Value p, int64_t i) -> Value {
    Value at = e.gep(p, 64 * i);
    return mask && i + 1 == vectors ? e.maskedLoad(e.vf32, at, mask, 64) : e.load(e.vf32, at, 64);
  };
  Values carried(vectors, e.splatF(e.vf32, 0.0));
  carried.push_back(input);
  Values squares = e.loop(e.c64(0), rows, e.c64(1), carried, [&](Value, ValueRange c) {
    Values next;
    for (int64_t i = 0; i < vectors; ++i) {
      Value x = load(c[vectors], i);
      next.push_back(e.fma(x, x, c[i]));
    }
    next.push_back(e.gep(c[vectors], rowBytes));
    return next;
  });
  for (int64_t i = 0; i < vectors; ++i)
    e.store(e.fadd(load(sums, i), squares[i]), e.gep(sums, 64 * i), 64);
}

void emitSumSquares(OpEmission &emission, SumSquaresOp op) {
  Emitter &outer = emission.e;
  BufferType type = op.getInput().getType();
  const int64_t width = type.getWidth(), columns = kGroup * kLanes;
  const int64_t whole = width / columns, rest = width % columns;
  // thread, threads, rows, input, sums of the layer
  SmallVector<Type> types{outer.i64, outer.i64, outer.i64, outer.ptr, outer.ptr};
  func::FuncOp function = emission.library.get(
      "sum_squares." + std::to_string(width), types, op.getLoc(), [&](Emitter &e, ValueRange p) {
        auto [first, last] = e.split(e.c64(whole + (rest > 0)), p[0], p[1]);
        e.loop(first, last, [&](Value group) {
          Value offset = e.mul(group, e.c64(4 * columns));
          Value input = e.gep(p[3], offset), sums = e.gep(p[4], offset);
          auto emit = [&](int64_t count) {
            return [&, count] { emitGroup(e, count, type.getRowBytes(), p[2], input, sums); };
          };
          if (rest == 0)
            emit(columns)();
          else
            e.when(e.less(group, e.c64(whole)), emit(columns), emit(rest));
        });
      });
  const int64_t layerBytes = (width + kLanes - 1) / kLanes * 64;
  Value sums = outer.gep(emission.operand(op.getSums()),
                         outer.mul(emission.operand(op.getLayer()), outer.c64(layerBytes)));
  Values arguments{emission.team.thread, emission.team.threads, emission.rows,
                   emission.operand(op.getInput()), sums};
  outer.create<func::CallOp>(function, arguments);
}

} // namespace llmc::kernel
