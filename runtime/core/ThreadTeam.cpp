#include "runtime/core/ThreadTeam.h"

#include "runtime/core/CpuCount.h"

#include <algorithm>
#include <system_error>

namespace llmc {
namespace {

using Clock = std::chrono::steady_clock;

/// Tells the core that this is a spin loop, so that it frees the pipeline for a sibling thread.
inline void cpuPause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield" ::: "memory");
#endif
}

/// How long a waiting thread keeps its core before it offers it to others. A thread that is waited
/// for may need this very core when there are more threads than cores.
constexpr std::chrono::microseconds kSpinBeforeYield{50};

/// Pauses between two looks at the clock.
constexpr unsigned kPausesPerClock = 64;

/// Waits for done(): `pauses` quick looks, then kSpinBeforeYield by the clock unless `pauses` is 0,
/// then yielding between looks. Gives up at `deadline`; returns whether done() held.
template <class Done>
bool spinUntil(Done done, unsigned pauses, Clock::time_point deadline = Clock::time_point::max()) {
  for (unsigned i = 0; i < pauses; ++i) {
    if (done())
      return true;
    cpuPause();
  }
  const Clock::time_point yieldFrom =
      Clock::now() + (pauses == 0 ? std::chrono::microseconds(0) : kSpinBeforeYield);
  for (;;) {
    for (unsigned i = 0; i < (pauses == 0 ? 1 : kPausesPerClock); ++i) {
      if (done())
        return true;
      cpuPause();
    }
    const Clock::time_point now = Clock::now();
    if (now >= deadline)
      return done();
    if (now >= yieldFrom)
      std::this_thread::yield();
  }
}

} // namespace

unsigned ThreadTeam::defaultThreads() { return std::min(availableCores(), kMaxThreads); }

ThreadTeam::ThreadTeam(unsigned threads, std::chrono::microseconds idleSpin) : idleSpin_(idleSpin) {
  const unsigned wanted = std::min(threads == 0 ? defaultThreads() : threads, kMaxThreads);
  // With more threads than CPUs somebody who is waited for is not running: yield at once.
  spinPauses_ = wanted > availableCpus() ? 0 : kPausesPerClock;
  if (wanted == 1)
    return;
  try {
    workers_.reserve(wanted - 1);
    for (unsigned thread = 1; thread < wanted; ++thread)
      workers_.emplace_back([this, thread] { work(thread); });
  } catch (const std::system_error &) {
    // The process is at its thread limit; a smaller team computes the same.
  }
  // Workers read this only after the first run() has published it.
  threads_ = static_cast<unsigned>(workers_.size()) + 1;
}

ThreadTeam::~ThreadTeam() {
  stop_.store(true, std::memory_order_relaxed);
  runNumber_.fetch_add(1, std::memory_order_seq_cst);
  wakeSleepers();
  for (std::thread &worker : workers_)
    worker.join();
}

void ThreadTeam::run(Body body) {
  if (threads_ == 1) {
    body(0, 1);
    return;
  }
  body_ = &body;
  unfinished_.store(threads_ - 1, std::memory_order_relaxed);
  runNumber_.fetch_add(1, std::memory_order_seq_cst);
  wakeSleepers();
  body(0, threads_);
  spinUntil([&] { return unfinished_.load(std::memory_order_acquire) == 0; }, spinPauses_);
}

void ThreadTeam::wakeSleepers() {
  // Sequential consistency pairs this with awaitRun(): either the sleeper's count is seen here, or
  // the sleeper sees the new run number.
  if (sleepers_.load(std::memory_order_seq_cst) == 0)
    return;
  // A sleeper is between its last look and the wait only while it holds the mutex.
  { std::lock_guard<std::mutex> lock(sleepMutex_); }
  wake_.notify_all();
}

void ThreadTeam::awaitRun(uint32_t seen) {
  auto hasRun = [&] { return runNumber_.load(std::memory_order_seq_cst) != seen; };
  if (spinUntil(hasRun, spinPauses_, Clock::now() + idleSpin_))
    return;
  std::unique_lock<std::mutex> lock(sleepMutex_);
  sleepers_.fetch_add(1, std::memory_order_seq_cst);
  wake_.wait(lock, hasRun);
  sleepers_.fetch_sub(1, std::memory_order_relaxed);
}

void ThreadTeam::work(unsigned thread) {
  for (uint32_t seen = 0;; ++seen) {
    awaitRun(seen);
    if (stop_.load(std::memory_order_relaxed))
      return;
    (*body_)(thread, threads_);
    unfinished_.fetch_sub(1, std::memory_order_release);
  }
}

void ThreadTeam::barrierSlow() {
  const uint32_t generation = generation_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads_) {
    arrived_.store(0, std::memory_order_relaxed);
    generation_.store(generation + 1, std::memory_order_release);
    return;
  }
  spinUntil([&] { return generation_.load(std::memory_order_acquire) != generation; }, spinPauses_);
}

} // namespace llmc

extern "C" void llmc_team_barrier(void *team) { static_cast<llmc::ThreadTeam *>(team)->barrier(); }
