#include "passes/Vector/SplitFloat.h"

using namespace mlir;

namespace llmc::kernel {

SplitFloat emitSplit(Emitter &e, Value x) {
  // To nearest: the low part is half as large then, and of either sign.
  Value rounded = e.add(e.bitcast(e.vi32, x), e.splat(e.vi32, 0x8000));
  Value bits = e.create<arith::AndIOp>(rounded, e.splat(e.vi32, static_cast<int32_t>(0xffff0000)));
  Value high = e.bitcast(e.vf32, bits);
  return {high, e.fsub(x, high)};
}

Value emitToBfloat16(Emitter &e, Value x) {
  auto half = VectorType::get(kLanes, e.b.getBF16Type());
  Value rounded =
      e.create<LLVM::CallIntrinsicOp>(
           half, e.b.getStringAttr("llvm.x86.avx512bf16.cvtneps2bf16.512"), ValueRange{x})
          .getResult(0);
  return e.bitcast(VectorType::get(kLanes, e.i16), rounded);
}

Value emitToBfloat16Pairs(Emitter &e, Value first, Value second) {
  auto whole = VectorType::get(2 * kLanes, e.b.getBF16Type());
  Value rounded = e.create<LLVM::CallIntrinsicOp>(
                       whole, e.b.getStringAttr("llvm.x86.avx512bf16.cvtne2ps2bf16.512"),
                       ValueRange{second, first})
                      .getResult(0);
  return e.bitcast(e.vi32, rounded);
}

Value emitInterleavedBfloat16(Emitter &e, Value first, Value second) {
  // Adding half of the last place that stays rounds to nearest.
  Value half = e.splat(e.vi32, 0x8000);
  Value low = e.create<arith::ShRUIOp>(e.add(e.bitcast(e.vi32, first), half), e.splat(e.vi32, 16));
  Value high = e.create<arith::AndIOp>(e.add(e.bitcast(e.vi32, second), half),
                                       e.splat(e.vi32, static_cast<int32_t>(0xffff0000)));
  return e.create<arith::OrIOp>(low, high);
}

} // namespace llmc::kernel
