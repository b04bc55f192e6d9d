#include "passes/Vector/BroadcastTile.h"

namespace llmc::kernel {

Values emitBroadcastTile(Emitter &e, BroadcastTile tile, const BroadcastProduct &product,
                         ValueRange sums) {
  const int64_t count = tile.rows * tile.vectors;
  // Carried beside the sums: b, then the rows of a, which are one pointer where the distance
  // between them can be part of an instruction.
  Values carried(sums.begin(), sums.end());
  carried.push_back(product.b);
  const bool nearRows = product.aRow.isConstant();
  Value row = product.a;
  for (int64_t i = 0; i < (nearRows ? 1 : tile.rows); ++i) {
    carried.push_back(row);
    if (!nearRows && i + 1 < tile.rows)
      row = product.aRow.advance(e, row);
  }
  Values end =
      e.loop(e.c64(0), product.count.value(e), e.c64(1), carried, [&](Value, ValueRange c) {
        Values next(c.begin(), c.end()), b;
        for (int64_t j = 0; j < tile.vectors; ++j)
          b.push_back(e.load(e.vf32, e.gep(c[count], 64 * j), product.bAlign));
        for (int64_t i = 0; i < tile.rows; ++i) {
          Value at = nearRows ? e.gep(c[count + 1], i * product.aRow.constant()) : c[count + 1 + i];
          Value a = e.broadcastLoad(at);
          for (int64_t j = 0; j < tile.vectors; ++j)
            next[i * tile.vectors + j] = e.fma(a, b[j], c[i * tile.vectors + j]);
        }
        next[count] = product.bStep.advance(e, c[count]);
        for (size_t i = count + 1; i < next.size(); ++i)
          next[i] = product.aStep.advance(e, c[i]);
        return next;
      });
  end.truncate(count);
  return end;
}

Values emitZeros(Emitter &e, BroadcastTile tile) {
  return Values(tile.rows * tile.vectors, e.splatF(e.vf32, 0));
}

Values emitLoadTile(Emitter &e, BroadcastTile tile, Value place, Extent row, unsigned align) {
  Values sums;
  for (int64_t i = 0; i < tile.rows; ++i) {
    for (int64_t j = 0; j < tile.vectors; ++j)
      sums.push_back(e.load(e.vf32, e.gep(place, 64 * j), align));
    place = row.advance(e, place);
  }
  return sums;
}

void emitStoreTile(Emitter &e, BroadcastTile tile, ValueRange sums, Value place, Extent row,
                   unsigned align) {
  for (int64_t i = 0; i < tile.rows; ++i) {
    for (int64_t j = 0; j < tile.vectors; ++j)
      e.store(sums[i * tile.vectors + j], e.gep(place, 64 * j), align);
    place = row.advance(e, place);
  }
}

} // namespace llmc::kernel
