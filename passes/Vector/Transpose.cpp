#include "passes/Vector/Transpose.h"

using namespace mlir;

namespace llmc::kernel {

Values emitTranspose(Emitter &e, Values rows) {
  // Exchanges blocks of 1, 2, 4 and 8: of rows i and i + d, the first takes the lanes without bit d
  // of both, the second those with it.
  for (int64_t d = 1; d < kLanes; d *= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      low.push_back(lane & d ? kLanes + lane - d : lane);
      high.push_back(lane & d ? kLanes + lane : lane + d);
    }
    Values next(kLanes);
    for (int64_t i = 0; i < kLanes; ++i) {
      if (i & d)
        continue;
      next[i] = e.create<vector::ShuffleOp>(rows[i], rows[i + d], low);
      next[i + d] = e.create<vector::ShuffleOp>(rows[i], rows[i + d], high);
    }
    rows = next;
  }
  return rows;
}

} // namespace llmc::kernel
