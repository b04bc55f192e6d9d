#include "runtime/core/ThreadTeam.h"
#include "runtime/core/CpuCount.h"

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <thread>
#include <vector>

namespace llmc {
namespace {

using namespace std::chrono_literals;

double processCpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](timeval t) { return double(t.tv_sec) + 1e-6 * double(t.tv_usec); };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class ThreadTeamTest : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Threads, ThreadTeamTest, testing::Values(1u, 2u, 4u));

TEST_P(ThreadTeamTest, RunsTheBodyOncePerThread) {
  ThreadTeam team(GetParam());
  ASSERT_EQ(team.threads(), GetParam());
  // Plain integers: run() itself must order the bodies' writes before the caller's reads.
  std::vector<int> calls(GetParam());
  const std::thread::id caller = std::this_thread::get_id();
  std::thread::id zero;
  for (int repeat = 0; repeat < 1000; ++repeat)
    team.run([&](unsigned thread, unsigned threads) {
      EXPECT_EQ(threads, GetParam());
      ++calls[thread];
      if (thread == 0)
        zero = std::this_thread::get_id();
    });
  for (int count : calls)
    EXPECT_EQ(count, 1000);
  EXPECT_EQ(zero, caller);
}

TEST_P(ThreadTeamTest, NoThreadPassesABarrierEarly) {
  ThreadTeam team(GetParam());
  constexpr int kRounds = 50'000; // two barriers each
  // Each thread writes its slot, all read all slots, and nobody may write the next round's value
  // before everyone has read. The slots are plain: only the barrier orders them.
  std::vector<int> slots(GetParam());
  std::vector<int> mistakes(GetParam());
  team.run([&](unsigned thread, unsigned threads) {
    for (int round = 1; round <= kRounds; ++round) {
      slots[thread] = round;
      team.barrier();
      for (unsigned other = 0; other < threads; ++other)
        mistakes[thread] += slots[other] != round;
      llmc_team_barrier(&team);
    }
  });
  EXPECT_EQ(std::accumulate(mistakes.begin(), mistakes.end(), 0), 0);
  for (int slot : slots)
    EXPECT_EQ(slot, kRounds);
}

TEST_P(ThreadTeamTest, WakesWorkersThatWentToSleep) {
  ThreadTeam team(GetParam(), 50us);
  std::vector<int> calls(GetParam());
  // Pauses around the length of the spin, so that runs start while workers spin, sleep, and are on
  // the way from one to the other.
  for (int repeat = 0; repeat < 300; ++repeat) {
    team.run([&](unsigned thread, unsigned) { ++calls[thread]; });
    std::this_thread::sleep_for(std::chrono::microseconds(repeat));
  }
  for (int count : calls)
    EXPECT_EQ(count, 300);
}

TEST_P(ThreadTeamTest, IdleTeamUsesNoCpu) {
  ThreadTeam team(GetParam());
  team.run([](unsigned, unsigned) {});
  std::this_thread::sleep_for(20ms); // past the idle spin
  const double before = processCpuSeconds();
  std::this_thread::sleep_for(300ms);
  EXPECT_LT(processCpuSeconds() - before, 0.01);
}

TEST_P(ThreadTeamTest, EndsWithoutEverRunning) { ThreadTeam team(GetParam()); }

TEST(ThreadTeam, ZeroMeansTheDefaultAndTooManyAreCut) {
  EXPECT_EQ(ThreadTeam().threads(), ThreadTeam::defaultThreads());
  EXPECT_GE(ThreadTeam::defaultThreads(), 1u);
  EXPECT_LE(ThreadTeam::defaultThreads(), ThreadTeam::kMaxThreads);
  EXPECT_LE(ThreadTeam(4'000'000'000u).threads(), ThreadTeam::kMaxThreads);
}

TEST(CpuCount, SiblingsAreOneCore) {
  const std::filesystem::path root = std::filesystem::path(testing::TempDir()) / "llmc-cpu-count";
  std::filesystem::remove_all(root);
  const char *siblings[] = {"0,2", "1,3", "0,2", "1,3"};
  for (unsigned cpu = 0; cpu < 4; ++cpu) {
    const auto directory = root / ("cpu" + std::to_string(cpu)) / "topology";
    std::filesystem::create_directories(directory);
    std::ofstream(directory / "thread_siblings_list") << siblings[cpu] << '\n';
  }
  auto count = [&](std::vector<unsigned> cpus) { return countPhysicalCores(cpus, root.string()); };
  EXPECT_EQ(count({0, 1, 2, 3}), 2u);
  EXPECT_EQ(count({0, 2}), 1u);
  EXPECT_EQ(count({2, 3}), 2u);
  EXPECT_EQ(count({0, 2, 7, 8}), 3u) << "a CPU that tells nothing is a core of its own";
  std::filesystem::remove_all(root);
}

} // namespace
} // namespace llmc
