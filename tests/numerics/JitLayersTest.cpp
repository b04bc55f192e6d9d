// Whole programs of compiled code against the interpreter: layers, and values that live side by
// side.
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/substitute.h"
#include "tests/numerics/TestData.h"
#include <cmath>

namespace llmc {
namespace {

// Runs `function` on compiled code, and on the interpreter in double and in float. A chain of sums
// has no simple bound of its rounding errors; the float interpreter, which computes in the same
// precision but in another order, says what size they have.
class Comparison {
public:
  explicit Comparison(JitProgram &program)
      : program_(program), exact_(program.interpreter<double>()),
        rounded_(program.interpreter<float>()) {}

  // The compiled function's results.
  std::vector<Rows> check(const std::string &function, int64_t rows, const Arguments &arguments) {
    SCOPED_TRACE(testing::Message() << function << ", " << rows << " rows");
    std::vector<Rows> is = program_.run(function, rows, arguments);
    auto expected = interpret(exact_, function, arguments);
    auto rounded = interpret(rounded_, function, arguments);
    EXPECT_EQ(is.size(), expected.size());
    for (size_t i = 0; i < is.size(); ++i) {
      double largest = 0, error = 0;
      for (size_t j = 0; j < expected[i]->data.size(); ++j) {
        largest = std::max(largest, std::abs(expected[i]->data[j]));
        error = std::max(error, std::abs(rounded[i]->data[j] - expected[i]->data[j]));
      }
      EXPECT_LT(error, 1e-5 * largest) << "the program amplifies rounding errors";
      SCOPED_TRACE(testing::Message() << "result " << i);
      expectRows(is[i], *expected[i],
                 [&](int64_t, int64_t) { return 3 * error + 0x1p-23 * largest; });
    }
    return is;
  }

private:
  JitProgram &program_;
  Interpreter<double> exact_;
  Interpreter<float> rounded_;
};

constexpr int64_t kWidth = 40, kKey = 20, kValue = 12, kForward = 36, kVocabulary = 50;

struct Parameter {
  const char *name;
  std::vector<int64_t> shape;
};
const Parameter kParameters[] = {
    {"norm", {kWidth}},           {"q", {4 * kKey, kWidth}},   {"k", {2 * kKey, kWidth}},
    {"v", {2 * kValue, kWidth}},  {"o", {kWidth, 4 * kValue}}, {"norm2", {kWidth}},
    {"gate", {kForward, kWidth}}, {"up", {kForward, kWidth}},  {"down", {kWidth, kForward}}};

// Matrices of block 0 are f32, those of block 1 f16: two signatures.
std::string parameterType(const Parameter &p, int block) {
  return absl::StrCat("tensor<", absl::StrJoin(p.shape, "x"),
                      p.shape.size() > 1 && block == 1 ? "xf16>" : "xf32>");
}

// A small transformer whose layers are the blocks of `schedule`.
std::string transformer(const std::vector<int> &schedule, WeightBytes &weights, Random &random) {
  std::string text = R"(
  !kv = !llm.kv_cache<layers = 6, heads = 2, key = 20 x f32, value = 12 x f32>
  llm.state @kv : !kv
  llm.weight @embd : tensor<50x40xf16> from "embd"
  llm.weight @out_norm : tensor<40xf32> from "out_norm"
)";
  weights["embd"] = randomMatrix(*findBlockFormat("f16"), kVocabulary, kWidth, random);
  weights["out_norm"] = randomVector(kWidth, 0.5, 1.5, random);
  std::vector<std::string> blocks, lists;
  for (int block : {0, 1}) {
    std::vector<int64_t> layers;
    for (size_t i = 0; i < schedule.size(); ++i)
      if (schedule[i] == block)
        layers.push_back(i);
    if (layers.empty())
      continue;
    std::string parameters;
    std::vector<std::string> families;
    for (const Parameter &p : kParameters) {
      const std::string type = parameterType(p, block);
      absl::SubstituteAndAppend(&text,
                                "  llm.weight @b$0.$1 : $2 from \"blk.{layer}.$1\" layers [$3]\n",
                                block, p.name, type, absl::StrJoin(layers, ", "));
      absl::StrAppend(&parameters, ", %", p.name, ": ", type);
      families.push_back(absl::Substitute("@b$0.$1", block, p.name));
      for (int64_t layer : layers)
        weights[absl::StrCat("blk.", layer, ".", p.name)] =
            p.shape.size() == 1 ? randomVector(kWidth, 0.5, 1.5, random)
                                : randomMatrix(*findBlockFormat(block == 1 ? "f16" : "f32"),
                                               p.shape[0], p.shape[1], random);
    }
    auto matrix = [&](const Parameter &p) { return parameterType(p, block); };
    text += absl::StrReplaceAll(R"(
  func.func private @block.B(%h: tensor<?x40xf32>, %layer: index, %t: tensor<?x16xf32>, %kv: !kv,
                             %start: indexPARAMETERS) -> tensor<?x40xf32> {
    %x = llm.rms_norm %h, %norm eps 1.0e-05 : tensor<?x40xf32>, tensor<40xf32>
    %q0 = llm.linear %x, %q : tensor<?x40xf32>, TQ -> tensor<?x80xf32>
    %k0 = llm.linear %x, %k : tensor<?x40xf32>, TK -> tensor<?x40xf32>
    %v0 = llm.linear %x, %v : tensor<?x40xf32>, TV -> tensor<?x24xf32>
    %q1 = llm.rope %q0, %t head_dim 20 : tensor<?x80xf32>, tensor<?x16xf32>
    %k1 = llm.rope %k0, %t head_dim 20 : tensor<?x40xf32>, tensor<?x16xf32>
    llm.cache_write %kv[%layer] at %start, %k1, %v0 : !kv, tensor<?x40xf32>, tensor<?x24xf32>
    %a = llm.attention %q1, %kv[%layer] at %start scale 2.500000e-01 : tensor<?x80xf32>, !kv -> tensor<?x48xf32>
    %p = llm.linear %a, %o : tensor<?x48xf32>, TO -> tensor<?x40xf32>
    %h1 = llm.add %h, %p : tensor<?x40xf32>
    %y = llm.rms_norm %h1, %norm2 eps 1.0e-05 : tensor<?x40xf32>, tensor<40xf32>
    %g = llm.linear %y, %gate : tensor<?x40xf32>, TG -> tensor<?x36xf32>
    %u = llm.linear %y, %up : tensor<?x40xf32>, TG -> tensor<?x36xf32>
    %s = llm.silu %g : tensor<?x36xf32>
    %m = llm.mul %s, %u : tensor<?x36xf32>
    %d = llm.linear %m, %down : tensor<?x36xf32>, TD -> tensor<?x40xf32>
    %h2 = llm.add %h1, %d : tensor<?x40xf32>
    return %h2 : tensor<?x40xf32>
  }
)",
                                {{"block.B", absl::StrCat("block.", block)},
                                 {"PARAMETERS", parameters},
                                 {"TQ", matrix(kParameters[1])},
                                 {"TK", matrix(kParameters[2])},
                                 {"TV", matrix(kParameters[3])},
                                 {"TO", matrix(kParameters[4])},
                                 {"TG", matrix(kParameters[6])},
                                 {"TD", matrix(kParameters[8])}});
    blocks.push_back(absl::StrCat("@block.", block));
    lists.push_back(absl::StrCat("[", absl::StrJoin(families, ", "), "]"));
  }
  const bool onlySecond = blocks.size() == 1 && blocks[0] == "@block.1";
  std::vector<int> numbers = schedule;
  if (onlySecond)
    std::fill(numbers.begin(), numbers.end(), 0);
  return text + absl::StrReplaceAll(
                    R"(
  func.func @step(%tokens: tensor<?xi32>, %start: index) -> tensor<?x40xf32> {
    %e = llm.get_weight @embd : tensor<50x40xf16>
    %kv = llm.get_state @kv : !kv
    %h = llm.embed %tokens, %e : tensor<?xi32>, tensor<50x40xf16> -> tensor<?x40xf32>
    %t = llm.rope_table %start {base = 1.0e+04 : f32} : tensor<?x16xf32>
    %y = llm.layers %h shared(%t, %kv, %start) {
      blocks = [BLOCKS], weights = [LISTS], schedule = array<i32SCHEDULE>
    } : (tensor<?x40xf32>, tensor<?x16xf32>, !kv, index) -> tensor<?x40xf32>
    return %y : tensor<?x40xf32>
  }
  func.func @logits(%h: tensor<?x40xf32>) -> tensor<?x50xf32> {
    %e = llm.get_weight @embd : tensor<50x40xf16>
    %n = llm.get_weight @out_norm : tensor<40xf32>
    %x = llm.rms_norm %h, %n eps 1.0e-05 : tensor<?x40xf32>, tensor<40xf32>
    %y = llm.linear %x, %e : tensor<?x40xf32>, tensor<50x40xf16> -> tensor<?x50xf32>
    return %y : tensor<?x50xf32>
  })",
                    {{"BLOCKS", absl::StrJoin(blocks, ", ")},
                     {"LISTS", absl::StrJoin(lists, ", ")},
                     {"SCHEDULE",
                      numbers.empty() ? "" : absl::StrCat(": ", absl::StrJoin(numbers, ", "))}});
}

void checkTransformer(const std::vector<int> &schedule, Form form) {
  SCOPED_TRACE(testing::Message() << "blocks " << absl::StrJoin(schedule, " "));
  Random random(77);
  WeightBytes weights;
  const std::string text = transformer(schedule, weights, random);
  JitProgram program(text, weights, {.form = form});
  Comparison comparison(program);
  int64_t start = 0;
  for (int64_t rows : {5, 1, 37, 1, 12, 24}) {
    std::vector<int32_t> tokens(rows);
    for (int32_t &token : tokens)
      token = static_cast<int32_t>(random.bits() % kVocabulary);
    std::vector<Rows> hidden = comparison.check("step", rows, {tokens, start});
    ASSERT_EQ(hidden.size(), 1u);
    comparison.check("logits", rows, {hidden[0]});
    start += rows;
    if (testing::Test::HasFailure())
      return;
  }
}

// An even and an odd number of layers, which end in different buffers; families of one and of many.
TEST(JitLayers, TwoBlocks) {
  checkTransformer({0, 1, 0, 0, 1}, Form::Fused);
  checkTransformer({1, 0}, Form::Fused);
}
TEST(JitLayers, TwoBlocksUnfused) { checkTransformer({1, 0, 1}, Form::Unfused); }
TEST(JitLayers, OneBlock) {
  checkTransformer({0}, Form::Fused);
  checkTransformer({1, 1, 1, 1, 1, 1}, Form::Fused);
}
TEST(JitLayers, NoLayer) { checkTransformer({}, Form::Fused); }

// Families of two block formats, packed in units of different sizes. The oracle goes from layer to
// layer, quantizing in between.
TEST(JitLayers, BlockFormats) {
  const char *formats[] = {"q8_0", "q6_K"};
  const std::vector<int> schedule{0, 1, 1, 0, 1};
  Random random(5);
  WeightBytes weights;
  std::string text, oracle;
  for (int block : {0, 1}) {
    std::vector<int64_t> layers;
    const std::string type = absl::Substitute("tensor<256x256x!llm.block<$0>>", formats[block]);
    for (size_t i = 0; i < schedule.size(); ++i)
      if (schedule[i] == block) {
        layers.push_back(i);
        weights[absl::StrCat("blk.", i)] =
            randomMatrix(*findBlockFormat(formats[block]), 256, 256, random);
        absl::SubstituteAndAppend(&oracle, R"(
          llm.weight @w$0 : $1 from "blk.$0"
          func.func @layer$0(%h: tensor<?x256xf32>, %x: tensor<?x256xf32>) -> tensor<?x256xf32> {
            %w = llm.get_weight @w$0 : $1
            %y = llm.linear %x, %w : tensor<?x256xf32>, $1 -> tensor<?x256xf32>
            %z = llm.add %h, %y : tensor<?x256xf32>
            return %z : tensor<?x256xf32>
          })",
                                  i, type);
      }
    absl::SubstituteAndAppend(&text, R"(
      llm.weight @w$0 : $1 from "blk.{layer}" layers [$2]
      func.func private @block.$0(%h: tensor<?x256xf32>, %layer: index, %w: $1) -> tensor<?x256xf32> {
        %y = llm.linear %h, %w : tensor<?x256xf32>, $1 -> tensor<?x256xf32>
        %z = llm.add %h, %y : tensor<?x256xf32>
        return %z : tensor<?x256xf32>
      })",
                              block, type, absl::StrJoin(layers, ", "));
  }
  absl::SubstituteAndAppend(&text, R"(
      func.func @step(%h: tensor<?x256xf32>) -> tensor<?x256xf32> {
        %y = llm.layers %h { blocks = [@block.0, @block.1], weights = [[@w0], [@w1]],
          schedule = array<i32: $0> } : (tensor<?x256xf32>) -> tensor<?x256xf32>
        return %y : tensor<?x256xf32>
      })",
                            absl::StrJoin(schedule, ", "));
  ParsedProgram reference(oracle, weights);
  auto interpreter = reference.interpreter<double>();
  // The last layer's result, or nothing where a layer's input is close to a tie.
  auto evaluate = [&](const Rows &input) -> std::optional<TensorValue<double>> {
    TensorValue<double> h{{input.count, input.width}, {input.data.begin(), input.data.end()}};
    for (size_t i = 0; i < schedule.size(); ++i) {
      for (int64_t r = 0; i && r < h.rows(); ++r)
        if (distanceToTie(h.row(r), false) < 1)
          return std::nullopt;
      auto called = interpreter.call(absl::StrCat("layer", i),
                                     {makeTensor<double>(h.shape, h.data),
                                      makeTensor<double>(h.shape, quantizeActivations(h).data)});
      if (!called.ok())
        return ADD_FAILURE() << called.status(), std::nullopt;
      h = *std::get<TensorRef<double>>((*called)[0]);
    }
    return h;
  };
  JitProgram program(text, weights, {});
  for (int64_t rows : {1, 2, 5}) {
    Rows input{rows, 256, {}};
    while (int64_t(input.data.size()) < 256 * rows && !testing::Test::HasFailure())
      if (Rows row = randomRows(1, 256, random); evaluate(row))
        input.data.insert(input.data.end(), row.data.begin(), row.data.end());
    std::vector<Rows> is = program.run("step", rows, {input});
    auto expected = evaluate(input);
    ASSERT_EQ(is.size(), 1u);
    ASSERT_TRUE(expected);
    // Five products of 256 terms that are about 1 together.
    expectRows(is[0], *expected, [](int64_t, int64_t) { return 64 * 0x1p-24; });
  }
}

// The layers write to two buffers in turn; what went in may be read afterwards.
TEST(JitLayers, HiddenStateThatLivesOn) {
  Random random(6);
  WeightBytes weights;
  for (int layer : {0, 1, 2})
    weights[absl::StrCat("blk.", layer)] = randomMatrix(*findBlockFormat("f32"), 20, 20, random);
  JitProgram program(R"(
  llm.weight @w : tensor<20x20xf32> from "blk.{layer}" layers [0, 1, 2]
  func.func private @block(%h: tensor<?x20xf32>, %layer: index, %b: tensor<?x20xf32>,
                           %w: tensor<20x20xf32>) -> tensor<?x20xf32> {
    %y = llm.linear %h, %w : tensor<?x20xf32>, tensor<20x20xf32> -> tensor<?x20xf32>
    %z = llm.add %y, %b : tensor<?x20xf32>
    return %z : tensor<?x20xf32>
  }
  func.func @step(%a: tensor<?x20xf32>) -> (tensor<?x20xf32>, tensor<?x20xf32>) {
    %h = llm.silu %a : tensor<?x20xf32>
    %y = llm.layers %h shared(%h) {
      blocks = [@block], weights = [[@w]], schedule = array<i32: 0, 0, 0>
    } : (tensor<?x20xf32>, tensor<?x20xf32>) -> tensor<?x20xf32>
    %z = llm.mul %y, %h : tensor<?x20xf32>
    return %z, %h : tensor<?x20xf32>, tensor<?x20xf32>
  })",
                     weights, {});
  Comparison comparison(program);
  for (int64_t rows : {1, 4, 37})
    comparison.check("step", rows, {randomRows(rows, 20, random)});
}

// Products, which threads split by columns, feed and follow what they split by tokens; values die
// while others live, so that buffers share places.
std::string dataflow(WeightBytes &weights, Random &random) {
  for (auto [name, rows, columns] :
       {std::tuple{"wide", 96, 48}, {"back", 48, 96}, {"narrow", 33, 48}, {"square", 48, 48}})
    weights[name] = randomMatrix(*findBlockFormat("f32"), rows, columns, random);
  weights["norm"] = randomVector(48, 0.5, 1.5, random);
  return R"(
  llm.weight @wide : tensor<96x48xf32> from "wide"
  llm.weight @back : tensor<48x96xf32> from "back"
  llm.weight @narrow : tensor<33x48xf32> from "narrow"
  llm.weight @square : tensor<48x48xf32> from "square"
  llm.weight @norm : tensor<48xf32> from "norm"
  func.func @mix(%a: tensor<?x48xf32>, %b: tensor<?x48xf32>)
      -> (tensor<?x48xf32>, tensor<?x33xf32>, tensor<?x48xf32>) {
    %wide = llm.get_weight @wide : tensor<96x48xf32>
    %back = llm.get_weight @back : tensor<48x96xf32>
    %narrow = llm.get_weight @narrow : tensor<33x48xf32>
    %square = llm.get_weight @square : tensor<48x48xf32>
    %norm = llm.get_weight @norm : tensor<48xf32>
    %0 = llm.add %a, %b : tensor<?x48xf32>
    %1 = llm.linear %0, %wide : tensor<?x48xf32>, tensor<96x48xf32> -> tensor<?x96xf32>
    %2 = llm.silu %1 : tensor<?x96xf32>
    %3 = llm.linear %2, %back : tensor<?x96xf32>, tensor<48x96xf32> -> tensor<?x48xf32>
    %4 = llm.mul %3, %0 : tensor<?x48xf32>
    %5 = llm.rms_norm %4, %norm eps 1.0e-05 : tensor<?x48xf32>, tensor<48xf32>
    %6 = llm.linear %5, %narrow : tensor<?x48xf32>, tensor<33x48xf32> -> tensor<?x33xf32>
    %7 = llm.linear %4, %square : tensor<?x48xf32>, tensor<48x48xf32> -> tensor<?x48xf32>
    %8 = llm.linear %7, %square : tensor<?x48xf32>, tensor<48x48xf32> -> tensor<?x48xf32>
    %9 = llm.add %8, %7 : tensor<?x48xf32>
    %10 = llm.swiglu %9, %a : tensor<?x48xf32>
    %11 = llm.linear %10, %narrow : tensor<?x48xf32>, tensor<33x48xf32> -> tensor<?x33xf32>
    %12 = llm.add %11, %6 : tensor<?x33xf32>
    %13 = llm.add %10, %3 : tensor<?x48xf32>
    return %13, %12, %7 : tensor<?x48xf32>, tensor<?x33xf32>, tensor<?x48xf32>
  })";
}

TEST(JitLayers, ValuesSideBySide) {
  for (Form form : {Form::Fused, Form::Unfused}) {
    SCOPED_TRACE(form == Form::Fused ? "fused" : "unfused");
    Random random(8);
    WeightBytes weights;
    const std::string text = dataflow(weights, random);
    JitProgram program(text, weights, {.form = form});
    Comparison comparison(program);
    for (int64_t rows : {1, 2, 5, 12, 13, 37})
      comparison.check("mix", rows, {randomRows(rows, 48, random), randomRows(rows, 48, random)});
    // A barrier that is missing shows in some runs only.
    for (int64_t rows : {1, 3, 13}) {
      Arguments arguments{randomRows(rows, 48, random), randomRows(rows, 48, random)};
      for (int i = 0; i < 100 && !testing::Test::HasFailure(); ++i)
        program.run("mix", rows, arguments);
    }
  }
}

} // namespace
} // namespace llmc
