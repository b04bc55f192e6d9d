// Trains: from a config, data and a model to the files of output_dir.
#ifndef LLMC_FRONTENDS_LORA_TRAIN_TRAINER_H
#define LLMC_FRONTENDS_LORA_TRAIN_TRAINER_H

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/lora/config/TrainConfig.h"
#include "frontends/lora/data/Batches.h"
#include "frontends/lora/data/DataLoader.h"
#include "frontends/lora/train/DebugDumps.h"
#include "frontends/lora/train/Objective.h"
#include "frontends/lora/train/OutputFolder.h"
#include "frontends/lora/train/RunTracking.h"
#include "frontends/lora/train/TrainState.h"
#include "frontends/lora/train/TrainableParameters.h"
#include "frontends/lora/train/Validation.h"
#include "runtime/core/FolderLock.h"
#include "runtime/core/ThreadTeam.h"
#include "runtime/train/Communicator.h"
#include "runtime/train/EarlyStopping.h"
#include "runtime/train/GradientReducer.h"
#include "runtime/train/Schedule.h"
#include "runtime/train/TrainingModel.h"
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace llmc::lora {

// What is told of a step.
struct StepReport {
  int64_t step, totalSteps;
  double loss, meanLoss; // of the step's tokens or pairs; the mean of the last steps' losses
  RewardSums rewards;    // of the step's pairs
  double learningRate, gradientNorm, epoch;
  double tokensPerSecond; // positions that were computed
  double secondsLeft;     // until the last step, as fast as the last ones were
  bool applied;           // false: the gradient was not finite, and nothing changed
};

// Is told how a run goes. Does nothing by itself.
class TrainObserver {
public:
  virtual ~TrainObserver() = default;
  virtual void note(absl::string_view text) {}
  virtual void step(const StepReport &report) {}
  virtual void validating(absl::string_view what, double share) {}
  virtual void validated(int64_t step, const ValidationLosses &losses) {}
  virtual void saved(int64_t step) {}
};

// What the model is likeliest to write with the result that output_dir has; the steps of the
// samples are not looked at.
using SampleWriter = std::function<absl::StatusOr<std::vector<TextSample>>()>;

// All of them live at least as long as the trainer.
struct TrainerParts {
  const TrainConfig &config;
  const BaseModel &base; // its names are those of debug files
  const TrainingData &data;
  const Tokenizer &tokenizer;
  TrainingModel &model;
  TrainableParameters &parameters; // of `model`
  ThreadTeam &team;
  TrainObserver &observer;
  std::string baseDigest = {};    // digestOf() the file of `base`
  SampleWriter sampleWriter = {}; // for config.sampleSteps; may be missing
  // The processes that train together; each has batch_size rows of a batch. Null: this one alone.
  Communicator *communicator = nullptr;
};

struct TrainOutcome {
  int64_t firstStep = 0; // of a resumed run, the step it went on from
  int64_t step = 0, totalSteps = 0;
  int64_t tokens = 0;                    // learned in all
  bool interrupted = false;              // by a signal (Interrupt.h); the state is saved
  std::string stopped;                   // why it ended early; empty: it did not
  double seconds = 0;                    // of training, resumed runs included
  std::unique_ptr<RunTracking> tracking; // to be told what comes after the run
  // Of several processes: bytes of gradients that are summed in a step, seconds that sums were
  // under way, and of these seconds in which nothing else was done.
  uint64_t summedBytes = 0;
  double summingSeconds = 0, exposedSeconds = 0;
  // Losses of the held-back data by the base and by what was trained; none where nothing is held
  // back.
  std::optional<ValidationLosses> before, after;
};

class Trainer {
public:
  // Nothing is written yet, but what is needed to resume is read: a checkpoint that does not fit
  // config, data or model is an error.
  static absl::StatusOr<std::unique_ptr<Trainer>> create(const TrainerParts &parts);

  int64_t totalSteps() const { return schedule_.totalSteps + shift_; }
  // 0 for a new run.
  int64_t firstStep() const { return firstStep_; }

  // Trains to the end, or until a signal asks to stop: between two batches the state of the last
  // whole step is saved, and the outcome says so.
  absl::StatusOr<TrainOutcome> run();

private:
  explicit Trainer(const TrainerParts &parts);

  absl::Status resume();
  absl::Status begin();
  absl::Status agreeOnStart();
  absl::Status checkValues();
  absl::Status ofOneProcess(const absl::Status &status) const;
  absl::Status reduce(ObjectiveSums &sums);
  absl::Status step();
  absl::Status validateNow();
  absl::Status diverged(absl::string_view what) const;
  absl::Status gradientsDiverged() const;
  absl::Status save();
  absl::Status writeResults();
  absl::Status writeSamples();
  absl::Status finish(TrainOutcome &outcome);
  absl::StatusOr<ValidationLosses> validation(absl::string_view what);
  absl::StatusOr<ValidationLosses> validationOfBase();

  bool validates() const { return parts_.data.validation.size() > 0; }
  bool isDue(int64_t interval) const { return interval > 0 && state_.step % interval == 0; }
  bool isOver() const { return state_.step >= totalSteps() || !state_.stopped.empty(); }
  // Of all processes.
  int64_t rowsPerStep() const {
    return config_.batchSize * communicator_.size() * config_.accumulationSteps;
  }
  double seconds() const;

  Communicator alone_;
  TrainerParts parts_;
  Communicator &communicator_;
  const TrainConfig &config_;
  std::unique_ptr<Objective> objective_;
  AdamW optimizer_;
  Schedule schedule_;
  // Steps beyond those that would have read as much: where the length is a number of epochs, a run
  // may have begun with another number of processes.
  int64_t shift_ = 0;
  BatchSource source_;                     // of the rows of all processes
  std::optional<GradientReducer> reducer_; // of several processes
  EarlyStopping stopping_;
  OutputFolder output_;
  FolderLock lock_; // of the output folder
  DebugDumps dumps_;
  RunCheckpoints checkpoints_;
  TrainState state_;
  int64_t firstStep_ = 0;
  bool resumedElsewhere_ = false; // from a checkpoint outside of output_dir
  std::unique_ptr<RunTracking> tracking_;
  std::optional<ValidationLosses> lastValidation_; // of state_.validated
  double earlierSeconds_ = 0;                      // of the run that is resumed
  std::chrono::steady_clock::time_point start_;
  std::deque<double> recentLosses_, recentSeconds_;
};

} // namespace llmc::lora

#endif
