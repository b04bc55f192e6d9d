#include "tools/llmc/HostBandwidth.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/core/AtomicFile.h"
#include "runtime/core/CacheSize.h"
#include "runtime/core/ReadBandwidth.h"
#include <algorithm>
#include <filesystem>
#include <fstream>

namespace llmc::cli {
namespace {

constexpr double kSeconds = 0.05;
constexpr uint64_t kLeastWeights = uint64_t(128) << 20;
constexpr size_t kLeastBuffer = size_t(64) << 20, kMostBuffer = size_t(256) << 20;
constexpr unsigned kRepeats = 3;
constexpr std::chrono::hours kFresh(24);
constexpr double kLeastRate = 0.01, kMostRate = 1e5; // what may stand in the file

std::string cpuName() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name"))
      return line.substr(std::min(line.find(':') + 1, line.size()));
  return "cpu";
}

// A value that is kept under the user's cache folder. Whatever fails is no error: it is measured
// again then.
class KeptBandwidth {
public:
  KeptBandwidth(const std::string &folder, unsigned threads) : folder_(folder) {
    if (folder.empty())
      return;
    std::string name;
    for (char c : cpuName())
      if (absl::ascii_isalnum(c) && name.size() < 100)
        name += absl::ascii_tolower(c);
    path_ = absl::StrCat(folder, "/read-bandwidth-", name, "-", threads, ".txt");
  }

  std::optional<double> read() const {
    std::ifstream file(path_);
    std::string text;
    double rate;
    if (file >> text && absl::SimpleAtod(text, &rate) && rate >= kLeastRate && rate <= kMostRate)
      return rate;
    return std::nullopt;
  }

  bool isFresh() const {
    std::error_code error;
    const auto written = std::filesystem::last_write_time(path_, error);
    const auto age = std::filesystem::file_time_type::clock::now() - written;
    return !error && age >= age.zero() && age < kFresh;
  }

  void write(double rate) const {
    std::error_code error;
    std::filesystem::create_directories(folder_, error);
    if (path_.empty() || error)
      return;
    absl::StatusOr<AtomicFile> file = AtomicFile::create(path_);
    if (file.ok() && file->write(absl::string_view(absl::StrFormat("%.3f\n", rate))).ok())
      file->commit().IgnoreError();
  }

private:
  std::string folder_, path_;
};

double readWeights(Engine &engine) {
  std::vector<std::span<const uint64_t>> ranges;
  const Program &program = engine.program();
  for (size_t i = 0; i < program.weights.size(); ++i)
    if (program.manifest.weights[i].packed)
      ranges.emplace_back(reinterpret_cast<const uint64_t *>(program.weights[i]),
                          program.manifest.weights[i].bytes() / sizeof(uint64_t));
  return measureReadBandwidth(engine.team(), ranges, kSeconds);
}

} // namespace

std::optional<double> hostReadBandwidth(Engine &engine) {
  const KeptBandwidth kept(engine.cacheDirectory(), engine.team().threads());
  const std::optional<double> before = kept.read();
  const double weights = engine.program().manifest.weightBytesPerStep();
  if (weights >= kLeastWeights && !fitsCaches(weights))
    if (double rate = readWeights(engine); rate > 0) {
      if (!before || rate > *before)
        kept.write(rate);
      return rate;
    }
  if (before && kept.isFresh())
    return before;
  const size_t bytes = std::clamp<size_t>(2 * lastLevelCacheBytes(), kLeastBuffer, kMostBuffer);
  absl::StatusOr<double> measured =
      measureReadBandwidth(engine.team(), {.bytes = bytes, .repeats = kRepeats});
  if (!measured.ok())
    return before;
  // What else runs can only make it slower.
  const double rate = std::max(*measured, before.value_or(0));
  kept.write(rate);
  return rate;
}

bool fitsCaches(double bytesOfStep) { return bytesOfStep <= double(lastLevelCacheBytes()); }

} // namespace llmc::cli
