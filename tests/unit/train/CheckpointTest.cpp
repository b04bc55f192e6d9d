#include "runtime/train/Checkpoint.h"
#include "runtime/train/ExactText.h"
#include "runtime/train/LossPlot.h"
#include "runtime/train/MetricsLog.h"
#include "tests/unit/gguf/TempFolder.h"

#include <cmath>
#include <csignal>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace llmc {
namespace {

using gguf::testing::TempFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<float> kValues = {1, -2,   3.5f, std::numeric_limits<float>::denorm_min(),
                                    0, -0.0f};
const std::vector<float> kMore = {7, 8, 9};

std::vector<NamedValues> sampleTensors() {
  return {{"blk.0.attn_q.weight.lora_a", {2, 3}, kValues}, {"adam.first/x", {3}, kMore}};
}

absl::Status writeSample(const std::string &path) {
  return writeCheckpoint(path, {{"step", "10"}, {"config", "a: \"llmc.checksum\":\"x\"\n"}},
                         sampleTensors());
}

TEST(Checkpoint, ReadsWhatItWrote) {
  TempFolder folder;
  ASSERT_TRUE(writeSample(folder.path("c")).ok());
  auto checkpoint = Checkpoint::open(folder.path("c"));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ(*checkpoint->integer("step"), 10);
  EXPECT_EQ(*checkpoint->text("config"), "a: \"llmc.checksum\":\"x\"\n");
  EXPECT_FALSE(checkpoint->integer("config").ok());
  EXPECT_FALSE(checkpoint->text("other").ok());
  std::vector<float> values(6);
  const std::vector<uint64_t> shape = {2, 3}, other = {3, 2};
  ASSERT_TRUE(checkpoint->copy("blk.0.attn_q.weight.lora_a", shape, values).ok());
  EXPECT_EQ(std::memcmp(values.data(), kValues.data(), 24), 0);
  EXPECT_FALSE(checkpoint->copy("blk.0.attn_q.weight.lora_a", other, values).ok());
  EXPECT_FALSE(checkpoint->copy("blk.0.attn_q.weight.lora_b", shape, values).ok());
  EXPECT_FALSE(
      checkpoint->copy("blk.0.attn_q.weight.lora_a", shape, std::span(values).first(5)).ok());
}

TEST(Checkpoint, RefusesAnyDamage) {
  TempFolder folder;
  ASSERT_TRUE(writeSample(folder.path("c")).ok());
  const std::vector<uint8_t> good = folder.read("c");
  for (size_t i = 0; i < good.size(); ++i)
    for (uint8_t flip : {0x01, 0x20, 0x80}) {
      std::vector<uint8_t> bad = good;
      bad[i] ^= flip;
      folder.write("d", bad);
      EXPECT_FALSE(Checkpoint::open(folder.path("d")).ok()) << i;
    }
  for (size_t size = 0; size < good.size(); size += 3) {
    folder.write("d", {good.begin(), good.begin() + size});
    EXPECT_FALSE(Checkpoint::open(folder.path("d")).ok()) << size;
  }
  ASSERT_TRUE(writeSafetensors(folder.path("d"), {}).ok());
  EXPECT_THAT(std::string(Checkpoint::open(folder.path("d")).status().message()),
              HasSubstr("not a checkpoint"));
}

TEST(CheckpointFolder, KeepsTheNewestAndFindsTheWhole) {
  TempFolder temp;
  const CheckpointFolder folder(temp.path(""), 2);
  std::vector<std::string> refused;
  EXPECT_FALSE(folder.newest(refused));
  for (int64_t step : {10, 20, 30, 1000000})
    ASSERT_TRUE(folder.save(step, {{"step", absl::StrCat(step)}}, sampleTensors()).ok());
  EXPECT_THAT(folder.steps(), ElementsAre(30, 1000000));
  temp.write("checkpoint-1.safetensors", {1});        // not the spelling
  temp.write("checkpoint-000005.safetensors.x", {1}); // nor the ending
  EXPECT_THAT(folder.steps(), ElementsAre(30, 1000000));

  EXPECT_EQ(*folder.newest(refused)->integer("step"), 1000000);
  EXPECT_THAT(refused, IsEmpty());
  temp.write("checkpoint-1000000.safetensors", {1, 2, 3});
  EXPECT_EQ(*folder.newest(refused)->integer("step"), 30);
  EXPECT_EQ(refused.size(), 1u);

  // What a run from an earlier state writes is not taken for old.
  ASSERT_TRUE(folder.save(20, {}, sampleTensors()).ok());
  EXPECT_THAT(folder.steps(), ElementsAre(20, 30, 1000000));
  folder.removeAfter(20);
  EXPECT_THAT(folder.steps(), ElementsAre(20));
}

// Writing runs into the limit of a file's size, as it would into a full disk.
TEST(CheckpointFolder, AFullDiskLeavesWhatWasThere) {
  TempFolder temp;
  const CheckpointFolder folder(temp.path(""), 1);
  ASSERT_TRUE(folder.save(10, {{"step", "10"}}, sampleTensors()).ok());
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{8192, 8192};
    setrlimit(RLIMIT_FSIZE, &limit);
    const std::vector<float> large(1 << 14, 1.0f);
    const std::vector<NamedValues> tensors = {{"x", {large.size()}, large}};
    const absl::Status status = folder.save(20, {{"step", "20"}}, tensors);
    _exit(status.ok() ? 1 : 0);
  }
  int status = 1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  std::vector<std::string> refused;
  EXPECT_EQ(*folder.newest(refused)->integer("step"), 10);
  EXPECT_EQ(temp.names().size(), 1u);
}

// Killed at any moment, there is a whole checkpoint and never a damaged one under its name.
TEST(CheckpointFolder, SurvivesBeingKilled) {
  TempFolder temp;
  const CheckpointFolder folder(temp.path(""), 2);
  const std::vector<float> large(1 << 18, 1.0f);
  const std::vector<NamedValues> tensors = {{"x", {large.size()}, large}};
  ASSERT_TRUE(folder.save(1, {{"step", "1"}}, tensors).ok());
  for (int round = 0; round < 10; ++round) {
    const pid_t child = fork();
    if (child == 0)
      for (int64_t step = folder.steps().back() + 1;; ++step)
        (void)folder.save(step, {{"step", absl::StrCat(step)}}, tensors);
    usleep(3000 + 1700 * round);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    std::vector<std::string> refused;
    ASSERT_TRUE(folder.newest(refused));
    EXPECT_THAT(refused, IsEmpty());
  }
}

TEST(ExactText, KeepsEveryBit) {
  for (double value : {0.1, -0.0, 1e-310, HUGE_VAL, 3.0}) {
    const double read = *parseExact(exactText(value));
    EXPECT_EQ(std::memcmp(&read, &value, sizeof(value)), 0) << value;
  }
  EXPECT_TRUE(std::isnan(*parseExact(exactText(std::nan("")))));
  EXPECT_FALSE(parseExact("0.1"));
}

TEST(MetricsLog, GoesOnWhereTheCheckpointWas) {
  TempFolder folder;
  const std::string path = folder.path("metrics.jsonl");
  {
    auto log = MetricsLog::open(path, 0);
    ASSERT_TRUE(log.ok()) << log.status();
    for (int64_t step = 1; step <= 5; ++step)
      ASSERT_TRUE(log->append({.step = step, .loss = 1.0 / step, .learningRate = 1e-3}).ok());
    ASSERT_TRUE(log->append({.step = 5, .validationLoss = 0.5}).ok());
  }
  std::vector<uint8_t> bytes = folder.read("metrics.jsonl");
  const std::string before(bytes.begin(), bytes.end());
  EXPECT_THAT(before, HasSubstr("{\"step\":2,\"loss\":0.5,\"learning_rate\":0.001}\n"));
  EXPECT_THAT(before, HasSubstr("{\"step\":5,\"eval_loss\":0.5}\n"));
  const std::string cut = before + "{\"step\":6,\"lo";
  folder.write("metrics.jsonl", {cut.begin(), cut.end()});

  auto log = MetricsLog::open(path, 3);
  ASSERT_TRUE(log.ok());
  EXPECT_EQ(log->lines().size(), 3u);
  ASSERT_TRUE(log->append({.step = 4, .loss = 9.0}).ok());
  bytes = folder.read("metrics.jsonl");
  const std::string after(bytes.begin(), bytes.end());
  EXPECT_EQ(after, before.substr(0, before.find("{\"step\":4")) + "{\"step\":4,\"loss\":9.0}\n");
  ASSERT_TRUE(MetricsLog::open(path, 0).ok());
  EXPECT_THAT(folder.read("metrics.jsonl"), IsEmpty());
}

TEST(MetricsLog, WritesWhatIsNotFiniteAsNull) {
  EXPECT_EQ(metricsText({.step = 1, .loss = std::nan("")}), "{\"step\":1,\"loss\":null}");
  EXPECT_TRUE(std::isnan(*parseMetrics("{\"step\":1,\"loss\":null}")->loss));
  for (const char *bad : {"", "[]", "{}", "{\"step\":\"1\"}", "{\"step\":1", "1"})
    EXPECT_FALSE(parseMetrics(bad)) << bad;
}

TEST(LossPlot, ShowsWhatThereIs) {
  std::vector<Metrics> lines;
  EXPECT_THAT(lossSvg(lines, "a <b> & c"), HasSubstr("no losses yet"));
  EXPECT_THAT(lossSvg(lines, "a <b> & c"), HasSubstr("a &lt;b&gt; &amp; c"));
  for (int64_t step = 1; step <= 100000; ++step) {
    lines.push_back({.step = step, .loss = step % 1000 ? 5.0 / step : std::nan("")});
    if (step % 10000 == 0)
      lines.push_back({.step = step, .validationLoss = 1 + 1.0 / step});
  }
  const std::string svg = lossSvg(lines, "run");
  EXPECT_LT(svg.size(), 40000u);
  EXPECT_THAT(svg, HasSubstr("validation, now 1"));
  EXPECT_THAT(svg, ::testing::Not(HasSubstr("nan")));
  const Metrics one[] = {{.step = 1, .loss = 2.0}};
  EXPECT_THAT(lossSvg(one, ""), ::testing::Not(HasSubstr("nan")));
  TempFolder folder;
  EXPECT_TRUE(writeLossPlot(folder.path("loss.svg"), lines, "run").ok());
}

} // namespace
} // namespace llmc
