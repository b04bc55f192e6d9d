#include "passes/Vector/RowTiles.h"

using namespace mlir;

namespace llmc::kernel {
namespace {

// The 16 columns of 16 rows: pairs, then fours of rows within each 128 bits, which then change
// places as wholes. Each shuffle is an instruction of AVX512.
Values transpose16(Emitter &e, Values rows) {
  auto shuffle = [&](Value x, Value y, auto lane) -> Value {
    SmallVector<int64_t> lanes(kLanes);
    for (int64_t i = 0; i < kLanes; ++i)
      lanes[i] = lane(i);
    return e.create<vector::ShuffleOp>(x, y, lanes);
  };
  // Lanes i / 2 of x and y by turns, from the lower or upper half of each 128 bits.
  auto ones = [&](Value x, Value y, int64_t upper) {
    return shuffle(
        x, y, [=](int64_t i) { return (i & ~3) + 2 * upper + (i % 4) / 2 + (i % 2 ? kLanes : 0); });
  };
  auto twos = [&](Value x, Value y, int64_t upper) {
    return shuffle(
        x, y, [=](int64_t i) { return (i & ~3) + 2 * upper + i % 2 + (i % 4 / 2 ? kLanes : 0); });
  };
  // 128 bits 0 and 2, or 1 and 3, of x, then of y.
  auto quarters = [&](Value x, Value y, int64_t odd) {
    return shuffle(
        x, y, [=](int64_t i) { return (i / 4 % 2 * 2 + odd) * 4 + i % 4 + (i / 8 ? kLanes : 0); });
  };
  Values columns(kLanes);
  Value fours[4][4]; // [column of four][rows of four]
  for (int64_t g = 0; g < 4; ++g) {
    Value *r = &rows[4 * g];
    for (int64_t upper : {0, 1}) {
      Value a = ones(r[0], r[1], upper), b = ones(r[2], r[3], upper);
      fours[2 * upper][g] = twos(a, b, 0);
      fours[2 * upper + 1][g] = twos(a, b, 1);
    }
  }
  for (int64_t k = 0; k < 4; ++k)
    for (int64_t odd : {0, 1}) {
      Value low = quarters(fours[k][0], fours[k][1], odd);
      Value high = quarters(fours[k][2], fours[k][3], odd);
      columns[4 * odd + k] = quarters(low, high, 0);
      columns[4 * (odd + 2) + k] = quarters(low, high, 1);
    }
  return columns;
}

} // namespace

void emitEachVector(Emitter &e, int64_t width, Value count, ArrayRef<RowPart> parts,
                    const std::function<void(ValueRange places, Value mask)> &body) {
  Values starts;
  for (const RowPart &part : parts)
    starts.push_back(part.place);
  e.loop(e.c64(0), count, e.c64(1), starts, [&](Value, ValueRange rows) {
    Values places(rows.begin(), rows.end());
    if (width >= kLanes)
      places = e.loop(e.c64(0), e.c64(width / kLanes), e.c64(1), places, [&](Value, ValueRange c) {
        body(c, Value());
        Values next;
        for (Value p : c)
          next.push_back(e.gep(p, 64));
        return next;
      });
    if (width % kLanes)
      body(places, e.laneMask(e.c64(width % kLanes)));
    Values next;
    for (auto [row, part] : llvm::zip(rows, parts))
      next.push_back(e.gep(row, part.stride));
    return next;
  });
}

void emitCopyRows(Emitter &e, RowPart from, RowPart to, int64_t width, Value count, Value factor) {
  emitEachVector(e, width, count, {from, to}, [&](ValueRange p, Value mask) {
    Value x =
        mask ? e.maskedLoad(e.vf32, p[0], mask, from.align) : e.load(e.vf32, p[0], from.align);
    e.store(factor ? e.fmul(x, factor) : x, p[1], to.align);
  });
}

void emitWriteRows(Emitter &e, RowPart from, RowPart to, int64_t width, Value count, bool add) {
  emitEachVector(e, width, count, {from, to}, [&](ValueRange p, Value mask) {
    Value x = e.load(e.vf32, p[0], from.align);
    if (add)
      x = e.fadd(x, mask ? e.maskedLoad(e.vf32, p[1], mask, to.align)
                         : e.load(e.vf32, p[1], to.align));
    if (mask)
      e.maskedStore(x, p[1], mask, to.align);
    else
      e.store(x, p[1], to.align);
  });
}

void emitZeroRows(Emitter &e, RowPart to, int64_t width, Value first, Value last, bool whole) {
  Value zero = e.splatF(e.vf32, 0);
  RowPart rest{e.gep(to.place, e.mul(first, e.c64(to.stride))), to.stride, to.align};
  emitEachVector(e, width, e.sub(last, first), {rest}, [&](ValueRange p, Value mask) {
    if (mask && !whole)
      e.maskedStore(zero, p[0], mask, to.align);
    else
      e.store(zero, p[0], to.align);
  });
}

void emitTranspose(Emitter &e, RowPart from, RowPart to, int64_t rows, int64_t columns) {
  e.loop(e.c64(0), e.c64(rows / kLanes), e.c64(1), {from.place, to.place},
         [&](Value, ValueRange outer) {
           e.loop(e.c64(0), e.c64(columns / kLanes), e.c64(1), {outer[0], outer[1]},
                  [&](Value, ValueRange c) {
                    Values tile;
                    for (int64_t i = 0; i < kLanes; ++i)
                      tile.push_back(e.load(e.vf32, e.gep(c[0], i * from.stride), from.align));
                    for (auto [i, column] : llvm::enumerate(transpose16(e, tile)))
                      e.store(column, e.gep(c[1], int64_t(i) * to.stride), to.align);
                    return Values{e.gep(c[0], 64), e.gep(c[1], kLanes * to.stride)};
                  });
           return Values{e.gep(outer[0], kLanes * from.stride), e.gep(outer[1], 64)};
         });
}

} // namespace llmc::kernel
