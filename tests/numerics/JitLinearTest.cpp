// Matrix products of compiled code against the interpreter: every block format, every token tile.
#include "tests/numerics/LinearProgram.h"

namespace llmc {
namespace {

const BlockFormat &format(absl::string_view name) { return *findBlockFormat(name); }

// Every token tile alone, with less tokens than it takes, and after whole tiles.
const std::vector<int64_t> kAllRows{1, 2, 3, 4, 5, 8, 9, 11, 12, 13, 24, 25, 37};

// Widths of the input that are whole units of the packed layout, or leave the last unit unfilled.
std::vector<int64_t> inputWidths(const BlockFormat &f) {
  if (f.weights == 1)
    return {1, 20, 64, 100, 256};
  return f.weights == 32 ? std::vector<int64_t>{32, 64, 96, 256}
                         : std::vector<int64_t>{256, 512, 768};
}

class JitLinear : public testing::TestWithParam<const BlockFormat *> {};

TEST_P(JitLinear, Products) {
  const BlockFormat &f = *GetParam();
  std::vector<LinearCase> cases;
  const std::vector<int64_t> matrixRows{1, 15, 17, 40};
  for (int64_t k : inputWidths(f))
    cases.push_back({absl::StrCat("store", k), k, {{&f, matrixRows[cases.size() % 4]}}});
  const int64_t k = inputWidths(f).back();
  cases.push_back({"bias", k, {{&f, 40, true}}});
  cases.push_back({"swiglu", k, {{&f, 33}, {&f, 33}}, false, false, "swiglu"});
  LinearProgram(cases, {}).check(kAllRows);
}

std::vector<const BlockFormat *> allFormats() {
  std::vector<const BlockFormat *> formats;
  for (const BlockFormat &f : blockFormats())
    formats.push_back(&f);
  return formats;
}

INSTANTIATE_TEST_SUITE_P(Formats, JitLinear, testing::ValuesIn(allFormats()),
                         [](const auto &info) { return std::string(info.param->name); });

// What stands around products: of one float format, one with a minimum and one without, whose
// blocks are 32 and 256 long.
std::vector<LinearCase> surroundings() {
  const BlockFormat *f16 = &format("f16"), *q41 = &format("q4_1"), *q6 = &format("q6_K");
  return {
      {"residual", 100, {{f16, 17}}, false, true},
      {"residual_biased", 96, {{q41, 40, true}}, false, true},
      {"residual_long", 256, {{q6, 16}}, false, true},
      {"norm", 100, {{f16, 24}}, true},
      {"norm_short", 32, {{q41, 24}}, true},
      {"norm_residual", 96, {{q41, 24, true}}, true, true},
      {"swiglu_norm", 256, {{q6, 40}, {q6, 40}}, true, false, "swiglu"},
      {"geglu_norm", 256, {{q6, 40}, {q6, 40}}, true, false, "geglu"},
      {"geglu_biases", 96, {{q41, 17, true}, {q41, 17, true}}, false, false, "geglu"},
      {"gelu", 96, {{q41, 17}}, false, false, "gelu"},
      {"gelu_bias", 20, {{f16, 17, true}}, true, false, "gelu"},
      {"swiglu_biases", 96, {{q41, 17, true}, {q41, 17, true}}, false, false, "swiglu"},
      {"swiglu_gate_bias", 20, {{f16, 17, true}, {f16, 17}}, false, false, "swiglu"},
      {"swiglu_up_bias", 20, {{f16, 17}, {f16, 17, true}}, false, false, "swiglu"},
  };
}

TEST(JitLinear, SurroundingsFused) { LinearProgram(surroundings(), {}).check({1, 3, 14, 18}); }
TEST(JitLinear, SurroundingsUnfused) {
  LinearProgram(surroundings(), {.form = Form::Unfused}).check({1, 3, 14, 18});
}

// One input, quantized once for weights with different offsets, sub-blocks and units.
TEST(JitLinear, FormatsTogether) {
  std::vector<Product> every, mixed;
  for (const BlockFormat &f : blockFormats())
    every.push_back({&f, 10 + 3 * int64_t(every.size()), every.size() % 5 == 0});
  for (absl::string_view name : {"q8_0", "f32", "mxfp4", "q5_1", "bf16"})
    mixed.push_back({&format(name), 18, name == "bf16"});
  LinearProgram(
      {{"every", 768, every, true},
       {"mixed", 96, mixed},
       {"gate_float", 256, {{&format("f32"), 20}, {&format("q2_K"), 20}}, true, false, "swiglu"},
       {"up_float", 256, {{&format("q3_K"), 20}, {&format("f16"), 20}}, true, false, "swiglu"}},
      {})
      .check({1, 2, 7, 13});
}

// More groups of rows, of a longer input, than the matrix unit has unpacked at once.
TEST(JitLinear, LargeMatrix) {
  LinearProgram({{"large", 4096, {{&format("q4_0"), 200, true}}}}, {}).check({2, 18});
}

// The arena has room for exactly the rows of the step.
TEST(JitLinear, StepsOfTheMostRows) {
  for (int64_t rows : {1, 13, 36, 64})
    LinearProgram(
        {{"biases", 96, {{&format("q4_0"), 40, true}, {&format("f32"), 17}}, true},
         {"swiglu", 256, {{&format("q5_K"), 48}, {&format("q5_K"), 48}}, true, false, "swiglu"}},
        {.maxRows = rows})
        .check({rows});
}

} // namespace
} // namespace llmc
