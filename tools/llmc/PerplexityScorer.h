// The perplexity of a text, from its logits.
#ifndef LLMC_TOOLS_LLMC_PERPLEXITYSCORER_H
#define LLMC_TOOLS_LLMC_PERPLEXITYSCORER_H

#include "absl/functional/function_ref.h"
#include "runtime/eval/NpyWriter.h"
#include "runtime/eval/Perplexity.h"
#include "tools/llmc/Engine.h"
#include "tools/llmc/RowScorer.h"
#include <span>

namespace llmc::cli {

class PerplexityScorer {
public:
  // `writer`, unless it is nullptr, is given all rows.
  PerplexityScorer(ThreadTeam &team, size_t vocabulary, NpyWriter *writer);
  PerplexityScorer(const PerplexityScorer &) = delete;
  PerplexityScorer &operator=(const PerplexityScorer &) = delete;

  void add(std::span<const float> logits, int32_t target) { rows_.add(logits, target); }
  // Scores what is left; the first error of all.
  absl::Status finish() { return rows_.finish(); }

  const PerplexityAccumulator &result() const { return accumulator_; }

private:
  PerplexityAccumulator accumulator_;
  RowScorer rows_;
};

// Runs the first `windows` windows of `plan` and scores them; `progress` is told how many are done.
// Errors name the model and the window. Cancelled after Ctrl-C, for which the caller has an
// InterruptGuard.
absl::Status scoreWindows(Engine &engine, const PerplexityPlan &plan, int64_t context,
                          size_t windows, PerplexityScorer &scorer,
                          absl::FunctionRef<void(size_t)> progress);

} // namespace llmc::cli

#endif
