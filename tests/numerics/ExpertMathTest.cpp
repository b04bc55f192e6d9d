// Mixtures of experts in the interpreter, by numbers that are known without it.
#include "tests/numerics/TestProgram.h"
#include <cmath>

namespace llmc {
namespace {

TEST(ExpertMath, RouteTakesTheLargestAndOfEqualOnesTheFirst) {
  TestProgram program(R"mlir(
    func.func @ids(%l: tensor<?x4xf32>) -> tensor<?x2xi32> {
      %i, %w = llm.route %l : tensor<?x4xf32> -> tensor<?x2xi32>, tensor<?x2xf32>
      return %i : tensor<?x2xi32>
    }
    func.func @weights(%l: tensor<?x4xf32>) -> tensor<?x2xf32> {
      %i, %w = llm.route %l : tensor<?x4xf32> -> tensor<?x2xi32>, tensor<?x2xf32>
      return %w : tensor<?x2xf32>
    }
    func.func @normalized(%l: tensor<?x4xf32>) -> tensor<?x2xf32> {
      %i, %w = llm.route %l {normalize} : tensor<?x4xf32> -> tensor<?x2xi32>, tensor<?x2xf32>
      return %w : tensor<?x2xf32>
    })mlir");
  auto interpreter = program.interpreter<double>();
  // Softmaxes of 1:2:3:2 and 4:1:1:2.
  const auto logits = [] {
    std::vector<double> values;
    for (double share : {1, 2, 3, 2, 4, 1, 1, 2})
      values.push_back(std::log(share) + 7);
    return rows(2, values);
  };
  expectNear(run(interpreter, "ids", {logits()}), {2, 1, 0, 3});
  expectNear(run(interpreter, "weights", {logits()}), {3 / 8., 2 / 8., 4 / 8., 2 / 8.});
  expectNear(run(interpreter, "normalized", {logits()}), {3 / 5., 2 / 5., 4 / 6., 2 / 6.});
}

// The first expert doubles, the second adds neighbours, of two columns; rows are padded to 16.
std::vector<float> matrices() {
  std::vector<float> values(2 * 16 * 2);
  values[0] = 2;                   // expert 0, row 0
  values[3] = 2;                   // row 1
  values[32] = values[33] = 1;     // expert 1, row 0
  values[34] = 1, values[35] = -1; // row 1
  return values;
}

TEST(ExpertMath, ProductsStandSideBySide) {
  TestProgram program(R"mlir(
    llm.weight @w : tensor<2x16x2xf32> from "w"
    func.func @shared(%l: tensor<?x2xf32>, %x: tensor<?x2xf32>) -> tensor<?x32xf32> {
      %i, %p = llm.route %l : tensor<?x2xf32> -> tensor<?x2xi32>, tensor<?x2xf32>
      %w = llm.get_weight @w : tensor<2x16x2xf32>
      %y = llm.expert_linear %x, %i, %w
          : tensor<?x2xf32>, tensor<?x2xi32>, tensor<2x16x2xf32> -> tensor<?x32xf32>
      return %y : tensor<?x32xf32>
    }
    func.func @own(%l: tensor<?x2xf32>, %x: tensor<?x4xf32>) -> tensor<?x32xf32> {
      %i, %p = llm.route %l : tensor<?x2xf32> -> tensor<?x2xi32>, tensor<?x2xf32>
      %w = llm.get_weight @w : tensor<2x16x2xf32>
      %y = llm.expert_linear %x, %i, %w
          : tensor<?x4xf32>, tensor<?x2xi32>, tensor<2x16x2xf32> -> tensor<?x32xf32>
      return %y : tensor<?x32xf32>
    })mlir");
  program.addFloats("w", matrices());
  auto interpreter = program.interpreter<double>();
  auto firstTwo = [](const std::vector<double> &y, int64_t at) {
    return std::vector<double>{y[at], y[at + 1]};
  };
  // The first token prefers expert 1, the second expert 0.
  auto y = run(interpreter, "shared", {rows(2, {0, 1, 1, 0}), rows(2, {3, 5, 7, 11})});
  expectNear(firstTwo(y, 0), {8, -2});
  expectNear(firstTwo(y, 16), {6, 10});
  expectNear(firstTwo(y, 32), {14, 22});
  expectNear(firstTwo(y, 48), {18, -4});
  y = run(interpreter, "own", {rows(1, {0, 1}), rows(1, {3, 5, 7, 11})});
  expectNear(firstTwo(y, 0), {8, -2});
  expectNear(firstTwo(y, 16), {14, 22});
}

TEST(ExpertMath, SumsAreWeighted) {
  TestProgram program(R"mlir(
    func.func @sum(%x: tensor<?x4xf32>, %w: tensor<?x2xf32>) -> tensor<?x2xf32> {
      %y = llm.expert_sum %x, %w : tensor<?x4xf32>, tensor<?x2xf32> -> tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    }
    func.func @residual(%x: tensor<?x4xf32>, %w: tensor<?x2xf32>, %h: tensor<?x2xf32>) -> tensor<?x2xf32> {
      %y = llm.expert_sum %x, %w residual %h
          : tensor<?x4xf32>, tensor<?x2xf32>, tensor<?x2xf32> -> tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    })mlir");
  auto interpreter = program.interpreter<double>();
  expectNear(run(interpreter, "sum", {rows(1, {1, 2, 10, 20}), rows(1, {0.25, 0.5})}),
             {5.25, 10.5});
  expectNear(run(interpreter, "residual",
                 {rows(1, {1, 2, 10, 20}), rows(1, {0.25, 0.5}), rows(1, {100, 200})}),
             {105.25, 210.5});
}

TEST(ExpertMath, SwigluIsThatOfTwoProducts) {
  TestProgram program(R"mlir(
    llm.weight @w : tensor<2x16x2xf32> from "w"
    func.func @f(%l: tensor<?x2xf32>, %x: tensor<?x2xf32>) -> tensor<?x16xf32> {
      %i, %p = llm.route %l : tensor<?x2xf32> -> tensor<?x1xi32>, tensor<?x1xf32>
      %w = llm.get_weight @w : tensor<2x16x2xf32>
      %y = llm.expert_swiglu %x, %i, %w, %w
          : tensor<?x2xf32>, tensor<?x1xi32>, tensor<2x16x2xf32>, tensor<2x16x2xf32> -> tensor<?x16xf32>
      return %y : tensor<?x16xf32>
    })mlir");
  program.addFloats("w", matrices());
  auto interpreter = program.interpreter<double>();
  auto y = run(interpreter, "f", {rows(1, {1, 0}), rows(1, {0.5, -1})});
  expectNear({y[0], y[1]}, {1 / (1 + std::exp(-1)), 4 / (1 + std::exp(2))});
}

// Rows of sums are the experts', of layer 1 here, the last column counts.
TEST(ExpertMath, SquaresAreSummedForEachExpert) {
  TestProgram program(R"mlir(
    llm.state @s : !llm.column_sums<layers = 4, columns = 3>
    func.func @f(%l: tensor<?x2xf32>, %x: tensor<?x2xf32>) -> tensor<?x2xf32> {
      %i, %p = llm.route %l : tensor<?x2xf32> -> tensor<?x1xi32>, tensor<?x1xf32>
      %s = llm.get_state @s : !llm.column_sums<layers = 4, columns = 3>
      %1 = arith.constant 1 : index
      llm.expert_sum_squares %x, %i into %s[%1] {experts = 2 : i64}
          : tensor<?x2xf32>, tensor<?x1xi32>, !llm.column_sums<layers = 4, columns = 3>
      return %x : tensor<?x2xf32>
    })mlir");
  auto interpreter = program.interpreter<double>();
  run(interpreter, "f", {rows(3, {1, 0, 0, 1, 1, 0}), rows(3, {1, 2, 3, 4, 5, 6})});
  auto sums = interpreter.columnSums(StateHandle{"s"});
  ASSERT_TRUE(sums.ok()) << sums.status();
  expectNear((*sums)->data, {0, 0, 0, 0, 0, 0, 26, 40, 2, 9, 16, 1});
}

} // namespace
} // namespace llmc
