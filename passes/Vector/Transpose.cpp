#include "passes/Vector/Transpose.h"

using namespace mlir;

namespace llmc::kernel {

// Pairs, then fours of rows within each 128 bits, which then change
// places as wholes. Each shuffle is an instruction of AVX512.
Values emitTranspose(Emitter &e, Values rows) {
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

} // namespace llmc::kernel
