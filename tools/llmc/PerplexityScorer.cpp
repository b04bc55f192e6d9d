#include "tools/llmc/PerplexityScorer.h"
#include "absl/strings/str_cat.h"
#include "runtime/core/Interrupt.h"
#include <cstring>

namespace llmc::cli {
namespace {

constexpr size_t kRows = 32;

} // namespace

PerplexityScorer::PerplexityScorer(ThreadTeam &team, size_t vocabulary, NpyWriter *writer)
    : team_(team), vocabulary_(vocabulary), writer_(writer), rows_(kRows * vocabulary) {}

void PerplexityScorer::add(std::span<const float> logits, int32_t target) {
  std::memcpy(rows_.data() + targets_.size() * vocabulary_, logits.data(), logits.size_bytes());
  targets_.push_back(target);
  if (targets_.size() == kRows)
    flush();
}

absl::Status PerplexityScorer::finish() {
  flush();
  return status_;
}

std::span<const float> PerplexityScorer::row(size_t i) const {
  return std::span(rows_).subspan(i * vocabulary_, vocabulary_);
}

void PerplexityScorer::flush() {
  std::vector<absl::StatusOr<double>> scores(targets_.size(), 0.0);
  team_.run([&](unsigned thread, unsigned threads) {
    for (size_t i = thread; i < targets_.size(); i += threads)
      scores[i] = negativeLogLikelihood(row(i), targets_[i]);
  });
  for (const absl::StatusOr<double> &score : scores) {
    if (score.ok())
      accumulator_.add(*score);
    else
      status_.Update(score.status());
  }
  if (writer_)
    status_.Update(writer_->append(std::span(rows_).first(targets_.size() * vocabulary_)));
  targets_.clear();
}

absl::Status scoreWindows(Engine &engine, const PerplexityPlan &plan, int64_t context,
                          size_t windows, PerplexityScorer &scorer,
                          absl::FunctionRef<void(size_t)> progress) {
  absl::StatusOr<std::unique_ptr<Session>> session = engine.newSession(context);
  if (!session.ok())
    return session.status();
  for (size_t i = 0; i < windows; ++i) {
    const PerplexityWindow window = plan.window(i);
    (*session)->rewind(0);
    // The token after the last is scored by nobody.
    std::span<const int32_t> tokens =
        std::span(window.tokens).first(window.firstScored + window.scored);
    if (absl::Status status =
            (*session)->evaluateAll(tokens, window.firstScored,
                                    [&](size_t position, std::span<const float> logits) {
                                      scorer.add(logits, window.target(position));
                                    });
        !status.ok())
      return status;
    if (absl::Status status = scorer.finish(); !status.ok())
      return atPlace(status, absl::StrCat(engine.file().path(), ": window ", i + 1));
    if (InterruptGuard::interrupted())
      return absl::CancelledError();
    progress(i + 1);
  }
  return absl::OkStatus();
}

} // namespace llmc::cli
