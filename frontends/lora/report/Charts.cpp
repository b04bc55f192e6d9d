#include "frontends/lora/report/Charts.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "runtime/train/Curve.h"
#include <algorithm>
#include <nlohmann/json.hpp>

namespace llmc::lora {
namespace {

using Json = nlohmann::ordered_json;

// Six digits are more than a screen shows, and make the page short.
double rounded(double value) {
  double out = value;
  return absl::SimpleAtod(absl::StrFormat("%.6g", value), &out) ? out : value;
}

Json series(const char *name, const char *style, const Curve &curve) {
  Json points = Json::array();
  for (const CurvePoint &point : thinned(curve))
    points.push_back({rounded(point.step), rounded(point.value)});
  return {{"name", name}, {"style", style}, {"points", points}};
}

struct Chart {
  const char *id, *title, *unit, *name;
  std::optional<double> Metrics::*member;
};
// Beside the loss, which has three curves.
constexpr Chart kCharts[] = {
    {"learning_rate", "Learning rate", "", "learning rate", &Metrics::learningRate},
    {"grad_norm", "Gradient norm", "before clipping", "gradient norm", &Metrics::gradientNorm},
    {"tokens_per_second", "Speed", "tokens per second", "tokens/s", &Metrics::tokensPerSecond},
};

using Rewards = std::optional<RewardMetrics> Metrics::*;

Curve rewardCurve(std::span<const Metrics> metrics, Rewards rewards,
                  double RewardMetrics::*member) {
  return curveOf(metrics, [&](const Metrics &line) {
    const std::optional<RewardMetrics> &found = line.*rewards;
    return found ? std::optional<double>((*found).*member) : std::nullopt;
  });
}

// Of runs that learn from pairs of answers.
struct RewardChart {
  const char *id, *title, *unit;
  double RewardMetrics::*member;
};
constexpr RewardChart kRewardCharts[] = {
    {"reward_margin", "Reward margin", "chosen over rejected", &RewardMetrics::margin},
    {"reward_accuracy", "Accuracy", "pairs told apart", &RewardMetrics::accuracy},
};

} // namespace

std::string chartsJson(std::span<const Metrics> metrics) {
  const Curve loss = curveOf(metrics, &Metrics::loss);
  const auto hasRewards = [](const Metrics &line) { return line.rewards.has_value(); };
  const bool pairs = std::ranges::any_of(metrics, hasRewards);
  Json charts = {
      {{"id", "loss"},
       {"title", "Loss"},
       {"unit", pairs ? "per pair of answers" : "nats per token"},
       {"series",
        {series("training", "faint", loss), series("moving mean", "main", movingMean(loss)),
         series("validation", "dots", curveOf(metrics, &Metrics::validationLoss))}}}};
  for (const Chart &chart : kCharts)
    charts.push_back({{"id", chart.id},
                      {"title", chart.title},
                      {"unit", chart.unit},
                      {"series", {series(chart.name, "main", curveOf(metrics, chart.member))}}});
  if (pairs)
    for (const RewardChart &chart : kRewardCharts)
      charts.push_back(
          {{"id", chart.id},
           {"title", chart.title},
           {"unit", chart.unit},
           {"series",
            {series("training", "faint",
                    rewardCurve(metrics, &Metrics::rewards, chart.member)),
             series("validation", "dots",
                    rewardCurve(metrics, &Metrics::validationRewards, chart.member))}}});
  return Json{{"charts", charts}}.dump();
}

} // namespace llmc::lora
