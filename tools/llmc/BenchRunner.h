// Runs the tests of `llmc bench` on a model.
#ifndef LLMC_TOOLS_LLMC_BENCHRUNNER_H
#define LLMC_TOOLS_LLMC_BENCHRUNNER_H

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "runtime/eval/Perplexity.h"
#include "tools/llmc/BenchTest.h"
#include "tools/llmc/Engine.h"
#include <memory>
#include <span>

namespace llmc::cli {

class BenchRunner {
public:
  // `context`: the most positions that a test fills. `engine` outlives the runner.
  static absl::StatusOr<std::unique_ptr<BenchRunner>> create(Engine &engine, int64_t context);

  // Warms up, then runs the test `repeats` times; `progress` hears of each. The bandwidth is left
  // to the caller. Cancelled after Ctrl-C.
  absl::StatusOr<BenchRow> run(const BenchTest &test, int64_t repeats,
                               absl::FunctionRef<void()> progress);

private:
  explicit BenchRunner(Engine &engine) : engine_(engine) {}
  // Brings the session to `depth`.
  absl::Status seek(int64_t depth);
  // Runs `steps` steps of the test; seconds.
  absl::StatusOr<double> time(const BenchTest &test, int64_t steps);
  absl::Status prompt(int64_t tokens);
  absl::Status generate(int64_t tokens);
  absl::Status batches(const BenchTest &test, int64_t steps);
  std::span<const int32_t> next(int64_t count) const;
  double bytesOf(const BenchTest &test, int64_t steps) const;

  Engine &engine_;
  std::unique_ptr<Session> session_;
  std::vector<int32_t> tokens_; // by position, the same in each test
};

// Perplexity of a text in windows of `window` tokens; `progress` is told the share that is done.
absl::StatusOr<PerplexityAccumulator> benchPerplexity(Engine &engine,
                                                      std::span<const int32_t> tokens,
                                                      std::optional<int32_t> bos, int64_t window,
                                                      absl::FunctionRef<void(double)> progress);

} // namespace llmc::cli

#endif
