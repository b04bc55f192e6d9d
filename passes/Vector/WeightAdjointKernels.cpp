// Derivatives by weights that are trained themselves, added to gradients that lie as weights do.
#include "dialects/kernel/IR/DotTable.h"
#include "dialects/llm/Formats/PackedLayout.h"
#include "passes/Vector/BroadcastTile.h"
#include "passes/Vector/TrainingKernels.h"

using namespace mlir;

namespace llmc::kernel {
namespace {

// Tokens that a tile of sums goes over at a time: what they have in a thread's columns stays in its
// caches for all tiles.
constexpr int64_t kTokens = 128;
// Tiles of columns that a thread takes side by side.
constexpr int64_t kTiles = 8;

// Bytes of a group of 16 rows of packed f32, where element (n, k) is lane n of line k.
int64_t groupBytesOf(RankedTensorType matrix) {
  return PackedLayout(*llm::getBlockFormat(matrix.getElementType()))
      .groupBytes(matrix.getDimSize(1));
}

// What is constant in a function of emitWeightAdjoint().
struct Shape {
  int64_t rows, columns;               // of the part of the gradient
  int64_t adjointBytes, inputBytes;    // from token to token
  int64_t groupBytes;                  // from group to group of the gradient
  BroadcastTile tile;                  // columns times vectors of 16 rows
};

// Adds the products of `count` tokens to `columns` columns of `vectors` groups from `gradient` on.
// `mask` has the lanes of the last group that are rows.
void emitTile(Emitter &e, const Shape &s, int64_t columns, int64_t vectors, Value adjoint,
              Value input, Value count, Value gradient, Value mask) {
  const BroadcastTile tile{columns, vectors};
  auto each = [&](const std::function<void(int64_t, Value)> &body) {
    for (int64_t k = 0; k < columns; ++k)
      for (int64_t v = 0; v < vectors; ++v)
        body(k * vectors + v, e.gep(gradient, v * s.groupBytes + 64 * k));
  };
  Values sums(columns * vectors);
  each([&](int64_t i, Value at) { sums[i] = e.load(e.vf32, at, 64); });
  BroadcastProduct product{.a = input,
                           .aRow = 4,
                           .aStep = s.inputBytes,
                           .b = adjoint,
                           .bStep = s.adjointBytes,
                           .count = count};
  sums = emitBroadcastTile(e, tile, product, sums);
  each([&](int64_t i, Value at) {
    // What stands behind the last row is no number, and the optimizer sees all of the gradient.
    if (mask)
      e.maskedStore(sums[i], at, mask, 64);
    else
      e.store(sums[i], at, 64);
  });
}

// `vectors` groups from `group` on, by columns [first, last).
void emitGroups(Emitter &e, const Shape &s, Value group, int64_t vectors, Value first, Value last,
                ValueRange p, Value mask) {
  Value adjoint = e.gep(p[3], e.mul(group, e.c64(64)));
  Value gradient = e.gep(p[5], e.mul(group, e.c64(s.groupBytes)));
  e.loop(e.c64(0), p[2], e.c64(kTokens), {}, [&](Value token, ValueRange) {
    Value count = e.min(e.sub(p[2], token), e.c64(kTokens));
    Value dy = e.gep(adjoint, e.mul(token, e.c64(s.adjointBytes)));
    Value x = e.gep(p[4], e.mul(token, e.c64(s.inputBytes)));
    Value done = first;
    for (int64_t columns : {s.tile.rows, int64_t(1)}) {
      Value whole = e.add(done, e.mul(e.div(e.sub(last, done), e.c64(columns)), e.c64(columns)));
      e.loop(done, whole, e.c64(columns), {}, [&](Value column, ValueRange) {
        emitTile(e, s, columns, vectors, dy, e.gep(x, e.mul(column, e.c64(4))), count,
                 e.gep(gradient, e.mul(column, e.c64(64))), mask);
        return Values();
      });
      done = whole;
    }
    return Values();
  });
}

} // namespace

void emitWeightAdjoint(OpEmission &emission, WeightAdjointOp op) {
  Emitter &outer = emission.e;
  auto matrix = cast<RankedTensorType>(op.getGradient().getType());
  const Shape s{op.getAdjoint().getType().getWidth(),   matrix.getDimSize(1),
                op.getAdjoint().getType().getRowBytes(), op.getInput().getType().getRowBytes(),
                groupBytesOf(matrix),                    dotRow(emission.library.target.getDot()).fit.training};
  const int64_t first = op.getFirstRow();
  std::string name =
      "weight_adjoint." + std::to_string(s.rows) + "x" + std::to_string(s.columns);
  // thread, threads, rows, adjoint, input, gradient
  SmallVector<Type> types{outer.i64, outer.i64, outer.i64, outer.ptr, outer.ptr, outer.ptr};
  func::FuncOp function =
      emission.library.get(name, types, op.getLoc(), [&](Emitter &e, ValueRange p) {
        const int64_t section = kTiles * s.tile.rows;
        const int64_t sections = llvm::divideCeil(s.columns, section);
        const int64_t bundle = s.tile.lanes(), whole = s.rows / bundle, rest = s.rows % bundle;
        // Of bundles of groups that are full, and then of one that is not.
        Value units = e.c64((whole + (rest ? 1 : 0)) * sections);
        auto [begin, end] = e.split(units, p[0], p[1]);
        e.loop(begin, end, [&](Value unit) {
          Value number = e.div(unit, e.c64(sections));
          Value column = e.mul(e.rem(unit, e.c64(sections)), e.c64(section));
          Value last = e.min(e.add(column, e.c64(section)), e.c64(s.columns));
          auto full = [&] {
            emitGroups(e, s, e.mul(number, e.c64(s.tile.vectors)), s.tile.vectors, column, last, p,
                       Value());
          };
          if (!rest)
            return full();
          if (whole)
            e.when(e.less(number, e.c64(whole)), full);
          e.when(e.equal(number, e.c64(whole)), [&] {
            for (int64_t row = 0; row < rest; row += kLanes)
              emitGroups(e, s, e.c64((whole * bundle + row) / kLanes), 1, column, last, p,
                         rest - row < kLanes ? e.laneMask(e.c64(rest - row)) : Value());
          });
        });
      });
  Value gradient =
      outer.gep(emission.operand(op.getGradient()), first / kLanes * s.groupBytes);
  outer.create<func::CallOp>(function, ValueRange{emission.team.thread, emission.team.threads,
                                                  emission.rows, emission.operand(op.getAdjoint()),
                                                  emission.operand(op.getInput()), gradient});
}

void emitSumRows(OpEmission &emission, SumRowsOp op) {
  BufferType type = op.getRows().getType();
  const int64_t length = cast<RankedTensorType>(op.getGradient().getType()).getDimSize(0);
  const int64_t parts = type.getWidth() / length;
  // Parts that are no multiple of a vector begin anywhere.
  const unsigned align = length % kLanes ? 4 : 64;
  const bool divides = bool(op.getDivisor());
  std::string name = "sum_rows." + std::to_string(length) + "." + std::to_string(parts) +
                     (divides ? ".over" : "");
  Values operands{emission.operand(op.getRows()), emission.operand(op.getGradient()),
                  emission.rows};
  if (divides)
    operands.push_back(emission.operand(op.getDivisor()));
  emitUnits(emission, op.getLoc(), name, emission.e.c64(llvm::divideCeil(length, kLanes)), operands,
            [&](Emitter &e, Value vector, ValueRange p) {
              Value bytes = e.mul(vector, e.c64(64));
              Value mask;
              if (length % kLanes)
                mask = e.laneMask(
                    e.min(e.sub(e.c64(length), e.mul(vector, e.c64(kLanes))), e.c64(kLanes)));
              Value to = e.gep(p[1], bytes);
              Values end = e.loop(
                  e.c64(0), p[2], e.c64(1), {e.splatF(e.vf32, 0), e.gep(p[0], bytes)},
                  [&](Value, ValueRange c) {
                    Value sum = c[0];
                    for (int64_t part = 0; part < parts; ++part)
                      sum = e.fadd(sum, loadVector(e, e.gep(c[1], 4 * length * part), mask, align));
                    return Values{sum, e.gep(c[1], type.getRowBytes())};
                  });
              Value sum = end[0];
              if (divides)
                sum = e.fdiv(sum, e.load(e.vf32, e.gep(p[3], bytes), 64));
              sum = e.fadd(loadVector(e, to, mask, 4), sum);
              if (mask)
                e.maskedStore(sum, to, mask, 4);
              else
                e.store(sum, to, 4);
            });
}

void emitEmbedAdjoint(OpEmission &emission, EmbedAdjointOp op) {
  BufferType type = op.getAdjoint().getType();
  auto matrix = cast<RankedTensorType>(op.getGradient().getType());
  const int64_t groupBytes = groupBytesOf(matrix), columns = matrix.getDimSize(1);
  Values operands;
  for (Value v : op->getOperands())
    operands.push_back(emission.operand(v));
  operands.push_back(emission.rows);
  // A column of a group is a line of its own, and all threads look at all tokens.
  emitUnits(emission, op.getLoc(), "embed_adjoint." + std::to_string(columns),
            emission.e.c64(columns), operands, [&](Emitter &e, Value column, ValueRange p) {
              Value from = e.gep(p[0], e.mul(column, e.c64(4)));
              Value to = e.gep(p[2], e.mul(column, e.c64(64)));
              e.loop(e.c64(0), p[3], e.c64(1), {from, p[1]}, [&](Value, ValueRange c) {
                Value token = e.create<arith::ExtUIOp>(e.i64, e.load(e.i32, c[1], 4));
                Value group = e.mul(e.div(token, e.c64(kLanes)), e.c64(groupBytes));
                Value at =
                    e.gep(e.gep(to, group), e.mul(e.rem(token, e.c64(kLanes)), e.c64(4)));
                e.store(e.fadd(e.load(e.f32, at, 4), e.load(e.f32, c[0], 4)), at, 4);
                return Values{e.gep(c[0], type.getRowBytes()), e.gep(c[1], 4)};
              });
            });
}

} // namespace llmc::kernel
