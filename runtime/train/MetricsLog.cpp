#include "runtime/train/MetricsLog.h"

#include "runtime/core/AtomicFile.h"
#include "runtime/core/FileError.h"
#include "runtime/core/MappedFile.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include <cmath>
#include <fcntl.h>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <unistd.h>
#include <utility>
#include <variant>

namespace llmc {
namespace {

using Json = nlohmann::ordered_json;

using Number = std::optional<double> Metrics::*;
using Rewards = std::optional<RewardMetrics> Metrics::*;
struct MetricsField {
  const char *key; // of rewards: what stands in front of theirs
  std::variant<Number, Rewards> member;
};
constexpr MetricsField kFields[] = {
    {"epoch", &Metrics::epoch},
    {"loss", &Metrics::loss},
    {"learning_rate", &Metrics::learningRate},
    {"grad_norm", &Metrics::gradientNorm},
    {"", &Metrics::rewards},
    {"tokens_per_second", &Metrics::tokensPerSecond},
    {"seconds", &Metrics::seconds},
    {"eval_loss", &Metrics::validationLoss},
    {"eval_", &Metrics::validationRewards},
};

struct RewardField {
  const char *key;
  double RewardMetrics::*member;
};
constexpr RewardField kRewardFields[] = {
    {"rewards/chosen", &RewardMetrics::chosen},
    {"rewards/rejected", &RewardMetrics::rejected},
    {"rewards/accuracies", &RewardMetrics::accuracy},
    {"rewards/margins", &RewardMetrics::margin},
};

struct Writer {
  const Metrics &metrics;
  const char *key;
  Json &object;

  void operator()(Number member) const {
    if (const std::optional<double> value = metrics.*member)
      object[key] = *value; // what is not finite becomes null
  }
  void operator()(Rewards member) const {
    if (const std::optional<RewardMetrics> &rewards = metrics.*member)
      for (const RewardField &field : kRewardFields)
        object[absl::StrCat(key, field.key)] = (*rewards).*field.member;
  }
};

struct Reader {
  const Json &object;
  const char *key;
  Metrics &metrics;

  std::optional<double> number(const std::string &name) const {
    const auto found = object.find(name);
    if (found == object.end())
      return std::nullopt;
    return found->is_number() ? found->get<double>() : std::nan("");
  }
  void operator()(Number member) const { metrics.*member = number(key); }
  void operator()(Rewards member) const {
    RewardMetrics rewards;
    bool some = false;
    for (const RewardField &field : kRewardFields)
      if (const std::optional<double> value = number(absl::StrCat(key, field.key))) {
        rewards.*field.member = *value;
        some = true;
      }
    if (some)
      metrics.*member = rewards;
  }
};

/// No line of ours is longer; a longer one is not parsed.
constexpr size_t kLongestLine = 4096;

} // namespace

std::string metricsText(const Metrics &metrics) {
  Json object = {{"step", metrics.step}};
  for (const MetricsField &field : kFields)
    std::visit(Writer{metrics, field.key, object}, field.member);
  return object.dump();
}

std::optional<Metrics> parseMetrics(absl::string_view line) {
  if (line.size() > kLongestLine)
    return std::nullopt;
  const Json object = Json::parse(line.begin(), line.end(), nullptr, false);
  if (!object.is_object() || !object.contains("step") || !object["step"].is_number_integer())
    return std::nullopt;
  Metrics metrics;
  metrics.step = object["step"].get<int64_t>();
  for (const MetricsField &field : kFields)
    std::visit(Reader{object, field.key, metrics}, field.member);
  return metrics;
}

absl::StatusOr<MetricsLog> MetricsLog::open(const std::string &path, int64_t step) {
  MetricsLog log;
  log.path_ = path;
  std::error_code error;
  if (step > 0 && std::filesystem::exists(path, error)) {
    absl::StatusOr<MappedFile> before = MappedFile::open(path);
    if (!before.ok())
      return before.status();
    const absl::string_view text(reinterpret_cast<const char *>(before->bytes().data()),
                                 before->size());
    for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty()))
      if (const std::optional<Metrics> metrics = parseMetrics(line);
          metrics && metrics->step <= step)
        log.lines_.push_back(*metrics);
  }
  absl::StatusOr<AtomicFile> file = AtomicFile::create(path);
  if (!file.ok())
    return file.status();
  for (const Metrics &metrics : log.lines_)
    if (absl::Status status = file->write(metricsText(metrics) + "\n"); !status.ok())
      return status;
  if (absl::Status status = file->commit(); !status.ok())
    return status;
  log.descriptor_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (log.descriptor_ < 0)
    return fileError(errno, path, "open");
  return log;
}

absl::Status MetricsLog::append(const Metrics &metrics) {
  lines_.push_back(metrics);
  const std::string line = metricsText(metrics) + "\n";
  ssize_t written;
  do
    written = ::write(descriptor_, line.data(), line.size());
  while (written < 0 && errno == EINTR);
  if (written != static_cast<ssize_t>(line.size()))
    return fileError(written < 0 ? errno : ENOSPC, path_, "write");
  return absl::OkStatus();
}

MetricsLog::MetricsLog(MetricsLog &&other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)),
      lines_(std::move(other.lines_)) {}

MetricsLog &MetricsLog::operator=(MetricsLog &&other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(lines_, other.lines_);
  return *this;
}

MetricsLog::~MetricsLog() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
}

} // namespace llmc
