#include "frontends/lora/train/PreferenceLoss.h"
#include <algorithm>
#include <cmath>

namespace llmc::lora {
namespace {

// A mean of losses in f32 does not tell smaller ones from 0.
constexpr double kLeastLoss = 1e-6;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
// -log sigmoid(x), for any x.
double softplusOfMinus(double x) { return std::max(-x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

} // namespace

PairLoss dpoLoss(const TrainConfig &config, const AnswerScore &chosen,
                 const AnswerScore &rejected) {
  const bool means = config.dpoLossType == "ipo";
  const auto divisor = [&](const AnswerScore &answer) { return means ? answer.tokens : 1.0; };
  const auto reward = [&](const AnswerScore &answer) {
    return config.beta * (answer.logProbability - answer.reference) / divisor(answer);
  };
  PairLoss out;
  out.reward = {reward(chosen), reward(rejected),
                chosen.logProbability / divisor(chosen) >
                    rejected.logProbability / divisor(rejected)};
  const double h = out.reward.margin();
  double slope; // of the loss by h
  if (means) {
    const double off = h / config.beta - 1 / (2 * config.beta);
    out.loss = off * off;
    slope = 2 * off / config.beta;
  } else if (config.dpoLossType == "hinge") {
    out.loss = std::max(0.0, 1 - h);
    slope = h < 1 ? -1 : 0;
  } else {
    const double e = config.labelSmoothing;
    out.loss = (1 - e) * softplusOfMinus(h) + e * softplusOfMinus(-h);
    slope = e * sigmoid(h) - (1 - e) * sigmoid(-h);
  }
  out.chosenSlope = config.beta * slope / divisor(chosen);
  out.rejectedSlope = -config.beta * slope / divisor(rejected);
  return out;
}

PairLoss orpoLoss(const TrainConfig &config, const AnswerScore &chosen,
                  const AnswerScore &rejected) {
  const double c = std::min(chosen.logProbability / chosen.tokens, -kLeastLoss);
  const double r = std::min(rejected.logProbability / rejected.tokens, -kLeastLoss);
  const double notC = -std::expm1(c), notR = -std::expm1(r); // 1 - e^c, 1 - e^r
  const double logOdds = (c - std::log(notC)) - (r - std::log(notR));
  const double slope = -config.beta * sigmoid(-logOdds); // of the second term by logOdds
  PairLoss out;
  out.loss = -c + config.beta * softplusOfMinus(logOdds);
  out.chosenSlope = (-1 + slope / notC) / chosen.tokens;
  out.rejectedSlope = -slope / notR / rejected.tokens;
  out.reward = {config.beta * c, config.beta * r, c > r};
  return out;
}

void RewardSums::add(const PairReward &reward) {
  chosen += reward.chosen;
  rejected += reward.rejected;
  ++pairs;
  right += reward.right();
  likelier += reward.likelier;
}

void RewardSums::add(const RewardSums &other) {
  chosen += other.chosen;
  rejected += other.rejected;
  pairs += other.pairs;
  right += other.right;
  likelier += other.likelier;
}

} // namespace llmc::lora
