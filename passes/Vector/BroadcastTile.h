// A tile of a product of f32 matrices in registers: the inner loop of attention over sequences and
// its adjoint, and of products with matrices of f32.
#ifndef LLMC_PASSES_VECTOR_BROADCASTTILE_H
#define LLMC_PASSES_VECTOR_BROADCASTTILE_H

#include "dialects/kernel/IR/DotTable.h"
#include "passes/Vector/Emitter.h"

namespace llmc::kernel {

// A number that is known when code is made, or a value (i64) that is known when it runs. The first
// becomes part of an instruction, the second takes a register.
class Extent {
public:
  Extent(int64_t constant) : constant_(constant) {}
  Extent(Value value) : value_(value) {}

  bool isConstant() const { return !value_; }
  int64_t constant() const { return constant_; }
  Value value(Emitter &e) const { return value_ ? value_ : e.c64(constant_); }
  // p + this many bytes.
  Value advance(Emitter &e, Value p) const {
    return value_ ? e.gep(p, value_) : e.gep(p, constant_);
  }

private:
  int64_t constant_ = 0;
  Value value_;
};

// The factors of `sums[i][lanes] += sum over c of a(i, c) * b(c)[lanes]`, strides in bytes. Row c
// of b is as many vectors side by side as the tile has.
struct BroadcastProduct {
  Value a;      // f32 at (0, 0), 4-byte aligned
  Extent aRow;  // from i to i + 1; where it is a value, each row of the tile takes a register
  Extent aStep; // from c to c + 1
  Value b;      // of c = 0
  Extent bStep;
  Extent count; // of c; may be 0
  unsigned bAlign = 64;
};

// The sums after the product, [rows][vectors], which is also the order of `sums`, what they begin
// with.
Values emitBroadcastTile(Emitter &e, BroadcastTile tile, const BroadcastProduct &product,
                         ValueRange sums);

// tile.rows * tile.vectors zeros.
Values emitZeros(Emitter &e, BroadcastTile tile);

// Sums that are kept at `place`, rows of `row` bytes: loads or stores a tile of them.
Values emitLoadTile(Emitter &e, BroadcastTile tile, Value place, Extent row, unsigned align = 64);
void emitStoreTile(Emitter &e, BroadcastTile tile, ValueRange sums, Value place, Extent row,
                   unsigned align = 64);

} // namespace llmc::kernel

#endif
