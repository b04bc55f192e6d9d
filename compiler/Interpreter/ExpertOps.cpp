// Mixtures of experts: fetches operands, leaves the numbers to ExpertMath.
#include "absl/strings/str_cat.h"
#include "compiler/Interpreter/ExpertMath.h"
#include "compiler/Interpreter/Frame.h"
#include "compiler/Interpreter/Status.h"

using namespace mlir;

namespace llmc {
namespace {

template <class Real>
absl::Status route(llm::RouteOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> logits, frame.tensor(op.getLogits()));
  LLMC_ASSIGN_OR_RETURN(reference::Routing<Real> routing,
                        reference::route(*logits, llm::getWidth(op.getIds()), op.getNormalize()));
  LLMC_RETURN_IF_ERROR(frame.setTensor(op.getIds(), std::move(routing.ids)));
  return frame.setTensor(op.getWeights(), std::move(routing.weights));
}

template <class Real>
absl::Status expertLinear(llm::ExpertLinearOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> input, frame.tensor(op.getInput()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> ids, frame.tensor(op.getIds()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> weight, frame.tensor(op.getWeight()));
  return frame.setTensor(op.getResult(), reference::expertLinear(*input, *ids, *weight));
}

template <class Real>
absl::Status expertSwiglu(llm::ExpertSwigluOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> input, frame.tensor(op.getInput()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> ids, frame.tensor(op.getIds()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> gate, frame.tensor(op.getGate()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> up, frame.tensor(op.getUp()));
  LLMC_ASSIGN_OR_RETURN(auto gateProduct, reference::expertLinear(*input, *ids, *gate));
  LLMC_ASSIGN_OR_RETURN(auto upProduct, reference::expertLinear(*input, *ids, *up));
  return frame.setTensor(op.getResult(), reference::swiglu(gateProduct, upProduct));
}

template <class Real>
absl::Status expertSum(llm::ExpertSumOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> input, frame.tensor(op.getInput()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> weights, frame.tensor(op.getWeights()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> residual, frame.optionalTensor(op.getResidual()));
  return frame.setTensor(op.getResult(), reference::expertSum(*input, *weights, residual.get()));
}

template <class Real>
absl::Status expertSumSquares(llm::ExpertSumSquaresOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> input, frame.tensor(op.getInput()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> ids, frame.tensor(op.getIds()));
  LLMC_ASSIGN_OR_RETURN(TensorValue<Real> * sums, frame.columnSums(op.getSums()));
  LLMC_ASSIGN_OR_RETURN(int64_t layer, frame.index(op.getLayer()));
  const int64_t experts = op.getExperts();
  if (layer < 0 || layer >= sums->rows() / experts)
    return absl::InvalidArgumentError(
        absl::StrCat("layer ", layer, " of column sums that have ", sums->rows() / experts));
  return reference::expertSumSquares(*input, *ids, layer * experts, *sums);
}

} // namespace

template <class Real>
void addExpertOps(OpTable<Real> &table) {
  addOp<llm::RouteOp, route<Real>>(table);
  addOp<llm::ExpertLinearOp, expertLinear<Real>>(table);
  addOp<llm::ExpertSwigluOp, expertSwiglu<Real>>(table);
  addOp<llm::ExpertSumOp, expertSum<Real>>(table);
  addOp<llm::ExpertSumSquaresOp, expertSumSquares<Real>>(table);
}

template void addExpertOps(OpTable<float> &);
template void addExpertOps(OpTable<double> &);

} // namespace llmc
