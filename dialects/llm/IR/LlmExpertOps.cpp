// Verifiers of the operations for mixtures of experts.
#include "dialects/llm/Formats/PackedLayout.h"
#include "dialects/llm/IR/LlmDialect.h"
#include "dialects/llm/IR/Verifiers.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace llmc;
using namespace llmc::llm;

namespace {

// Checks that `width` is `each` for each of a token's experts.
LogicalResult checkSlots(Operation *op, Value rows, int64_t slots, int64_t each, StringRef what) {
  int64_t width;
  if (llvm::MulOverflow(slots, each, width))
    return op->emitOpError() << slots << " experts of " << each << " columns are too many";
  return checkWidth(op, rows, width, what);
}

LogicalResult checkExperts(Operation *op, Value input, Value ids, Value weight, Value result) {
  RankedTensorType type = tensorOf(weight);
  const int64_t slots = getWidth(ids), experts = type.getDimSize(0), n = type.getDimSize(1);
  const int64_t k = type.getDimSize(2);
  if (slots > experts)
    return op->emitOpError() << "a token cannot have " << slots << " of " << experts << " experts";
  if (n % kPackedRows != 0)
    return op->emitOpError() << "matrices of experts have a multiple of " << kPackedRows
                             << " rows, not " << n;
  if (failed(checkRowsOfBlocks(op, type)))
    return failure();
  if (getWidth(input) != k && failed(checkSlots(op, input, slots, k, "input")))
    return failure();
  return checkSlots(op, result, slots, n, "result");
}

} // namespace

LogicalResult RouteOp::verify() {
  if (getWidth(getIds()) > getWidth(getLogits()))
    return emitOpError() << "cannot choose " << getWidth(getIds()) << " of "
                         << getWidth(getLogits()) << " experts";
  return checkWidth(*this, getWeights(), getWidth(getIds()), "weights");
}

LogicalResult ExpertLinearOp::verify() {
  return checkExperts(*this, getInput(), getIds(), getWeight(), getResult());
}

LogicalResult ExpertSwigluOp::verify() {
  if (tensorOf(getGate()).getShape() != tensorOf(getUp()).getShape())
    return emitOpError() << "gate and up must have the same shape";
  if (failed(checkExperts(*this, getInput(), getIds(), getGate(), getResult())))
    return failure();
  return checkExperts(*this, getInput(), getIds(), getUp(), getResult());
}

LogicalResult ExpertSumSquaresOp::verify() {
  const int64_t slots = getWidth(getIds()), experts = getExperts();
  const int64_t k = getSums().getType().getColumns() - 1;
  if (experts < slots)
    return emitOpError() << "a token cannot have " << slots << " of " << experts << " experts";
  if (k < 1 || getSums().getType().getLayers() % experts != 0)
    return emitOpError() << "needs sums of columns and a count, for each of " << experts
                         << " experts of each layer";
  return getWidth(getInput()) == k ? success() : checkSlots(*this, getInput(), slots, k, "input");
}

LogicalResult ExpertSumOp::verify() {
  if (getResidual() && getResidual().getType() != getResult().getType())
    return emitOpError() << "the residual must have the result's type";
  return checkSlots(*this, getInput(), getWidth(getWeights()), getWidth(getResult()), "input");
}
