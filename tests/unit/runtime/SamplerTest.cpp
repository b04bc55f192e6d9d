#include "runtime/sampling/Sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <new>
#include <numeric>
#include <utility>
#include <vector>

static std::atomic<size_t> allocations{0};

void *operator new(size_t bytes) {
  ++allocations;
  if (void *memory = std::malloc(bytes))
    return memory;
  throw std::bad_alloc();
}
void *operator new(size_t bytes, const std::nothrow_t &) noexcept {
  ++allocations;
  return std::malloc(bytes);
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, size_t) noexcept { std::free(memory); }

namespace llmc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// Everything off: draws from the plain softmax.
SamplerOptions plain() {
  SamplerOptions options;
  options.topK = 0;
  options.topP = 1;
  options.minP = 0;
  options.temperature = 1;
  options.seed = 1;
  return options;
}

Sampler make(const SamplerOptions &options) {
  auto sampler = Sampler::create(options);
  EXPECT_TRUE(sampler.ok()) << sampler.status();
  return *std::move(sampler);
}

SamplerState stateOf(const SamplerOptions &options, const std::vector<float> &logits) {
  SamplerState state;
  state.options = options;
  for (size_t i = 0; i < logits.size(); ++i)
    state.candidates.push_back({int32_t(i), logits[i], 0});
  return state;
}

void apply(absl::string_view name, SamplerState &state) {
  for (const SamplerStage &stage : samplerStages())
    if (stage.name == name)
      return stage.apply(state);
  FAIL() << "no stage " << name;
}

std::vector<int32_t> tokensOf(const SamplerState &state) {
  std::vector<int32_t> tokens;
  for (const TokenCandidate &candidate : state.candidates)
    tokens.push_back(candidate.token);
  return tokens;
}

std::vector<float> pseudoRandomLogits(size_t n, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> logits(n);
  for (float &logit : logits)
    logit = normal(random);
  return logits;
}

/// Checks 200 000 draws against the probabilities `wanted` within five standard deviations.
void expectDistribution(Sampler sampler, const std::vector<float> &logits,
                        const std::vector<double> &wanted) {
  constexpr int kDraws = 200'000;
  std::vector<int> counts(logits.size());
  for (int i = 0; i < kDraws; ++i) {
    auto token = sampler.sample(logits);
    ASSERT_TRUE(token.ok()) << token.status();
    ++counts.at(*token);
  }
  for (size_t i = 0; i < wanted.size(); ++i) {
    const double deviation = std::sqrt(kDraws * wanted[i] * (1 - wanted[i]));
    EXPECT_NEAR(counts[i], kDraws * wanted[i], 5 * deviation + 1e-6) << "token " << i;
  }
}

/// exp(x / temperature) of the tokens in `keep`, normalized.
std::vector<double> softmaxOf(const std::vector<float> &logits, const std::vector<int> &keep,
                              double temperature = 1) {
  std::vector<double> p(logits.size());
  double sum = 0;
  for (int token : keep)
    sum += p[token] = std::exp(logits[token] / temperature);
  for (double &value : p)
    value /= sum;
  return p;
}

TEST(SamplerStages, AreInTheOrderOfLlamaCpp) {
  std::vector<std::string> names;
  for (const SamplerStage &stage : samplerStages())
    names.push_back(std::string(stage.name));
  EXPECT_THAT(names,
              ElementsAre("penalties", "top-k", "typical-p", "top-p", "min-p", "temperature"));
}

TEST(SamplerStages, PenaltiesByHand) {
  SamplerOptions options = plain();
  options.repeatPenalty = 2;
  options.frequencyPenalty = 0.25f;
  options.presencePenalty = 0.5f;
  SamplerState state = stateOf(options, {3.0f, -1.0f, 2.0f, 0.0f, -kInfinity, 5.0f});
  state.window = {0, 1, 0, 4, 3, 0, -7, 1000};
  apply("penalties", state);
  EXPECT_FLOAT_EQ(state.candidates[0].logit, 0.25f);  // 3 / 2 - 3 * 0.25 - 0.5
  EXPECT_FLOAT_EQ(state.candidates[1].logit, -2.75f); // -1 * 2 - 0.25 - 0.5
  EXPECT_FLOAT_EQ(state.candidates[2].logit, 2.0f);
  EXPECT_FLOAT_EQ(state.candidates[3].logit, -0.75f); // 0 * 2 - 0.25 - 0.5
  EXPECT_EQ(state.candidates[4].logit, -kInfinity) << "a masked token stays masked";
  EXPECT_FLOAT_EQ(state.candidates[5].logit, 5.0f);
}

TEST(SamplerStages, TopKIsTheFrontOfAFullSort) {
  // Few distinct values, so that ties cross the border.
  std::vector<float> logits = pseudoRandomLogits(5000, 3);
  for (float &logit : logits)
    logit = std::round(logit * 8) / 8;
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return std::pair(-logits[a], a) < std::pair(-logits[b], b);
  });
  for (int32_t k : {1, 2, 40, 2499, 2500, 2501, 4999, 5000, 1'000'000}) {
    SamplerOptions options = plain();
    options.topK = k;
    SamplerState state = stateOf(options, logits);
    apply("top-k", state);
    const size_t size = std::min<size_t>(k, logits.size());
    EXPECT_EQ(tokensOf(state), std::vector<int32_t>(order.begin(), order.begin() + size)) << k;
    EXPECT_TRUE(state.sorted);
  }
}

TEST(SamplerStages, TopKWorstCaseOrders) {
  for (bool rising : {false, true}) {
    std::vector<float> logits(1000);
    for (int i = 0; i < 1000; ++i)
      logits[i] = rising ? i : -i;
    SamplerOptions options = plain();
    options.topK = 3;
    SamplerState state = stateOf(options, logits);
    apply("top-k", state);
    EXPECT_EQ(tokensOf(state),
              rising ? (std::vector<int32_t>{999, 998, 997}) : (std::vector<int32_t>{0, 1, 2}));
  }
}

// Probabilities 0.1, 0.5, 0.15, 0.25 in token order.
const std::vector<float> kFour = {std::log(0.1f), std::log(0.5f), std::log(0.15f), std::log(0.25f)};

TEST(SamplerStages, TopPKeepsTheFewestThatReachIt) {
  const std::map<float, std::vector<int32_t>> wanted = {
      {0.0f, {1}},        {0.49f, {1}},          {0.51f, {1, 3}},     {0.74f, {1, 3}},
      {0.76f, {1, 3, 2}}, {0.91f, {1, 3, 2, 0}}, {1.0f, {0, 1, 2, 3}}};
  for (const auto &[topP, tokens] : wanted) {
    SamplerOptions options = plain();
    options.topP = topP;
    SamplerState state = stateOf(options, kFour);
    apply("top-p", state);
    EXPECT_EQ(tokensOf(state), tokens) << topP;
  }
}

TEST(SamplerStages, TopPOfALargeVocabularyIsTheFrontOfAFullSort) {
  const std::vector<float> logits = pseudoRandomLogits(5000, 4);
  std::vector<std::pair<double, int32_t>> order; // by falling probability
  double sum = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    order.push_back({-std::exp(double(logits[i])), int32_t(i)});
    sum -= order.back().first;
  }
  std::sort(order.begin(), order.end());
  std::vector<size_t> sizes;
  for (float topP : {0.1f, 0.5f, 0.8f, 0.95f, 0.999f, 0.999999f}) {
    std::vector<int32_t> wanted;
    double covered = 0;
    for (size_t i = 0; i < order.size() && covered < topP; ++i) {
      wanted.push_back(order[i].second);
      covered -= order[i].first / sum;
    }
    sizes.push_back(wanted.size());
    SamplerOptions options = plain();
    options.topP = topP;
    SamplerState state = stateOf(options, logits);
    apply("top-p", state);
    EXPECT_EQ(tokensOf(state), wanted) << topP;
  }
  // The cases reach from the first few to nearly all.
  EXPECT_LT(sizes.front(), 50u);
  EXPECT_GT(sizes.back(), 4000u);
}

TEST(SamplerStages, MinPComparesWithTheGreatest) {
  const std::map<float, std::vector<int32_t>> wanted = {{0.0f, {0, 1, 2, 3}}, {0.19f, {0, 1, 2, 3}},
                                                        {0.21f, {1, 2, 3}},   {0.31f, {1, 3}},
                                                        {0.51f, {1}},         {1.0f, {1}}};
  for (const auto &[minP, tokens] : wanted) {
    SamplerOptions options = plain();
    options.minP = minP;
    SamplerState state = stateOf(options, kFour);
    apply("min-p", state);
    EXPECT_EQ(tokensOf(state), tokens) << minP;
  }
}

TEST(SamplerStages, TypicalPrefersTheSurpriseNearestTheEntropy) {
  // Entropy 1.208; surprises 2.303, 0.693, 1.897, 1.386: distances 1.095, 0.515, 0.689, 0.178.
  const std::map<float, std::vector<int32_t>> wanted = {
      {0.0f, {3}},        {0.24f, {3}},          {0.26f, {3, 1}},
      {0.76f, {3, 1, 2}}, {0.91f, {3, 1, 2, 0}}, {1.0f, {0, 1, 2, 3}}};
  for (const auto &[typicalP, tokens] : wanted) {
    SamplerOptions options = plain();
    options.typicalP = typicalP;
    SamplerState state = stateOf(options, kFour);
    apply("typical-p", state);
    EXPECT_EQ(tokensOf(state), tokens) << typicalP;
  }
}

TEST(SamplerStages, TypicalIgnoresMaskedTokens) {
  std::vector<float> logits = kFour;
  logits.insert(logits.begin(), -kInfinity);
  SamplerOptions options = plain();
  options.typicalP = 0.5f;
  SamplerState state = stateOf(options, logits);
  apply("typical-p", state);
  EXPECT_THAT(tokensOf(state), ElementsAre(4, 2));
}

TEST(Sampler, DrawsFromTheSoftmax) {
  const std::vector<float> logits = {1.0f, -0.5f, 2.0f, 0.25f, -kInfinity};
  expectDistribution(make(plain()), logits, softmaxOf(logits, {0, 1, 2, 3}));
}

TEST(Sampler, TemperatureSharpensAndFlattens) {
  const std::vector<float> logits = {1.0f, -0.5f, 2.0f, 0.25f};
  for (float temperature : {0.5f, 2.0f}) {
    SamplerOptions options = plain();
    options.temperature = temperature;
    expectDistribution(make(options), logits, softmaxOf(logits, {0, 1, 2, 3}, temperature));
  }
}

TEST(Sampler, FiltersSeeTheProbabilitiesBeforeTheTemperature) {
  // At temperature 5 all four would pass min-p 0.31; llama.cpp filters first.
  SamplerOptions options = plain();
  options.minP = 0.31f;
  options.temperature = 5;
  expectDistribution(make(options), kFour, softmaxOf(kFour, {1, 3}, 5));
}

TEST(Sampler, TopPSeesTheProbabilitiesAfterTopK) {
  // Of the two kept the first has 2/3, so 0.6 is reached at once.
  SamplerOptions options = plain();
  options.topK = 2;
  options.topP = 0.6f;
  expectDistribution(make(options), kFour, softmaxOf(kFour, {1}));
  options.topK = 0;
  expectDistribution(make(options), kFour, softmaxOf(kFour, {1, 3}));
}

TEST(Sampler, PenalizedTokensOfTheWindowAreDrawnLess) {
  SamplerOptions options = plain();
  options.presencePenalty = 1;
  options.repeatLastN = 2;
  Sampler sampler = make(options);
  for (int32_t token : {0, 1, 2, 1}) // 0 has left the window of two
    sampler.accept(token);
  std::vector<float> logits = {1.0f, 1.0f, 0.5f, 0.25f};
  std::vector<float> penalized = {1.0f, 0.0f, -0.5f, 0.25f};
  expectDistribution(sampler, logits, softmaxOf(penalized, {0, 1, 2, 3}));
}

TEST(Sampler, GreedyTakesTheFirstMaximumAfterPenalties) {
  SamplerOptions options; // the default filters must not change it
  options.temperature = 0;
  options.typicalP = 0.1f;
  Sampler sampler = make(options);
  EXPECT_EQ(*sampler.sample(std::vector<float>{1, 7, -2, 7, 7}), 1);
  options.repeatPenalty = 1.5f;
  options.temperature = -1;
  Sampler penalizing = make(options);
  penalizing.accept(1);
  EXPECT_EQ(*penalizing.sample(std::vector<float>{1, 7, -2, 7, 7}), 3);
}

TEST(Sampler, SeedsReproduce) {
  const std::vector<float> logits = pseudoRandomLogits(1000, 5);
  auto tokens = [&](Sampler &sampler) {
    std::vector<int32_t> drawn;
    for (int i = 0; i < 50; ++i) {
      drawn.push_back(*sampler.sample(logits));
      sampler.accept(drawn.back());
    }
    return drawn;
  };
  SamplerOptions options;
  options.repeatPenalty = 1.3f;
  options.temperature = 3;
  options.seed = 42;
  Sampler first = make(options);
  const std::vector<int32_t> drawn = tokens(first);
  Sampler second = make(options);
  EXPECT_EQ(tokens(second), drawn);
  first.reset();
  EXPECT_EQ(tokens(first), drawn) << "reset() starts over";
  options.seed = 43;
  Sampler other = make(options);
  EXPECT_NE(tokens(other), drawn);
  EXPECT_EQ(other.seed(), 43u);

  options.seed = -1;
  Sampler random = make(options);
  const std::vector<int32_t> randomDrawn = tokens(random);
  options.seed = random.seed();
  Sampler again = make(options);
  EXPECT_EQ(tokens(again), randomDrawn) << "the drawn seed can be asked for and used again";
}

TEST(Sampler, RefusesLogitsThatAreNotNumbers) {
  SamplerOptions options;
  options.seed = 9;
  Sampler sampler = make(options);
  Sampler untouched = make(options);
  const auto nan = sampler.sample(std::vector<float>{0, kNaN, 1});
  EXPECT_EQ(nan.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(nan.status().message()), HasSubstr("logit 1 of 3 is nan"));
  EXPECT_FALSE(sampler.sample(std::vector<float>{kInfinity, 0}).ok());
  EXPECT_FALSE(sampler.sample(std::vector<float>{-kInfinity, -kInfinity}).ok());
  EXPECT_FALSE(sampler.sample({}).ok());
  const std::vector<float> logits = pseudoRandomLogits(1000, 6);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(*sampler.sample(logits), *untouched.sample(logits));
}

TEST(Sampler, SurvivesExtremeNumbers) {
  constexpr float kGreatest = std::numeric_limits<float>::max();
  SamplerOptions options = plain();
  options.repeatPenalty = 1e-38f;
  options.frequencyPenalty = kGreatest;
  options.presencePenalty = -kGreatest;
  options.temperature = 1e-45f;
  options.typicalP = 0.9f;
  options.topP = 0.9f;
  options.minP = 1e-45f;
  Sampler sampler = make(options);
  for (int32_t token : {0, 1, 1, 2, std::numeric_limits<int32_t>::max(), -1})
    sampler.accept(token);
  for (const std::vector<float> &logits :
       {std::vector<float>{kGreatest, -kGreatest, 0, -kInfinity}, std::vector<float>{-kGreatest},
        std::vector<float>{1e-45f, -1e-45f, -kInfinity, -kInfinity}}) {
    auto token = sampler.sample(logits);
    ASSERT_TRUE(token.ok()) << token.status();
    EXPECT_GT(logits.at(*token), -kInfinity) << "a masked token was drawn";
  }
}

TEST(Sampler, AllocatesNothingAfterTheFirstToken) {
  for (int32_t topK : {40, 0}) {
    SamplerOptions options;
    options.topK = topK;
    options.repeatPenalty = 1.1f;
    options.typicalP = 0.9f;
    Sampler sampler = make(options);
    const std::vector<float> logits = pseudoRandomLogits(20'000, 7);
    sampler.accept(*sampler.sample(logits));
    const size_t before = allocations;
    for (int i = 0; i < 100; ++i)
      sampler.accept(*sampler.sample(logits));
    EXPECT_EQ(allocations - before, 0u) << "top-k " << topK;
  }
  EXPECT_GT(allocations, 0u) << "the counter is not in use";
}

TEST(SamplerOptions, ValidationNamesTheBadOption) {
  EXPECT_TRUE(SamplerOptions().validation().ok());
  auto expectBad = [](absl::string_view name, auto member, auto... values) {
    for (auto value : {values...}) {
      SamplerOptions options;
      options.*member = value;
      const absl::Status status = options.validation();
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << name << " " << value;
      EXPECT_THAT(std::string(status.message()), HasSubstr("sampler option " + std::string(name)));
      EXPECT_FALSE(Sampler::create(options).ok());
    }
  };
  expectBad("repeat-penalty", &SamplerOptions::repeatPenalty, 0.0f, -1.0f, kNaN, kInfinity);
  expectBad("repeat-last-n", &SamplerOptions::repeatLastN, -1, SamplerOptions::kMaxRepeatLastN + 1);
  expectBad("frequency-penalty", &SamplerOptions::frequencyPenalty, kNaN, -kInfinity);
  expectBad("presence-penalty", &SamplerOptions::presencePenalty, kNaN, kInfinity);
  expectBad("typical-p", &SamplerOptions::typicalP, -0.1f, 1.1f, kNaN);
  expectBad("top-p", &SamplerOptions::topP, -0.1f, 1.1f, kNaN);
  expectBad("min-p", &SamplerOptions::minP, -0.1f, 1.1f, kNaN);
  expectBad("temp", &SamplerOptions::temperature, kNaN, kInfinity);
  expectBad("seed", &SamplerOptions::seed, int64_t(-2), int64_t(1) << 32);
}

} // namespace
} // namespace llmc
