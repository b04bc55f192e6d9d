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

// The first rows of a result, as many as a step has.
TensorValue<double> firstRows(const TensorValue<double> &tensor, int64_t rows) {
  return {{rows, tensor.columns()},
          {tensor.data.begin(), tensor.data.begin() + rows * tensor.columns()}};
}

Rows firstRows(Rows rows, int64_t count) {
  rows.data.resize(count * rows.width);
  return {count, rows.width, std::move(rows.data)};
}

// `sequences` of the steps, of which `missing` rows are not there. The interpreter has zeros for
// them, which change nothing of what comes before.
void checkCausal(const Shape &s, const std::vector<int64_t> &sequences = {1, 3},
                 int64_t missing = 0) {
  SCOPED_TRACE(testing::Message() << s.group << " to each of " << s.kvHeads << ", key " << s.key
                                  << ", value " << s.value << ", sequence " << s.sequence
                                  << ", window " << s.window);
  JitProgram program(programText(s), {}, {.maxRows = sequences.back() * s.sequence});
  auto interpreter = program.interpreter<double>();
  Random random(s.heads() * 1000 + s.key + s.value + s.sequence);
  for (int64_t count : sequences) {
    const int64_t all = count * s.sequence, rows = all - missing;
    auto make = [&](int64_t width) {
      Rows made = randomRows(all, width, random);
      std::fill(made.data.begin() + rows * width, made.data.end(), 0.0f);
      return made;
    };
    auto run = [&](const std::string &function, std::vector<Rows> arguments) {
      Arguments there;
      for (Rows &argument : arguments)
        there.push_back(firstRows(std::move(argument), rows));
      return program.run(function, rows, there);
    };
    Rows q = make(s.heads() * s.key), k = make(s.kvHeads * s.key);
    Rows v = make(s.kvHeads * s.value), dy = make(s.heads() * s.value);
    std::vector<Rows> is = run("forward", {q, k, v});
    auto expected = interpret(interpreter, "forward", {q, k, v});
    ASSERT_EQ(is.size(), 2u);
    ASSERT_EQ(expected.size(), 2u);
    // A score is wrong by a few ulp of the sum of its terms' magnitudes; a weight by as much
    // relatively, and so is the result, a mean of elements of at most 1.
    const double score = s.scale * static_cast<double>(s.key);
    expectRows(is[0], firstRows(*expected[0], rows),
               [&](int64_t, int64_t) { return kUlp * (6 + score); });
    expectRows(is[1], firstRows(*expected[1], rows), [&](int64_t row, int64_t head) {
      return kUlp * (4 + score + 3 * std::abs(expected[1]->row(row)[head]));
    });

    // The adjoint of what is rounded to f32, on both sides.
    Rows y = rounded(*expected[0]), l = rounded(*expected[1]);
    is = run("adjoint", {dy, q, k, v, y, l});
    expected = interpret(interpreter, "adjoint", {dy, q, k, v, y, l});
    ASSERT_EQ(is.size(), 3u);
    ASSERT_EQ(expected.size(), 3u);
    // A derivative by a score is a weight times a difference of sums of `value` random terms: such
    // a sum is about as large as its root and off by about its ulps. Of a query, weights sum up to
    // 1; keys and values get random sums over the queries that see them.
    const double weight = 6 + score;
    const double slope =
        static_cast<double>(s.value) + 2 * weight * std::sqrt(static_cast<double>(s.value));
    auto queries = [&](int64_t, int64_t) { return kUlp * s.scale * slope; };
    expectRows(is[0], firstRows(*expected[0], rows), queries);
    auto keys = [&](double each) {
      return [&, each](int64_t row, int64_t) {
        double squares = 0; // of the weights of this key, about; the higher the scores, the fewer
        const double high = 8 * std::max(1.0, s.scale);
        const int64_t at = row % s.sequence;
        for (int64_t t = at; t < s.sequence && (!s.window || t - at < s.window); ++t) {
          const int64_t seen = s.window ? std::min(t + 1, s.window) : t + 1;
          squares += std::pow(std::min(1.0, high / static_cast<double>(seen)), 2);
        }
        return kUlp * each * std::sqrt(squares * static_cast<double>(s.group));
      };
    };
    expectRows(is[1], firstRows(*expected[1], rows), keys(s.scale * slope));
    expectRows(is[2], firstRows(*expected[2], rows), keys(weight));
    if (testing::Test::HasFailure())
      return;
  }
}

// Lengths that end within, at and beyond tiles of queries and blocks of keys.
TEST(JitCausal, Sequences) {
  for (int64_t sequence : {1, 2, 7, 16, 17, 31, 32, 33, 63, 64, 65, 100, 130, 200})
    checkCausal({2, 2, 16, 16, sequence});
}

// Steps that end within a sequence, a tile, a block.
TEST(JitCausal, StepsWithoutTheEnd) {
  checkCausal({2, 2, 16, 16, 100}, {1, 2}, 29);
  checkCausal({1, 3, 20, 16, 200, 70}, {1, 2}, 150);
}

// One query head, several that fill a unit of tiles or do not, and more than that.
TEST(JitCausal, QueryHeadsPerKeyHead) {
  for (int64_t group : {1, 3, 8, 11})
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
