#include "compiler/Check/CompiledArithmetic.h"
#include "compiler/Check/ActivationRounding.h"
#include "dialects/llm/IR/LlmDialect.h"
#include <cmath>

namespace llmc {
namespace {

// Of the largest of a row: a sum of many terms in f32, each wrong by at most 2^-24 of its size.
constexpr double kSum = 0x1p-20;
// The matrix unit's attention has factors in two parts of 8 bits and loses 2^-18 of each; what a
// score loses, its weight loses too.
constexpr double kMatrixAttention = 0x1p-14;
// Products of two parts each lose 2^-18 of their terms.
constexpr double kSplit = 0x1p-14;
// A loss may be small, but is a difference of numbers of this size.
constexpr double kLogit = 8;

} // namespace

double CompiledArithmetic::errorOf(mlir::Operation *op) const {
  // The values of a weight are what they are, and ids of experts whole numbers.
  if (llvm::isa<llm::GetWeightOp, llm::GetParameterOp, llm::EmbedOp, llm::RouteOp>(op))
    return 0;
  if (target_.dot != kernel::Dot::Amx)
    return kSum;
  if (products_ == Products::Split)
    return kSplit;
  return llvm::isa<llm::AttentionOp, llm::FusedAttentionOp>(op) ? kMatrixAttention : kSum;
}

void CompiledArithmetic::roundFactors(mlir::RankedTensorType type, TensorRef<double> &input,
                                      TensorRef<double> &weight) {
  if (products_ != Products::Rounded || !llvm::isa<llm::BlockType>(type.getElementType()))
    return;
  const bool matrixUnit = usesMatrixUnit(target_, input->rows());
  input = std::make_shared<const TensorValue<double>>(matrixUnit ? roundActivations(*input)
                                                                 : quantizeActivations(*input));
  if (!matrixUnit)
    return;
  TensorRef<double> &rounded = rounded_[weight];
  if (!rounded) {
    TensorValue<double> value = *weight;
    for (double &w : value.data)
      w = roundWeight(static_cast<float>(w));
    rounded = std::make_shared<const TensorValue<double>>(std::move(value));
  }
  weight = rounded;
}

void CompiledArithmetic::roundResult(mlir::Operation *op, TensorValue<double> &result) {
  const double error = errorOf(op);
  if (error == 0 || result.shape.size() != 2)
    return;
  for (int64_t r = 0; r < result.rows(); ++r) {
    std::span<double> row = result.row(r);
    double largest = llvm::isa<llm::LinearCrossEntropyOp>(op) ? kLogit : 0;
    for (double x : row)
      largest = std::max(largest, std::abs(x));
    for (double &x : row)
      x += error * largest * random_.uniform(-1, 1);
  }
}

} // namespace llmc
