#include "frontends/lora/merge/MergePlan.h"
#include <algorithm>
#include <memory>

namespace llmc::lora {
namespace {

constexpr char kTable[] = "token_embd.weight", kOutput[] = "output.weight";

// Columns that count more, where the tensor keeps its type and is nevertheless encoded again.
std::span<const float> importanceOf(const gguf::TensorInfo &tensor,
                                    const quantize::ImportanceMatrix *importance) {
  if (!importance || tensor.format->weights == 1)
    return {};
  const std::span<const float> found = importance->find(tensor.name);
  return found.size() == tensor.shape[0] ? found : std::span<const float>();
}

} // namespace

absl::StatusOr<quantize::QuantizationPlan> planMerge(const gguf::GgufFile &base,
                                                     std::vector<AdapterMatrix> matrices,
                                                     quantize::QuantizationOptions options,
                                                     const quantize::ImportanceMatrix *importance) {
  options.allowRequantize = true;
  absl::StatusOr<quantize::QuantizationPlan> plan =
      quantize::planQuantization(base, options, importance);
  if (!plan.ok())
    return plan;
  std::vector<quantize::PlannedTensor> added;
  for (AdapterMatrix &matrix : matrices) {
    auto planned = std::ranges::find(plan->tensors, matrix.weight, &quantize::PlannedTensor::name);
    if (planned == plan->tensors.end())
      return absl::InvalidArgumentError(base.path() + ": has no tensor '" + matrix.weight +
                                        "', for which there is an adapter");
    if (matrix.weight == kTable && !base.findTensor(kOutput)) {
      added.push_back(*planned);
      added.back().name = kOutput;
      plan->weights += planned->tensor->elements();
      plan->sourceBytes += planned->tensor->bytes; // read twice
      plan->bytes += planned->bytes;
    }
    if (planned->isCopied()) {
      planned->format = planned->tensor->format;
      planned->importance = importanceOf(*planned->tensor, importance);
    }
    planned->change = [shared = std::make_shared<const AdapterMatrix>(std::move(matrix))](
                          uint64_t row, std::span<float> weights) {
      mergeRow(*shared, shared->scale(), row, weights);
    };
  }
  plan->tensors.insert(plan->tensors.end(), added.begin(), added.end());
  return plan;
}

} // namespace llmc::lora
