// Splits rows into bfloat16 tiles for the matrix unit.
#include "passes/Vector/Kernels.h"
#include "passes/Vector/SplitFloat.h"
#include "passes/Vector/Transpose.h"

using namespace mlir;

namespace llmc::kernel {
namespace {

constexpr int64_t kColumns = 32; // of a piece

// One row of a piece: 32 numbers as pairs of neighbours, the high parts and the low ones.
struct Line {
  Value high, low;
};

Line splitLine(Emitter &e, Value row, Value columns, bool whole) {
  Values high, low;
  for (int64_t v = 0; v < 2; ++v) {
    Value at = e.gep(row, 64 * v);
    Value x = whole ? e.load(e.vf32, at, 64)
                    : e.maskedLoad(e.vf32, at, e.laneMask(e.sub(columns, e.c64(kLanes * v))), 64);
    SplitFloat parts = emitSplit(e, x);
    high.push_back(parts.high);
    low.push_back(parts.low);
  }
  return {emitToBfloat16Pairs(e, high[0], high[1]), emitToBfloat16Pairs(e, low[0], low[1])};
}

void storeRows(Emitter &e, ArrayRef<Value> high, ArrayRef<Value> low, Value to) {
  for (int64_t i = 0; i < kLanes; ++i) {
    e.store(high[i], e.gep(to, 64 * i), 64);
    e.store(low[i], e.gep(to, 1024 + 64 * i), 64);
  }
}

} // namespace

void emitPackFactor(OpEmission &emission, PackFactorOp op) {
  Emitter &outer = emission.e;
  FactorType factor = op.getOut().getType();
  BufferType type = op.getInput().getType();
  const bool pairs = factor.getForm() == FactorForm::Pairs;
  // thread, threads, tokens, input, out, width, row bytes, pieces of a row, tile bytes
  SmallVector<Type> types{outer.i64, outer.i64, outer.i64, outer.ptr, outer.ptr,
                          outer.i64, outer.i64, outer.i64, outer.i64};
  func::FuncOp function = emission.library.get(
      pairs ? "pack_factor.pairs" : "pack_factor.rows", types, op.getLoc(),
      [&](Emitter &e, ValueRange p) {
        Value tiles = e.div(e.add(p[2], e.c64(kMatrixTile - 1)), e.c64(kMatrixTile));
        auto [first, last] = e.split(e.mul(tiles, p[7]), p[0], p[1]);
        Value zero = e.splat(e.vi32, 0);
        e.loop(first, last, [&](Value item) {
          Value tile = e.div(item, p[7]), piece = e.rem(item, p[7]);
          Value token = e.mul(tile, e.c64(kMatrixTile)), column = e.mul(piece, e.c64(kColumns));
          Value tokens = e.sub(p[2], token), columns = e.sub(p[5], column);
          Value from = e.gep(p[3], e.add(e.mul(token, p[6]), e.mul(column, e.c64(4))));
          Value to = e.gep(p[4], e.add(e.mul(tile, p[8]), e.mul(piece, e.c64(2048))));
          Value whole = e.create<arith::AndIOp>(e.less(e.c64(kMatrixTile - 1), tokens),
                                                e.less(e.c64(kColumns - 1), columns));
          e.when(
              whole,
              [&] {
                Values high, low;
                for (int64_t i = 0; i < kLanes; ++i) {
                  Line line = splitLine(e, e.gep(from, e.mul(p[6], e.c64(i))), columns, true);
                  high.push_back(line.high);
                  low.push_back(line.low);
                }
                if (pairs) {
                  high = emitTranspose(e, high);
                  low = emitTranspose(e, low);
                }
                storeRows(e, high, low, to);
              },
              [&] {
                // Rows first, as they are; then the whole piece in its order.
                e.loop(e.c64(0), e.c64(kMatrixTile), [&](Value i) {
                  Value at = e.gep(to, e.mul(i, e.c64(64)));
                  e.when(
                      e.less(i, tokens),
                      [&] {
                        Line line = splitLine(e, e.gep(from, e.mul(p[6], i)), columns, false);
                        e.store(line.high, at, 64);
                        e.store(line.low, e.gep(at, 1024), 64);
                      },
                      [&] {
                        e.store(zero, at, 64);
                        e.store(zero, e.gep(at, 1024), 64);
                      });
                });
                if (!pairs)
                  return;
                for (int64_t part = 0; part < 2; ++part) {
                  Values lines;
                  for (int64_t i = 0; i < kLanes; ++i)
                    lines.push_back(e.load(e.vi32, e.gep(to, 1024 * part + 64 * i), 64));
                  lines = emitTranspose(e, lines);
                  for (int64_t i = 0; i < kLanes; ++i)
                    e.store(lines[i], e.gep(to, 1024 * part + 64 * i), 64);
                }
              });
        });
      });
  Values arguments{emission.team.thread,
                   emission.team.threads,
                   emission.rows,
                   emission.operand(op.getInput()),
                   emission.operand(op.getOut()),
                   outer.c64(type.getWidth()),
                   outer.c64(type.getRowBytes()),
                   outer.c64(factor.getColumns() / kColumns),
                   outer.c64(factor.getTileBytes())};
  outer.create<func::CallOp>(function, arguments);
}

} // namespace llmc::kernel
