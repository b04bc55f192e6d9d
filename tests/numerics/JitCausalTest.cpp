// Attention of sequences to themselves and its adjoint: compiled code against the interpreter.
#include "absl/strings/str_format.h"
#include "absl/strings/substitute.h"
#include "tests/numerics/TestData.h"
#include <cmath>

namespace llmc {
namespace {

constexpr double kUlp = 0x1p-24; // half a unit in the last place of 1 in f32

struct Shape {
  int64_t kvHeads, group; // query heads per key/value head
  int64_t key, value;
  int64_t sequence;
  int64_t window = 0;
  double scale = 0.25;

  int64_t heads() const { return kvHeads * group; }
};

// @forward(q, k, v) and @adjoint(dy, q, k, v, y, l).
std::string programText(const Shape &s) {
  const std::string q = absl::Substitute("tensor<?x$0xf32>", s.heads() * s.key);
  const std::string k = absl::Substitute("tensor<?x$0xf32>", s.kvHeads * s.key);
  const std::string v = absl::Substitute("tensor<?x$0xf32>", s.kvHeads * s.value);
  const std::string y = absl::Substitute("tensor<?x$0xf32>", s.heads() * s.value);
  const std::string l = absl::Substitute("tensor<?x$0xf32>", s.heads());
  const std::string how =
      absl::StrFormat("heads %d kv_heads %d sequence %d scale %.6e {window = %d : i64}", s.heads(),
                      s.kvHeads, s.sequence, s.scale, s.window);
  return absl::Substitute(R"(
  func.func @forward(%q: $0, %k: $1, %v: $2) -> ($3, $4) {
    %y, %l = llm.causal_attention %q, %k, %v $5 : ($0, $1, $2) -> ($3, $4)
    return %y, %l : $3, $4
  }
  func.func @adjoint(%dy: $3, %q: $0, %k: $1, %v: $2, %y: $3, %l: $4) -> ($0, $1, $2) {
    %dq, %dk, %dv = llm.causal_attention_adjoint %dy, %q, %k, %v, %y, %l $5
        : ($3, $0, $1, $2, $3, $4) -> ($0, $1, $2)
    return %dq, %dk, %dv : $0, $1, $2
  })",
                          q, k, v, y, l, how);
}

Rows rounded(const TensorValue<double> &tensor) {
  return {tensor.rows(), tensor.columns(), {tensor.data.begin(), tensor.data.end()}};
}

void checkCausal(const Shape &s, const std::vector<int64_t> &sequences = {1, 3}) {
  SCOPED_TRACE(testing::Message() << s.group << " to each of " << s.kvHeads << ", key " << s.key
                                  << ", value " << s.value << ", sequence " << s.sequence
                                  << ", window " << s.window);
  JitProgram program(programText(s), {}, {.maxRows = sequences.back() * s.sequence});
  auto interpreter = program.interpreter<double>();
  Random random(s.heads() * 1000 + s.key + s.value + s.sequence);
  for (int64_t count : sequences) {
    const int64_t rows = count * s.sequence;
    Rows q = randomRows(rows, s.heads() * s.key, random);
    Rows k = randomRows(rows, s.kvHeads * s.key, random);
    Rows v = randomRows(rows, s.kvHeads * s.value, random);
    Rows dy = randomRows(rows, s.heads() * s.value, random);
    std::vector<Rows> is = program.run("forward", rows, {q, k, v});
    auto expected = interpret(interpreter, "forward", {q, k, v});
    ASSERT_EQ(is.size(), 2u);
    ASSERT_EQ(expected.size(), 2u);
    // A score is wrong by a few ulp of the sum of its terms' magnitudes; a weight by as much
    // relatively, and so is the result, a mean of elements of at most 1.
    const double score = s.scale * static_cast<double>(s.key);
    expectRows(is[0], *expected[0], [&](int64_t, int64_t) { return kUlp * (6 + score); });
    expectRows(is[1], *expected[1], [&](int64_t row, int64_t head) {
      return kUlp * (4 + score + 3 * std::abs(expected[1]->row(row)[head]));
    });

    // The adjoint of what is rounded to f32, on both sides.
    Rows y = rounded(*expected[0]), l = rounded(*expected[1]);
    const Arguments arguments{dy, q, k, v, y, l};
    is = program.run("adjoint", rows, arguments);
    expected = interpret(interpreter, "adjoint", arguments);
    ASSERT_EQ(is.size(), 3u);
    ASSERT_EQ(expected.size(), 3u);
    // A derivative by a score is a weight times a difference of sums of `value` terms of at most 1;
    // weights of a query sum up to 1. Keys and values get a sum over the queries that see them.
    const double weight = 8 + 2 * score;
    const double slope = static_cast<double>(2 * s.value);
    auto queries = [&](int64_t, int64_t) { return kUlp * s.scale * slope * weight; };
    expectRows(is[0], *expected[0], queries);
    auto keys = [&](double each) {
      return [&, each](int64_t row, int64_t) {
        double sum = 0; // of the weights of this key, about
        const int64_t at = row % s.sequence;
        for (int64_t t = at; t < s.sequence && (!s.window || t - at < s.window); ++t)
          sum += std::min(1.0,
                          8.0 / static_cast<double>(s.window ? std::min(t + 1, s.window) : t + 1));
        return kUlp * each * weight * sum * static_cast<double>(s.group);
      };
    };
    expectRows(is[1], *expected[1], keys(s.scale * slope));
    expectRows(is[2], *expected[2], keys(1));
    if (testing::Test::HasFailure())
      return;
  }
}

// Lengths that end within, at and beyond tiles of queries and blocks of keys.
TEST(JitCausal, Sequences) {
  for (int64_t sequence : {1, 2, 7, 16, 17, 31, 32, 33, 63, 64, 65, 100, 130, 200})
    checkCausal({2, 2, 16, 16, sequence});
}

// One query head, several that fill a unit of tiles or do not, and more than that.
TEST(JitCausal, QueryHeadsPerKeyHead) {
  for (int64_t group : {1, 3, 4, 7})
    checkCausal({group == 1 ? 3 : 1, group, 32, 32, 70});
}

// Elements of a head that are no multiple of a vector or a tile.
TEST(JitCausal, Lengths) {
  for (auto [key, value] :
       {std::pair{1, 1}, {6, 5}, {20, 20}, {80, 80}, {100, 100}, {64, 64}, {128, 128}, {33, 17}})
    checkCausal({2, 2, key, value, 70});
}

TEST(JitCausal, Windows) {
  for (int64_t window : {int64_t(1), int64_t(5), int64_t(16), int64_t(33), int64_t(64), int64_t(65),
                         int64_t(1) << 31, INT64_MAX})
    checkCausal({2, 2, 16, 16, 150, window});
}

// A few keys have almost all the weight, and maxima grow from block to block.
TEST(JitCausal, LargeScores) {
  checkCausal({1, 2, 64, 32, 150, 0, 8.0});
  checkCausal({1, 1, 64, 32, 150, 20, 20.0});
}

} // namespace
} // namespace llmc
