#include "tools/llmc/PerplexityScorer.h"
#include "absl/strings/str_cat.h"
#include "runtime/core/Interrupt.h"

namespace llmc::cli {

PerplexityScorer::PerplexityScorer(ThreadTeam &team, size_t vocabulary, NpyWriter *writer)
    : rows_(team, vocabulary,
            [this, writer](std::span<const float> rows, std::span<const double> losses) {
              for (double loss : losses)
                accumulator_.add(loss);
              return writer ? writer->append(rows) : absl::OkStatus();
            }) {}

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
