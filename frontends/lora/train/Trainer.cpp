#include "frontends/lora/train/Trainer.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "frontends/lora/train/AsBase.h"
#include "frontends/lora/train/RunLength.h"
#include "runtime/core/Interrupt.h"
#include <cmath>
#include <filesystem>
#include <numeric>

namespace llmc::lora {
namespace {

using Clock = std::chrono::steady_clock;

// Steps of which means are told.
constexpr size_t kRecent = 20;
// Steps in a row without a finite gradient after which nothing will get better by itself.
constexpr int64_t kMostSkipped = 10;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void push(std::deque<double> &recent, double value) {
  recent.push_back(value);
  if (recent.size() > kRecent)
    recent.pop_front();
}

double mean(const std::deque<double> &values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// With a validation set, patience counts validations.
EarlyStoppingOptions stoppingOptions(const TrainConfig &config, bool validates) {
  return {.patience = config.patience,
          .past = config.past,
          .delta = config.earlyStoppingDelta,
          .validates = validates && config.evalSteps > 0};
}

std::optional<RewardMetrics> rewardMetrics(const RewardSums &rewards) {
  if (rewards.pairs == 0)
    return std::nullopt;
  return RewardMetrics{rewards.chosenReward(), rewards.rejectedReward(), rewards.accuracy(),
                       rewards.margin()};
}

absl::Status cancelledIfInterrupted() {
  return InterruptGuard::interrupted() ? absl::CancelledError() : absl::OkStatus();
}

} // namespace

Trainer::Trainer(const TrainerParts &parts)
    : parts_(parts), communicator_(parts.communicator ? *parts.communicator : alone_),
      config_(parts.config), objective_(makeObjective(config_, parts.data, parts.tokenizer,
                                                      parts.model, parts.parameters)),
      optimizer_(trainedTensorsOf(config_, parts.model), adamOptionsOf(config_)),
      schedule_(scheduleOf(config_, stepsOf(together(config_, communicator_.size()),
                                            parts.data.train, parts.tokenizer))),
      source_(parts.data.train, together(config_, communicator_.size()), parts.tokenizer),
      stopping_(stoppingOptions(config_, validates())), output_(config_),
      dumps_(config_, parts.base),
      checkpoints_(config_, parts.data, parts.baseDigest, parts.model, optimizer_) {
  if (!communicator_.isAlone())
    reducer_.emplace(parts.model, communicator_);
}

absl::StatusOr<std::unique_ptr<Trainer>> Trainer::create(const TrainerParts &parts) {
  std::unique_ptr<Trainer> trainer(new Trainer(parts));
  if (absl::Status status = trainer->resume(); !status.ok())
    return status;
  return trainer;
}

absl::Status Trainer::resume() {
  std::optional<Checkpoint> checkpoint;
  if (config_.resume == "auto") {
    std::vector<std::string> refused;
    checkpoint = checkpoints_.folder().newest(refused);
    for (const std::string &line : refused)
      parts_.observer.note(line);
  } else if (config_.resume != "none") {
    absl::StatusOr<Checkpoint> opened = Checkpoint::open(config_.resume);
    if (!opened.ok())
      return opened.status();
    checkpoint.emplace(*std::move(opened));
  }
  if (!checkpoint) {
    if (absl::Status status = parts_.parameters.initialize(); !status.ok())
      return status;
    state_.order = source_.state();
    return absl::OkStatus();
  }

  absl::StatusOr<TrainState> state = checkpoints_.restore(*checkpoint);
  if (!state.ok())
    return state.status();
  state_ = *std::move(state);
  for (absl::Status status : {source_.restore(state_.order), stopping_.restore(state_.stopping)})
    if (!status.ok())
      return absl::Status(status.code(), absl::StrCat(checkpoint->path(), ": ", status.message()));
  if (config_.forceReshuffle) {
    source_.startNextEpoch();
    state_.order = source_.state();
  }
  // Who has switched early stopping off wants to go on.
  if (config_.patience == 0 && config_.past == 0)
    state_.stopped.clear();
  firstStep_ = state_.step;
  if (config_.maxSteps == 0)
    shift_ = state_.step - state_.rows / rowsPerStep();
  std::error_code error;
  resumedElsewhere_ = !std::filesystem::equivalent(
      checkpoint->path(), checkpoints_.folder().pathOf(state_.step), error);
  return absl::OkStatus();
}

// That all processes go on from the same: the same files, read from the same places.
absl::Status Trainer::agreeOnStart() {
  if (communicator_.isAlone())
    return absl::OkStatus();
  if (absl::Status status = checkSame(
          communicator_, digestOf(absl::StrCat(state_.step, "/", totalSteps())),
          absl::StrCat("the processes do not begin with the same step: ", config_.outputDir,
                       " must be the same directory for all of them"));
      !status.ok())
    return status;
  if (absl::Status status = checkSame(
          communicator_,
          digestOf(absl::StrCat(sharedConfig(config_), digestOf(parts_.data), parts_.baseDigest)),
          "config, data and model must be the same for all processes");
      !status.ok())
    return status;
  return checkValues();
}

// Their sums have the same bits, so what they learn has, too.
absl::Status Trainer::checkValues() {
  if (communicator_.isAlone())
    return absl::OkStatus();
  return checkSame(communicator_, digestOf(optimizer_.tensors()),
                   absl::StrCat("step ", state_.step, ": the processes have not learned the same"));
}

absl::Status Trainer::begin() {
  if (absl::Status status = agreeOnStart(); !status.ok())
    return status;
  if (!communicator_.isFirst()) {
    start_ = Clock::now();
    return absl::OkStatus();
  }
  if (absl::Status status = makeDirectory(config_.outputDir); !status.ok())
    return status;
  absl::StatusOr<FolderLock> lock = FolderLock::take(config_.outputDir);
  if (!lock.ok())
    return lock.status();
  lock_ = *std::move(lock);
  if (absl::Status status = output_.prepare(); !status.ok())
    return status;
  // What another run, or this one further on, has left must not be taken up later.
  if (config_.resume == "none" && !checkpoints_.folder().steps().empty())
    output_.removeResults();
  if (config_.resume != "auto")
    checkpoints_.folder().removeAfter(state_.step);
  absl::StatusOr<std::unique_ptr<RunTracking>> tracking =
      RunTracking::open(config_, parts_.data.report, state_.step);
  if (!tracking.ok())
    return tracking.status();
  tracking_ = *std::move(tracking);
  for (const Metrics &line : tracking_->metrics()) {
    earlierSeconds_ = line.seconds.value_or(earlierSeconds_);
    if (line.loss)
      push(recentLosses_, *line.loss);
  }
  start_ = Clock::now();
  if (firstStep_ == 0) {
    if (absl::Status status = parts_.parameters.dumpFirst(dumps_); !status.ok())
      return status;
    return config_.sampleSteps > 0 ? writeSamples() : absl::OkStatus();
  }
  return resumedElsewhere_ ? save() : absl::OkStatus();
}

double Trainer::seconds() const { return earlierSeconds_ + secondsSince(start_); }

absl::StatusOr<TrainOutcome> Trainer::run() {
  absl::Status status = begin();
  if (status.ok() && state_.step > 0 && validates() && isDue(config_.evalSteps) &&
      state_.validated != state_.step && !isOver())
    status = validateNow();
  while (status.ok() && !isOver())
    status = step();

  TrainOutcome outcome;
  if (status.ok())
    status = finish(outcome);
  if (absl::IsCancelled(status)) {
    outcome.interrupted = true;
    status = state_.step > firstStep_ ? save() : absl::OkStatus();
  }
  if (!status.ok())
    return status;
  outcome.firstStep = firstStep_;
  outcome.step = state_.step;
  outcome.totalSteps = totalSteps();
  outcome.tokens = state_.tokens;
  outcome.stopped = state_.stopped;
  outcome.seconds = seconds();
  outcome.tracking = std::move(tracking_);
  if (reducer_) {
    outcome.summedBytes = reducer_->bytes();
    outcome.summingSeconds = reducer_->seconds();
    outcome.exposedSeconds = reducer_->exposedSeconds();
  }
  return outcome;
}

// Where one of several processes was stopped alone, none goes on.
absl::Status Trainer::ofOneProcess(const absl::Status &status) const {
  if (communicator_.isAlone() || !absl::IsCancelled(status))
    return status;
  return absl::UnavailableError("stopped in the middle of a step of several processes; the last "
                                "checkpoint is whole, and the same command goes on from there");
}

absl::Status Trainer::reduce(ObjectiveSums &sums) {
  RewardSums &rewards = sums.rewards;
  double interrupted = InterruptGuard::interrupted() ? 1 : 0;
  double values[] = {sums.loss,
                     double(sums.terms),
                     rewards.chosen,
                     rewards.rejected,
                     double(rewards.pairs),
                     double(rewards.right),
                     double(rewards.likelier),
                     interrupted};
  if (absl::Status status = reducer_->finish(values); !status.ok())
    return status;
  sums = {values[0],
          uint64_t(values[1]),
          {values[2], values[3], uint64_t(values[4]), uint64_t(values[5]), uint64_t(values[6])}};
  return values[7] > 0 ? absl::CancelledError() : absl::OkStatus();
}

absl::Status Trainer::step() {
  const Clock::time_point start = Clock::now();
  const int64_t number = state_.step + 1;
  std::vector<Batch> batches(config_.accumulationSteps);
  ObjectiveSums sums;
  uint64_t learned = 0, positions = 0; // of all processes
  for (size_t i = 0; i < batches.size(); ++i) {
    Batch &batch = batches[i];
    source_.next(batch);
    learned += batch.learned;
    positions += batch.rows * (batch.columns - 1);
    if (reducer_) {
      batch = batch.part(communicator_.rank(), communicator_.size());
      if (i + 1 == batches.size())
        reducer_->start();
    }
    const auto part = static_cast<int64_t>(i) * communicator_.size() + communicator_.rank();
    absl::StatusOr<ObjectiveSums> added =
        objective_->addGradients(batch, stepSeed(config_, number, part));
    if (!added.ok())
      return ofOneProcess(added.status());
    sums.add(*added);
    // Before anything of the state has changed; several processes decide together.
    if (absl::Status status = cancelledIfInterrupted(); !reducer_ && !status.ok())
      return status;
  }
  if (reducer_)
    if (absl::Status status = reduce(sums); !status.ok())
      return status;
  const double scale = sums.terms > 0 ? 1 / static_cast<double>(sums.terms) : 0;
  const double loss = sums.meanLoss();
  parts_.parameters.beforeUpdate();
  if (dumps_.wantsBatches() && communicator_.isFirst())
    if (absl::Status status = dumps_.writeBatches(number, batches); !status.ok())
      return status;
  if (dumps_.wantsGradients(number) && communicator_.isFirst())
    if (absl::Status status = parts_.parameters.dumpGradients(dumps_, number, scale); !status.ok())
      return status;
  const double learningRate = schedule_.at(state_.step - shift_);
  const AdamStep update = optimizer_.step(learningRate, scale, parts_.team);
  parts_.parameters.afterUpdate();

  state_.step = number;
  state_.rows += rowsPerStep();
  state_.tokens += static_cast<int64_t>(learned);
  state_.order = source_.state();
  if (update.applied) {
    state_.skipped = 0;
    state_.stopped = stopping_.afterStep(loss);
    push(recentLosses_, loss);
  } else if (++state_.skipped >= kMostSkipped) {
    return gradientsDiverged();
  } else {
    parts_.observer.note(
        absl::StrCat("step ", number, ": the gradient is not finite, so the step changes nothing"));
  }
  const double took = secondsSince(start);
  push(recentSeconds_, took);

  StepReport report;
  report.step = number;
  report.totalSteps = totalSteps();
  report.loss = loss;
  report.rewards = sums.rewards;
  report.meanLoss = recentLosses_.empty() ? loss : mean(recentLosses_);
  report.learningRate = learningRate;
  report.gradientNorm = update.gradientNorm;
  report.epoch =
      static_cast<double>(source_.epoch()) +
      static_cast<double>(source_.place()) / static_cast<double>(source_.samplesPerEpoch());
  report.tokensPerSecond = static_cast<double>(positions) / took;
  report.secondsLeft = mean(recentSeconds_) * static_cast<double>(totalSteps() - number);
  report.applied = update.applied;
  if (tracking_ && (isDue(config_.loggingSteps) || isOver()))
    if (absl::Status status = tracking_->append({.step = number,
                                                 .epoch = report.epoch,
                                                 .loss = loss,
                                                 .learningRate = learningRate,
                                                 .gradientNorm = update.gradientNorm,
                                                 .rewards = rewardMetrics(sums.rewards),
                                                 .tokensPerSecond = report.tokensPerSecond,
                                                 .seconds = seconds()});
        !status.ok())
      return status;
  parts_.observer.step(report);

  if (validates() && (isDue(config_.evalSteps) || isOver()))
    if (absl::Status status = validateNow(); !status.ok())
      return status;
  if (isDue(config_.sampleSteps))
    if (absl::Status status = writeSamples(); !status.ok())
      return status;
  return isDue(config_.saveSteps) || isOver() ? save() : absl::OkStatus();
}

absl::StatusOr<ValidationLosses> Trainer::validation(absl::string_view what) {
  absl::StatusOr<ValidationLosses> losses =
      validate(parts_.data.validation, config_, parts_.tokenizer, *objective_, communicator_,
               [&](double share) {
                 parts_.observer.validating(what, share);
                 // Several processes stop in a step, where they decide together.
                 return reducer_ ? absl::OkStatus() : cancelledIfInterrupted();
               });
  if (!losses.ok())
    return ofOneProcess(losses.status());
  return losses;
}

absl::Status Trainer::diverged(absl::string_view what) const {
  return absl::FailedPreconditionError(absl::StrCat(
      "step ", state_.step, ": ", what, " not finite; give a lower learning_rate and start again"));
}

absl::Status Trainer::gradientsDiverged() const {
  return diverged(absl::StrCat("the gradients of ", state_.skipped, " steps in a row are"));
}

absl::Status Trainer::validateNow() {
  absl::StatusOr<ValidationLosses> losses = validation("validating");
  if (!losses.ok())
    return losses.status();
  const double loss = losses->mean();
  if (!std::isfinite(loss))
    return diverged("the validation loss is");
  lastValidation_ = *std::move(losses);
  state_.validated = state_.step;
  if (state_.stopped.empty())
    state_.stopped = stopping_.afterValidation(loss);
  parts_.observer.validated(state_.step, *lastValidation_);
  if (!tracking_)
    return absl::OkStatus();
  return tracking_->append({.step = state_.step,
                            .seconds = seconds(),
                            .validationLoss = loss,
                            .validationRewards = rewardMetrics(lastValidation_->rewards)});
}

absl::StatusOr<ValidationLosses> Trainer::validationOfBase() {
  absl::StatusOr<ValidationLosses> losses;
  const absl::Status status = runAsBase(parts_.model, parts_.parameters, [&] {
    losses = validation("validating the base");
    return losses.status();
  });
  if (!status.ok())
    return status;
  return losses;
}

// A state of which the next gradients are not finite is none to go on from.
absl::Status Trainer::save() {
  if (state_.skipped > 0)
    return absl::OkStatus();
  state_.stopping = stopping_.state();
  if (absl::Status status = checkValues(); !status.ok() || !communicator_.isFirst())
    return status;
  if (absl::Status status = checkpoints_.save(state_); !status.ok())
    return status;
  if (absl::Status status = writeResults(); !status.ok())
    return status;
  parts_.observer.saved(state_.step);
  return absl::OkStatus();
}

absl::Status Trainer::writeResults() {
  if (!communicator_.isFirst())
    return absl::OkStatus();
  if (absl::Status status = parts_.parameters.write(output_); !status.ok())
    return status;
  return tracking_->writePictures({.step = state_.step,
                                   .totalSteps = totalSteps(),
                                   .tokens = state_.tokens,
                                   .seconds = seconds(),
                                   .stopped = state_.stopped});
}

// Only a signal that comes meanwhile ends the run.
absl::Status Trainer::writeSamples() {
  if (!parts_.sampleWriter || !communicator_.isFirst())
    return absl::OkStatus();
  if (absl::Status status = parts_.parameters.write(output_); !status.ok())
    return status;
  absl::StatusOr<std::vector<TextSample>> samples = parts_.sampleWriter();
  if (absl::IsCancelled(samples.status()))
    return ofOneProcess(samples.status());
  if (!samples.ok()) {
    parts_.observer.note(
        absl::StrCat("no samples after step ", state_.step, ": ", samples.status().message()));
    return absl::OkStatus();
  }
  for (TextSample &sample : *samples) {
    sample.step = state_.step;
    if (absl::Status status = tracking_->append(sample); !status.ok())
      return status;
  }
  return absl::OkStatus();
}

absl::Status Trainer::finish(TrainOutcome &outcome) {
  if (state_.skipped > 0)
    return gradientsDiverged();
  const bool nothingTrained = state_.step == firstStep_;
  if (validates() && state_.validated != state_.step) {
    if (absl::Status status = validateNow(); !status.ok())
      return status;
    if (absl::Status status = save(); !status.ok())
      return status;
  } else if (nothingTrained) {
    // The run may have ended between a checkpoint and the files beside it.
    if (absl::Status status = writeResults(); !status.ok())
      return status;
  }
  if (!validates())
    return absl::OkStatus();
  absl::StatusOr<ValidationLosses> before = validationOfBase();
  if (!before.ok())
    return before.status();
  if (!lastValidation_) {
    absl::StatusOr<ValidationLosses> after = validation("validating");
    if (!after.ok())
      return after.status();
    lastValidation_ = *std::move(after);
  }
  outcome.before = *std::move(before);
  outcome.after = *std::move(lastValidation_);
  return absl::OkStatus();
}

} // namespace llmc::lora
