// The adjoint of each operation against central differences, in f64.
#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "tests/numerics/Gradients.h"

namespace llmc {
namespace {

InterpreterValue<double> random(std::vector<int64_t> shape, uint32_t seed) {
  int64_t count = 1;
  for (int64_t n : shape)
    count *= n;
  std::vector<double> data(count);
  uint32_t state = seed * 2654435761u + 1;
  for (double &x : data) {
    state = state * 1664525u + 1013904223u;
    x = state / 2147483648.0 - 1;
  }
  return makeTensor<double>(std::move(shape), std::move(data));
}

TEST(Gradient, Elementwise) {
  TestProgram program(R"(
    llm.parameter @a : tensor<3x5xf32> from "a"
    llm.parameter @b : tensor<3x5xf32> from "b"
    llm.parameter @c : tensor<3x5xf32> from "c"
    func.func @f() -> (tensor<3x5xf32>, tensor<3x5xf32>) attributes {llm.differentiate} {
      %a = llm.get_parameter @a : tensor<3x5xf32>
      %b = llm.get_parameter @b : tensor<3x5xf32>
      %c = llm.get_parameter @c : tensor<3x5xf32>
      %0 = llm.mul %a, %b : tensor<3x5xf32>
      %1 = llm.add %0, %c : tensor<3x5xf32>
      %2 = llm.silu %1 : tensor<3x5xf32>
      %3 = llm.swiglu %2, %c : tensor<3x5xf32>
      %4 = llm.mul %3, %3 : tensor<3x5xf32>
      %5 = llm.add %4, %4 : tensor<3x5xf32>
      return %5, %1 : tensor<3x5xf32>, tensor<3x5xf32>
    })");
  checkGradients(program, {});
}

TEST(Gradient, RmsNorm) {
  TestProgram program(R"(
    llm.parameter @x : tensor<3x7xf32> from "x"
    func.func @f(%w: tensor<7xf32>) -> tensor<3x7xf32> attributes {llm.differentiate} {
      %x = llm.get_parameter @x : tensor<3x7xf32>
      %y = llm.rms_norm %x, %w eps 0.25 : tensor<3x7xf32>, tensor<7xf32>
      return %y : tensor<3x7xf32>
    })");
  checkGradients(program, {random({7}, 1)});
}

TEST(Gradient, RmsNormOfHeads) {
  TestProgram program(R"(
    llm.parameter @x : tensor<3x12xf32> from "x"
    func.func @f(%w: tensor<4xf32>) -> tensor<3x12xf32> attributes {llm.differentiate} {
      %x = llm.get_parameter @x : tensor<3x12xf32>
      %y = llm.rms_norm %x, %w eps 0.25 : tensor<3x12xf32>, tensor<4xf32>
      return %y : tensor<3x12xf32>
    })");
  checkGradients(program, {random({4}, 1)});
}

TEST(Gradient, Linear) {
  TestProgram program(R"(
    llm.parameter @x : tensor<3x5xf32> from "x"
    func.func @f(%w: tensor<7x5xf16>, %v: tensor<2x5xf32>, %b: tensor<7xf32>)
        -> (tensor<3x7xf32>, tensor<3x2xf32>) attributes {llm.differentiate} {
      %x = llm.get_parameter @x : tensor<3x5xf32>
      %y = llm.linear %x, %w bias %b : tensor<7xf32> : tensor<3x5xf32>, tensor<7x5xf16> -> tensor<3x7xf32>
      %z = llm.linear %x, %v : tensor<3x5xf32>, tensor<2x5xf32> -> tensor<3x2xf32>
      return %y, %z : tensor<3x7xf32>, tensor<3x2xf32>
    })");
  checkGradients(program, {random({7, 5}, 1), random({2, 5}, 2), random({7}, 3)});
}

TEST(Gradient, LinearWhoseWeightIsTrained) {
  TestProgram program(R"(
    llm.parameter @x : tensor<3x5xf32> from "x"
    llm.parameter @w : tensor<7x5xf32> from "w"
    llm.parameter @b : tensor<7xf32> from "b"
    func.func @f() -> tensor<3x7xf32> attributes {llm.differentiate} {
      %x = llm.get_parameter @x : tensor<3x5xf32>
      %w = llm.get_parameter @w : tensor<7x5xf32>
      %b = llm.get_parameter @b : tensor<7xf32>
      %y = llm.linear %x, %w bias %b : tensor<7xf32> : tensor<3x5xf32>, tensor<7x5xf32> -> tensor<3x7xf32>
      %z = llm.mul %y, %y : tensor<3x7xf32>
      return %z : tensor<3x7xf32>
    })");
  checkGradients(program, {});
}

TEST(Gradient, NormsWhoseWeightsAreTrained) {
  for (int head : {12, 4}) {
    TestProgram program(absl::Substitute(R"(
      llm.parameter @x : tensor<3x12xf32> from "x"
      llm.parameter @w : tensor<$0xf32> from "w"
      llm.parameter @v : tensor<12xf32> from "v"
      llm.parameter @b : tensor<12xf32> from "b"
      func.func @f() -> (tensor<3x12xf32>, tensor<3x12xf32>) attributes {llm.differentiate} {
        %x = llm.get_parameter @x : tensor<3x12xf32>
        %w = llm.get_parameter @w : tensor<$0xf32>
        %v = llm.get_parameter @v : tensor<12xf32>
        %b = llm.get_parameter @b : tensor<12xf32>
        %y = llm.rms_norm %x, %w eps 0.25 : tensor<3x12xf32>, tensor<$0xf32>
        %z = llm.layer_norm %x, %v, %b eps 0.25 : tensor<3x12xf32>, tensor<12xf32>
        return %y, %z : tensor<3x12xf32>, tensor<3x12xf32>
      })",
                                         head));
    checkGradients(program, {});
  }
}

// The norms count as constants, which differences must not see: A is frozen here.
TEST(Gradient, ScaledColumns) {
  TestProgram program(R"(
    llm.parameter @x : tensor<3x7xf32> from "x"
    llm.parameter @m : tensor<7xf32> from "m"
    llm.parameter @c : tensor<7xf32> from "c"
    func.func @f(%w: tensor<7x5xf32>, %a: tensor<2x5xf32>, %b: tensor<7x2xf32>) -> tensor<3x7xf32>
        attributes {llm.differentiate} {
      %x = llm.get_parameter @x : tensor<3x7xf32>
      %m = llm.get_parameter @m : tensor<7xf32>
      %c = llm.get_parameter @c : tensor<7xf32>
      %n = llm.row_norms %w, %a, %b scale 2.0
          : tensor<7x5xf32>, tensor<2x5xf32>, tensor<7x2xf32> -> tensor<7xf32>
      %y = llm.scale_columns %x by %m over %n plus %c : tensor<7xf32> : tensor<3x7xf32>, tensor<7xf32>
      return %y : tensor<3x7xf32>
    })");
  checkGradients(program, {random({7, 5}, 1), random({2, 5}, 2), random({7, 2}, 3)});
}

TEST(Gradient, Gelu) {
  TestProgram program(R"(
    llm.parameter @a : tensor<3x5xf32> from "a"
    llm.parameter @b : tensor<3x5xf32> from "b"
    func.func @f() -> (tensor<3x5xf32>, tensor<3x5xf32>) attributes {llm.differentiate} {
      %a = llm.get_parameter @a : tensor<3x5xf32>
      %b = llm.get_parameter @b : tensor<3x5xf32>
      %0 = llm.scale %a by 3.0 : tensor<3x5xf32>
      %1 = llm.gelu %0 : tensor<3x5xf32>
      %2 = llm.geglu %0, %b : tensor<3x5xf32>
      return %1, %2 : tensor<3x5xf32>, tensor<3x5xf32>
    })");
  checkGradients(program, {});
}

TEST(Gradient, RopeOfPartOfAHead) {
  TestProgram program(R"(
    llm.parameter @x : tensor<6x10xf32> from "x"
    func.func @f(%start: index) -> tensor<6x10xf32> attributes {llm.differentiate} {
      %t = llm.rope_table %start {base = 10.0 : f32, attention_factor = 1.25 : f32, sequence = 3 : i64} : tensor<6x4xf32>
      %x = llm.get_parameter @x : tensor<6x10xf32>
      %y = llm.rope %x, %t head_dim 5 : tensor<6x10xf32>, tensor<6x4xf32>
      return %y : tensor<6x10xf32>
    })");
  checkGradients(program, {IndexValue{2}});
}

TEST(Gradient, RopeOfHalves) {
  TestProgram program(R"(
    llm.parameter @x : tensor<6x12xf32> from "x"
    func.func @f(%start: index) -> tensor<6x12xf32> attributes {llm.differentiate} {
      %t = llm.rope_table %start {base = 10.0 : f32, sequence = 3 : i64} : tensor<6x4xf32>
      %x = llm.get_parameter @x : tensor<6x12xf32>
      %y = llm.rope %x, %t head_dim 6 {halves} : tensor<6x12xf32>, tensor<6x4xf32>
      return %y : tensor<6x12xf32>
    })");
  checkGradients(program, {IndexValue{2}});
}

TEST(Gradient, MatmulInAllForms) {
  // An adapter of a linear layer, one of whose matrices is used twice.
  TestProgram program(R"(
    llm.parameter @x : tensor<4x5xf32> from "x"
    llm.parameter @a : tensor<3x5xf32> from "a"
    llm.parameter @b : tensor<7x3xf32> from "b"
    func.func @f(%w: tensor<7x5xf32>) -> (tensor<4x7xf32>, tensor<4x5xf32>) attributes {llm.differentiate} {
      %x = llm.get_parameter @x : tensor<4x5xf32>
      %a = llm.get_parameter @a : tensor<3x5xf32>
      %b = llm.get_parameter @b : tensor<7x3xf32>
      %y = llm.linear %x, %w : tensor<4x5xf32>, tensor<7x5xf32> -> tensor<4x7xf32>
      %u = llm.matmul %x, %a transposed : tensor<4x5xf32>, tensor<3x5xf32> -> tensor<4x3xf32>
      %z = llm.matmul %u, %b transposed scale 0.75 plus %y : tensor<4x7xf32> : tensor<4x3xf32>, tensor<7x3xf32> -> tensor<4x7xf32>
      %v = llm.matmul %u, %a scale -1.5 plus %x : tensor<4x5xf32> : tensor<4x3xf32>, tensor<3x5xf32> -> tensor<4x5xf32>
      return %z, %v : tensor<4x7xf32>, tensor<4x5xf32>
    })");
  checkGradients(program, {random({7, 5}, 1)});
}

TEST(Gradient, Dropout) {
  for (int64_t seed : {-1, 0, 12345}) {
    TestProgram program(R"(
      llm.parameter @x : tensor<8x9xf32> from "x"
      func.func @f(%seed: index, %layer: index) -> tensor<8x9xf32> attributes {llm.differentiate} {
        %x = llm.get_parameter @x : tensor<8x9xf32>
        %y = llm.dropout %x seed %seed layer %layer site 2 rate 0.25 : tensor<8x9xf32>
        return %y : tensor<8x9xf32>
      })");
    checkGradients(program, {IndexValue{seed}, IndexValue{3}});
  }
}

TEST(Gradient, Noise) {
  for (int64_t seed : {-1, 12345}) {
    TestProgram program(R"(
      llm.parameter @x : tensor<8x9xf32> from "x"
      func.func @f(%seed: index) -> tensor<8x9xf32> attributes {llm.differentiate} {
        %x = llm.get_parameter @x : tensor<8x9xf32>
        %y = llm.noise %x seed %seed site 2 amplitude 0.25 : tensor<8x9xf32>
        %z = llm.silu %y : tensor<8x9xf32>
        return %z : tensor<8x9xf32>
      })");
    checkGradients(program, {IndexValue{seed}});
  }
}

TEST(Gradient, EmbedSumsTheRowsOfATokenThatComesTwice) {
  TestProgram program(R"(
    llm.parameter @a : tensor<5x3xf32> from "a"
    func.func @f(%tokens: tensor<?xi32>) -> tensor<?x3xf32> attributes {llm.differentiate} {
      %a = llm.get_parameter @a : tensor<5x3xf32>
      %y = llm.embed %tokens, %a : tensor<?xi32>, tensor<5x3xf32> -> tensor<?x3xf32>
      return %y : tensor<?x3xf32>
    })");
  checkGradients(program, {TokensValue{{4, 0, 4, 2}}});
}

struct AttentionCase {
  int64_t heads, kvHeads, key, value, sequence, batch, window;
};

class AttentionGradient : public testing::TestWithParam<AttentionCase> {};

TEST_P(AttentionGradient, CausalAttention) {
  AttentionCase c = GetParam();
  int64_t rows = c.sequence * c.batch;
  std::string q = absl::StrCat("tensor<", rows, "x", c.heads * c.key, "xf32>");
  std::string k = absl::StrCat("tensor<", rows, "x", c.kvHeads * c.key, "xf32>");
  std::string v = absl::StrCat("tensor<", rows, "x", c.kvHeads * c.value, "xf32>");
  std::string y = absl::StrCat("tensor<", rows, "x", c.heads * c.value, "xf32>");
  std::string l = absl::StrCat("tensor<", rows, "x", c.heads, "xf32>");
  TestProgram program(absl::StrCat(
      "llm.parameter @q : ", q, " from \"q\"\nllm.parameter @k : ", k,
      " from \"k\"\nllm.parameter @v : ", v, " from \"v\"\nfunc.func @f() -> ", y,
      " attributes {llm.differentiate} {\n%q = llm.get_parameter @q : ", q,
      "\n%k = llm.get_parameter @k : ", k, "\n%v = llm.get_parameter @v : ", v,
      "\n%y, %l = llm.causal_attention %q, %k, %v heads ", c.heads, " kv_heads ", c.kvHeads,
      " sequence ", c.sequence, " scale 0.75 {window = ", c.window, " : i64} : (", q, ", ", k, ", ",
      v, ") -> (", y, ", ", l, ")\nreturn %y : ", y, "}"));
  checkGradients(program, {});
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, AttentionGradient,
    testing::Values(AttentionCase{1, 1, 3, 3, 5, 1, 0}, AttentionCase{4, 2, 3, 3, 5, 1, 0},
                    AttentionCase{6, 2, 2, 5, 3, 2, 0}, AttentionCase{3, 1, 5, 2, 7, 1, 3},
                    AttentionCase{2, 2, 3, 3, 4, 2, 1}, AttentionCase{2, 1, 4, 4, 1, 3, 0},
                    AttentionCase{2, 1, 4, 4, 5, 1, 9}));

TEST(Gradient, CrossEntropyWithMaskedTargets) {
  TestProgram program(R"(
    llm.parameter @x : tensor<5x3xf32> from "x"
    func.func @f(%w: tensor<7x3xf32>, %t: tensor<?xi32>) -> tensor<5x1xf32> attributes {llm.differentiate} {
      %x = llm.get_parameter @x : tensor<5x3xf32>
      %y, %l = llm.linear_cross_entropy %x, %w, %t
        : (tensor<5x3xf32>, tensor<7x3xf32>, tensor<?xi32>) -> (tensor<5x1xf32>, tensor<5x1xf32>)
      return %y : tensor<5x1xf32>
    })");
  checkGradients(program, {random({7, 3}, 1), TokensValue{{6, -1, 0, 0, -1}}});
}

// As where the output matrix is that of the embedding.
TEST(Gradient, CrossEntropyWithATiedWeight) {
  TestProgram program(R"(
    llm.parameter @w : tensor<7x3xf32> from "w"
    func.func @f(%tokens: tensor<?xi32>, %t: tensor<?xi32>) -> tensor<?x1xf32> attributes {llm.differentiate} {
      %e = llm.get_parameter @w : tensor<7x3xf32>
      %x = llm.embed %tokens, %e : tensor<?xi32>, tensor<7x3xf32> -> tensor<?x3xf32>
      %w = llm.get_parameter @w : tensor<7x3xf32>
      %y, %l = llm.linear_cross_entropy %x, %w, %t
        : (tensor<?x3xf32>, tensor<7x3xf32>, tensor<?xi32>) -> (tensor<?x1xf32>, tensor<?x1xf32>)
      return %y : tensor<?x1xf32>
    })");
  checkGradients(program, {TokensValue{{1, 4, 4, 0, 6}}, TokensValue{{6, -1, 0, 0, -1}}});
}

TEST(Gradient, CrossEntropyWithAnAdapter) {
  TestProgram program(R"(
    llm.parameter @x : tensor<4x3xf32> from "x"
    llm.parameter @a : tensor<2x3xf32> from "a"
    llm.parameter @b : tensor<7x2xf32> from "b"
    func.func @f(%w: tensor<7x3xf32>, %t: tensor<?xi32>) -> tensor<4x1xf32> attributes {llm.differentiate} {
      %x = llm.get_parameter @x : tensor<4x3xf32>
      %a = llm.get_parameter @a : tensor<2x3xf32>
      %b = llm.get_parameter @b : tensor<7x2xf32>
      %u = llm.matmul %x, %a transposed scale 0.5 : tensor<4x3xf32>, tensor<2x3xf32> -> tensor<4x2xf32>
      %y, %l = llm.linear_cross_entropy %x, %w, %t adapter(%u, %b)
        : (tensor<4x3xf32>, tensor<7x3xf32>, tensor<?xi32>, tensor<4x2xf32>, tensor<7x2xf32>) -> (tensor<4x1xf32>, tensor<4x1xf32>)
      return %y : tensor<4x1xf32>
    })");
  checkGradients(program, {random({7, 3}, 1), TokensValue{{3, -1, 6, 0}}});
}

// Two blocks in turn; the second has a parameter, the first one not in all layers.
constexpr const char *kLayers = R"(
  llm.weight @n : tensor<5xf32> from "blk.{layer}.n" layers [0, 2]
  llm.weight @w : tensor<5x5xf32> from "blk.{layer}.w" layers [1, 3]
  llm.parameter @a : tensor<2x5xf32> from "blk.{layer}.a" layers [1, 3]
  llm.parameter @b : tensor<5x2xf32> from "blk.{layer}.b" layers [1, 3]
  EMBEDDING
  func.func private @plain(%h: tensor<?x5xf32>, %layer: index, %t: tensor<?x4xf32>, %n: tensor<5xf32>) -> tensor<?x5xf32> {
    %x = llm.rms_norm %h, %n eps 0.5 : tensor<?x5xf32>, tensor<5xf32>
    %r = llm.rope %x, %t head_dim 5 : tensor<?x5xf32>, tensor<?x4xf32>
    %y = llm.add %h, %r : tensor<?x5xf32>
    return %y : tensor<?x5xf32>
  }
  func.func private @trained(%h: tensor<?x5xf32>, %layer: index, %t: tensor<?x4xf32>, %w: tensor<5x5xf32>,
                             %a: tensor<2x5xf32>, %b: tensor<5x2xf32>) -> tensor<?x5xf32> {
    %x = llm.linear %h, %w : tensor<?x5xf32>, tensor<5x5xf32> -> tensor<?x5xf32>
    %s = llm.silu %x : tensor<?x5xf32>
    %u = llm.matmul %s, %a transposed : tensor<?x5xf32>, tensor<2x5xf32> -> tensor<?x2xf32>
    %z = llm.matmul %u, %b transposed plus %x : tensor<?x5xf32> : tensor<?x2xf32>, tensor<5x2xf32> -> tensor<?x5xf32>
    %k, %l = llm.causal_attention %z, %s, %s heads 1 kv_heads 1 sequence 3 scale 0.5
      : (tensor<?x5xf32>, tensor<?x5xf32>, tensor<?x5xf32>) -> (tensor<?x5xf32>, tensor<?x1xf32>)
    %m = llm.mul %k, %h : tensor<?x5xf32>
    return %m : tensor<?x5xf32>
  }
  func.func @f(%h: tensor<?x5xf32>, %tokens: tensor<?xi32>, %start: index) -> tensor<?x5xf32> attributes {llm.differentiate} {
    %t = llm.rope_table %start {base = 10.0 : f32} : tensor<?x4xf32>
    USE
    %y = llm.layers %g shared(%t) {blocks = [@plain, @trained], weights = [[@n], [@w, @a, @b]],
        schedule = array<i32: 0, 1, 0, 1>} : (tensor<?x5xf32>, tensor<?x4xf32>) -> tensor<?x5xf32>
    return %y : tensor<?x5xf32>
  })";

TestProgram layersProgram(bool embedding) {
  std::string text = kLayers;
  auto replace = [&](const std::string &what, const std::string &by) {
    text.replace(text.find(what), what.size(), by);
  };
  replace("EMBEDDING", embedding ? "llm.parameter @e : tensor<4x5xf32> from \"e\"" : "");
  replace("USE", embedding ? R"(%e = llm.get_parameter @e : tensor<4x5xf32>
    %g0 = llm.embed %tokens, %e : tensor<?xi32>, tensor<4x5xf32> -> tensor<?x5xf32>
    %g = llm.add %g0, %h : tensor<?x5xf32>)"
                           : "%g = llm.add %h, %h : tensor<?x5xf32>");
  return TestProgram(text);
}

void addLayerWeights(TestProgram &program) {
  for (int layer : {0, 2})
    program.addFloats(absl::StrCat("blk.", layer, ".n"), {1, 0.5, -1, 2, 0.25f * layer + 1});
  for (int layer : {1, 3}) {
    std::vector<float> w;
    for (int i = 0; i < 25; ++i)
      w.push_back(static_cast<float>((i * 7 + layer * 3) % 11) / 8 - 0.6f);
    program.addFloats(absl::StrCat("blk.", layer, ".w"), w);
  }
}

TEST(Gradient, Layers) {
  for (bool embedding : {false, true})
    for (SaveActivationsOptions options :
         {SaveActivationsOptions{true, 0, 1}, SaveActivationsOptions{false, 0, 6},
          SaveActivationsOptions{false, 6 * 2 * 5 * 4, 6}}) {
      TestProgram program = layersProgram(embedding);
      addLayerWeights(program);
      checkGradients(program, {random({6, 5}, 9), TokensValue{{3, 1, 1, 0, 2, 1}}, IndexValue{1}},
                     options);
    }
}

// What is not below a parameter is not differentiated.
TEST(Gradient, LayersBelowTheFirstParameterAreLeftOut) {
  for (bool embedding : {false, true}) {
    TestProgram program = layersProgram(embedding);
    differentiate(program.module());
    int64_t first = -1;
    program.module().walk([&](llm::LayersAdjointOp op) { first = op.getFirst(); });
    EXPECT_EQ(first, embedding ? 0 : 1);
  }
}

} // namespace
} // namespace llmc
