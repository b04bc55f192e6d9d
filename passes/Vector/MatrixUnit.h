// The AMX unit: eight tile registers of 16 rows of 64 bytes, and products of bf16 pairs with f32
// sums.
#ifndef LLMC_PASSES_VECTOR_MATRIXUNIT_H
#define LLMC_PASSES_VECTOR_MATRIXUNIT_H

#include "passes/Vector/Kernels.h"

namespace llmc::kernel {

class MatrixUnit {
public:
  explicit MatrixUnit(Emitter &e) : e(e) {}

  // All tile registers whole; before any other use of the unit, and its end.
  void configure(KernelLibrary &library);
  void release();

  void zero(int64_t tile);
  // 16 rows that begin `rowBytes` apart.
  void load(int64_t tile, Value from, Value rowBytes);
  void store(int64_t tile, Value to, Value rowBytes);
  void load(int64_t tile, Value from, int64_t rowBytes) { load(tile, from, e.c64(rowBytes)); }
  void store(int64_t tile, Value to, int64_t rowBytes) { store(tile, to, e.c64(rowBytes)); }
  // sum[i][j] += x[i][2k] * y[k][2j] + x[i][2k + 1] * y[k][2j + 1]
  void multiply(int64_t sum, int64_t x, int64_t y);

private:
  void call(llvm::StringRef name, ValueRange operands);
  Value number(int64_t tile) { return e.splat(e.i8, tile); }

  Emitter &e;
};

} // namespace llmc::kernel

#endif
