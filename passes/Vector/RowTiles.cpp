#include "passes/Vector/RowTiles.h"
#include "passes/Vector/Transpose.h"

using namespace mlir;

namespace llmc::kernel {
namespace {} // namespace

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
                    for (auto [i, column] : llvm::enumerate(emitTranspose(e, tile)))
                      e.store(column, e.gep(c[1], int64_t(i) * to.stride), to.align);
                    return Values{e.gep(c[0], 64), e.gep(c[1], kLanes * to.stride)};
                  });
           return Values{e.gep(outer[0], kLanes * from.stride), e.gep(outer[1], 64)};
         });
}

} // namespace llmc::kernel
