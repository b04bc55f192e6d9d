// Scores rows of logits on all threads.
#ifndef LLMC_TOOLS_LLMC_ROWSCORER_H
#define LLMC_TOOLS_LLMC_ROWSCORER_H

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "runtime/core/ThreadTeam.h"
#include <cstdint>
#include <span>
#include <vector>

namespace llmc::cli {

// Collects rows, to score some together.
class RowScorer {
public:
  // Is given rows of logits [losses.size()][vocabulary] and the negative log likelihoods of their
  // targets, in nats.
  using Consumer =
      absl::AnyInvocable<absl::Status(std::span<const float> rows, std::span<const double> losses)>;

  // `team` lives at least as long.
  RowScorer(ThreadTeam &team, size_t vocabulary, Consumer consume);

  void add(std::span<const float> logits, int32_t target);
  // Scores what is left; the first error of all. Rows of which one has no score are not consumed.
  absl::Status finish();

private:
  std::span<const float> row(size_t i) const;
  void flush();

  ThreadTeam &team_;
  size_t vocabulary_;
  Consumer consume_;
  std::vector<float> rows_;
  std::vector<int32_t> targets_;
  absl::Status status_;
};

} // namespace llmc::cli

#endif
