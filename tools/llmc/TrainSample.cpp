#include "tools/llmc/TrainSample.h"
#include "frontends/lora/data/Batches.h"
#include "frontends/lora/train/OutputFolder.h"
#include "runtime/core/Interrupt.h"
#include "runtime/text/Utf8Stream.h"
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

// Lets a model go on with the likeliest tokens.
class GreedyWriter {
public:
  // The base, or what was trained of it, as output_dir has it.
  static absl::StatusOr<GreedyWriter> open(const TrainingSetup &setup, bool trained) {
    if (trained && setup.config.useDora)
      return absl::UnimplementedError("a DoRA adapter runs when 'llmc export-lora' has merged it");
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
    return GreedyWriter(*std::move(engine), *setup.tokenizer);
  }

  absl::StatusOr<std::string> answer(std::span<const int32_t> prompt, size_t most) {
    absl::StatusOr<std::unique_ptr<Session>> session =
        engine_->newSession(static_cast<int64_t>(prompt.size() + most));
    if (!session.ok())
      return session.status();
    std::vector<int32_t> tokens;
    absl::Status status = (*session)->evaluate(prompt);
    while (status.ok() && tokens.size() < most) {
      if (InterruptGuard::interrupted())
        return absl::CancelledError();
      const std::span<const float> logits = (*session)->lastLogits();
      const auto token = static_cast<int32_t>(std::ranges::max_element(logits) - logits.begin());
      if (tokenizer_.isEndOfGeneration(token))
        break;
      tokens.push_back(token);
      status = (*session)->evaluate({&token, 1});
    }
    if (!status.ok())
      return status;
    return utf8(tokenizer_.decode(tokens));
  }

  // A token may end within a character.
  static std::string utf8(const std::string &text) {
    Utf8Stream stream;
    std::string out = stream.push(text);
    return out + stream.finish();
  }

private:
  GreedyWriter(std::unique_ptr<Engine> engine, const Tokenizer &tokenizer)
      : engine_(std::move(engine)), tokenizer_(tokenizer) {}

  std::unique_ptr<Engine> engine_;
  const Tokenizer &tokenizer_;
};

struct Prompt {
  std::string text;
  std::vector<int32_t> tokens;
};

absl::StatusOr<std::vector<Prompt>> promptsOf(const TrainingSetup &setup) {
  std::vector<Prompt> prompts;
  for (const std::string &text : setup.config.samplePrompts) {
    absl::StatusOr<std::vector<int32_t>> tokens =
        encodeForModel(*setup.tokenizer, text, "sample_prompts", /*parseSpecial=*/true);
    if (!tokens.ok())
      return tokens.status();
    if (tokens->empty() && setup.tokenizer->bosId())
      tokens->push_back(*setup.tokenizer->bosId());
    if (tokens->empty())
      return absl::InvalidArgumentError("sample_prompts: an empty text, and the model has no token "
                                        "to begin with; give a text");
    prompts.push_back({text, *std::move(tokens)});
  }
  if (prompts.empty()) {
    std::vector<int32_t> tokens = promptOf(setup);
    prompts.push_back(
        {GreedyWriter::utf8(setup.tokenizer->decode(tokens, {.stripSpacePrefix = true})),
         std::move(tokens)});
  }
  return prompts;
}

} // namespace

absl::StatusOr<lora::TextPair> greedySamples(const TrainingSetup &setup) {
  const std::vector<int32_t> prompt = promptOf(setup);
  lora::TextPair pair;
  pair.prompt = GreedyWriter::utf8(setup.tokenizer->decode(prompt, {.stripSpacePrefix = true}));
  for (auto [text, trained] : {std::pair(&pair.before, false), std::pair(&pair.after, true)}) {
    absl::StatusOr<GreedyWriter> writer = GreedyWriter::open(setup, trained);
    if (!writer.ok())
      return writer.status();
    absl::StatusOr<std::string> answer = writer->answer(prompt, kAnswerTokens);
    if (!answer.ok())
      return answer.status();
    *text = *std::move(answer);
  }
  return pair;
}

lora::SampleWriter sampleWriter(const TrainingSetup &setup) {
  return [&setup]() -> absl::StatusOr<std::vector<TextSample>> {
    absl::StatusOr<std::vector<Prompt>> prompts = promptsOf(setup);
    if (!prompts.ok())
      return prompts.status();
    absl::StatusOr<GreedyWriter> writer = GreedyWriter::open(setup, /*trained=*/true);
    if (!writer.ok())
      return writer.status();
    std::vector<TextSample> samples;
    for (const Prompt &prompt : *prompts) {
      absl::StatusOr<std::string> answer =
          writer->answer(prompt.tokens, static_cast<size_t>(setup.config.sampleTokens));
      if (!answer.ok())
        return answer.status();
      samples.push_back({.prompt = prompt.text, .text = *std::move(answer)});
    }
    return samples;
  };
}

} // namespace llmc::cli
