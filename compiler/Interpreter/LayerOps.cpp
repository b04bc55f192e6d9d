// The loops over the model's blocks, forward and backward.
#include "compiler/Interpreter/Symbols.h"

using namespace mlir;

namespace llmc {
namespace {

// Runs the functions of an operation's schedule.
template <class Op, class Real>
class LayerLoop {
public:
  using Values = std::vector<InterpreterValue<Real>>;

  LayerLoop(Op op, Frame<Real> &frame) : op(op), frame(frame) {}

  int64_t blockOf(int64_t layer) { return op.getSchedule()[layer]; }
  // The number of `layer` among those of its block.
  int64_t placeOf(int64_t layer) {
    return llvm::count(op.getSchedule().take_front(layer), blockOf(layer));
  }
  absl::StatusOr<func::FuncOp> function(int64_t block) {
    return resolve<func::FuncOp>(op, op.getBlocks()[block]);
  }

  // Calls the layer's function with the state of the loop, the layer, the shared operands, `saved`
  // and the layer's weights.
  absl::StatusOr<Values> call(int64_t layer, InterpreterValue<Real> state, Values saved) {
    LLMC_ASSIGN_OR_RETURN(func::FuncOp callee, function(blockOf(layer)));
    Values arguments{std::move(state), IndexValue{layer}};
    for (mlir::Value operand : op.getShared()) {
      LLMC_ASSIGN_OR_RETURN(InterpreterValue<Real> shared, frame.get(operand));
      arguments.push_back(std::move(shared));
    }
    for (InterpreterValue<Real> &value : saved)
      arguments.push_back(std::move(value));
    for (Attribute family : cast<ArrayAttr>(op.getWeights()[blockOf(layer)])) {
      LLMC_ASSIGN_OR_RETURN(TensorRef<Real> tensor, tensorOf(family, placeOf(layer)));
      arguments.push_back(std::move(tensor));
    }
    return frame.callFunction(callee, std::move(arguments));
  }

private:
  absl::StatusOr<TensorRef<Real>> tensorOf(Attribute family, int64_t index) {
    auto name = cast<SymbolRefAttr>(family);
    if (auto parameter = SymbolTable::lookupNearestSymbolFrom<llm::ParameterOp>(op, name)) {
      LLMC_ASSIGN_OR_RETURN(Parameter<Real> * matrix,
                            frame.interpreter().parameter(parameter, index));
      return std::make_shared<const TensorValue<Real>>(matrix->value);
    }
    LLMC_ASSIGN_OR_RETURN(auto weight, resolve<llm::WeightOp>(op, family));
    return weightAt(weight, index, frame);
  }

  Op op;
  Frame<Real> &frame;
};

template <class Real>
absl::Status layers(llm::LayersOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(InterpreterValue<Real> hidden, frame.get(op.getHidden()));
  LayerLoop<llm::LayersOp, Real> loop(op, frame);
  // By block and number of the value: the rows of all its layers.
  std::vector<std::vector<std::vector<Real>>> saved(op.getBlocks().size());
  int64_t rows = 0;
  for (int64_t layer = 0; layer < static_cast<int64_t>(op.getSchedule().size()); ++layer) {
    LLMC_ASSIGN_OR_RETURN(auto results, loop.call(layer, hidden, {}));
    if (results.empty())
      return absl::InternalError("a block yields the hidden state");
    hidden = std::move(results[0]);
    auto &own = saved[loop.blockOf(layer)];
    own.resize(results.size() - 1);
    for (size_t i = 1; i < results.size(); ++i) {
      const TensorValue<Real> &value = *std::get<TensorRef<Real>>(results[i]);
      rows = value.rows();
      own[i - 1].insert(own[i - 1].end(), value.data.begin(), value.data.end());
    }
  }
  LLMC_RETURN_IF_ERROR(frame.set(op.getResult(), std::move(hidden)));
  size_t next = 0;
  for (auto &own : saved)
    for (std::vector<Real> &data : own) {
      mlir::Value result = op.getSaved()[next++];
      auto type = cast<RankedTensorType>(result.getType());
      LLMC_RETURN_IF_ERROR(frame.set(
          result, makeTensor<Real>({type.getDimSize(0), rows, type.getDimSize(2)}, data)));
    }
  return absl::OkStatus();
}

template <class Real>
absl::Status layersAdjoint(llm::LayersAdjointOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(InterpreterValue<Real> adjoint, frame.get(op.getAdjoint()));
  LayerLoop<llm::LayersAdjointOp, Real> loop(op, frame);
  // Each block's values among all that were saved.
  std::vector<std::vector<TensorRef<Real>>> saved;
  size_t next = 0;
  for (auto [block, families] : llvm::enumerate(op.getWeights())) {
    LLMC_ASSIGN_OR_RETURN(func::FuncOp function, loop.function(block));
    size_t count =
        function.getNumArguments() - 2 - op.getShared().size() - cast<ArrayAttr>(families).size();
    saved.emplace_back();
    for (size_t i = 0; i < count; ++i) {
      LLMC_ASSIGN_OR_RETURN(TensorRef<Real> value, frame.tensor(op.getSaved()[next++]));
      saved.back().push_back(std::move(value));
    }
  }
  for (int64_t layer = op.getSchedule().size() - 1; layer >= static_cast<int64_t>(op.getFirst());
       --layer) {
    std::vector<InterpreterValue<Real>> own;
    for (const TensorRef<Real> &value : saved[loop.blockOf(layer)]) {
      int64_t size = value->shape[1] * value->shape[2], begin = size * loop.placeOf(layer);
      own.push_back(makeTensor<Real>(
          {value->shape[1], value->shape[2]},
          std::vector<Real>(value->data.begin() + begin, value->data.begin() + begin + size)));
    }
    LLMC_ASSIGN_OR_RETURN(auto results, loop.call(layer, adjoint, std::move(own)));
    if (results.size() != 1)
      return absl::InternalError("an adjoint yields the derivative by the hidden state");
    adjoint = std::move(results[0]);
  }
  return frame.set(op.getResult(), std::move(adjoint));
}

} // namespace

template <class Real>
void addLayerOps(OpTable<Real> &table) {
  addOp<llm::LayersOp, layers<Real>>(table);
  addOp<llm::LayersAdjointOp, layersAdjoint<Real>>(table);
}

template void addLayerOps(OpTable<float> &);
template void addLayerOps(OpTable<double> &);

} // namespace llmc
