// What a run computes and writes.
#include "frontends/lora/adapter/PeftAdapter.h"
#include "frontends/lora/train/RunLength.h"
#include "runtime/core/Safetensors.h"
#include "tests/unit/lora/ToyModel.h"
#include <filesystem>

namespace llmc::lora::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

std::set<std::string> namesIn(const std::string &folder) {
  std::set<std::string> names;
  for (const auto &entry : fs::directory_iterator(folder))
    names.insert(entry.path().filename());
  return names;
}

TEST(RunLength, EpochsBecomeSteps) {
  ToyRun run;
  run.prepare();
  const auto steps = [&] { return stepsOf(run.config, run.data->train, *run.tokenizer); };
  EXPECT_EQ(steps(), 12);
  run.config.maxSteps = 0;
  const auto samples = static_cast<int64_t>(run.data->train.size());
  EXPECT_EQ(steps(), (samples + 1) / 2);
  run.config.accumulationSteps = 3;
  EXPECT_EQ(steps(), (samples + 5) / 6);
  run.config.epochs = 0.0001;
  EXPECT_EQ(steps(), 1);
  run.config.epochs = 1e300;
  EXPECT_EQ(steps(), 1000000000000);
}

// Samples that share a row make an epoch shorter.
TEST(RunLength, FilledRowsHoldSeveralSamples) {
  ToyRun run;
  const std::string text = "#ab#cd#ef#gh#ij#kl#mn#op";
  run.folder.write("data.txt", {text.begin(), text.end()});
  run.config.sampleStart = "#";
  run.config.valSize = 0;
  run.config.maxSteps = 0;
  run.config.separateWithBos = false;
  run.prepare();
  ASSERT_EQ(run.data->train.size(), 8u);
  EXPECT_EQ(rowsPerEpoch(run.config, run.data->train, *run.tokenizer), 8u);
  run.config.fillWithNext = true;
  EXPECT_LT(rowsPerEpoch(run.config, run.data->train, *run.tokenizer), 8u);
}

TEST(RunLength, ScheduleIsTheConfigs) {
  TrainConfig config = defaultConfig();
  config.learningRate = 1;
  config.lrScheduler = "linear";
  config.warmupRatio = 0.25;
  Schedule schedule = scheduleOf(config, 10);
  EXPECT_EQ(schedule.warmupSteps, 3); // rounded up
  EXPECT_DOUBLE_EQ(schedule.at(2), 1);
  config.warmupSteps = 5;
  EXPECT_EQ(scheduleOf(config, 10).warmupSteps, 5);
}

TEST(RunLength, LoraPlusIsForMatricesBOfProducts) {
  ToyRun run;
  run.prepare();
  run.config.loraPlusRatio = 16;
  for (const TrainedTensor &tensor : trainedTensorsOf(run.config, *run.model)) {
    const bool lookup = tensor.name.starts_with("token_embd");
    EXPECT_EQ(tensor.learningRateFactor, tensor.name.ends_with("lora_b") && !lookup ? 16 : 1)
        << tensor.name;
    EXPECT_EQ(tensor.f32Moments, lookup) << tensor.name;
  }
  EXPECT_EQ(adamOptionsOf(run.config).moments, MomentFormat::F32);
  run.config.optimizer = "adamw_8bit";
  EXPECT_EQ(adamOptionsOf(run.config).moments, MomentFormat::Blocks8);
}

TEST(RunLength, EachBatchHasASeedOfItsOwn) {
  TrainConfig config = defaultConfig();
  EXPECT_EQ(stepSeed(config, 1, 0), -1);
  config.neftuneNoiseAlpha = 5;
  EXPECT_GE(stepSeed(config, 1, 0), 0);
  config.neftuneNoiseAlpha = 0;
  config.dropout = 0.1;
  std::set<int64_t> seeds;
  for (config.seed = 1; config.seed < 4; ++config.seed)
    for (int64_t step = 1; step < 4; ++step)
      for (int64_t batch = 0; batch < 3; ++batch) {
        const int64_t seed = stepSeed(config, step, batch);
        EXPECT_GE(seed, 0);
        EXPECT_EQ(seed, stepSeed(config, step, batch));
        seeds.insert(seed);
      }
  EXPECT_EQ(seeds.size(), 27u);
}

TEST(Validation, OnlyClearChangesAreMeasurable) {
  ValidationLosses before{{1, 2, 3, 4}}, after{{0.9f, 1.9f, 2.9f, 3.9f}};
  EXPECT_DOUBLE_EQ(before.mean(), 2.5);
  EXPECT_DOUBLE_EQ(before.perplexity(), std::exp(2.5));
  LossChange change = lossChange(before, after);
  EXPECT_NEAR(change.mean, 0.1, 1e-6);
  EXPECT_TRUE(change.measurable());
  EXPECT_FALSE(lossChange(before, before).measurable());
  // As much up as down.
  EXPECT_FALSE(lossChange(before, {{1.5f, 1.5f, 3.5f, 3.6f}}).measurable());
  // The standard error by hand: differences 0.5, -0.5, 0.5, 0.5 around 0.25.
  change = lossChange({{1, 1, 1, 1}}, {{0.5f, 1.5f, 0.5f, 0.5f}});
  EXPECT_DOUBLE_EQ(change.mean, 0.25);
  EXPECT_DOUBLE_EQ(change.error, 0.25);
}

TEST(Trainer, LearnsAndWritesItsFiles) {
  ToyRun run;
  run.config.maxSteps = 40;
  const TrainOutcome outcome = run.done();
  EXPECT_EQ(outcome.step, 40);
  EXPECT_EQ(outcome.tokens, 40 * 2 * 8);
  EXPECT_FALSE(outcome.interrupted);
  ASSERT_TRUE(outcome.before && outcome.after);
  EXPECT_LT(outcome.after->mean(), 0.95 * outcome.before->mean());
  EXPECT_TRUE(lossChange(*outcome.before, *outcome.after).measurable());
  EXPECT_THAT(namesIn(run.config.outputDir),
              UnorderedElementsAre("adapter.gguf", "peft", "metrics.jsonl", "loss.svg", "report.html",
                                   "resolved-config.yaml", "checkpoint-000030.safetensors",
                                   "checkpoint-000035.safetensors",
                                   "checkpoint-000040.safetensors"));
  // The adapter is the model's, in both forms.
  auto gguf = readAdapter(run.out("adapter.gguf"), run.base);
  auto peft = readAdapter(run.out("peft"), run.base);
  ASSERT_TRUE(gguf.ok() && peft.ok()) << gguf.status() << peft.status();
  auto trained = ModelAdapter::create(run.plan, *run.model);
  ASSERT_TRUE(trained.ok());
  expectSame(*gguf, trained->values());
  expectSame(*peft, trained->values());
  // The written config is the one that was used.
  auto config = loadConfig(run.out("resolved-config.yaml"));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(printConfig(*config), printConfig(run.config));

  std::vector<int64_t> validated, learned;
  for (const Metrics &line : run.metrics())
    (line.validationLoss ? validated : learned).push_back(line.step);
  EXPECT_THAT(learned, SizeIs(40));
  EXPECT_THAT(validated, ElementsAre(4, 8, 12, 16, 20, 24, 28, 32, 36, 40));
}

// The matrices before the first step are what the base does without an adapter.
TEST(Trainer, LossBeforeIsTheBases) {
  ToyRun run;
  const TrainOutcome outcome = run.done();
  ToyModel untrained(run.plan, ToyRun::kWidth, ToyRun::kVocabulary);
  Communicator alone;
  auto losses =
      validate(run.data->validation, run.config, *run.tokenizer, *makeLikelihood(untrained), alone,
               [](double) { return absl::OkStatus(); });
  ASSERT_TRUE(losses.ok());
  EXPECT_EQ(outcome.before->losses, losses->losses);
  // And the adapter was put back.
  losses = validate(run.data->validation, run.config, *run.tokenizer, *makeLikelihood(*run.model),
                    alone, [](double) { return absl::OkStatus(); });
  EXPECT_EQ(outcome.after->losses, losses->losses);
}

TEST(Trainer, AccumulationIsALargerBatch) {
  ToyRun small, large;
  small.config.accumulationSteps = 3;
  large.config.batchSize = 6;
  small.done();
  large.done();
  const std::vector<Metrics> a = small.metrics(), b = large.metrics();
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].loss.has_value(), b[i].loss.has_value());
    if (a[i].loss) {
      EXPECT_NEAR(*a[i].loss, *b[i].loss, 1e-5 * *b[i].loss) << i;
      EXPECT_NEAR(*a[i].gradientNorm, *b[i].gradientNorm, 1e-4 * *b[i].gradientNorm) << i;
    }
  }
}

// Gradients are of the mean over the step's tokens.
TEST(Trainer, DumpsSayWhatAStepDid) {
  ToyRun run;
  run.config.dumpBatches = run.folder.path("dump/deep");
  run.config.dumpGradients = {2, 3};
  run.config.accumulationSteps = 2;
  run.config.maxSteps = 3;
  run.config.maxGradNorm = 0;
  run.done();
  EXPECT_THAT(namesIn(run.config.dumpBatches),
              UnorderedElementsAre("adapter-000000", "step-000001.ids.npy", "step-000001.mask.npy",
                                   "step-000002.ids.npy", "step-000002.mask.npy",
                                   "step-000003.ids.npy", "step-000003.mask.npy",
                                   "gradients-000002.safetensors", "gradients-000003.safetensors"));
  const std::string ids = bytesOf(run.config.dumpBatches + "/step-000001.ids.npy");
  EXPECT_THAT(ids, HasSubstr("'descr': '<i4', 'fortran_order': False, 'shape': (4, 9)"));
  ASSERT_EQ(ids.size(), 128u + 4 * 9 * 4);
  BatchSource source(run.data->train, run.config, *run.tokenizer);
  Batch batch;
  ASSERT_TRUE(source.next(batch));
  EXPECT_EQ(std::memcmp(ids.data() + 128, batch.tokens.data(), batch.tokens.size() * 4), 0);

  auto first = readAdapter(run.config.dumpBatches + "/adapter-000000", run.base);
  ASSERT_TRUE(first.ok()) << first.status();
  Adapter expected = run.plan;
  initializeAdapter(expected, run.config.seed);
  expectSame(*first, expected);

  auto file = SafetensorsFile::open(run.config.dumpBatches + "/gradients-000002.safetensors");
  ASSERT_TRUE(file.ok()) << file.status();
  double squares = 0;
  for (const SafetensorsTensor &tensor : file->tensors()) {
    auto values = safetensorsFloats(tensor);
    ASSERT_TRUE(values.ok());
    for (float value : *values)
      squares += double(value) * value;
  }
  EXPECT_NE(file->find("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"), nullptr);
  const std::vector<Metrics> lines = run.metrics();
  EXPECT_NEAR(std::sqrt(squares), *lines[1].gradientNorm, 1e-6 * *lines[1].gradientNorm);
}

TEST(Trainer, StartsFromAnAdapter) {
  ToyRun first;
  first.done();
  ToyRun second;
  second.config.adapterInit = first.out("adapter.gguf");
  second.config.alpha = 8; // B is halved
  auto trainer = second.create();
  ASSERT_TRUE(trainer.ok()) << trainer.status();
  auto given = readAdapter(first.out("adapter.gguf"), first.base);
  Adapter values = second.parameters->adapter().values();
  for (size_t i = 0; i < values.matrices.size(); ++i) {
    EXPECT_EQ(values.matrices[i].a, given->matrices[i].a);
    for (size_t k = 0; k < values.matrices[i].b.size(); ++k)
      EXPECT_FLOAT_EQ(values.matrices[i].b[k], given->matrices[i].b[k] / 2);
  }

  second.config.rank = 4;
  EXPECT_THAT(messageOf(second.create()), HasSubstr("the config 4; give lora.rank: 2"));
  second.config.rank = 2;
  second.config.targetModules = {"attn_q"};
  EXPECT_THAT(messageOf(second.create()), HasSubstr("token_embd.weight, which is not trained"));
  second.config.targetModules = {"token_embd", "attn_q", "attn_output", "attn_k"};
  // The toy has square matrices only; the error comes before it is run.
  EXPECT_THAT(messageOf(second.create()), HasSubstr("does not adapt blk.0.attn_k.weight"));
}

class Notes : public TrainObserver {
public:
  void note(absl::string_view text) override { lines.emplace_back(text); }
  std::vector<std::string> lines;
};

TEST(Trainer, StepsWithoutAFiniteGradientChangeNothing) {
  ToyRun run;
  Notes notes;
  run.observer = &notes;
  auto trainer = run.create();
  ASSERT_TRUE(trainer.ok()) << trainer.status();
  std::vector<float> before;
  run.model->onGradients = [&](ToyModel &model) {
    model.broken = model.calls == 3;
    const std::span<float> values = model.tensors()[1].values;
    if (model.calls == 3)
      before.assign(values.begin(), values.end());
    if (model.calls == 4) {
      EXPECT_TRUE(std::ranges::equal(values, before));
    }
  };
  auto outcome = (*trainer)->run();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_THAT(notes.lines, ElementsAre(HasSubstr("step 3: the gradient is not finite")));

  ToyRun always;
  auto broken = always.create();
  ASSERT_TRUE(broken.ok());
  always.model->broken = true;
  outcome = (*broken)->run();
  EXPECT_THAT(std::string(outcome.status().message()),
              HasSubstr("step 10: the gradients of 10 steps in a row are not finite; give a lower "
                        "learning_rate"));
}

TEST(Trainer, StopsWhenNothingGetsBetter) {
  ToyRun run;
  run.config.learningRate = 1e-30;
  run.config.patience = 2;
  const TrainOutcome outcome = run.done();
  EXPECT_EQ(outcome.step, 12); // validations at 4, 8, 12: two without a better one
  EXPECT_THAT(outcome.stopped, HasSubstr("no better loss"));

  // Started again it stays stopped, and says what it has.
  ToyRun counted;
  counted.config.learningRate = 1e-30;
  counted.config.past = 3;
  counted.config.earlyStoppingDelta = 1;
  const TrainOutcome stopped = counted.done();
  EXPECT_EQ(stopped.step, 4);
  EXPECT_EQ(counted.metrics().back().validationLoss.has_value(), true);
  const TrainOutcome again = counted.done();
  EXPECT_EQ(again.step, 4);
  EXPECT_EQ(again.firstStep, 4);
  EXPECT_EQ(again.after->losses, stopped.after->losses);
  counted.config.past = 0;
  EXPECT_EQ(counted.done().step, 12);
}

TEST(Trainer, NoValidationWithoutData) {
  ToyRun run;
  run.config.valSize = 0;
  const TrainOutcome outcome = run.done();
  EXPECT_FALSE(outcome.before || outcome.after);
  for (const Metrics &line : run.metrics())
    EXPECT_FALSE(line.validationLoss);
}

} // namespace
} // namespace llmc::lora::testing
