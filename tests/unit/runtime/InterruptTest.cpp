#include "runtime/core/Interrupt.h"
#include "runtime/core/AtomicFile.h"
#include "runtime/core/Leftover.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

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

TEST(InterruptGuard, TellsWhichSignalCame) {
  for (int signal : kInterruptSignals) {
    InterruptGuard guard;
    EXPECT_EQ(InterruptGuard::signal(), 0);
    std::raise(signal);
    EXPECT_EQ(InterruptGuard::signal(), signal);
    EXPECT_TRUE(InterruptGuard::interrupted());
  }
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

TEST(Leftover, OnlyThoseThatLiveAreRemoved) {
  const std::string folder = testing::TempDir() + "leftover." + std::to_string(getpid());
  const std::string kept = folder + "/kept", gone = folder + "/gone", moved = folder + "/moved";
  ASSERT_EQ(mkdir(folder.c_str(), 0700), 0);
  for (const std::string &path : {kept, gone, moved})
    std::ofstream(path) << "x";
  auto exists = [](const std::string &path) { return access(path.c_str(), F_OK) == 0; };
  Leftover first(folder), second(gone), third;
  { Leftover ended(kept); }
  third = Leftover(moved);
  removeLeftovers();
  EXPECT_TRUE(exists(kept));
  EXPECT_FALSE(exists(gone));
  EXPECT_FALSE(exists(moved));
  // The folder goes when nothing is in it.
  EXPECT_TRUE(exists(folder));
  unlink(kept.c_str());
  removeLeftovers();
  EXPECT_FALSE(exists(folder));
}

TEST(Leftover, MoreThanThereIsRoomFor) {
  std::vector<Leftover> many;
  for (int i = 0; i < 100; ++i)
    many.emplace_back("/nonexistent/" + std::to_string(i));
  removeLeftovers();
}

TEST(Leftover, GoesWithTheSecondSignal) {
  const std::string path = testing::TempDir() + "leftover.signal." + std::to_string(getpid());
  for (int signal : kInterruptSignals) {
    std::ofstream(path) << "x";
    EXPECT_EXIT(
        {
          InterruptGuard guard;
          Leftover leftover(path);
          std::raise(SIGINT);
          std::raise(signal);
        },
        testing::KilledBySignal(signal), "");
    EXPECT_NE(access(path.c_str(), F_OK), 0);
  }
}

TEST(Leftover, GoesWithTheFirstSignalWithoutAGuard) {
  const std::filesystem::path folder =
      testing::TempDir() + "leftover.first." + std::to_string(getpid());
  std::filesystem::create_directory(folder);
  for (int signal : kInterruptSignals) {
    EXPECT_EXIT(
        {
          removeLeftoversOnSignals();
          // A guard puts back what it found.
          { InterruptGuard guard; }
          absl::StatusOr<AtomicFile> file = AtomicFile::create((folder / "out").string());
          if (file.ok() && file->write(std::string(1 << 20, 'x')).ok())
            std::raise(signal);
        },
        testing::KilledBySignal(signal), "");
    EXPECT_TRUE(std::filesystem::is_empty(folder));
  }
  std::filesystem::remove_all(folder);
}

} // namespace
} // namespace llmc
