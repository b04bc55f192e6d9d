// Layers, calls and constants, and the errors of programs that cannot run.
#include "tests/numerics/TestProgram.h"

namespace llmc {
namespace {

std::string messageOf(Interpreter<double> &interpreter, llvm::StringRef function,
                      std::vector<InterpreterValue<double>> arguments) {
  auto results = interpreter.call(function, std::move(arguments));
  EXPECT_FALSE(results.ok());
  return std::string(results.status().message());
}

TEST(Program, LayersGiveEachBlockItsOwnWeights) {
  // Layers 0 and 2 add their weight's row to the hidden state, layers 1 and 3 multiply by theirs.
  TestProgram program(R"(
    llm.weight @a : tensor<1x1xf32> from "blk.{layer}.a" layers [0, 2]
    llm.weight @b : tensor<1x1xf32> from "blk.{layer}.b" layers [1, 3]
    func.func private @add(%h: tensor<?x1xf32>, %layer: index, %one: tensor<?x1xf32>,
                           %w: tensor<1x1xf32>) -> tensor<?x1xf32> {
      %p = llm.linear %one, %w : tensor<?x1xf32>, tensor<1x1xf32> -> tensor<?x1xf32>
      %y = llm.add %h, %p : tensor<?x1xf32>
      return %y : tensor<?x1xf32>
    }
    func.func private @scale(%h: tensor<?x1xf32>, %layer: index, %one: tensor<?x1xf32>,
                             %w: tensor<1x1xf32>) -> tensor<?x1xf32> {
      %y = llm.linear %h, %w : tensor<?x1xf32>, tensor<1x1xf32> -> tensor<?x1xf32>
      return %y : tensor<?x1xf32>
    }
    func.func @f(%h: tensor<?x1xf32>) -> tensor<?x1xf32> {
      %one = arith.constant dense<1.0> : tensor<1x1xf32>
      %rows = tensor.cast %one : tensor<1x1xf32> to tensor<?x1xf32>
      %y = llm.layers %h shared(%rows) {
        blocks = [@add, @scale], weights = [[@a], [@b]], schedule = array<i32: 0, 1, 0, 1>
      } : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
      return %y : tensor<?x1xf32>
    })");
  program.addFloats("blk.0.a", {2});
  program.addFloats("blk.1.b", {10});
  program.addFloats("blk.2.a", {5});
  program.addFloats("blk.3.b", {100});
  auto interpreter = program.interpreter<double>();
  expectNear(run<double>(interpreter, "f", {rows(1, {1})}), {((1 + 2) * 10 + 5) * 100});
}

TEST(Program, LayersCountFromZero) {
  // Each layer writes to its own layer of the cache: after two layers both have a position.
  TestProgram program(R"(
    llm.state @kv : {kv}
    llm.weight @w : tensor<2x2xf32> from "blk.{layer}.w" layers [0, 1]
    func.func private @block(%h: tensor<?x2xf32>, %layer: index, %kv: {kv}, %start: index,
                             %w: tensor<2x2xf32>) -> tensor<?x2xf32> {
      %v = llm.linear %h, %w : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
      llm.cache_write %kv[%layer] at %start, %h, %v : {kv}, tensor<?x2xf32>, tensor<?x2xf32>
      return %v : tensor<?x2xf32>
    }
    func.func @f(%h: tensor<?x2xf32>, %kv: {kv}, %start: index) -> tensor<?x2xf32> {
      %y = llm.layers %h shared(%kv, %start) {
        blocks = [@block], weights = [[@w]], schedule = array<i32: 0, 0>
      } : (tensor<?x2xf32>, {kv}, index) -> tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    }
    func.func @read(%q: tensor<?x2xf32>, %layer: index, %start: index) -> tensor<?x2xf32> {
      %kv = llm.get_state @kv : {kv}
      %y = llm.attention %q, %kv[%layer] at %start scale 1.0
         : tensor<?x2xf32>, {kv} -> tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    })");
  program.addFloats("blk.0.w", {2, 0, 0, 2});
  program.addFloats("blk.1.w", {0, 3, 1, 0});
  auto interpreter = program.interpreter<double>();
  auto x = rows(1, {1, 5});
  expectNear(run<double>(interpreter, "f", {x, StateHandle{"kv"}, IndexValue{0}}), {30, 2});
  expectNear(run<double>(interpreter, "read", {x, IndexValue{0}, IndexValue{0}}), {2, 10});
  expectNear(run<double>(interpreter, "read", {x, IndexValue{1}, IndexValue{0}}), {30, 2});
  EXPECT_NE(messageOf(interpreter, "f", {x, StateHandle{"nothing"}, IndexValue{0}})
                .find("argument 1 of function 'f': the module has no state 'nothing'"),
            std::string::npos);
}

TEST(Program, CallsAndConstants) {
  TestProgram program(R"(
    func.func private @swap(%a: index, %t: tensor<2xi32>) -> (tensor<2xi32>, index) {
      return %t, %a : tensor<2xi32>, index
    }
    func.func @f() -> (tensor<2xi32>, index, tensor<2x1xf32>) {
      %a = arith.constant 42 : index
      %t = arith.constant dense<[7, -8]> : tensor<2xi32>
      %c = arith.constant dense<[[0.5], [2.0]]> : tensor<2x1xf32>
      %r:2 = call @swap(%a, %t) : (index, tensor<2xi32>) -> (tensor<2xi32>, index)
      return %r#0, %r#1, %c : tensor<2xi32>, index, tensor<2x1xf32>
    })");
  auto interpreter = program.interpreter<float>();
  auto results = interpreter.call("f", {});
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_EQ(std::get<TokensValue>((*results)[0]).tokens, (std::vector<int32_t>{7, -8}));
  EXPECT_EQ(std::get<IndexValue>((*results)[1]).value, 42);
  EXPECT_EQ(std::get<TensorRef<float>>((*results)[2])->data, (std::vector<float>{0.5f, 2}));
}

TEST(Program, ErrorsNameTheOperationAndItsPlace) {
  TestProgram program(R"(
    func.func private @inner(%a: tensor<?x1xf32>, %b: tensor<?x1xf32>) -> tensor<?x1xf32> {
      %y = llm.add %a, %b : tensor<?x1xf32>
      return %y : tensor<?x1xf32>
    }
    func.func @f(%a: tensor<?x1xf32>, %b: tensor<?x1xf32>) -> tensor<?x1xf32> {
      %y = call @inner(%a, %b) : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
      return %y : tensor<?x1xf32>
    }
    func.func @unknown(%a: index) -> index {
      %y = arith.addi %a, %a : index
      return %y : index
    }
    func.func @cast(%a: tensor<?x1xf32>) -> tensor<2x1xf32> {
      %y = tensor.cast %a : tensor<?x1xf32> to tensor<2x1xf32>
      return %y : tensor<2x1xf32>
    })");
  auto interpreter = program.interpreter<double>();
  auto one = rows(1, {1}), two = rows(2, {1, 2});
  EXPECT_EQ(messageOf(interpreter, "f", {one, two}),
            "llm.add at test.mlir:3:12: the right-hand side is 2x1, expected 1x1");
  EXPECT_EQ(messageOf(interpreter, "unknown", {IndexValue{1}}),
            "arith.addi at test.mlir:11:12: the interpreter does not know this operation");
  EXPECT_EQ(messageOf(interpreter, "cast", {one}),
            "tensor.cast at test.mlir:15:12: a tensor of shape 1x1, expected tensor<2x1xf32>");
  EXPECT_EQ(messageOf(interpreter, "nowhere", {}), "the module has no function 'nowhere'");
}

TEST(Program, ArgumentsAreChecked) {
  TestProgram program(R"(
    func.func @f(%x: tensor<?x2xf32>, %t: tensor<1xi32>, %i: index) {
      return
    })");
  auto interpreter = program.interpreter<double>();
  auto x = rows(1, {1, 2});
  TokensValue token{{0}};
  IndexValue i{0};
  EXPECT_TRUE(interpreter.call("f", {x, token, i}).ok());
  std::vector<std::vector<InterpreterValue<double>>> wrong{
      {x, token},
      {rows(1, {1, 2, 3}), token, i},
      {makeTensor<double>({2}, {1, 2}), token, i},
      {makeTensor<double>({1, 2}, {1}), token, i},
      {makeTensor<double>({-1, 2}, {}), token, i},
      {TensorRef<double>(), token, i},
      {x, TokensValue{{0, 1}}, i},
      {x, i, i},
      {i, token, i},
      {x, token, x},
      {x, token, StateHandle{"kv"}},
  };
  for (size_t n = 0; n < wrong.size(); ++n)
    EXPECT_EQ(interpreter.call("f", wrong[n]).status().code(), absl::StatusCode::kInvalidArgument)
        << n;
}

TEST(Program, ProgramsThatCannotRunAreErrors) {
  TestProgram program(R"(
    llm.state @huge
        : !llm.kv_cache<layers = 1, heads = 1048576, key = 4096 x f16, value = 4 x f16>
    func.func private @outside()
    func.func @f() {
      call @outside() : () -> ()
      return
    }
    func.func @forever() {
      call @forever() : () -> ()
      return
    }
    func.func @large(%start: index) -> tensor<4611686018427387904x8xf32> {
      %t = llm.rope_table %start {base = 100.0 : f32} : tensor<4611686018427387904x8xf32>
      return %t : tensor<4611686018427387904x8xf32>
    }
    func.func @huge_state() {
      %kv = llm.get_state @huge
          : !llm.kv_cache<layers = 1, heads = 1048576, key = 4096 x f16, value = 4 x f16>
      return
    }
  )");
  auto interpreter = program.interpreter<double>();
  auto code = [&](llvm::StringRef name, std::vector<InterpreterValue<double>> arguments) {
    return interpreter.call(name, std::move(arguments)).status().code();
  };
  EXPECT_EQ(code("f", {}), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(code("forever", {}), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(code("large", {IndexValue{0}}), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(code("huge_state", {}), absl::StatusCode::kResourceExhausted);
}

} // namespace
} // namespace llmc
