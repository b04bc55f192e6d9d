#include "tools/llmc-smith/Workers.h"
#include "absl/strings/str_cat.h"
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace llmc::smith {
namespace {

// A seed takes a fraction of a second, much more on a busy machine; a barrier that a thread never
// reaches takes for ever.
constexpr unsigned kSecondsOfASeed = 600;

struct Worker {
  std::atomic<int64_t> seed, failed, finished;
  pid_t process;
};

} // namespace

absl::StatusOr<int64_t> forEachSeed(SeedRange seeds, int jobs,
                                    const std::function<bool(uint32_t)> &check,
                                    const std::function<void(uint32_t, const char *)> &died) {
  void *shared = mmap(nullptr, jobs * sizeof(Worker), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED)
    return absl::ErrnoToStatus(errno, "cannot map memory for the workers");
  auto *workers = static_cast<Worker *>(shared); // zero
  int running = 0;
  absl::Status status;
  auto start = [&](Worker &worker, int64_t first) {
    if (first > seeds.last)
      return;
    std::fflush(stdout);
    // Not by the worker itself, whose memory this is, too.
    const pid_t process = fork();
    if (process < 0) {
      status = absl::ErrnoToStatus(errno, "cannot start a worker");
      return;
    }
    if (process == 0) {
      for (int64_t seed = first; seed <= seeds.last; seed += jobs) {
        worker.seed = seed;
        alarm(kSecondsOfASeed);
        if (!check(static_cast<uint32_t>(seed)))
          ++worker.failed;
        ++worker.finished;
      }
      std::fflush(stdout);
      _exit(0);
    }
    worker.process = process;
    ++running;
  };
  for (int i = 0; i < jobs; ++i)
    start(workers[i], seeds.first + i);
  int64_t failed = 0, finished = 0;
  while (running > 0) {
    int how = 0;
    const pid_t process = wait(&how);
    if (process < 0 && errno == EINTR)
      continue;
    if (process < 0) {
      status = absl::ErrnoToStatus(errno, "lost a worker");
      break;
    }
    --running;
    for (int i = 0; i < jobs; ++i) {
      Worker &worker = workers[i];
      if (worker.process != process ||
          (WIFEXITED(how) && WEXITSTATUS(how) == 0 && worker.seed + jobs > seeds.last))
        continue;
      ++failed, ++finished;
      died(static_cast<uint32_t>(worker.seed.load()),
           WIFSIGNALED(how) ? strsignal(WTERMSIG(how)) : "its process has ended");
      start(worker, worker.seed + jobs);
    }
  }
  for (int i = 0; i < jobs; ++i) {
    failed += workers[i].failed;
    finished += workers[i].finished;
  }
  const int64_t count = seeds.last - seeds.first + 1;
  if (status.ok() && finished != count)
    status = absl::InternalError(
        absl::StrCat("only ", finished, " of ", count, " seeds came to their end"));
  munmap(shared, jobs * sizeof(Worker));
  if (!status.ok())
    return status;
  return failed;
}

} // namespace llmc::smith
