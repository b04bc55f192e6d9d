// What holds a program together: weights, state, calls and constants.
#include "absl/strings/str_cat.h"
#include "compiler/Interpreter/Frame.h"
#include "compiler/Interpreter/Status.h"
#include "compiler/Interpreter/Symbols.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace llmc {
namespace {

template <class Real>
absl::Status getWeight(llm::GetWeightOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(auto weight, resolve<llm::WeightOp>(op, op.getWeightAttr()));
  return frame.set(op.getResult(), weightAt(weight, 0, frame));
}

template <class Real>
absl::Status getState(llm::GetStateOp op, Frame<Real> &frame) {
  return frame.set(op.getResult(), StateHandle{op.getState().str()});
}

template <class Real>
absl::Status call(func::CallOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(auto function, resolve<func::FuncOp>(op, op.getCalleeAttr()));
  std::vector<InterpreterValue<Real>> arguments;
  for (mlir::Value operand : op.getOperands()) {
    LLMC_ASSIGN_OR_RETURN(InterpreterValue<Real> argument, frame.get(operand));
    arguments.push_back(std::move(argument));
  }
  LLMC_ASSIGN_OR_RETURN(auto results, frame.callFunction(function, std::move(arguments)));
  return frame.setResults(op.getResults(), std::move(results));
}

template <class Real>
absl::StatusOr<InterpreterValue<Real>> constantValue(Attribute attribute) {
  if (auto integer = dyn_cast<IntegerAttr>(attribute); integer && integer.getType().isIndex())
    return IndexValue{integer.getInt()};
  auto dense = dyn_cast<DenseElementsAttr>(attribute);
  if (!dense)
    return absl::UnimplementedError(
        "the interpreter has constants of type index and dense tensors of f32 and i32");
  std::vector<int64_t> shape(dense.getType().getShape().begin(), dense.getType().getShape().end());
  LLMC_RETURN_IF_ERROR(elementCount(shape).status());
  if (dense.getElementType().isInteger(32)) {
    auto values = dense.getValues<int32_t>();
    return TokensValue{std::vector<int32_t>(values.begin(), values.end())};
  }
  if (!dense.getElementType().isF32())
    return absl::UnimplementedError("the interpreter has dense constants of f32 and i32");
  auto values = dense.getValues<float>();
  return makeTensor<Real>(shape, std::vector<Real>(values.begin(), values.end()));
}

template <class Real>
absl::Status constant(arith::ConstantOp op, Frame<Real> &frame) {
  return frame.set(op.getResult(), constantValue<Real>(op.getValue()));
}

template <class Real>
absl::Status tensorCast(tensor::CastOp op, Frame<Real> &frame) {
  return frame.set(op.getDest(), frame.get(op.getSource()));
}

} // namespace

template <class Real>
void addProgramOps(OpTable<Real> &table) {
  addOp<llm::GetWeightOp, getWeight<Real>>(table);
  addOp<llm::GetStateOp, getState<Real>>(table);
  addOp<func::CallOp, call<Real>>(table);
  addOp<arith::ConstantOp, constant<Real>>(table);
  addOp<tensor::CastOp, tensorCast<Real>>(table);
}

template void addProgramOps(OpTable<float> &);
template void addProgramOps(OpTable<double> &);

} // namespace llmc
