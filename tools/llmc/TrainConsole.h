// How a training run is shown while it goes on.
#ifndef LLMC_TOOLS_LLMC_TRAINCONSOLE_H
#define LLMC_TOOLS_LLMC_TRAINCONSOLE_H

#include "frontends/lora/train/Trainer.h"
#include "tools/llmc/Console.h"
#include <cstdint>
#include <string>

namespace llmc::cli {

// "1:02:03", "4:05"
std::string durationText(double seconds);

// On a terminal a line that is rewritten, else a line for every `every` steps; on stderr.
class TrainConsole : public lora::TrainObserver {
public:
  explicit TrainConsole(int64_t every);

  void note(absl::string_view text) override;
  void step(const lora::StepReport &report) override;
  void validating(absl::string_view what, double share) override;
  void validated(int64_t step, const lora::ValidationLosses &losses) override;
  void clear() { progress_.clear(); }

private:
  int64_t every_;
  bool terminal_;
  Progress progress_;
};

} // namespace llmc::cli

#endif
