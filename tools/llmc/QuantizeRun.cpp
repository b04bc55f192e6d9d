#include "tools/llmc/QuantizeRun.h"
#include "runtime/core/Interrupt.h"
#include "tools/llmc/Console.h"
#include <chrono>

namespace llmc::cli {

absl::StatusOr<double> quantizeWithProgress(const char *title, const gguf::GgufFile &source,
                                            const quantize::QuantizationPlan &plan,
                                            const quantize::ImportanceMatrix *importance,
                                            const std::string &output, ThreadTeam &team) {
  InterruptGuard guard;
  Progress progress(title);
  auto start = std::chrono::steady_clock::now();
  absl::Status status = quantize::quantizeFile(
      source, plan, importance, output, team, [&](uint64_t done) -> absl::Status {
        if (InterruptGuard::interrupted())
          return absl::CancelledError();
        progress.show(static_cast<double>(done) / static_cast<double>(plan.sourceBytes),
                      bytesText(done));
        return absl::OkStatus();
      });
  progress.clear();
  if (!status.ok())
    return status;
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

} // namespace llmc::cli
