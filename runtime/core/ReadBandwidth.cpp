#include "runtime/core/ReadBandwidth.h"

#include "absl/strings/str_cat.h"

#include <algorithm>
#include <chrono>
#include <sys/mman.h>
#include <vector>

namespace llmc {
namespace {

constexpr size_t kLineWords = 8;

/// Anonymous memory that is given back at the end.
class Pages {
public:
  explicit Pages(size_t bytes) : bytes_(bytes) {
    data_ = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  }
  ~Pages() {
    if (words() != nullptr)
      munmap(data_, bytes_);
  }
  Pages(const Pages &) = delete;
  Pages &operator=(const Pages &) = delete;
  uint64_t *words() { return data_ == MAP_FAILED ? nullptr : static_cast<uint64_t *>(data_); }

private:
  void *data_;
  size_t bytes_;
};

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

absl::StatusOr<double> measureReadBandwidth(ThreadTeam &team, const ReadBandwidthOptions &options) {
  const size_t lines = options.bytes / (kLineWords * sizeof(uint64_t));
  if (lines == 0 || options.repeats == 0)
    return absl::InvalidArgumentError(absl::StrCat("cannot measure the read bandwidth with ",
                                                   options.bytes, " bytes and ", options.repeats,
                                                   " repeats: use at least 64 bytes and 1 repeat"));
  Pages pages(lines * kLineWords * sizeof(uint64_t));
  if (pages.words() == nullptr)
    return absl::ResourceExhaustedError(
        absl::StrCat("no memory for the ", options.bytes,
                     " bytes that the read bandwidth is measured with: use a smaller buffer"));
  auto part = [&](unsigned thread, unsigned threads) {
    const size_t begin = lines * thread / threads * kLineWords;
    const size_t end = lines * (thread + 1) / threads * kLineWords;
    return std::span(pages.words() + begin, end - begin);
  };
  // Unwritten pages would all be the one zero page, which fits the cache. Each thread writes what
  // it will read, so that the pages lie in memory near it.
  team.run([&](unsigned thread, unsigned threads) {
    std::ranges::fill(part(thread, threads), uint64_t(1));
  });

  using Clock = std::chrono::steady_clock;
  std::vector<uint64_t> sums(team.threads());
  std::vector<double> seconds;
  for (unsigned repeat = 0; repeat < options.repeats; ++repeat) {
    const Clock::time_point start = Clock::now();
    team.run([&](unsigned thread, unsigned threads) {
      sums[thread] = sumOfWords(part(thread, threads));
    });
    seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
    // Using the sums keeps the compiler from dropping the reads.
    uint64_t total = 0;
    for (uint64_t sum : sums)
      total += sum;
    if (total != lines * kLineWords)
      return absl::InternalError("the memory changed while its read bandwidth was measured");
  }
  std::sort(seconds.begin(), seconds.end());
  const size_t half = seconds.size() / 2;
  const double median =
      seconds.size() % 2 == 1 ? seconds[half] : (seconds[half - 1] + seconds[half]) / 2;
  return double(lines * kLineWords * sizeof(uint64_t)) / std::max(median, 1e-9) / 1e9;
}

} // namespace llmc
