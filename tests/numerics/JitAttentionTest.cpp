// Attention and the KV cache of compiled code against the interpreter, over several steps.
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
  int64_t window = 0;
  const char *type = "f16"; // of keys, and of values but for valueType
  int64_t dims = 0;         // rotated elements
  double scale = 0.25;
  int64_t layers = 3;
  const char *valueType = nullptr;
  int64_t maxRows = 37, capacity = 192;
  bool halves = false;
  double softcap = 0;

  int64_t heads() const { return kvHeads * group; }
  bool hasF32() const {
    return absl::string_view(type) == "f32" || (valueType && absl::string_view(valueType) == "f32");
  }
};

// Three functions on one cache, layer and position being arguments:
//   @whole(%x..., layer, start), which is fused: rope, write and attention, or write and attention;
//   @rotate(q, k, table) and @attend(q, k, v, layer, start), its two halves.
std::string programText(const Shape &s) {
  const std::string q = absl::Substitute("tensor<?x$0xf32>", s.heads() * s.key);
  const std::string k = absl::Substitute("tensor<?x$0xf32>", s.kvHeads * s.key);
  const std::string v = absl::Substitute("tensor<?x$0xf32>", s.kvHeads * s.value);
  const std::string y = absl::Substitute("tensor<?x$0xf32>", s.heads() * s.value);
  const std::string t = absl::Substitute("tensor<?x$0xf32>", std::max<int64_t>(s.dims, 2));
  const std::string kv = absl::Substitute(
      "!llm.kv_cache<layers = $0, heads = $1, key = $2 x $4, value = $3 x $5>", s.layers, s.kvHeads,
      s.key, s.value, s.type, s.valueType ? s.valueType : s.type);
  const std::string rotate = s.dims ? absl::Substitute(R"(
    %qr = llm.rope %q, %t head_dim $0$4 : $1, $3
    %kr = llm.rope %k, %t head_dim $0$4 : $2, $3)",
                                                       s.key, q, k, t, s.halves ? " {halves}" : "")
                                    : "";
  auto attend = [&](absl::string_view suffix) {
    return absl::Substitute(R"(
    %kv = llm.get_state @kv : $0
    llm.cache_write %kv[%layer] at %start, %k$1, %v : $0, $2, $3
    %y = llm.attention %q$1, %kv[%layer] at %start scale $4 {window = $5 : i64, softcap = $8 : f32} : $6, $0 -> $7
    return %y : $7)",
                            kv, suffix, k, v, absl::StrFormat("%.6e", s.scale), s.window, q, y,
                            absl::StrFormat("%.6e", s.softcap));
  };
  std::string text =
      absl::Substitute(R"(
  llm.state @kv : $0
  func.func @whole(%q: $1, %k: $2, %v: $3, %t: $4, %layer: index, %start: index) -> $5 {$6$7
  }
  func.func @attend(%q: $1, %k: $2, %v: $3, %layer: index, %start: index) -> $5 {$8
  })",
                       kv, q, k, v, t, y, rotate, attend(s.dims ? "r" : ""), attend(""));
  if (s.dims)
    absl::SubstituteAndAppend(&text, R"(
  func.func @rotate(%q: $0, %k: $1, %t: $2) -> ($0, $1) {$3
    return %qr, %kr : $0, $1
  })",
                              q, k, t, rotate);
  return text;
}

struct Step {
  int64_t layer, start, rows;
};

// One sequence in each of two layers, in steps that end within, at and beyond tiles of 16 and
// blocks of 64 positions; then a step back.
const std::vector<Step> kSteps{{0, 0, 5},   {2, 0, 37}, {0, 5, 11},   {0, 16, 1},  {2, 37, 27},
                               {0, 17, 36}, {2, 64, 1}, {0, 53, 12},  {0, 65, 37}, {0, 102, 26},
                               {0, 128, 2}, {2, 65, 3}, {0, 130, 37}, {0, 100, 8}};

Rows toRows(const TensorValue<float> &tensor) {
  return {tensor.rows(), tensor.columns(), tensor.data};
}

// How far outputs are off: a score is wrong by a few ulp of the sum of its terms' magnitudes, which
// is `score`, a weight by as much relatively, and so is the output, a mean of elements of at
// most 1.
double tolerance(double score, int64_t queries, absl::string_view type) {
  absl::StatusOr<TargetDescription> target = describeTarget(testTarget());
  if (!target.ok() || target->dot != kernel::Dot::Amx || type == "f32" || queries < 16)
    return kUlp * (4 + score);
  // The matrix unit has each factor in two parts of 8 bits, so that 2^-18 of it is lost, and with
  // the product of the lesser parts another 2^-18.
  return 0x3p-18 * (1 + score);
}

void checkAttention(const Shape &s, Form form, const std::vector<Step> &steps = kSteps) {
  JitProgram program(programText(s), {},
                     {.form = form, .maxRows = s.maxRows, .capacity = s.capacity});
  auto exact = program.interpreter<double>();
  auto floats = program.interpreter<float>();
  Random random(s.heads() * 1000 + s.key + s.value);
  for (const Step &step : steps) {
    SCOPED_TRACE(testing::Message()
                 << "layer " << step.layer << ", " << step.rows << " rows at " << step.start);
    Rows q = randomRows(step.rows, s.heads() * s.key, random);
    Rows k = randomRows(step.rows, s.kvHeads * s.key, random);
    Rows v = randomRows(step.rows, s.kvHeads * s.value, random);
    Rows table = randomRows(step.rows, std::max<int64_t>(s.dims, 2), random);
    for (int64_t i = 0; i + 1 < int64_t(table.data.size()); i += 2) {
      double angle = random.uniform(0, 6.3);
      table.data[i] = static_cast<float>(std::cos(angle));
      table.data[i + 1] = static_cast<float>(std::sin(angle));
    }
    std::vector<Rows> is =
        program.run("whole", step.rows, {q, k, v, table, step.layer, step.start});
    // Keys are rounded to the cache's type after they were rotated in f32. To round what compiled
    // code rounds, the oracle rotates in f32 too, and does all else in double.
    if (s.dims) {
      auto rotated = interpret(floats, "rotate", {q, k, table});
      ASSERT_EQ(rotated.size(), 2u);
      q = toRows(*rotated[0]);
      k = toRows(*rotated[1]);
    }
    auto expected = interpret(exact, "attend", {q, k, v, step.layer, step.start});
    ASSERT_EQ(is.size(), 1u);
    ASSERT_EQ(expected.size(), 1u);
    // Elements of q and k are at most sqrt(2).
    double score = s.scale * static_cast<double>(s.key) * (s.dims ? 2 : 1);
    double allowed = tolerance(score, step.rows * s.group, s.hasF32() ? "f32" : s.type);
    expectRows(is[0], *expected[0], [&](int64_t, int64_t) { return allowed; });
    if (testing::Test::HasFailure())
      return;
  }
}

// Queries per key/value head, so that tiles of queries hold part of a token, one, or several.
TEST(JitAttention, QueryHeadsPerKeyHead) {
  for (int64_t group : {1, 3, 4, 8}) {
    SCOPED_TRACE(group);
    checkAttention({2, group, 32, 32}, Form::Fused);
  }
}

// Lengths that are no multiple of a vector or of an unrolled loop, equal or not.
TEST(JitAttention, Lengths) {
  for (auto [key, value] :
       {std::pair{1, 1}, {6, 5}, {20, 16}, {16, 36}, {33, 17}, {64, 80}, {100, 8}}) {
    SCOPED_TRACE(testing::Message() << "key " << key << ", value " << value);
    checkAttention({3, 2, key, value}, Form::Fused);
  }
}

TEST(JitAttention, Windows) {
  for (int64_t window : {int64_t(1), int64_t(5), int64_t(16), int64_t(64), int64_t(65),
                         int64_t(100), int64_t(1) << 31, (int64_t(1) << 32) - 1, INT64_MAX}) {
    SCOPED_TRACE(testing::Message() << "window " << window);
    checkAttention({2, 4, 32, 32, window}, Form::Fused);
  }
}

TEST(JitAttention, CachesOfF32) {
  checkAttention({2, 4, 32, 32, 0, "f32"}, Form::Fused);
  checkAttention({3, 2, 20, 36, 20, "f32"}, Form::Fused);
}

// Keys and values of each type, narrow and wide steps, and groups of queries that fill tiles or
// not.
TEST(JitAttention, CacheTypes) {
  const char *q8 = "!llm.block<q8_0>";
  for (auto [key, value] : {std::pair{q8, q8},
                            {q8, "f16"},
                            {"f32", q8},
                            {"bf16", "bf16"},
                            {"f16", "bf16"},
                            {"bf16", "f32"}})
    for (int64_t group : {1, 5, 8}) {
      SCOPED_TRACE(testing::Message() << key << " and " << value << ", group " << group);
      Shape s{2, group, 64, 96, 50, key, 32};
      s.valueType = value;
      checkAttention(s, Form::Fused);
    }
}

// Some or all elements of a head are rotated, in an operation of its own or on the way.
TEST(JitAttention, Rotated) {
  for (const char *type : {"f16", "f32"})
    for (Form form : {Form::Fused, Form::Unfused}) {
      SCOPED_TRACE(testing::Message() << type << (form == Form::Fused ? " fused" : " unfused"));
      checkAttention({2, 4, 32, 32, 0, type, 32}, form);
      checkAttention({2, 1, 64, 40, 70, type, 20}, form);
    }
}

// The same with other pairs: whole vectors of them, and less.
TEST(JitAttention, RotatedHalves) {
  for (auto [key, dims] :
       {std::pair<int64_t, int64_t>{32, 32}, {64, 64}, {64, 20}, {20, 20}, {96, 72}})
    for (const char *type : {"f16", "f32", "!llm.block<q8_0>"})
      for (Form form : {Form::Fused, Form::Unfused}) {
        SCOPED_TRACE(testing::Message() << key << ", " << dims << " of " << type);
        if (key % 32 && type[0] == '!')
          continue;
        Shape s{2, 4, key, 32, 0, type, dims};
        s.halves = true;
        checkAttention(s, form);
      }
}

// Scores that are bounded, near the bound and far from it.
TEST(JitAttention, Softcap) {
  for (const char *type : {"f16", "f32"})
    for (double cap : {2.0, 50.0}) {
      SCOPED_TRACE(testing::Message() << type << ", " << cap);
      Shape s{2, 4, 64, 32, 20, type, 64, 1.0};
      s.softcap = cap;
      checkAttention(s, Form::Fused);
    }
}

// A few positions have almost all the weight, and maxima grow from block to block.
TEST(JitAttention, LargeScores) {
  checkAttention({1, 4, 64, 32, 0, "f16", 0, 8.0}, Form::Fused);
  checkAttention({1, 1, 64, 32, 0, "f32", 64, 20.0}, Form::Fused);
}

// A cache of a single head and layer.
TEST(JitAttention, OneHead) {
  Shape s{1, 1, 16, 16};
  s.layers = 1;
  checkAttention(s, Form::Fused, {{0, 0, 37}, {0, 37, 1}, {0, 38, 30}, {0, 68, 1}});
}

// Positions of one token in parts: less than one, the last of a part and the first of the next, all
// 32 parts, and parts of more than one block. Windows begin within a part.
TEST(JitAttention, Parts) {
  const std::vector<Step> steps{{0, 0, 512},    {0, 126, 1},    {0, 127, 1},    {0, 128, 1},
                                {0, 512, 512},  {0, 1000, 1},   {0, 1024, 512}, {0, 1536, 512},
                                {0, 2048, 512}, {0, 2560, 512}, {0, 3072, 512}, {0, 3584, 512},
                                {0, 4095, 1},   {0, 4096, 1},   {0, 4097, 300}, {0, 4397, 1}};
  for (auto [heads, group] : {std::pair{1, 3}, {1, 9}})
    for (int64_t window : {0, 700}) {
      SCOPED_TRACE(testing::Message() << group << " to each of " << heads << ", window " << window);
      Shape s{heads, group, 4, 5, window};
      s.layers = 1, s.maxRows = 512, s.capacity = 4416;
      checkAttention(s, Form::Fused, steps);
    }
}

// Attention over one position yields the value that was written: rounded to even, at the ends of
// the range of f16 and in ties, too.
TEST(JitAttention, ValuesAreRoundedToHalf) {
  const char *text = R"(
    !kv = !llm.kv_cache<layers = 1, heads = 1, key = 2 x f16, value = 20 x f16>
    llm.state @kv : !kv
    func.func @f(%q: tensor<?x2xf32>, %v: tensor<?x20xf32>, %layer: index, %start: index) -> tensor<?x20xf32> {
      %kv = llm.get_state @kv : !kv
      llm.cache_write %kv[%layer] at %start, %q, %v : !kv, tensor<?x2xf32>, tensor<?x20xf32>
      %y = llm.attention %q, %kv[%layer] at %start scale 1.0 : tensor<?x2xf32>, !kv -> tensor<?x20xf32>
      return %y : tensor<?x20xf32>
    })";
  JitProgram program(text, {}, {});
  auto interpreter = program.interpreter<double>();
  std::vector<float> values{
      70000,        131008,       0,        65504,    65519.99f,    65520,
      1e30f,        INFINITY,     0x1p-24f, 0x1p-25f, 0x1.001p-25f, 0x1.8p-24f,
      0x1.ffcp-15f, 0x1.ffep-15f, 0x1p-14f, 1e-30f,   1e-40f};
  for (int k = 0; k < 60; ++k) // ties, and their neighbours, of normal and of subnormal halves
    for (float step : {-0x1p-23f, 0.0f, 0x1p-23f})
      values.push_back((1 + (2 * static_cast<float>(k) + 1) * 0x1p-11f + step) *
                       std::ldexp(1.0f, k % 3 ? -k / 3 : k / 4));
  values.resize((values.size() + 9) / 10 * 10);
  for (size_t i = 0; i < values.size(); i += 10) {
    Rows v{1, 20, {values.begin() + i, values.begin() + i + 10}};
    for (size_t k = 0; k < 10; ++k)
      v.data.push_back(-values[i + k]);
    Arguments arguments{Rows{1, 2, {1, 1}}, v, int64_t(0), int64_t(0)};
    std::vector<Rows> is = program.run("f", 1, arguments);
    auto expected = interpret(interpreter, "f", arguments);
    ASSERT_EQ(is.size(), 1u);
    expectSameRows(is[0], *expected[0]);
  }
}

// Writes without attention, and attention without a write.
TEST(JitAttention, WriteAndReadApart) {
  const char *text = R"(
    !kv = !llm.kv_cache<layers = 2, heads = 2, key = 20 x f16, value = 12 x f16>
    llm.state @other : !llm.kv_cache<layers = 1, heads = 1, key = 8 x f32, value = 8 x f32>
    llm.state @kv : !kv
    func.func @write(%k: tensor<?x40xf32>, %v: tensor<?x24xf32>, %layer: index, %start: index)
        -> tensor<?x40xf32> {
      %kv = llm.get_state @kv : !kv
      llm.cache_write %kv[%layer] at %start, %k, %v : !kv, tensor<?x40xf32>, tensor<?x24xf32>
      return %k : tensor<?x40xf32>
    }
    func.func @read(%q: tensor<?x80xf32>, %layer: index, %start: index) -> tensor<?x48xf32> {
      %kv = llm.get_state @kv : !kv
      %y = llm.attention %q, %kv[%layer] at %start scale 2.500000e-01 : tensor<?x80xf32>, !kv -> tensor<?x48xf32>
      return %y : tensor<?x48xf32>
    })";
  JitProgram program(text, {}, {});
  auto interpreter = program.interpreter<double>();
  Random random(9);
  for (int64_t start : {0, 37, 74}) {
    Rows k = randomRows(37, 40, random), v = randomRows(37, 24, random);
    Arguments arguments{k, v, int64_t(1), start};
    program.run("write", 37, arguments);
    interpret(interpreter, "write", arguments);
  }
  for (int64_t start : {0, 15, 63, 64, 100}) {
    const int64_t rows = start == 100 ? 11 : 4;
    Arguments arguments{randomRows(rows, 80, random), int64_t(1), start};
    std::vector<Rows> is = program.run("read", rows, arguments);
    auto expected = interpret(interpreter, "read", arguments);
    ASSERT_EQ(is.size(), 1u);
    double allowed = tolerance(0.25 * 20, rows * 2, "f16");
    expectRows(is[0], *expected[0], [&](int64_t, int64_t) { return allowed; });
  }
}

} // namespace
} // namespace llmc
