// Products of training: rows times a frozen weight, in both directions.
//
// A driver (one per block format, direction and arithmetic) splits the weight among threads, has
// panels of it unpacked, and lets all tokens pass by.
#include "passes/Vector/Product.h"
#include "llvm/ADT/Twine.h"

using namespace mlir;

namespace llmc::kernel {

void forPieces(Emitter &e, Value first, Value last, Value step,
               const std::function<void(Value, Value)> &body) {
  e.loop(first, last, step, {}, [&](Value at, ValueRange) {
    body(at, e.min(e.sub(last, at), step));
    return Values();
  });
}

void emitProduct(OpEmission &emission, ProductOp op) {
  Emitter &e = emission.e;
  ProductPlan plan(op, emission.library.target.getPanelCache());
  ProductVariant variant{plan.format, op.getAddend() != nullptr};
  SmallVector<Type> types(kProductParameters, e.i64);
  for (int i = kPWeight; i < kProductParameters; ++i)
    types[i] = e.ptr;
  const std::string name = (Twine("product.") + (plan.matrixUnit ? "matrix" : "float") +
                            (plan.transposed ? ".transposed." : ".") + plan.format->name +
                            (variant.addend ? ".add" : ""))
                               .str();
  func::FuncOp driver =
      emission.library.get(name, types, op.getLoc(), [&](Emitter &inner, ValueRange p) {
        auto emit = plan.matrixUnit
                        ? (plan.transposed ? emitMatrixProductTransposed : emitMatrixProduct)
                        : (plan.transposed ? emitFloatProductTransposed : emitFloatProduct);
        emit(inner, emission.library, variant, p);
      });
  const int64_t groupBytes = plan.layout.groupBytes(plan.columns);
  Value null = e.create<LLVM::ZeroOp>(e.ptr);
  auto factor = dyn_cast<FactorType>(op.getInput().getType());
  Values p(kProductParameters);
  p[kPThread] = emission.team.thread;
  p[kPThreads] = emission.team.threads;
  p[kPTokens] = emission.rows;
  p[kPRows] = e.c64(plan.rows);
  p[kPColumns] = e.c64(plan.columns);
  p[kPPanelColumns] = e.c64(plan.transposed ? plan.chunkColumns : plan.paddedColumns);
  p[kPPanels] = e.c64(plan.transposed ? plan.blockRows : plan.panels);
  p[kPGroupBytes] = e.c64(groupBytes);
  p[kPInputBytes] = e.c64(factor ? factor.getTileBytes()
                                 : cast<BufferType>(op.getInput().getType()).getRowBytes());
  p[kPOutBytes] = e.c64(op.getOut().getType().getRowBytes());
  p[kPWeight] = e.gep(emission.operand(op.getWeight()),
                      e.c64(int64_t(op.getFirstRow()) / kLanes * groupBytes));
  p[kPInput] = emission.operand(op.getInput());
  p[kPOut] = emission.operand(op.getOut());
  p[kPAddend] = op.getAddend() ? emission.operand(op.getAddend()) : null;
  p[kPScratch] = emission.library.scratch(e, emission.team);
  e.create<func::CallOp>(driver, p);
}

} // namespace llmc::kernel
