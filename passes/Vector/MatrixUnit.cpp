#include "passes/Vector/MatrixUnit.h"
#include "llvm/ADT/Twine.h"

using namespace mlir;

namespace llmc::kernel {

void MatrixUnit::call(StringRef name, ValueRange operands) {
  e.create<LLVM::CallIntrinsicOp>(e.b.getStringAttr((Twine("llvm.x86.") + name).str()), operands);
}

void MatrixUnit::configure(KernelLibrary &library) {
  SmallVector<int8_t> config(64, 0);
  config[0] = 1; // palette
  for (int tile = 0; tile < 8; ++tile) {
    config[16 + 2 * tile] = 64; // bytes of a row
    config[48 + tile] = 16;     // rows
  }
  auto type = RankedTensorType::get({64}, e.i8);
  call("ldtilecfg",
       library.constantArray(e, DenseElementsAttr::get(type, ArrayRef<int8_t>(config))));
}

void MatrixUnit::release() { call("tilerelease", {}); }
void MatrixUnit::zero(int64_t tile) { call("tilezero", number(tile)); }

void MatrixUnit::load(int64_t tile, Value from, Value rowBytes) {
  call("tileloadd64", ValueRange{number(tile), from, rowBytes});
}

void MatrixUnit::store(int64_t tile, Value to, Value rowBytes) {
  call("tilestored64", ValueRange{number(tile), to, rowBytes});
}

void MatrixUnit::multiply(int64_t sum, int64_t x, int64_t y) {
  call("tdpbf16ps", ValueRange{number(sum), number(x), number(y)});
}

} // namespace llmc::kernel
