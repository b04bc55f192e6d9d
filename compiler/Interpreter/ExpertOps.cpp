// Mixtures of experts: fetches operands, leaves the numbers to ExpertMath.
#include "absl/strings/str_cat.h"
#include "compiler/Interpreter/ExpertMath.h"
#include "compiler/Interpreter/Frame.h"
#include "compiler/Interpreter/ReferenceMath.h"
#include "compiler/Interpreter/Status.h"
#include <algorithm>

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

// Rows times their experts' matrices. With an arithmetic, the rows of each expert are one product:
// how many they are may decide how it is computed.
template <class Real>
reference::Result<Real> product(const TensorValue<Real> &input, const TensorValue<Real> &ids,
                                mlir::Value weightOperand, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> weight, frame.tensor(weightOperand));
  LLMC_ASSIGN_OR_RETURN(auto result, reference::expertLinear(input, ids, *weight));
  Arithmetic<Real> *arithmetic = frame.interpreter().arithmetic();
  if (!arithmetic)
    return result;
  const int64_t n = weight->shape[1], k = weight->shape[2], used = ids.columns();
  const bool shared = input.columns() == k;
  for (int64_t expert = 0; expert < weight->shape[0]; ++expert) {
    std::vector<std::pair<int64_t, int64_t>> places; // rows, and which of their experts this is
    TensorValue<Real> rows{{0, k}, {}};
    for (int64_t t = 0; t < ids.rows(); ++t)
      for (int64_t s = 0; s < used; ++s)
        if (static_cast<int64_t>(ids.row(t)[s]) == expert) {
          places.emplace_back(t, s);
          std::span<const Real> row = input.row(t).subspan(shared ? 0 : s * k, k);
          rows.data.insert(rows.data.end(), row.begin(), row.end());
        }
    rows.shape[0] = static_cast<int64_t>(places.size());
    auto first = weight->data.begin() + expert * n * k;
    TensorRef<Real> x = std::make_shared<const TensorValue<Real>>(std::move(rows));
    TensorRef<Real> w = std::make_shared<const TensorValue<Real>>(
        TensorValue<Real>{{n, k}, std::vector<Real>(first, first + n * k)});
    auto type = cast<RankedTensorType>(weightOperand.getType());
    arithmetic->roundFactors(RankedTensorType::get({n, k}, type.getElementType()), x, w);
    LLMC_ASSIGN_OR_RETURN(auto y, reference::linear<Real>(*x, *w, nullptr));
    for (size_t i = 0; i < places.size(); ++i)
      std::ranges::copy(y.row(static_cast<int64_t>(i)),
                        result.row(places[i].first).begin() + places[i].second * n);
  }
  return result;
}

template <class Real>
absl::Status expertLinear(llm::ExpertLinearOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> input, frame.tensor(op.getInput()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> ids, frame.tensor(op.getIds()));
  return frame.setTensor(op.getResult(), product(*input, *ids, op.getWeight(), frame));
}

template <class Real>
absl::Status expertSwiglu(llm::ExpertSwigluOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> input, frame.tensor(op.getInput()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> ids, frame.tensor(op.getIds()));
  LLMC_ASSIGN_OR_RETURN(auto gateProduct, product(*input, *ids, op.getGate(), frame));
  LLMC_ASSIGN_OR_RETURN(auto upProduct, product(*input, *ids, op.getUp(), frame));
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
