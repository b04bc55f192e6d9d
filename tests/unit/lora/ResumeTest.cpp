// A run that is stopped, killed or out of space goes on as if nothing had been.
#include "runtime/core/Interrupt.h"
#include "tests/unit/lora/ToyModel.h"
#include <csignal>
#include <filesystem>
#include <random>
#include <set>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace llmc::lora::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// All that has state: dropout, accumulation, early stopping, an epoch that ends on the way.
void makeHard(TrainConfig &config) {
  config.dropout = 0.25;
  config.accumulationSteps = 2;
  config.maxSteps = 60;
  config.evalSteps = 7;
  config.saveSteps = 3;
  config.patience = 1000;
  config.past = 4;
  config.earlyStoppingDelta = 1e-12;
  config.valSize = 0.5;
  config.lrScheduler = "cosine_with_restarts";
  config.lrCycles = 3;
}

// But for times, to the last bit.
void expectSameLosses(const ToyRun &a, const ToyRun &b) {
  const std::vector<Metrics> x = a.metrics(), y = b.metrics();
  ASSERT_EQ(x.size(), y.size());
  for (size_t i = 0; i < x.size(); ++i) {
    EXPECT_EQ(x[i].step, y[i].step);
    EXPECT_EQ(x[i].loss, y[i].loss) << x[i].step;
    EXPECT_EQ(x[i].epoch, y[i].epoch) << x[i].step;
    EXPECT_EQ(x[i].learningRate, y[i].learningRate) << x[i].step;
    EXPECT_EQ(x[i].gradientNorm, y[i].gradientNorm) << x[i].step;
    EXPECT_EQ(x[i].validationLoss, y[i].validationLoss) << x[i].step;
  }
}

void expectSameResults(const ToyRun &a, const ToyRun &b) {
  expectSameLosses(a, b);
  for (const char *name :
       {"adapter.gguf", "peft/adapter_model.safetensors", "peft/adapter_config.json"})
    EXPECT_EQ(bytesOf(a.out(name)), bytesOf(b.out(name))) << name;
}

// Nothing in output_dir is damaged or left over; `names` are those of temporary files.
void expectWhole(const ToyRun &run) {
  std::error_code error;
  std::vector<std::string> refused;
  CheckpointFolder(run.config.outputDir, 0).newest(refused);
  EXPECT_TRUE(refused.empty()) << refused.front();
  for (const char *name : {"adapter.gguf", "peft"})
    if (fs::exists(run.out(name), error) &&
        (std::string(name) != "peft" || fs::exists(run.out("peft/adapter_config.json"), error))) {
      auto adapter = readAdapter(run.out(name), run.base);
      EXPECT_TRUE(adapter.ok()) << adapter.status();
    }
  if (fs::exists(run.out("loss.svg"), error)) {
    EXPECT_TRUE(bytesOf(run.out("loss.svg")).ends_with("</svg>\n"));
  }
}

class StopAt : public TrainObserver {
public:
  explicit StopAt(int64_t step) : step_(step) {}
  void step(const StepReport &report) override {
    if (report.step == step_)
      std::raise(SIGINT);
  }

private:
  int64_t step_;
};

TEST(Resume, AnInterruptedRunGoesOnExactly) {
  ToyRun whole;
  makeHard(whole.config);
  EXPECT_EQ(whole.done().step, 60);
  // 14 and 28 are validated: the signal comes before.
  ToyRun parts;
  makeHard(parts.config);
  for (int64_t stop : {1, 5, 14, 15, 28, 33, 59}) {
    StopAt observer(stop);
    parts.observer = &observer;
    const TrainOutcome outcome = parts.done();
    EXPECT_TRUE(outcome.interrupted);
    EXPECT_EQ(outcome.step, stop);
    expectWhole(parts);
  }
  parts.observer = &parts.silent;
  const TrainOutcome outcome = parts.done();
  EXPECT_EQ(outcome.firstStep, 59);
  EXPECT_EQ(outcome.step, 60);
  expectSameResults(whole, parts);
}

// Moments in blocks are in checkpoints as they are; token_embd's are f32.
TEST(Resume, MomentsInBlocksGoOnExactly) {
  const auto prepare = [](TrainConfig &config) {
    makeHard(config);
    config.optimizer = "adamw_8bit";
    config.loraPlusRatio = 4;
    config.maxSteps = 12;
    config.rankPattern = {{"attn_q", 512}, {"attn_output", 512}}; // 512 x 8 elements
  };
  ToyRun whole;
  prepare(whole.config);
  EXPECT_EQ(whole.done().step, 12);
  ToyRun parts;
  prepare(parts.config);
  for (int64_t stop : {1, 5}) {
    StopAt observer(stop);
    parts.observer = &observer;
    EXPECT_EQ(parts.done().step, stop);
  }
  parts.observer = &parts.silent;
  EXPECT_EQ(parts.done().firstStep, 5);
  expectSameResults(whole, parts);

  auto checkpoint = SafetensorsFile::open(parts.out("checkpoint-000012.safetensors"));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  const std::string blocked = "blk.0.attn_q.weight.lora_a";
  for (const char *moment : {"adam.first", "adam.second"}) {
    const SafetensorsTensor *codes = checkpoint->find(absl::StrCat(moment, "/", blocked));
    ASSERT_TRUE(codes) << moment;
    EXPECT_EQ(codes->type, "U8");
    EXPECT_EQ(codes->bytes.size(), 4096u);
    EXPECT_GT(std::set(codes->bytes.begin(), codes->bytes.end()).size(), 10u);
    const SafetensorsTensor *scales = checkpoint->find(absl::StrCat(moment, ".absmax/", blocked));
    ASSERT_TRUE(scales) << moment;
    EXPECT_EQ(scales->type, "F32");
    EXPECT_EQ(scales->elements(), 16u);
    EXPECT_EQ(checkpoint->find(absl::StrCat(moment, "/token_embd.weight.lora_a"))->type, "F32");
  }

  parts.config.optimizer = "adamw";
  auto refused = parts.create();
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(std::string(refused.status().message()),
              HasSubstr("optimizer was adamw_8bit and is adamw"));
}

// Between two batches of a step, the state of the one before is kept.
TEST(Resume, AnInterruptedStepIsDoneAgain) {
  ToyRun whole;
  makeHard(whole.config);
  whole.done();
  ToyRun parts;
  makeHard(parts.config);
  {
    InterruptGuard guard;
    auto trainer = parts.create();
    ASSERT_TRUE(trainer.ok()) << trainer.status();
    parts.model->onGradients = [](ToyModel &model) {
      if (model.calls == 2 * 10 + 1)
        std::raise(SIGTERM);
    };
    auto outcome = (*trainer)->run();
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    EXPECT_TRUE(outcome->interrupted);
    EXPECT_EQ(outcome->step, 10);
  }
  parts.done();
  expectSameResults(whole, parts);
}

TEST(Resume, AKilledRunGoesOnExactly) {
  ToyRun whole;
  makeHard(whole.config);
  whole.done();
  ToyRun killed;
  makeHard(killed.config);
  std::mt19937 random(5);
  int kills = 0;
  for (int round = 0; round < 400; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      // Slow enough to be hit in the midst of everything.
      auto trainer = killed.create();
      if (!trainer.ok())
        _exit(1);
      killed.model->onGradients = [](ToyModel &) { usleep(300); };
      _exit((*trainer)->run().ok() ? 0 : 1);
    }
    // Early kills first, so that some of them find no checkpoint.
    usleep(static_cast<useconds_t>(random() % (round < 10 ? 20000 : 60000)));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    expectWhole(killed);
    if (WIFEXITED(status)) {
      EXPECT_EQ(WEXITSTATUS(status), 0);
      if (kills >= 20)
        break;
      // Done too soon: the next one goes on from before the end.
      CheckpointFolder(killed.config.outputDir, 0).removeAfter(57);
    } else {
      ++kills;
    }
  }
  EXPECT_GE(kills, 20);
  killed.done();
  expectSameResults(whole, killed);
}

TEST(Resume, RefusesWhatIsNotTheSameRun) {
  ToyRun run;
  run.done();
  run.config.rank = 4;
  run.config.seed = 2;
  const std::string error = messageOf(run.create());
  EXPECT_THAT(error, HasSubstr("checkpoint-000012.safetensors: lora.rank was 2 and is 4, seed was "
                               "1 and is 2; make it as it was, or start anew with "
                               "resume_from_checkpoint: none"));
  run.config.rank = 2;
  run.config.seed = 1;
  const std::string data = bytesOf(run.config.data);
  std::string text = data;
  text[40] = text[40] == 'x' ? 'y' : 'x';
  run.folder.write("data.txt", {text.begin(), text.end()});
  EXPECT_THAT(messageOf(run.create()), HasSubstr("the data is not what it was"));
  run.folder.write("data.txt", {data.begin(), data.end()});
  EXPECT_TRUE(run.create().ok());
  run.baseDigest = "another model";
  EXPECT_THAT(messageOf(run.create()), HasSubstr("the model in base.gguf is not what it was"));
}

TEST(Resume, AnewMeansAnew) {
  ToyRun run;
  run.done();
  run.config.resume = "none";
  run.config.saveSteps = 3;
  StopAt observer(2);
  run.observer = &observer;
  const TrainOutcome outcome = run.done();
  EXPECT_EQ(outcome.firstStep, 0);
  EXPECT_EQ(outcome.step, 2);
  EXPECT_EQ(CheckpointFolder(run.config.outputDir, 0).steps(), std::vector<int64_t>{2});
}

TEST(Resume, FromANamedCheckpoint) {
  ToyRun whole;
  whole.config.saveSteps = 2;
  whole.config.saveTotalLimit = 0;
  whole.done();
  ToyRun other;
  other.config.data = whole.config.data;
  other.config.saveSteps = 5;
  other.config.resume = whole.out("checkpoint-000006.safetensors");
  const TrainOutcome outcome = other.done();
  EXPECT_EQ(outcome.firstStep, 6);
  EXPECT_EQ(CheckpointFolder(other.config.outputDir, 0).steps(), (std::vector<int64_t>{6, 10, 12}));
  EXPECT_EQ(bytesOf(other.out("adapter.gguf")), bytesOf(whole.out("adapter.gguf")));
  // In the same folder, those after it are given up.
  whole.config.resume = other.config.resume;
  EXPECT_EQ(whole.done().firstStep, 6);
  EXPECT_EQ(bytesOf(other.out("adapter.gguf")), bytesOf(whole.out("adapter.gguf")));
  whole.config.resume = whole.folder.path("data.txt");
  EXPECT_FALSE(whole.create().ok());
}

TEST(Resume, FromTheNewestWholeCheckpoint) {
  ToyRun run;
  run.done();
  const std::string expected = bytesOf(run.out("adapter.gguf"));
  const std::string path = run.out("checkpoint-000012.safetensors");
  fs::resize_file(path, fs::file_size(path) / 2);
  const TrainOutcome outcome = run.done();
  EXPECT_EQ(outcome.firstStep, 10);
  EXPECT_EQ(bytesOf(run.out("adapter.gguf")), expected);
}

TEST(Resume, ReshuffledOnDemand) {
  ToyRun same, other;
  for (ToyRun *run : {&same, &other}) {
    StopAt observer(6);
    run->observer = &observer;
    run->done();
    run->observer = &run->silent;
  }
  other.config.forceReshuffle = true;
  same.done();
  other.done();
  EXPECT_EQ(same.metrics()[5].loss, other.metrics()[5].loss);
  EXPECT_NE(bytesOf(same.out("adapter.gguf")), bytesOf(other.out("adapter.gguf")));
}

// Files may grow to some sizes only, so that each of them in turn is the one that does not fit.
TEST(Resume, AFullDiskIsAnErrorAndLeavesWholeFiles) {
  ToyRun whole;
  whole.done();
  for (const rlim_t limit : {1000, 10000}) {
    ToyRun run;
    int report[2];
    ASSERT_EQ(pipe(report), 0);
    const pid_t child = fork();
    if (child == 0) {
      std::signal(SIGXFSZ, SIG_IGN);
      const rlimit size{limit, limit};
      setrlimit(RLIMIT_FSIZE, &size);
      const std::string message(run.run().status().message());
      (void)!write(report[1], message.data(), message.size());
      _exit(0);
    }
    close(report[1]);
    std::string message(1000, 0);
    message.resize(std::max<ssize_t>(0, read(report[0], message.data(), message.size())));
    close(report[0]);
    waitpid(child, nullptr, 0);
    EXPECT_THAT(message, HasSubstr("cannot write: File too large")) << limit;
    EXPECT_THAT(message, HasSubstr(run.config.outputDir)) << limit;
    expectWhole(run);
    for (const auto &entry : fs::recursive_directory_iterator(run.config.outputDir))
      EXPECT_NE(entry.path().extension(), ".tmp") << limit;
    // With room again it ends as it would have.
    run.done();
    EXPECT_EQ(bytesOf(run.out("adapter.gguf")), bytesOf(whole.out("adapter.gguf"))) << limit;
  }
}

TEST(Resume, APlaceThatCannotBeWritten) {
  ToyRun run;
  run.config.outputDir = run.folder.path("data.txt") + "/out";
  EXPECT_THAT(messageOf(run.run()), HasSubstr("data.txt/out: cannot make the directory"));
}

} // namespace
} // namespace llmc::lora::testing
