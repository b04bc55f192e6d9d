#include "frontends/lora/train/ModelWeights.h"
#include "absl/strings/str_cat.h"
#include "dialects/llm/Formats/BlockCodec.h"
#include "frontends/gguf/quantize/Quantizer.h"
#include "runtime/core/Safetensors.h"
#include <algorithm>
#include <map>

namespace llmc::lora {

using Parameter = TrainingModel::Parameter;

absl::StatusOr<std::unique_ptr<ModelWeights>> ModelWeights::create(const gguf::GgufFile &file,
                                                                   TrainingModel &model,
                                                                   ThreadTeam &team,
                                                                   std::string fileType) {
  for (const Parameter &parameter : model.parameters()) {
    const gguf::TensorInfo *tensor = file.findTensor(parameter.source);
    // A part of a vector begins at an element.
    const uint64_t first = static_cast<uint64_t>(parameter.firstRow);
    const bool isVector = tensor && tensor->shape.size() == 1;
    if (!tensor || !tensor->format || tensor->format->weights != 1 ||
        (isVector ? parameter.rows != 1 || first + parameter.columns > tensor->shape[0]
                  : tensor->shape.size() != 2 || uint64_t(parameter.columns) != tensor->shape[0] ||
                        first + parameter.rows > tensor->shape[1]))
      return absl::InternalError(absl::StrCat("the program that trains has '", parameter.name,
                                              "' of ", parameter.rows, " x ", parameter.columns,
                                              ", which ", file.path(), " does not have"));
  }
  return std::unique_ptr<ModelWeights>(new ModelWeights(file, model, team, std::move(fileType)));
}

const gguf::TensorInfo &ModelWeights::tensorOf(size_t i) const {
  return *file_.findTensor(model_.parameters()[i].source);
}

absl::Status ModelWeights::restoreBase() {
  const std::vector<TrainedTensor> tensors = model_.tensors();
  std::vector<float> rows;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Parameter &parameter = model_.parameters()[i];
    const gguf::TensorInfo &tensor = tensorOf(i);
    rows.resize(parameter.rows * parameter.columns);
    const uint64_t bytes = tensor.format->bytes, columns = parameter.columns;
    const uint64_t first = parameter.firstRow * (tensor.shape.size() == 1 ? 1 : columns);
    for (int64_t row = 0; row < parameter.rows; ++row)
      decodeRow(*tensor.format, tensor.data + (first + row * columns) * bytes, columns,
                rows.data() + row * columns);
    model_.fromRows(i, rows, tensors[i].values);
  }
  return absl::OkStatus();
}

absl::Status ModelWeights::write(const OutputFolder &output) const {
  const std::vector<TrainedTensor> tensors = model_.tensors();
  // Of each tensor the parameters that are its parts, by their first rows.
  std::map<std::string, std::map<int64_t, size_t>> parts;
  for (size_t i = 0; i < tensors.size(); ++i)
    parts[model_.parameters()[i].source][model_.parameters()[i].firstRow] = i;
  quantize::QuantizationOptions options;
  absl::StatusOr<const quantize::FileType *> type = quantize::findFileType(fileType_);
  if (!type.ok())
    return type.status();
  options.fileType = *type;
  absl::StatusOr<quantize::QuantizationPlan> plan =
      quantize::planQuantization(file_, options, /*importance=*/nullptr);
  if (!plan.ok())
    return plan.status();
  for (quantize::PlannedTensor &planned : plan->tensors) {
    const auto found = parts.find(planned.name);
    if (found == parts.end())
      continue;
    if (planned.isCopied())
      planned.format = planned.tensor->format;
    planned.change = [&, own = &found->second](uint64_t row, std::span<float> weights) {
      for (auto [first, i] : *own) {
        const Parameter &parameter = model_.parameters()[i];
        if (planned.tensor->shape.size() == 1)
          model_.copyRow(i, tensors[i].values, 0, weights.subspan(first, parameter.columns));
        else if (int64_t(row) >= first && int64_t(row) < first + parameter.rows)
          model_.copyRow(i, tensors[i].values, int64_t(row) - first, weights);
      }
    };
  }
  return quantize::quantizeFile(file_, *plan, nullptr, output.modelPath(), team_,
                                [](uint64_t) { return absl::OkStatus(); });
}

absl::Status ModelWeights::dumpGradients(const DebugDumps &dumps, int64_t step,
                                         double scale) const {
  const std::vector<TrainedTensor> tensors = model_.tensors();
  std::vector<std::vector<float>> gradients;
  std::vector<SafetensorsTensor> named;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Parameter &parameter = model_.parameters()[i];
    std::vector<float> &rows = gradients.emplace_back(parameter.rows * parameter.columns);
    model_.toRows(i, tensors[i].gradient, rows);
    for (float &value : rows)
      value = static_cast<float>(value * scale);
    named.push_back(
        {parameter.name,
         "F32",
         {static_cast<uint64_t>(parameter.rows), static_cast<uint64_t>(parameter.columns)},
         floatBytes(rows)});
  }
  return dumps.writeGradients(step, named);
}

std::vector<TrainableParameters::Kind> ModelWeights::kinds() const {
  std::vector<Kind> kinds;
  for (const Parameter &parameter : model_.parameters())
    addToKind(kinds, parameter.source, uint64_t(parameter.rows) * parameter.columns, 0);
  return kinds;
}

} // namespace llmc::lora
