#ifndef LLMC_RUNTIME_CORE_THREADTEAM_H
#define LLMC_RUNTIME_CORE_THREADTEAM_H

#include "absl/functional/function_ref.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace llmc {

/// A fixed set of threads that run one function together (SPMD).
///
/// The team is driven by one thread at a time: run() must not be called from two threads at once,
/// nor from inside the function that it runs. Between runs the workers spin for `idleSpin`, so that
/// the next token finds them awake, and then sleep without using CPU.
class ThreadTeam {
public:
  static constexpr unsigned kMaxThreads = 256;
  static constexpr std::chrono::microseconds kDefaultIdleSpin{200};

  /// What a team gets unless told: the physical cores this process may use, at most kMaxThreads.
  static unsigned defaultThreads();

  /// `threads` counts the calling thread: N makes N - 1 workers. 0 means defaultThreads(); more
  /// than kMaxThreads is cut to it. If the system refuses a thread the team is smaller: see
  /// threads().
  explicit ThreadTeam(unsigned threads = 0, std::chrono::microseconds idleSpin = kDefaultIdleSpin);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam &) = delete;
  ThreadTeam &operator=(const ThreadTeam &) = delete;

  unsigned threads() const { return threads_; }

  /// Calls body(thread, threads()) once for each thread in [0, threads()), the caller being thread
  /// 0, and returns when all calls have returned. What the bodies wrote is then visible to the
  /// caller. `body` must not throw.
  void run(absl::FunctionRef<void(unsigned thread, unsigned threads)> body);

  /// Only inside run(): returns when every thread of the team has called it as often as this one.
  /// What any thread wrote before is then visible to all.
  void barrier() {
    if (threads_ > 1)
      barrierSlow();
  }

private:
  using Body = absl::FunctionRef<void(unsigned, unsigned)>;
  static constexpr size_t kLine = 64;

  void barrierSlow();
  void work(unsigned thread);
  /// Waits until there is a run after number `seen` or the team ends.
  void awaitRun(uint32_t seen);
  void wakeSleepers();

  unsigned threads_ = 1;
  unsigned spinPauses_ = 0;
  std::chrono::microseconds idleSpin_;
  std::vector<std::thread> workers_;

  // Each group of words that different threads write has a cache line of its own.
  alignas(kLine) std::atomic<uint32_t> runNumber_{0};
  std::atomic<bool> stop_{false};
  const Body *body_ = nullptr;
  alignas(kLine) std::atomic<uint32_t> unfinished_{0};
  alignas(kLine) std::atomic<uint32_t> arrived_{0};
  alignas(kLine) std::atomic<uint32_t> generation_{0};
  alignas(kLine) std::atomic<uint32_t> sleepers_{0};
  std::mutex sleepMutex_;
  std::condition_variable wake_;
};

} // namespace llmc

/// ThreadTeam::barrier() for compiled code; `team` is the llmc::ThreadTeam that runs it.
extern "C" void llmc_team_barrier(void *team);

#endif // LLMC_RUNTIME_CORE_THREADTEAM_H
