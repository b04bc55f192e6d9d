#include "tools/llmc/StepTimer.h"
#include "absl/strings/str_format.h"
#include "tools/llmc/Engine.h"
#include <algorithm>
#include <chrono>

namespace llmc::cli {
namespace {

constexpr int64_t kPromptTokens = 512;
constexpr int kPromptRuns = 3;

template <class Work>
double secondsOf(Work work) {
  auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

} // namespace

absl::StatusOr<std::string> timeSteps(const ModelOptions &options, int64_t steps) {
  absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::open(options, /*splatWeights=*/true);
  if (!engine.ok())
    return engine.status();
  absl::StatusOr<std::unique_ptr<Session>> created =
      (*engine)->newSession(std::max(steps, kPromptTokens));
  if (!created.ok())
    return created.status();
  Session &session = **created;
  const int64_t vocabulary = (*engine)->program().manifest.vocabulary;
  std::vector<int32_t> tokens;
  // Different rows of the embedding, as a text would read.
  for (int64_t i = 0; i < std::max(steps, kPromptTokens); ++i)
    tokens.push_back(static_cast<int32_t>(i * 7919 % vocabulary));

  absl::Status status;
  std::vector<double> prompts;
  for (int i = 0; i < kPromptRuns; ++i)
    prompts.push_back(secondsOf([&] {
      session.rewind(0);
      status.Update(session.evaluate(std::span(tokens).first(kPromptTokens)));
      session.lastLogits();
    }));
  session.rewind(0);
  const double generation = secondsOf([&] {
    for (int64_t i = 0; i < steps; ++i) {
      status.Update(session.evaluate({&tokens[i], 1}));
      session.lastLogits();
    }
  });
  if (!status.ok())
    return status;
  std::sort(prompts.begin(), prompts.end());
  const double perToken = generation / double(steps);
  return absl::StrFormat("prompt of %d: %.1f tokens/s (threads: %d)\n"
                         "generation of %d: %.2f ms/token, %.2f tokens/s, %.2f GB/s of weights\n",
                         kPromptTokens, kPromptTokens / prompts[kPromptRuns / 2],
                         (*engine)->team().threads(), steps, perToken * 1000, 1 / perToken,
                         (*engine)->program().manifest.weightBytesPerStep() / perToken / 1e9);
}

} // namespace llmc::cli
