// Losses of pairs by their formulas, and runs that learn from pairs.
#include "frontends/lora/train/Objective.h"
#include "frontends/lora/train/RunLength.h"
#include "tests/unit/lora/ToyModel.h"
#include <csignal>

namespace llmc::lora::testing {
namespace {

using ::testing::HasSubstr;
using Loss = PairLoss (*)(const TrainConfig &, const AnswerScore &, const AnswerScore &);

TrainConfig modeOf(const std::string &mode, const std::string &type = "sigmoid",
                   double smoothing = 0) {
  TrainConfig config = defaultConfig();
  config.trainMode = mode;
  config.beta = 0.25;
  config.dpoLossType = type;
  config.labelSmoothing = smoothing;
  return config;
}

// Numbers computed by hand.
TEST(PreferenceLoss, IsThePapers) {
  // h = 0.25 * ((-10 + 12) - (-9 + 7)) = 1
  const AnswerScore chosen{-10, 4, -12}, rejected{-9, 2, -7};
  PairLoss loss = dpoLoss(modeOf("dpo"), chosen, rejected);
  EXPECT_NEAR(loss.loss, 0.31326168751822286, 1e-15); // log(1 + 1/e)
  EXPECT_DOUBLE_EQ(loss.reward.chosen, 0.5);
  EXPECT_DOUBLE_EQ(loss.reward.rejected, -0.5);
  EXPECT_TRUE(loss.reward.right());
  EXPECT_FALSE(loss.reward.likelier);
  // The other way round: log(1 + e).
  EXPECT_NEAR(dpoLoss(modeOf("dpo", "sigmoid", 0.25), chosen, rejected).loss,
              0.75 * 0.31326168751822286 + 0.25 * 1.3132616875182228, 1e-15);
  EXPECT_DOUBLE_EQ(dpoLoss(modeOf("dpo", "hinge"), chosen, rejected).loss, 0);
  EXPECT_DOUBLE_EQ(dpoLoss(modeOf("dpo", "hinge"), rejected, chosen).loss, 2);
  // Means: 2 / 4 - -2 / 2 = 1.5, and 1 / (2 * 0.25) = 2.
  EXPECT_DOUBLE_EQ(dpoLoss(modeOf("dpo", "ipo"), chosen, rejected).loss, 0.25);

  // Means log(1/2) and log(1/4): odds 1 and 1/3, log sigmoid(log 3) = log(3/4).
  loss = orpoLoss(modeOf("orpo"), {2 * std::log(0.5), 2, 0}, {3 * std::log(0.25), 3, 0});
  EXPECT_NEAR(loss.loss, std::log(2) - 0.25 * std::log(0.75), 1e-15);
  EXPECT_NEAR(loss.reward.margin(), 0.25 * std::log(2), 1e-15);
  EXPECT_TRUE(loss.reward.likelier);
}

TEST(PreferenceLoss, SlopesAreDerivatives) {
  struct Case {
    TrainConfig config;
    Loss loss;
  };
  for (const Case &c : {Case{modeOf("dpo"), dpoLoss}, Case{modeOf("dpo", "sigmoid", 0.3), dpoLoss},
                        Case{modeOf("dpo", "hinge"), dpoLoss}, Case{modeOf("dpo", "ipo"), dpoLoss},
                        Case{modeOf("orpo"), orpoLoss}})
    for (double x : {-0.01, -1.5, -40.0})
      for (double y : {-0.02, -3.0, -30.0}) {
        constexpr double kStep = 1e-5;
        const auto at = [&](double dx, double dy) {
          return c.loss(c.config, {x + dx, 3, -1}, {y + dy, 5, -2}).loss;
        };
        const PairLoss loss = c.loss(c.config, {x, 3, -1}, {y, 5, -2});
        const double chosen = (at(kStep, 0) - at(-kStep, 0)) / (2 * kStep);
        const double rejected = (at(0, kStep) - at(0, -kStep)) / (2 * kStep);
        EXPECT_NEAR(loss.chosenSlope, chosen, 1e-4 * std::abs(chosen) + 1e-9) << x << " " << y;
        EXPECT_NEAR(loss.rejectedSlope, rejected, 1e-4 * std::abs(rejected) + 1e-9)
            << x << " " << y;
      }
}

// Answers that are certain, or impossible.
TEST(PreferenceLoss, IsFiniteAtTheEnds) {
  for (double x : {0.0, -1e-300, -1e5})
    for (double y : {0.0, -1e-300, -1e5})
      for (const PairLoss &loss : {dpoLoss(modeOf("dpo"), {x, 3, 0}, {y, 5, 0}),
                                   orpoLoss(modeOf("orpo"), {x, 3, 0}, {y, 5, 0})}) {
        EXPECT_TRUE(std::isfinite(loss.loss)) << x << " " << y;
        EXPECT_TRUE(std::isfinite(loss.chosenSlope)) << x << " " << y;
        EXPECT_TRUE(std::isfinite(loss.rejectedSlope)) << x << " " << y;
      }
}

// Answers in alphabetical order are preferred.
struct PreferenceRun : ToyRun {
  explicit PreferenceRun(const std::string &mode) {
    Random random(5);
    std::string text;
    for (int i = 0; i < 40; ++i) {
      const char a = static_cast<char>('a' + random.next() % 13);
      const char b = static_cast<char>(a + 1 + random.next() % 12);
      const std::string prompt(1, static_cast<char>('a' + random.next() % 26));
      text += "{\"prompt\": \"" + prompt + "\", \"chosen\": \"" + a + b + "\", \"rejected\": \"" +
              b + a + (i % 3 ? "" : "z") + "\"}\n";
    }
    folder.write("pairs.jsonl", {text.begin(), text.end()});
    config.data = folder.path("pairs.jsonl");
    config.trainMode = mode;
    config.beta = 0.5;
    config.valSize = 0.25;
  }
};

// Of the step's gradient: that of the mean over the pairs of all its batches, by differences.
TEST(Preferences, GradientsAreThoseOfTheMeanOverPairs) {
  for (const std::string mode : {"dpo", "orpo"})
    for (const bool drops : {false, true}) {
      PreferenceRun run(mode);
      run.config.dropout = drops ? 0.25 : 0;
      run.prepare();
      std::vector<TrainedTensor> tensors = run.model->tensors();
      Random random(9);
      for (const TrainedTensor &tensor : tensors)
        for (float &value : tensor.values)
          value = static_cast<float>(0.3 * random.normal());
      BatchSource source(run.data->train, run.config, *run.tokenizer);
      std::vector<Batch> batches(2);
      for (Batch &batch : batches)
        source.next(batch);
      const auto objective = [&] {
        return makeObjective(run.config, *run.data, *run.tokenizer, *run.model, *run.parameters);
      };
      const auto sums = [&](Objective &of) {
        ObjectiveSums sums;
        for (size_t i = 0; i < batches.size(); ++i) {
          auto added = of.addGradients(batches[i], stepSeed(run.config, 1, int64_t(i)));
          EXPECT_TRUE(added.ok()) << added.status();
          sums.add(*added);
        }
        return sums;
      };
      const ObjectiveSums all = sums(*objective());
      EXPECT_EQ(all.terms, 4u);
      EXPECT_EQ(all.rewards.pairs, 4u);
      std::vector<std::vector<float>> gradients;
      for (const TrainedTensor &tensor : tensors)
        gradients.emplace_back(tensor.gradient.begin(), tensor.gradient.end());
      double largest = 0, error = 0;
      for (size_t t = 0; t < tensors.size(); ++t)
        for (size_t i = 0; i < tensors[t].values.size(); i += 7) {
          float &value = tensors[t].values[i];
          const float kept = value;
          constexpr float kStep = 0.02f;
          double loss[2];
          for (int side : {0, 1}) {
            value = kept + (side ? kStep : -kStep);
            loss[side] = sums(*objective()).loss;
          }
          value = kept;
          const double difference = (loss[1] - loss[0]) / (2 * kStep);
          largest = std::max(largest, std::abs(difference));
          error = std::max(error, std::abs(difference - gradients[t][i]));
        }
      EXPECT_GT(largest, 0.05);
      EXPECT_LT(error, 2e-3 * largest) << mode << drops;
    }
}

// The reference is the base, whatever the adapter is, and is not computed twice.
TEST(Preferences, TheReferenceIsTheBase) {
  PreferenceRun run("dpo");
  run.prepare();
  BatchSource source(run.data->train, run.config, *run.tokenizer);
  Batch batch;
  source.next(batch);
  auto objective =
      makeObjective(run.config, *run.data, *run.tokenizer, *run.model, *run.parameters);
  auto sums = objective->addGradients(batch, -1);
  ASSERT_TRUE(sums.ok());
  EXPECT_DOUBLE_EQ(sums->meanLoss(), std::log(2));
  EXPECT_EQ(sums->rewards.margin(), 0);
  for (const TrainedTensor &tensor : run.model->tensors())
    std::ranges::fill(tensor.values, 0.05f);
  auto again = makeObjective(run.config, *run.data, *run.tokenizer, *run.model, *run.parameters);
  auto a = objective->addGradients(batch, -1), b = again->addGradients(batch, -1);
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_NE(a->loss, sums->loss);
  EXPECT_EQ(a->loss, b->loss);
  for (const TrainedTensor &tensor : run.model->tensors())
    EXPECT_EQ(std::ranges::count(tensor.values, 0.05f), std::ssize(tensor.values));
}

TEST(Preferences, ARunLearnsThem) {
  for (const std::string mode : {"dpo", "orpo"}) {
    PreferenceRun run(mode);
    run.config.beta = mode == "dpo" ? 0.5 : 2; // of orpo it is the weight of the preference
    run.config.maxSteps = 150;
    const TrainOutcome outcome = run.done();
    ASSERT_TRUE(outcome.before && outcome.after);
    EXPECT_EQ(outcome.after->rewards.pairs, 10u);
    EXPECT_EQ(outcome.after->losses.size(), 10u);
    EXPECT_LT(outcome.after->mean(), 0.8 * outcome.before->mean()) << mode;
    EXPECT_GT(outcome.after->rewards.margin(), outcome.before->rewards.margin() + 0.2) << mode;
    EXPECT_GT(outcome.after->rewards.likelier, outcome.before->rewards.likelier) << mode;
    if (mode == "dpo") {
      EXPECT_GT(outcome.after->rewards.accuracy(), 0.85);
      EXPECT_NEAR(outcome.before->mean(), std::log(2), 1e-6);
    }
    // Steps and validations tell of rewards.
    for (const Metrics &line : run.metrics()) {
      ASSERT_EQ(line.loss.has_value(), line.rewards.has_value());
      ASSERT_EQ(line.validationLoss.has_value(), line.validationRewards.has_value());
      for (const auto &rewards : {line.rewards, line.validationRewards})
        if (rewards) {
          EXPECT_NEAR(rewards->margin, rewards->chosen - rewards->rejected, 1e-12);
        }
    }
    EXPECT_NEAR(run.metrics().back().validationRewards->margin, outcome.after->rewards.margin(),
                1e-12);
  }
}

TEST(Preferences, AccumulationIsALargerBatch) {
  PreferenceRun small("dpo"), large("dpo");
  small.config.accumulationSteps = 3;
  large.config.batchSize = 6;
  small.done();
  large.done();
  const std::vector<Metrics> a = small.metrics(), b = large.metrics();
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i)
    if (a[i].loss) {
      EXPECT_NEAR(*a[i].loss, *b[i].loss, 1e-5 * *b[i].loss) << i;
      EXPECT_NEAR(*a[i].gradientNorm, *b[i].gradientNorm, 1e-4 * *b[i].gradientNorm) << i;
    }
}

// Stopped in the first epoch, at its end and in later ones, where the references of all samples of
// a batch come from other batches.
TEST(Preferences, AStoppedRunGoesOnExactly) {
  struct StopAt : TrainObserver {
    explicit StopAt(int64_t at) : at(at) {}
    void step(const StepReport &report) override {
      if (report.step == at)
        std::raise(SIGINT);
    }
    int64_t at;
  };
  const auto harden = [](PreferenceRun &run) {
    run.config.dropout = 0.25;
    run.config.accumulationSteps = 2;
    run.config.maxSteps = 30;
    run.config.evalSteps = 7;
    run.config.saveSteps = 4;
  };
  PreferenceRun whole("dpo"), parts("dpo");
  harden(whole);
  harden(parts);
  EXPECT_EQ(whole.done().step, 30);
  for (int64_t stop : {2, 7, 8, 19}) {
    StopAt observer(stop);
    parts.observer = &observer;
    EXPECT_TRUE(parts.done().interrupted);
  }
  parts.observer = &parts.silent;
  EXPECT_EQ(parts.done().firstStep, 19);
  const std::vector<Metrics> a = whole.metrics(), b = parts.metrics();
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].loss, b[i].loss) << i;
    EXPECT_EQ(a[i].validationLoss, b[i].validationLoss) << i;
    ASSERT_EQ(a[i].rewards.has_value(), b[i].rewards.has_value());
    if (a[i].rewards) {
      EXPECT_EQ(a[i].rewards->margin, b[i].rewards->margin) << i;
    }
  }
  EXPECT_EQ(bytesOf(whole.out("adapter.gguf")), bytesOf(parts.out("adapter.gguf")));
  parts.config.beta = 0.25;
  EXPECT_THAT(messageOf(parts.create()), HasSubstr("beta was 0.5 and is 0.25"));
}

} // namespace
} // namespace llmc::lora::testing
