#include "dialects/kernel/IR/ProductPlan.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace llmc::kernel {

ProductPlan::ProductPlan(ProductOp product, int64_t cache)
    : format(llm::getBlockFormat(
          cast<RankedTensorType>(product.getWeight().getType()).getElementType())),
      layout(*format), transposed(product.getTransposed()),
      matrixUnit(isa<FactorType>(product.getInput().getType())) {
  auto weight = cast<RankedTensorType>(product.getWeight().getType());
  rows = product.getOut().getType().getWidth();
  if (transposed) {
    rows = weight.getDimSize(0) - int64_t(product.getFirstRow());
    if (auto factor = dyn_cast<FactorType>(product.getInput().getType()))
      rows = std::min(rows, factor.getColumns());
    else
      rows = cast<BufferType>(product.getInput().getType()).getWidth();
  }
  columns = weight.getDimSize(1);
  const int64_t unit = layout.unitWeights();
  paddedColumns = llvm::alignTo(layout.units(columns) * unit, 32);
  panelBytes = paddedColumns * 64;
  panels = 2 * std::max<int64_t>(1, cache / 2 / panelBytes);
  chunkColumns = llvm::alignTo(128, unit);
  blockRows = std::max<int64_t>(32, cache / 2 / (chunkColumns * 4) / 32 * 32);
  panelsBytes = transposed ? blockRows * chunkColumns * 4 : panels * panelBytes;
  sumsBytes = matrixUnit && transposed ? kProductTokens * chunkColumns * 4 : 0;
}

} // namespace llmc::kernel
