#include "tools/llmc/BenchRunner.h"
#include "runtime/core/Interrupt.h"
#include "tools/llmc/HostBandwidth.h"
#include "tools/llmc/PerplexityScorer.h"
#include <algorithm>
#include <chrono>

namespace llmc::cli {
namespace {

// Steps of a batch that one repeat takes the time of together.
constexpr int64_t kBatchSteps = 8;
constexpr int64_t kWarmUpSteps = 4;

absl::Status interrupted() {
  return InterruptGuard::interrupted() ? absl::CancelledError() : absl::OkStatus();
}

int64_t stepsOf(const BenchTest &test, int64_t maxRows) {
  switch (test.kind) {
  case BenchKind::Prompt:
    return (test.tokens + maxRows - 1) / maxRows;
  case BenchKind::Generation:
    return test.tokens;
  case BenchKind::Batch:
    return kBatchSteps;
  }
  return 1;
}

} // namespace

absl::StatusOr<std::unique_ptr<BenchRunner>> BenchRunner::create(Engine &engine, int64_t context) {
  std::unique_ptr<BenchRunner> runner(new BenchRunner(engine));
  absl::StatusOr<std::unique_ptr<Session>> session = engine.newSession(context);
  if (!session.ok())
    return session.status();
  runner->session_ = *std::move(session);
  const int64_t vocabulary = engine.program().manifest.vocabulary;
  // Different rows of the embedding, as a text would read.
  for (int64_t i = 0; i < context; ++i)
    runner->tokens_.push_back(static_cast<int32_t>(i * 7919 % vocabulary));
  return runner;
}

std::span<const int32_t> BenchRunner::next(int64_t count) const {
  return std::span(tokens_).subspan(session_->position(), count);
}

absl::Status BenchRunner::prompt(int64_t tokens) {
  const int64_t chunk = engine_.program().manifest.maxRows;
  for (int64_t at = 0; at < tokens; at += chunk) {
    if (absl::Status status = interrupted(); !status.ok())
      return status;
    if (absl::Status status = session_->evaluate(next(std::min(chunk, tokens - at))); !status.ok())
      return status;
  }
  return absl::OkStatus();
}

absl::Status BenchRunner::generate(int64_t tokens) {
  for (int64_t i = 0; i < tokens; ++i) {
    if (absl::Status status = interrupted(); !status.ok())
      return status;
    if (absl::Status status = session_->evaluate(next(1)); !status.ok())
      return status;
    session_->lastLogits();
  }
  return absl::OkStatus();
}

absl::Status BenchRunner::batches(const BenchTest &test, int64_t steps) {
  for (int64_t i = 0; i < steps; ++i) {
    if (absl::Status status = interrupted(); !status.ok())
      return status;
    session_->rewind(test.depth);
    if (absl::Status status =
            session_->evaluateAll(next(test.tokens), 0, [](size_t, std::span<const float>) {});
        !status.ok())
      return status;
  }
  return absl::OkStatus();
}

absl::Status BenchRunner::seek(int64_t depth) {
  if (session_->position() < depth)
    return prompt(depth - session_->position());
  session_->rewind(depth);
  return absl::OkStatus();
}

absl::StatusOr<double> BenchRunner::time(const BenchTest &test, int64_t steps) {
  if (absl::Status status = seek(test.depth); !status.ok())
    return status;
  const auto start = std::chrono::steady_clock::now();
  absl::Status status;
  switch (test.kind) {
  case BenchKind::Prompt:
    status = prompt(test.tokens);
    session_->lastLogits();
    break;
  case BenchKind::Generation:
    status = generate(steps);
    break;
  case BenchKind::Batch:
    status = batches(test, steps);
    break;
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  if (!status.ok())
    return status;
  return std::max(seconds.count(), 1e-9);
}

double BenchRunner::bytesOf(const BenchTest &test, int64_t steps) const {
  const int64_t chunk = engine_.program().manifest.maxRows;
  if (test.kind == BenchKind::Batch)
    return double(steps) * engine_.program().manifest.bytesPerStep(test.tokens, test.depth + test.tokens);
  const int64_t most = test.kind == BenchKind::Prompt ? chunk : 1;
  double bytes = 0;
  for (int64_t at = 0; at < test.tokens; at += most) {
    const int64_t count = std::min(most, test.tokens - at);
    bytes += engine_.program().manifest.bytesPerStep(count, test.depth + at + count);
  }
  return bytes;
}

absl::StatusOr<BenchRow> BenchRunner::run(const BenchTest &test, int64_t repeats,
                                          absl::FunctionRef<void()> progress) {
  const int64_t steps = stepsOf(test, engine_.program().manifest.maxRows);
  BenchRow row{.model = 0,
               .threads = engine_.team().threads(),
               .test = test,
               .steps = steps,
               .bytes = bytesOf(test, steps),
               .cached = fitsCaches(bytesOf(test, steps) / double(steps)),
               .bandwidth = 0,
               .seconds = {},
               .ofOneToken = {}};
  if (absl::StatusOr<double> warmUp = time(test, std::min(steps, kWarmUpSteps)); !warmUp.ok())
    return warmUp.status();
  progress();
  for (int64_t repeat = 0; repeat < repeats; ++repeat) {
    absl::StatusOr<double> seconds = time(test, steps);
    if (!seconds.ok())
      return seconds.status();
    row.seconds.push_back(*seconds);
    progress();
  }
  return row;
}

absl::StatusOr<PerplexityAccumulator> benchPerplexity(Engine &engine,
                                                      std::span<const int32_t> tokens,
                                                      std::optional<int32_t> bos, int64_t window,
                                                      absl::FunctionRef<void(double)> progress) {
  absl::StatusOr<PerplexityPlan> plan = PerplexityPlan::create(tokens, window, bos);
  if (!plan.ok())
    return plan.status();
  PerplexityScorer scorer(engine.team(), engine.program().manifest.vocabulary, nullptr);
  if (absl::Status status =
          scoreWindows(engine, *plan, window, plan->windows(), scorer,
                       [&](size_t done) { progress(double(done) / double(plan->windows())); });
      !status.ok())
    return status;
  return scorer.result();
}

} // namespace llmc::cli
