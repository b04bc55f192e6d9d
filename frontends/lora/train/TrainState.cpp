#include "frontends/lora/train/TrainState.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/train/Random.h"
#include <algorithm>
#include <bit>
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
                                 {"rows", &TrainState::rows},
                                 {"tokens", &TrainState::tokens},
                                 {"validated", &TrainState::validated}};
struct Text {
  const char *key;
  std::string TrainState::*member;
};
constexpr Text kTexts[] = {{"order", &TrainState::order},
                           {"stopping", &TrainState::stopping},
                           {"stopped", &TrainState::stopped}};

// What a checkpoint has of a parameter.
enum class Part { Values, Moment, Codes, Scales };
struct Entry {
  std::string name;
  Part part;
  size_t parameter;
  bool second; // of moments
};

// In the order in which they are written.
std::vector<Entry> entriesOf(std::span<const TrainingModel::Parameter> parameters,
                             const AdamW &optimizer) {
  std::vector<Entry> entries;
  for (size_t i = 0; i < parameters.size(); ++i)
    entries.push_back({parameters[i].name, Part::Values, i, false});
  for (const bool second : {false, true}) {
    const char *moment = second ? "adam.second" : "adam.first";
    for (size_t i = 0; i < parameters.size(); ++i) {
      const bool blocked = optimizer.isBlocked(i);
      entries.push_back({absl::StrCat(moment, "/", parameters[i].name),
                         blocked ? Part::Codes : Part::Moment, i, second});
      if (blocked)
        entries.push_back(
            {absl::StrCat(moment, ".absmax/", parameters[i].name), Part::Scales, i, second});
    }
  }
  return entries;
}

AdamW::Moment &momentOf(AdamW &optimizer, const Entry &entry) {
  return entry.second ? optimizer.secondMoment(entry.parameter)
                      : optimizer.firstMoment(entry.parameter);
}

// What is in rows in a checkpoint, in the model's order.
std::span<float> floatsOf(AdamW &optimizer, const Entry &entry) {
  if (entry.part == Part::Values)
    return optimizer.tensors()[entry.parameter].values;
  return momentOf(optimizer, entry).values;
}

std::vector<uint64_t> shapeOf(std::span<const TrainingModel::Parameter> parameters,
                              AdamW &optimizer, const Entry &entry) {
  switch (entry.part) {
  case Part::Codes: // in the model's order, as blocks are
    return optimizer.tensors()[entry.parameter].shape;
  case Part::Scales:
    return {momentOf(optimizer, entry).scales.size()};
  default:
    return {static_cast<uint64_t>(parameters[entry.parameter].rows),
            static_cast<uint64_t>(parameters[entry.parameter].columns)};
  }
}

// Larger counts would overflow when they go on.
constexpr int64_t kMostOfAnything = int64_t(1) << 60;

// Of each end of a tensor.
constexpr size_t kEndBytes = 256;

class Digest {
public:
  void operator()(uint64_t word) { digest_ = mixBits(digest_ * 31 + word + 1); }
  uint64_t bits() const { return digest_; }
  std::string text() const { return absl::StrCat(absl::Hex(digest_, absl::kZeroPad16)); }

private:
  uint64_t digest_ = 0;
};

} // namespace

std::string digestOf(const TrainingData &data) {
  Digest add;
  for (const Dataset *part : {&data.train, &data.validation}) {
    add(part->size());
    for (int32_t token : part->tokens())
      add(static_cast<uint32_t>(token));
    if (!part->hasRanges())
      continue;
    for (uint64_t i = 0; i < part->size(); ++i)
      for (uint64_t s = 0; s < part->sequencesPerSample(); ++s) {
        const Sample sample = part->sample(i, s);
        add(sample.tokens.size());
        for (uint8_t learned : sample.learned)
          add(learned);
      }
  }
  return add.text();
}

uint64_t digestOf(absl::string_view text) {
  Digest add;
  for (unsigned char c : text)
    add(c);
  return add.bits();
}

uint64_t digestOf(std::span<const TrainedTensor> tensors) {
  Digest add;
  for (const TrainedTensor &tensor : tensors)
    for (float value : tensor.values)
      add(std::bit_cast<uint32_t>(value));
  return add.bits();
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
  const std::vector<Entry> entries = entriesOf(parameters, optimizer_);
  std::vector<NamedShape> tensors;
  for (const Entry &entry : entries)
    tensors.push_back({entry.name, shapeOf(parameters, optimizer_, entry),
                       entry.part == Part::Codes ? "U8" : "F32"});
  std::vector<float> rows;
  return folder_.save(state.step, texts, tensors, [&](size_t i) -> std::span<const uint8_t> {
    const Entry &entry = entries[i];
    if (entry.part == Part::Codes)
      return momentOf(optimizer_, entry).codes;
    if (entry.part == Part::Scales)
      return floatBytes(momentOf(optimizer_, entry).scales);
    rows.resize(tensors[i].shape[0] * tensors[i].shape[1]);
    model_.toRows(entry.parameter, floatsOf(optimizer_, entry), rows);
    return floatBytes(rows);
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
    if (*value < 0 || *value > kMostOfAnything)
      return differs(absl::StrCat("'", integer.key, "' is ", *value, ", which cannot be"));
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
  if (*adamSteps < 0 || *adamSteps > state.step)
    return differs(absl::StrCat(*adamSteps, " steps of the optimizer of ", state.step));
  optimizer_.setSteps(*adamSteps);

  const std::span<const TrainingModel::Parameter> parameters = model_.parameters();
  for (const Entry &entry : entriesOf(parameters, optimizer_)) {
    const std::vector<uint64_t> shape = shapeOf(parameters, optimizer_, entry);
    if (entry.part == Part::Codes) {
      std::vector<uint8_t> &codes = momentOf(optimizer_, entry).codes;
      if (absl::Status status = checkpoint.copy(entry.name, shape, std::span(codes)); !status.ok())
        return status;
      continue;
    }
    const bool scales = entry.part == Part::Scales;
    const bool squares = entry.part == Part::Moment && entry.second;
    std::vector<float> rows(scales ? shape[0] : shape[0] * shape[1]);
    if (absl::Status status = checkpoint.copy(entry.name, shape, std::span(rows)); !status.ok())
      return status;
    for (float value : rows)
      if (!std::isfinite(value) || ((scales || squares) && value < 0))
        return differs(absl::StrCat("'", entry.name, "' has a value that cannot be"));
    if (scales)
      momentOf(optimizer_, entry).scales = std::move(rows);
    else
      model_.fromRows(entry.parameter, rows, floatsOf(optimizer_, entry));
  }
  return state;
}

} // namespace llmc::lora
