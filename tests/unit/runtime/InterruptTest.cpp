#include "runtime/core/Interrupt.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>
#include <unistd.h>

namespace llmc {
namespace {

TEST(InterruptGuard, FirstSignalOnlySetsTheFlag) {
  InterruptGuard guard;
  EXPECT_FALSE(InterruptGuard::interrupted());
  std::raise(SIGINT);
  EXPECT_TRUE(InterruptGuard::interrupted());
}

TEST(InterruptGuard, ClearMakesTheNextSignalAFirstOne) {
  InterruptGuard guard;
  std::raise(SIGINT);
  InterruptGuard::clear();
  EXPECT_FALSE(InterruptGuard::interrupted());
  std::raise(SIGINT);
  EXPECT_TRUE(InterruptGuard::interrupted());
}

TEST(InterruptGuard, ANewGuardStartsUninterrupted) {
  {
    InterruptGuard guard;
    std::raise(SIGINT);
  }
  EXPECT_TRUE(InterruptGuard::interrupted());
  InterruptGuard guard;
  EXPECT_FALSE(InterruptGuard::interrupted());
}

int marks = 0;

TEST(InterruptGuard, RestoresWhatWasThereBefore) {
  struct sigaction mine = {}, original = {};
  mine.sa_handler = [](int) { ++marks; };
  sigaction(SIGINT, &mine, &original);
  {
    InterruptGuard guard;
    std::raise(SIGINT);
    EXPECT_EQ(marks, 0);
  }
  std::raise(SIGINT);
  EXPECT_EQ(marks, 1);
  sigaction(SIGINT, &original, nullptr);
}

TEST(InterruptGuard, LeavesAnIgnoredSignalIgnored) {
  struct sigaction ignore = {}, original = {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGINT, &ignore, &original);
  {
    InterruptGuard guard;
    std::raise(SIGINT);
    EXPECT_FALSE(InterruptGuard::interrupted());
  }
  sigaction(SIGINT, &original, nullptr);
}

TEST(InterruptGuard, BlockingReadsReturn) {
  InterruptGuard guard;
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  // The byte ends a read that the signal did not end.
  const pthread_t reader = pthread_self();
  std::atomic<bool> done{false};
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    pthread_kill(reader, SIGINT);
    for (int i = 0; i < 100 && !done; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_EQ(write(ends[1], "x", 1), 1);
  });
  char byte;
  EXPECT_EQ(read(ends[0], &byte, 1), -1);
  EXPECT_EQ(errno, EINTR);
  EXPECT_TRUE(InterruptGuard::interrupted());
  done = true;
  other.join();
  close(ends[0]);
  close(ends[1]);
}

TEST(InterruptGuardDeathTest, SecondSignalEndsTheProcess) {
  EXPECT_EXIT(
      {
        InterruptGuard guard;
        std::raise(SIGINT);
        std::raise(SIGINT);
        _exit(0);
      },
      testing::KilledBySignal(SIGINT), "");
}

} // namespace
} // namespace llmc
