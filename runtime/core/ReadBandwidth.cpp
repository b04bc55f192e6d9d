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

} // namespace

uint64_t sumOfWords(std::span<const uint64_t> words) {
  // One sum per word of four lines: enough independent chains that additions never wait.
  constexpr size_t kStep = 4 * kLineWords;
  uint64_t sums[kStep] = {};
  size_t i = 0;
  for (; i + kStep <= words.size(); i += kStep)
    for (size_t j = 0; j < kStep; ++j)
      sums[j] += words[i + j];
  uint64_t sum = 0;
  for (uint64_t part : sums)
    sum += part;
  for (; i < words.size(); ++i)
    sum += words[i];
  return sum;
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
