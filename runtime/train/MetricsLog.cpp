#include "runtime/train/MetricsLog.h"

#include "absl/strings/str_cat.h"

#include <cmath>
#include <nlohmann/json.hpp>
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

struct Visitor {
  const Metrics &metrics;
  const char *key;
  absl::FunctionRef<void(const std::string &, double)> visit;

  void operator()(Number member) const {
    if (const std::optional<double> value = metrics.*member)
      visit(key, *value);
  }
  void operator()(Rewards member) const {
    if (const std::optional<RewardMetrics> &rewards = metrics.*member)
      for (const RewardField &field : kRewardFields)
        visit(absl::StrCat(key, field.key), (*rewards).*field.member);
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

void forEachNumber(const Metrics &metrics,
                   absl::FunctionRef<void(const std::string &key, double value)> visit) {
  for (const MetricsField &field : kFields)
    std::visit(Visitor{metrics, field.key, visit}, field.member);
}

std::string metricsText(const Metrics &metrics) {
  Json object = {{"step", metrics.step}};
  // What is not finite becomes null.
  forEachNumber(metrics, [&](const std::string &key, double value) { object[key] = value; });
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
  std::vector<Metrics> lines;
  absl::StatusOr<LineLog> file = LineLog::open(path, [&](absl::string_view line) {
    const std::optional<Metrics> metrics = step > 0 ? parseMetrics(line) : std::nullopt;
    if (!metrics || metrics->step > step)
      return false;
    lines.push_back(*metrics);
    return true;
  });
  if (!file.ok())
    return file.status();
  return MetricsLog(*std::move(file), std::move(lines));
}

absl::Status MetricsLog::append(const Metrics &metrics) {
  lines_.push_back(metrics);
  return file_.append(metricsText(metrics));
}

} // namespace llmc
