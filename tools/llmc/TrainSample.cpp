#include "tools/llmc/TrainSample.h"
#include "frontends/lora/data/Batches.h"
#include "frontends/lora/train/OutputFolder.h"
#include "runtime/core/Interrupt.h"
#include "tools/llmc/Engine.h"
#include <algorithm>

namespace llmc::cli {
namespace {

constexpr size_t kPromptTokens = 24, kAnswerTokens = 48;

// What is not learned of a sample is its question; of one that is learned whole, its start is.
std::vector<int32_t> promptOf(const TrainingSetup &setup) {
  const lora::Dataset &data =
      setup.data.validation.size() > 0 ? setup.data.validation : setup.data.train;
  lora::TrainConfig one = setup.config;
  one.batchSize = 1;
  one.fillWithNext = false;
  lora::BatchSource source(data, one, *setup.tokenizer, /*endless=*/false);
  lora::Batch batch;
  source.next(batch);
  const auto masked = std::ranges::find(batch.mask.begin() + 1, batch.mask.end(), 1);
  auto length = static_cast<size_t>(masked - batch.mask.begin());
  if (data.sample(0).learned.empty())
    length = std::min({kPromptTokens, data.sample(0).tokens.size(), batch.tokens.size()});
  return {batch.tokens.begin(), batch.tokens.begin() + static_cast<std::ptrdiff_t>(length)};
}

absl::StatusOr<std::string> answer(const TrainingSetup &setup, bool trained,
                                   std::span<const int32_t> prompt) {
  ModelOptions options = setup.options.model;
  options.path = setup.config.model;
  options.threads = setup.team->threads();
  const lora::OutputFolder output(setup.config);
  if (trained && setup.isFull())
    options.path = output.modelPath();
  else if (trained)
    options.adapters.push_back({output.adapterPath()});
  absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::open(options);
  if (!engine.ok())
    return engine.status();
  absl::StatusOr<std::unique_ptr<Session>> session =
      (*engine)->newSession(static_cast<int64_t>(prompt.size() + kAnswerTokens));
  if (!session.ok())
    return session.status();
  std::vector<int32_t> tokens;
  absl::Status status = (*session)->evaluate(prompt);
  while (status.ok() && tokens.size() < kAnswerTokens) {
    if (InterruptGuard::interrupted())
      return absl::CancelledError();
    const std::span<const float> logits = (*session)->lastLogits();
    const auto token = static_cast<int32_t>(std::ranges::max_element(logits) - logits.begin());
    if (setup.tokenizer->isEndOfGeneration(token))
      break;
    tokens.push_back(token);
    status = (*session)->evaluate({&token, 1});
  }
  if (!status.ok())
    return status;
  return setup.tokenizer->decode(tokens);
}

} // namespace

absl::StatusOr<TrainSamples> greedySamples(const TrainingSetup &setup) {
  const std::vector<int32_t> prompt = promptOf(setup);
  TrainSamples samples;
  samples.prompt = setup.tokenizer->decode(prompt, {.stripSpacePrefix = true});
  absl::StatusOr<std::string> before = answer(setup, false, prompt);
  if (!before.ok())
    return before.status();
  absl::StatusOr<std::string> after = answer(setup, true, prompt);
  if (!after.ok())
    return after.status();
  samples.before = *std::move(before);
  samples.after = *std::move(after);
  return samples;
}

} // namespace llmc::cli
