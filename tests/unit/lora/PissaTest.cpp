// Decompositions, and the halves that stay.
#include "frontends/lora/train/Pissa.h"
#include "frontends/lora/train/PrincipalPart.h"
#include "tests/unit/lora/ToyModel.h"
#include <limits>

namespace llmc::lora::testing {
namespace {

using ::testing::HasSubstr;

struct Known {
  uint64_t rows, columns;
  std::vector<double> singular;
  std::vector<float> matrix;

  // Of reflections, whose columns are orthonormal: (I - 2 u u^T) S (I - 2 v v^T).
  Known(uint64_t rows, uint64_t columns, std::vector<double> singular)
      : rows(rows), columns(columns), singular(std::move(singular)), matrix(rows * columns) {
    Random random(3);
    u = unit(rows, random);
    v = unit(columns, random);
    add(matrix, this->singular.size());
  }
  std::vector<double> unit(uint64_t size, Random &random) {
    std::vector<double> x(size);
    double squares = 0;
    for (double &value : x) {
      value = random.normal();
      squares += value * value;
    }
    for (double &value : x)
      value /= std::sqrt(squares);
    return x;
  }
  void add(std::vector<float> &to, size_t rank) const {
    for (uint64_t i = 0; i < rows; ++i)
      for (uint64_t j = 0; j < columns; ++j) {
        double sum = 0;
        for (size_t k = 0; k < rank; ++k)
          sum += ((i == k) - 2 * u[i] * u[k]) * singular[k] * ((j == k) - 2 * v[j] * v[k]);
        to[i * columns + j] = static_cast<float>(sum);
      }
  }
  std::vector<double> u, v;
};

// The largest difference of B A from the part of `rank`, and of the norms of B's columns from A's
// rows'.
double errorOf(const Known &known, const PrincipalPart &part, uint64_t rank) {
  std::vector<float> best(known.rows * known.columns);
  known.add(best, rank);
  double worst = 0;
  for (uint64_t i = 0; i < known.rows; ++i)
    for (uint64_t j = 0; j < known.columns; ++j) {
      double sum = 0;
      for (uint64_t r = 0; r < rank; ++r)
        sum += double(part.b[i * rank + r]) * part.a[r * known.columns + j];
      worst = std::max(worst, std::abs(sum - best[i * known.columns + j]));
    }
  for (uint64_t r = 0; r < rank; ++r) {
    double a = 0, b = 0;
    for (uint64_t i = 0; i < known.rows; ++i)
      b += double(part.b[i * rank + r]) * part.b[i * rank + r];
    for (uint64_t j = 0; j < known.columns; ++j)
      a += double(part.a[r * known.columns + j]) * part.a[r * known.columns + j];
    worst = std::max({worst, std::abs(a - known.singular[r]), std::abs(b - known.singular[r])});
  }
  return worst;
}

TEST(PrincipalPart, IsThatOfTheLargestSingularValues) {
  const std::vector<double> singular{9, 7, 4, 2, 1, 0.5, 0.25, 0.2, 0.1, 0.05, 0.02, 0.01};
  for (auto [rows, columns] : {std::pair(40, 25), std::pair(25, 40), std::pair(12, 12)}) {
    const Known known(rows, columns, singular);
    for (uint64_t rank : {1, 3, 5})
      for (int iterations : {0, 4}) {
        auto part = principalPart(known.matrix, rows, columns,
                                  {.rank = rank, .iterations = iterations, .seed = 5});
        ASSERT_TRUE(part.ok()) << part.status();
        EXPECT_EQ(part->b.size(), rows * rank);
        EXPECT_EQ(part->a.size(), columns * rank);
        EXPECT_LT(errorOf(known, *part, rank), 2e-5) << rows << " " << rank << " " << iterations;
      }
  }
}

TEST(PrincipalPart, RefusesWhatHasNone) {
  std::vector<float> matrix(12, 1.0f);
  const auto error = [&](uint64_t rank) {
    return messageOf(principalPart(matrix, 3, 4, {.rank = rank}));
  };
  EXPECT_THAT(error(4), HasSubstr("of 3 x 4 has no part of rank 4"));
  EXPECT_THAT(error(0), HasSubstr("no part of rank 0"));
  EXPECT_EQ(error(3), "no error"); // of rank 1 only
  matrix[5] = std::numeric_limits<float>::infinity();
  EXPECT_THAT(error(1), HasSubstr("not finite"));
}

// Neither gradients nor the decay of weights move them.
TEST(Pissa, FrozenHalvesStay) {
  ToyRun run;
  run.config.targetModules = {"attn_q", "attn_output"};
  run.config.loraInit = "pissa";
  run.prepare();
  ASSERT_EQ(run.plan.matrices[0].rank, 4u);
  EXPECT_EQ(run.plan.matrices[0].scale(), 2);
  std::vector<TrainedTensor> tensors = run.model->tensors();
  Random random(1);
  for (const TrainedTensor &tensor : tensors)
    for (size_t i = 0; i < tensor.values.size(); ++i) {
      tensor.values[i] = static_cast<float>(random.normal());
      tensor.gradient[i] = static_cast<float>(random.normal());
    }
  const Adapter before = run.parameters->adapter().values();
  AdamW optimizer(tensors, {.weightDecay = 0.5});
  FrozenHalves frozen(run.plan, *run.model);
  frozen.hold();
  optimizer.step(0.1, 1, run.team);
  frozen.restore();
  const Adapter after = run.parameters->adapter().values();
  for (size_t m = 0; m < before.matrices.size(); ++m) {
    const AdapterMatrix &x = before.matrices[m], &y = after.matrices[m];
    for (uint64_t i = 0; i < x.a.size(); ++i)
      EXPECT_EQ(x.a[i] == y.a[i], i / x.inputs >= 2) << i;
    for (uint64_t i = 0; i < x.b.size(); ++i)
      EXPECT_EQ(x.b[i] == y.b[i], i % x.rank >= 2) << i;
  }
}

TEST(Pissa, TablesAndHighRanksAreRefused) {
  ToyRun run;
  run.config.loraInit = "pissa";
  EXPECT_THAT(messageOf(planAdapter(run.config, run.base)), HasSubstr("not of token_embd"));
  run.config.targetModules = {"attn_q"};
  run.config.rank = 9;
  EXPECT_THAT(messageOf(planAdapter(run.config, run.base)),
              HasSubstr("blk.0.attn_q.weight has no 9 singular values"));
}

} // namespace
} // namespace llmc::lora::testing
