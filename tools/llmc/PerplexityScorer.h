// Scores the logits of a text on all threads.
#ifndef LLMC_TOOLS_LLMC_PERPLEXITYSCORER_H
#define LLMC_TOOLS_LLMC_PERPLEXITYSCORER_H

#include "absl/functional/function_ref.h"
#include "runtime/eval/NpyWriter.h"
#include "runtime/eval/Perplexity.h"
#include "tools/llmc/Engine.h"
#include <span>
#include <vector>

namespace llmc::cli {

// Collects rows of logits, to score some together.
class PerplexityScorer {
public:
  // `writer`, unless it is nullptr, is given all rows.
  PerplexityScorer(ThreadTeam &team, size_t vocabulary, NpyWriter *writer);

  void add(std::span<const float> logits, int32_t target);
  // Scores what is left; the first error of all.
  absl::Status finish();

  const PerplexityAccumulator &result() const { return accumulator_; }

private:
  std::span<const float> row(size_t i) const;
  void flush();

  ThreadTeam &team_;
  size_t vocabulary_;
  NpyWriter *writer_;
  std::vector<float> rows_;
  std::vector<int32_t> targets_;
  PerplexityAccumulator accumulator_;
  absl::Status status_;
};

// Runs the first `windows` windows of `plan` and scores them; `progress` is told how many are done.
// Errors name the model and the window. Cancelled after Ctrl-C, for which the caller has an
// InterruptGuard.
absl::Status scoreWindows(Engine &engine, const PerplexityPlan &plan, int64_t context,
                          size_t windows, PerplexityScorer &scorer,
                          absl::FunctionRef<void(size_t)> progress);

} // namespace llmc::cli

#endif
