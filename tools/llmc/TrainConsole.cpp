#include "tools/llmc/TrainConsole.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/llmc/TrainingSetup.h"
#include <algorithm>
#include <cmath>
#include <unistd.h>

namespace llmc::cli {

std::string durationText(double seconds) {
  const auto whole = static_cast<int64_t>(std::llround(std::min(seconds, 1e12)));
  const int64_t hours = whole / 3600, minutes = whole / 60 % 60;
  return hours > 0 ? absl::StrFormat("%d:%02d:%02d", hours, minutes, whole % 60)
                   : absl::StrFormat("%d:%02d", minutes, whole % 60);
}

TrainConsole::TrainConsole(int64_t every)
    : every_(every), terminal_(isatty(STDERR_FILENO)), progress_("training") {}

void TrainConsole::note(absl::string_view text) {
  progress_.clear();
  printNote(text);
}

namespace {

// "", or "  margin 0.0123  accuracy 75 %"
std::string rewardText(const lora::RewardSums &rewards) {
  return rewards.pairs == 0 ? ""
                            : absl::StrFormat("  margin %.4f  accuracy %.0f %%", rewards.margin(),
                                              100 * rewards.accuracy());
}

} // namespace

void TrainConsole::step(const lora::StepReport &r) {
  const std::string text = absl::StrFormat(
      "step %d of %d  loss %.4f (mean %.4f)%s  lr %.3g  grad norm %.3g  %.0f tokens/s  %s left  %s",
      r.step, r.totalSteps, r.loss, r.meanLoss, rewardText(r.rewards), r.learningRate,
      r.gradientNorm, r.tokensPerSecond, durationText(r.secondsLeft), bytesText(anonymousMemory()));
  if (terminal_)
    progress_.show(static_cast<double>(r.step) / static_cast<double>(r.totalSteps), text);
  else if (r.step % every_ == 0 || r.step == r.totalSteps)
    printNote(text);
}

void TrainConsole::validating(absl::string_view what, double share) {
  if (terminal_)
    progress_.show(share, what);
}

void TrainConsole::validated(int64_t step, const lora::ValidationLosses &losses) {
  if (losses.rewards.pairs > 0)
    note(absl::StrFormat("step %d: validation loss %.4f%s", step, losses.mean(),
                         rewardText(losses.rewards)));
  else
    note(absl::StrFormat("step %d: validation loss %.4f, perplexity %.4f", step, losses.mean(),
                         losses.perplexity()));
}

} // namespace llmc::cli
