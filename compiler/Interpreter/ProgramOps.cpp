// What holds a program together: weights, state, layers, calls and constants.
#include "absl/strings/str_cat.h"
#include "compiler/Interpreter/Frame.h"
#include "compiler/Interpreter/Status.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace llmc {
namespace {

// The operation that `symbol` names where `from` stands.
template <class Op>
absl::StatusOr<Op> resolve(Operation *from, Attribute symbol) {
  auto reference = dyn_cast<SymbolRefAttr>(symbol);
  auto found = reference ? SymbolTable::lookupNearestSymbolFrom<Op>(from, reference) : Op();
  if (found)
    return found;
  std::string text;
  llvm::raw_string_ostream(text) << symbol;
  return absl::NotFoundError(absl::StrCat("no ", Op::getOperationName().str(), " named ", text));
}

template <class Real>
absl::StatusOr<TensorRef<Real>> weightAt(llm::WeightOp weight, int64_t index, Frame<Real> &frame) {
  if (index >= weight.getCount())
    return absl::InvalidArgumentError(absl::StrCat("weight ", weight.getSymName().str(), " has ",
                                                   weight.getCount(), " tensors, not ", index + 1));
  return frame.interpreter().weights().get(weight.getSourceName(index),
                                           cast<RankedTensorType>(weight.getType()));
}

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
absl::Status layers(llm::LayersOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(InterpreterValue<Real> hidden, frame.get(op.getHidden()));
  std::vector<int64_t> uses(op.getBlocks().size()); // layers that each block has run so far
  for (auto [layer, block] : llvm::enumerate(op.getSchedule())) {
    LLMC_ASSIGN_OR_RETURN(auto function, resolve<func::FuncOp>(op, op.getBlocks()[block]));
    std::vector<InterpreterValue<Real>> arguments{hidden, IndexValue{static_cast<int64_t>(layer)}};
    for (mlir::Value operand : op.getShared()) {
      LLMC_ASSIGN_OR_RETURN(InterpreterValue<Real> shared, frame.get(operand));
      arguments.push_back(std::move(shared));
    }
    for (Attribute family : cast<ArrayAttr>(op.getWeights()[block])) {
      LLMC_ASSIGN_OR_RETURN(auto weight, resolve<llm::WeightOp>(op, family));
      LLMC_ASSIGN_OR_RETURN(TensorRef<Real> tensor, weightAt(weight, uses[block], frame));
      arguments.push_back(std::move(tensor));
    }
    ++uses[block];
    LLMC_ASSIGN_OR_RETURN(auto results, frame.callFunction(function, std::move(arguments)));
    if (results.size() != 1)
      return absl::InternalError("a block yields the hidden state and nothing else");
    hidden = std::move(results[0]);
  }
  return frame.set(op.getResult(), std::move(hidden));
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
  addOp<llm::LayersOp, layers<Real>>(table);
  addOp<func::CallOp, call<Real>>(table);
  addOp<arith::ConstantOp, constant<Real>>(table);
  addOp<tensor::CastOp, tensorCast<Real>>(table);
}

template void addProgramOps(OpTable<float> &);
template void addProgramOps(OpTable<double> &);

} // namespace llmc
