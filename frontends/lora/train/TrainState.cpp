#include "frontends/lora/train/TrainState.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/train/Random.h"
#include <algorithm>
#include <cmath>

namespace llmc::lora {
namespace {

constexpr char kStep[] = "step", kAdamSteps[] = "adam.steps", kConfig[] = "config",
               kData[] = "data", kBase[] = "base";

// Integers and texts of the state, under their keys in a checkpoint.
struct Integer {
  const char *key;
  int64_t TrainState::*member;
};
constexpr Integer kIntegers[] = {{kStep, &TrainState::step},
                                 {"skipped", &TrainState::skipped},
                                 {"tokens", &TrainState::tokens},
                                 {"validated", &TrainState::validated}};
struct Text {
  const char *key;
  std::string TrainState::*member;
};
constexpr Text kTexts[] = {{"order", &TrainState::order},
                           {"stopping", &TrainState::stopping},
                           {"stopped", &TrainState::stopped}};

// What a checkpoint has of each parameter: the prefix of its name.
constexpr const char *kParts[] = {"", "adam.first/", "adam.second/"};

// Of each end of a tensor.
constexpr size_t kEndBytes = 256;

class Digest {
public:
  void operator()(uint64_t word) { digest_ = mixBits(digest_ * 31 + word + 1); }
  std::string text() const { return absl::StrCat(absl::Hex(digest_, absl::kZeroPad16)); }

private:
  uint64_t digest_ = 0;
};

std::span<float> partOf(AdamW &optimizer, size_t part, size_t tensor) {
  return part == 0   ? optimizer.tensors()[tensor].values
         : part == 1 ? optimizer.firstMoment(tensor)
                     : optimizer.secondMoment(tensor);
}

} // namespace

std::string digestOf(const TrainingData &data) {
  Digest add;
  for (const Dataset *part : {&data.train, &data.validation}) {
    add(part->size());
    for (int32_t token : part->tokens())
      add(static_cast<uint32_t>(token));
  }
  return add.text();
}

std::string digestOf(const gguf::GgufFile &file) {
  Digest add;
  for (const gguf::TensorInfo &tensor : file.tensors()) {
    for (unsigned char c : tensor.name)
      add(c);
    add(tensor.ggmlType);
    for (uint64_t extent : tensor.shape)
      add(extent);
    const std::span<const uint8_t> bytes = tensor.data ? tensor.span() : std::span<const uint8_t>();
    for (const std::span<const uint8_t> end : {bytes.first(std::min(kEndBytes, bytes.size())),
                                               bytes.last(std::min(kEndBytes, bytes.size()))})
      for (uint8_t byte : end)
        add(byte);
  }
  return add.text();
}

RunCheckpoints::RunCheckpoints(const TrainConfig &config, const TrainingData &data,
                               std::string base, TrainingModel &model, AdamW &optimizer)
    : config_(config), data_(digestOf(data)), base_(std::move(base)), model_(model),
      optimizer_(optimizer), folder_(config.outputDir, config.saveTotalLimit) {}

absl::Status RunCheckpoints::save(const TrainState &state) const {
  SafetensorsMetadata texts = {{kConfig, fixedConfig(config_)},
                               {kData, data_},
                               {kBase, base_},
                               {kAdamSteps, absl::StrCat(optimizer_.steps())}};
  for (const Integer &integer : kIntegers)
    texts[integer.key] = absl::StrCat(state.*integer.member);
  for (const Text &text : kTexts)
    texts[text.key] = state.*text.member;
  const std::span<const TrainingModel::Parameter> parameters = model_.parameters();
  std::vector<NamedShape> tensors;
  for (const char *part : kParts)
    for (const TrainingModel::Parameter &parameter : parameters)
      tensors.push_back(
          {absl::StrCat(part, parameter.name),
           {static_cast<uint64_t>(parameter.rows), static_cast<uint64_t>(parameter.columns)}});
  std::vector<float> rows;
  return folder_.save(state.step, texts, tensors, [&](size_t i) {
    const size_t parameter = i % parameters.size();
    const std::span<float> own = partOf(optimizer_, i / parameters.size(), parameter);
    rows.resize(parameters[parameter].rows * parameters[parameter].columns);
    model_.toRows(parameter, own, rows);
    return std::span<const float>(rows);
  });
}

absl::StatusOr<TrainState> RunCheckpoints::restore(const Checkpoint &checkpoint) const {
  const auto differs = [&](absl::string_view what) {
    return absl::FailedPreconditionError(
        absl::StrCat(checkpoint.path(), ": ", what,
                     "; make it as it was, or start anew with resume_from_checkpoint: none"));
  };
  absl::StatusOr<std::string> config = checkpoint.text(kConfig), data = checkpoint.text(kData),
                              base = checkpoint.text(kBase);
  for (const auto *text : {&config, &data, &base})
    if (!text->ok())
      return text->status();
  if (const std::vector<std::string> now = configDifferences(*config, config_); !now.empty())
    return differs(absl::StrJoin(now, ", "));
  if (*data != data_)
    return differs("the data is not what it was");
  if (*base != base_)
    return differs(absl::StrCat("the model in ", config_.model, " is not what it was"));

  TrainState state;
  for (const Integer &integer : kIntegers) {
    absl::StatusOr<int64_t> value = checkpoint.integer(integer.key);
    if (!value.ok())
      return value.status();
    state.*integer.member = *value;
  }
  for (const Text &text : kTexts) {
    absl::StatusOr<std::string> value = checkpoint.text(text.key);
    if (!value.ok())
      return value.status();
    state.*text.member = *std::move(value);
  }
  absl::StatusOr<int64_t> adamSteps = checkpoint.integer(kAdamSteps);
  if (!adamSteps.ok())
    return adamSteps.status();
  if (state.step < 0 || *adamSteps < 0)
    return differs("a negative step");
  optimizer_.setSteps(*adamSteps);

  const std::span<const TrainingModel::Parameter> parameters = model_.parameters();
  for (size_t part = 0; part < std::size(kParts); ++part)
    for (size_t i = 0; i < parameters.size(); ++i) {
      const uint64_t shape[] = {static_cast<uint64_t>(parameters[i].rows),
                                static_cast<uint64_t>(parameters[i].columns)};
      std::vector<float> rows(shape[0] * shape[1]);
      const std::string name = absl::StrCat(kParts[part], parameters[i].name);
      if (absl::Status status = checkpoint.copy(name, shape, rows); !status.ok())
        return status;
      for (float value : rows)
        if (!std::isfinite(value))
          return differs(absl::StrCat("'", name, "' has a value that is not finite"));
      model_.fromRows(i, rows, partOf(optimizer_, part, i));
    }
  return state;
}

} // namespace llmc::lora
