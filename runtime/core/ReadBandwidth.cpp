#include "runtime/core/ReadBandwidth.h"

#include "absl/strings/str_cat.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace llmc {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kLineWords = 8;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double medianOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

/// A cache line as one value of the compiler's generic vectors, at any address. Left to itself the
/// vectorizer splits the streams below into loops of their own at -O3.
typedef uint64_t Line __attribute__((vector_size(64), aligned(8), may_alias));

/// Sums four adjoining quarters side by side. One stream leaves the core's line buffers partly
/// idle: on a Sapphire Rapids core it reads a quarter less, and kernels would seem to beat memory.
inline __attribute__((always_inline)) uint64_t sumOfQuarters(std::span<const uint64_t> words) {
  constexpr size_t kStreams = 4;
  const size_t quarter = words.size() / kStreams;
  const size_t whole = quarter / kLineWords * kLineWords;
  Line sums[kStreams] = {};
  for (size_t i = 0; i < whole; i += kLineWords)
    for (size_t stream = 0; stream < kStreams; ++stream)
      sums[stream] += *reinterpret_cast<const Line *>(words.data() + stream * quarter + i);
  uint64_t sum = 0;
  for (size_t stream = 0; stream < kStreams; ++stream) {
    for (size_t j = 0; j < kLineWords; ++j)
      sum += sums[stream][j];
    for (size_t i = whole; i < quarter; ++i)
      sum += words[stream * quarter + i];
  }
  for (size_t i = kStreams * quarter; i < words.size(); ++i)
    sum += words[i];
  return sum;
}

#ifdef __x86_64__
/// The same with wider loads, which the baseline instruction set does not have.
__attribute__((target("avx2"))) uint64_t sumOfQuartersAvx2(std::span<const uint64_t> words) {
  return sumOfQuarters(words);
}
#endif

} // namespace

uint64_t sumOfWords(std::span<const uint64_t> words) {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx2"))
    return sumOfQuartersAvx2(words);
#endif
  return sumOfQuarters(words);
}

absl::StatusOr<ReadBuffer> ReadBuffer::create(ThreadTeam &team, size_t bytes) {
  const size_t lines = bytes / kLineBytes;
  if (lines == 0)
    return absl::InvalidArgumentError(
        absl::StrCat("cannot measure the read bandwidth with ", bytes, " bytes: use at least 64"));
  void *data =
      mmap(nullptr, lines * kLineBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED)
    return absl::ResourceExhaustedError(
        absl::StrCat("no memory for the ", bytes,
                     " bytes that the read bandwidth is measured with: use a smaller buffer"));
  // As weights have them.
  madvise(data, lines * kLineBytes, MADV_HUGEPAGE);
  ReadBuffer buffer(static_cast<uint64_t *>(data), lines, team.threads());
  // Unwritten pages would all be the one zero page, which fits the cache.
  const size_t pageWords = static_cast<size_t>(sysconf(_SC_PAGESIZE)) / sizeof(uint64_t);
  team.run([&](unsigned thread, unsigned threads) {
    std::span<uint64_t> words = buffer.part(thread, threads);
    for (size_t i = 0; i < words.size(); i += pageWords)
      words[i] = 1;
  });
  return buffer;
}

ReadBuffer::ReadBuffer(ReadBuffer &&other) noexcept
    : words_(std::exchange(other.words_, nullptr)), lines_(other.lines_), threads_(other.threads_) {
}

ReadBuffer &ReadBuffer::operator=(ReadBuffer &&other) noexcept {
  std::swap(words_, other.words_);
  std::swap(lines_, other.lines_);
  std::swap(threads_, other.threads_);
  return *this;
}

ReadBuffer::~ReadBuffer() {
  if (words_ != nullptr)
    munmap(words_, bytes());
}

std::span<uint64_t> ReadBuffer::part(unsigned thread, unsigned threads) const {
  const size_t begin = lines_ * thread / threads * kLineWords;
  const size_t end = lines_ * (thread + 1) / threads * kLineWords;
  return std::span(words_ + begin, end - begin);
}

absl::StatusOr<double> ReadBuffer::measure(ThreadTeam &team, unsigned repeats) const {
  if (repeats == 0)
    return absl::InvalidArgumentError("cannot measure the read bandwidth with 0 repeats");
  std::vector<uint64_t> sums(team.threads());
  std::vector<double> seconds;
  uint64_t first = 0;
  for (unsigned repeat = 0; repeat < repeats; ++repeat) {
    const Clock::time_point start = Clock::now();
    team.run([&](unsigned thread, unsigned threads) {
      sums[thread] = sumOfWords(part(thread, threads));
    });
    seconds.push_back(secondsSince(start));
    // Using the sums keeps the compiler from dropping the reads.
    const uint64_t total = std::accumulate(sums.begin(), sums.end(), uint64_t(0));
    first = repeat == 0 ? total : first;
    if (total == 0 || total != first)
      return absl::InternalError("the memory changed while its read bandwidth was measured");
  }
  return double(bytes()) / std::max(medianOf(std::move(seconds)), 1e-9) / 1e9;
}

absl::StatusOr<double> measureReadBandwidth(ThreadTeam &team, const ReadBandwidthOptions &options) {
  absl::StatusOr<ReadBuffer> buffer = ReadBuffer::create(team, options.bytes);
  if (!buffer.ok())
    return buffer.status();
  return buffer->measure(team, options.repeats);
}

double measureReadBandwidth(ThreadTeam &team, std::span<const std::span<const uint64_t>> ranges,
                            double seconds) {
  constexpr double kSliceBytes = 32 << 20;
  std::vector<uint64_t> sums(team.threads());
  std::vector<double> rates;
  const Clock::time_point start = Clock::now();
  Clock::time_point sliceStart = start;
  double sliceBytes = 0;
  volatile uint64_t sink = 0;
  for (std::span<const uint64_t> range : ranges) {
    team.run([&](unsigned thread, unsigned threads) {
      const size_t begin = range.size() * thread / threads;
      const size_t end = range.size() * (thread + 1) / threads;
      sums[thread] = sumOfWords(range.subspan(begin, end - begin));
    });
    sink = std::accumulate(sums.begin(), sums.end(), sink);
    sliceBytes += double(range.size_bytes());
    if (sliceBytes < kSliceBytes)
      continue;
    rates.push_back(sliceBytes / std::max(secondsSince(sliceStart), 1e-9) / 1e9);
    if (secondsSince(start) > seconds)
      break;
    sliceBytes = 0;
    sliceStart = Clock::now();
  }
  return rates.empty() ? 0 : medianOf(std::move(rates));
}

} // namespace llmc
