// Losses of pairs of answers, by the log-probabilities of both.
#ifndef LLMC_FRONTENDS_LORA_TRAIN_PREFERENCELOSS_H
#define LLMC_FRONTENDS_LORA_TRAIN_PREFERENCELOSS_H

#include "frontends/lora/config/TrainConfig.h"
#include <cstdint>

namespace llmc::lora {

// Of an answer after its prompt, in nats, summed over its tokens.
struct AnswerScore {
  double logProbability = 0;
  double tokens = 0;
  double reference = 0; // the log-probability under the model without its adapter
};

// Rewards are what the loss compares: of dpo `beta` times by how much likelier than under the
// reference the answer is, of orpo `beta` times its mean log-probability.
struct PairReward {
  double chosen = 0, rejected = 0;
  bool likelier = false; // the chosen answer is likelier than the rejected one (orpo: per token)

  double margin() const { return chosen - rejected; }
  bool right() const { return margin() > 0; }
};

struct PairLoss {
  double loss = 0;
  // Derivatives of the loss by the log-probability of the answer, which each of its tokens has.
  double chosenSlope = 0, rejectedSlope = 0;
  PairReward reward;
};

// With h = beta * ((chosen - its reference) - (rejected - its reference)), by dpo_loss_type:
//   sigmoid  -(1 - e) log sigmoid(h) - e log sigmoid(-h), e being label_smoothing (Rafailov et al.
//            2023, "Direct Preference Optimization"; e: Mitchell 2023)
//   hinge    max(0, 1 - h) (Zhao et al. 2023, "SLiC-HF")
//   ipo      (h / beta - 1 / (2 beta))^2, of means over tokens (Azar et al. 2023, "A General
//            Theoretical Paradigm to Understand Learning from Human Preferences")
PairLoss dpoLoss(const TrainConfig &config, const AnswerScore &chosen, const AnswerScore &rejected);

// -c - beta log sigmoid(log(odds(c) / odds(r))), where c and r are the means over tokens of both
// log-probabilities and odds(c) = e^c / (1 - e^c) (Hong et al. 2024, "ORPO: Monolithic Preference
// Optimization without Reference Model"). Means nearer to 0 than f32 losses can tell count as that.
PairLoss orpoLoss(const TrainConfig &config, const AnswerScore &chosen,
                  const AnswerScore &rejected);

// Sums over pairs, of which means are told.
struct RewardSums {
  double chosen = 0, rejected = 0;
  uint64_t pairs = 0, right = 0, likelier = 0;

  void add(const PairReward &reward);
  void add(const RewardSums &other);
  // Means; of no pairs: NaN.
  double chosenReward() const { return chosen / static_cast<double>(pairs); }
  double rejectedReward() const { return rejected / static_cast<double>(pairs); }
  double margin() const { return chosenReward() - rejectedReward(); }
  double accuracy() const { return static_cast<double>(right) / static_cast<double>(pairs); }
  double likelierShare() const {
    return static_cast<double>(likelier) / static_cast<double>(pairs);
  }
};

} // namespace llmc::lora

#endif
