// A model that is small enough to be differentiated by hand, and all that a run needs around it.
#ifndef LLMC_TESTS_UNIT_LORA_TOYMODEL_H
#define LLMC_TESTS_UNIT_LORA_TOYMODEL_H

#include "frontends/lora/config/AdapterPlan.h"
#include "frontends/lora/train/AdapterParameters.h"
#include "frontends/lora/train/Trainer.h"
#include "runtime/core/Interrupt.h"
#include "runtime/train/Random.h"
#include "tests/unit/lora/TestModel.h"
#include "tests/unit/tokenizer/TestVocabularies.h"
#include <cmath>
#include <functional>

namespace llmc::lora::testing {

// logits = O h of a residual stream that starts with a table's row and to which each adapted square
// matrix adds: h = E[t] + s B A[t], h += s B (A h). Keeps its parameters in column order.
class ToyModel : public TrainingModel {
public:
  ToyModel(const Adapter &plan, uint64_t width, uint64_t vocabulary)
      : plan_(plan), width_(width), vocabulary_(vocabulary) {
    Random random(7);
    for (std::vector<double> *table : {&embedding_, &output_})
      for (uint64_t i = 0; i < vocabulary * width; ++i)
        table->push_back(random.normal() * (table == &embedding_ ? 1.0 : 0.3));
    for (const AdapterMatrix &m : plan.matrices) {
      const auto n = static_cast<int64_t>(m.inputs), r = static_cast<int64_t>(m.rank);
      parameters_.push_back({m.weight + ".lora_a", m.lookup ? n : r, m.lookup ? r : n});
      parameters_.push_back({m.weight + ".lora_b", static_cast<int64_t>(m.outputs), r});
    }
    for (const Parameter &p : parameters_) {
      values_.emplace_back(p.rows * p.columns);
      gradients_.emplace_back(p.rows * p.columns);
    }
  }

  std::span<const Parameter> parameters() const override { return parameters_; }
  std::vector<TrainedTensor> tensors() override {
    std::vector<TrainedTensor> out;
    for (size_t i = 0; i < parameters_.size(); ++i)
      out.push_back({parameters_[i].name,
                     {uint64_t(parameters_[i].columns), uint64_t(parameters_[i].rows)},
                     values_[i],
                     gradients_[i]});
    return out;
  }
  void toRows(size_t i, std::span<const float> own, std::span<float> rows) const override {
    const int64_t c = parameters_[i].columns;
    for (int64_t row = 0; row < parameters_[i].rows; ++row)
      copyRow(i, own, row, rows.subspan(row * c, c));
  }
  void copyRow(size_t i, std::span<const float> own, int64_t row,
               std::span<float> out) const override {
    for (int64_t column = 0; column < parameters_[i].columns; ++column)
      out[column] = own[column * parameters_[i].rows + row];
  }
  void fromRows(size_t i, std::span<const float> rows, std::span<float> own) const override {
    const int64_t r = parameters_[i].rows, c = parameters_[i].columns;
    for (int64_t row = 0; row < r; ++row)
      for (int64_t column = 0; column < c; ++column)
        own[column * r + row] = rows[row * c + column];
  }

  absl::StatusOr<std::span<const float>>
  losses(std::span<const int32_t> inputs, std::span<const int32_t> targets, int64_t seed) override {
    return run(inputs, targets, seed, false, {});
  }
  absl::StatusOr<std::span<const float>> addGradients(std::span<const int32_t> inputs,
                                                      std::span<const int32_t> targets,
                                                      int64_t seed,
                                                      std::span<const float> weights) override {
    ++calls;
    if (onGradients)
      onGradients(*this);
    return run(inputs, targets, seed, true, weights);
  }
  std::vector<Memory> memory() const override { return {{"parameters", 1}}; }

  std::function<void(ToyModel &)> onGradients;
  int64_t calls = 0;
  bool broken = false; // its gradients are no numbers

private:
  using Vector = std::vector<double>;

  float &at(std::vector<float> &own, size_t i, uint64_t row, uint64_t column) const {
    return own[column * parameters_[i].rows + row];
  }
  bool dropped(int64_t seed, size_t i, size_t row, uint64_t k) const {
    return seed >= 0 && mixBits(mixBits(seed + row) + i * 1000 + k) % 4 == 0;
  }

  absl::StatusOr<std::span<const float>> run(std::span<const int32_t> inputs,
                                             std::span<const int32_t> targets, int64_t seed,
                                             bool backward, std::span<const float> weights) {
    losses_.assign(inputs.size(), 0);
    for (size_t row = 0; row < inputs.size(); ++row) {
      if (targets[row] < 0)
        continue;
      const auto token = static_cast<uint64_t>(inputs[row]);
      // Before each matrix, and what its A made of it.
      std::vector<Vector> before, inner;
      Vector h(embedding_.begin() + token * width_, embedding_.begin() + (token + 1) * width_);
      for (size_t m = 0; m < plan_.matrices.size(); ++m) {
        const AdapterMatrix &matrix = plan_.matrices[m];
        Vector x = h, u(matrix.rank);
        for (uint64_t k = 0; k < width_; ++k)
          x[k] = dropped(seed, m, row, k) ? 0 : x[k];
        for (uint64_t r = 0; r < matrix.rank; ++r)
          if (matrix.lookup)
            u[r] = at(values_[2 * m], 2 * m, token, r);
          else
            for (uint64_t k = 0; k < width_; ++k)
              u[r] += at(values_[2 * m], 2 * m, r, k) * x[k];
        for (uint64_t n = 0; n < width_; ++n)
          for (uint64_t r = 0; r < matrix.rank; ++r)
            h[n] += matrix.scale() * at(values_[2 * m + 1], 2 * m + 1, n, r) * u[r];
        before.push_back(std::move(x));
        inner.push_back(std::move(u));
      }
      Vector p(vocabulary_);
      double most = -1e300, sum = 0;
      for (uint64_t v = 0; v < vocabulary_; ++v) {
        for (uint64_t k = 0; k < width_; ++k)
          p[v] += output_[v * width_ + k] * h[k];
        most = std::max(most, p[v]);
      }
      for (double &value : p)
        sum += value = std::exp(value - most);
      losses_[row] = static_cast<float>(std::log(sum) - std::log(p[targets[row]]));
      if (!backward)
        continue;
      Vector dh(width_);
      for (uint64_t v = 0; v < vocabulary_; ++v)
        for (uint64_t k = 0; k < width_; ++k)
          dh[k] += (weights.empty() ? 1.0 : weights[row]) *
                   (p[v] / sum - (v == uint64_t(targets[row]))) * output_[v * width_ + k];
      for (size_t m = plan_.matrices.size(); m-- > 0;) {
        const AdapterMatrix &matrix = plan_.matrices[m];
        Vector du(matrix.rank);
        for (uint64_t n = 0; n < width_; ++n)
          for (uint64_t r = 0; r < matrix.rank; ++r) {
            du[r] += matrix.scale() * at(values_[2 * m + 1], 2 * m + 1, n, r) * dh[n];
            at(gradients_[2 * m + 1], 2 * m + 1, n, r) +=
                static_cast<float>(matrix.scale() * dh[n] * inner[m][r]);
          }
        for (uint64_t r = 0; r < matrix.rank; ++r)
          if (matrix.lookup)
            at(gradients_[2 * m], 2 * m, token, r) += static_cast<float>(du[r]);
          else
            for (uint64_t k = 0; k < width_; ++k) {
              at(gradients_[2 * m], 2 * m, r, k) += static_cast<float>(du[r] * before[m][k]);
              if (!dropped(seed, m, row, k))
                dh[k] += du[r] * at(values_[2 * m], 2 * m, r, k);
            }
      }
    }
    if (backward && broken)
      gradients_[0][0] = std::nanf("");
    return losses_;
  }

  Adapter plan_;
  uint64_t width_, vocabulary_;
  Vector embedding_, output_;
  std::vector<Parameter> parameters_;
  std::vector<std::vector<float>> values_, gradients_;
  std::vector<float> losses_;
};

// A run in a folder of its own.
class ToyRun {
public:
  static constexpr uint32_t kWidth = 8, kVocabulary = 285;

  ToyRun() {
    std::vector<llmc::testing::Entry> letters;
    for (char c = 'a'; c <= 'z'; ++c)
      letters.push_back({std::string(1, c), -10});
    tokenizer = llmc::testing::create(llmc::testing::spmMetadata(letters));
    base = makeBase({.width = kWidth, .vocabulary = kVocabulary});
    std::string text;
    Random random(3);
    for (int i = 0; i < 300; ++i)
      text += static_cast<char>('a' + (i * 3 + random.next() % 3) % 26);
    folder.write("data.txt", {text.begin(), text.end()});
    config.model = "base.gguf";
    config.data = folder.path("data.txt");
    config.outputDir = folder.path("out");
    config.targetModules = {"token_embd", "attn_q", "attn_output"};
    config.rank = 2;
    config.alpha = 4;
    config.maxSeqLength = 8;
    config.batchSize = 2;
    config.maxSteps = 12;
    config.learningRate = 0.02;
    config.saveSteps = 5;
    config.evalSteps = 4;
  }

  void prepare() {
    auto planned = planAdapter(config, base);
    ASSERT_TRUE(planned.ok()) << planned.status();
    plan = *planned;
    model = std::make_unique<ToyModel>(plan, kWidth, kVocabulary);
    auto created = AdapterParameters::create(config, base, nullptr, plan, *model);
    ASSERT_TRUE(created.ok()) << created.status();
    parameters = *std::move(created);
    auto loaded = loadData(config, *tokenizer, "");
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    data = std::make_unique<TrainingData>(*std::move(loaded));
  }
  absl::StatusOr<std::unique_ptr<Trainer>> create() {
    prepare();
    if (::testing::Test::HasFatalFailure())
      return absl::InternalError("the test is wrong");
    return Trainer::create(
        {config, base, *data, *tokenizer, *model, *parameters, team, *observer, baseDigest});
  }
  absl::StatusOr<TrainOutcome> run() {
    auto trainer = create();
    if (!trainer.ok())
      return trainer.status();
    InterruptGuard guard; // forgets earlier signals
    return (*trainer)->run();
  }
  TrainOutcome done() {
    auto outcome = run();
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    return outcome.ok() ? *std::move(outcome) : TrainOutcome();
  }

  std::string out(const std::string &name) const { return config.outputDir + "/" + name; }
  // Lines of metrics.jsonl.
  std::vector<Metrics> metrics() const {
    std::ifstream in(out("metrics.jsonl"));
    std::vector<Metrics> lines;
    for (std::string line; std::getline(in, line);) {
      auto parsed = parseMetrics(line);
      EXPECT_TRUE(parsed) << line;
      lines.push_back(parsed.value_or(Metrics()));
    }
    return lines;
  }

  TempFolder folder;
  std::unique_ptr<Tokenizer> tokenizer;
  BaseModel base = makeBase();
  TrainConfig config = defaultConfig();
  Adapter plan;
  std::unique_ptr<ToyModel> model;
  std::unique_ptr<AdapterParameters> parameters;
  std::unique_ptr<TrainingData> data;
  std::string baseDigest = "a model";
  ThreadTeam team{1};
  TrainObserver silent;
  TrainObserver *observer = &silent;
};

inline std::string bytesOf(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

} // namespace llmc::lora::testing

#endif
