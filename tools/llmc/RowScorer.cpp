#include "tools/llmc/RowScorer.h"
#include "runtime/eval/Perplexity.h"
#include <cstring>

namespace llmc::cli {
namespace {

constexpr size_t kRows = 32;

} // namespace

RowScorer::RowScorer(ThreadTeam &team, size_t vocabulary, Consumer consume)
    : team_(team), vocabulary_(vocabulary), consume_(std::move(consume)),
      rows_(kRows * vocabulary) {}

void RowScorer::add(std::span<const float> logits, int32_t target) {
  std::memcpy(rows_.data() + targets_.size() * vocabulary_, logits.data(), logits.size_bytes());
  targets_.push_back(target);
  if (targets_.size() == kRows)
    flush();
}

absl::Status RowScorer::finish() {
  flush();
  return status_;
}

std::span<const float> RowScorer::row(size_t i) const {
  return std::span(rows_).subspan(i * vocabulary_, vocabulary_);
}

void RowScorer::flush() {
  std::vector<absl::StatusOr<double>> scores(targets_.size(), 0.0);
  team_.run([&](unsigned thread, unsigned threads) {
    for (size_t i = thread; i < targets_.size(); i += threads)
      scores[i] = negativeLogLikelihood(row(i), targets_[i]);
  });
  std::vector<double> losses;
  for (const absl::StatusOr<double> &score : scores) {
    status_.Update(score.status());
    if (score.ok())
      losses.push_back(*score);
  }
  if (status_.ok() && !losses.empty())
    status_.Update(consume_(std::span(rows_).first(losses.size() * vocabulary_), losses));
  targets_.clear();
}

} // namespace llmc::cli
