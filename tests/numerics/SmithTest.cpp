// What llmc-smith says of results that are wrong.
#include "absl/strings/str_replace.h"
#include "tools/llmc-smith/Check.h"
#include "tools/llmc-smith/Derivatives.h"
#include "tools/llmc-smith/Program.h"
#include "tools/llmc-smith/Worlds.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace llmc::smith {
namespace {

using testing::HasSubstr;

constexpr const char *kProduct = R"(
    llm.weight @w : tensor<48x64xELEMENT> from "w"
    func.func @f(%x: tensor<?x64xf32>) -> tensor<?x48xf32> {
      %w = llm.get_weight @w : tensor<48x64xELEMENT>
      %y = llm.linear %x, %w : tensor<?x64xf32>, tensor<48x64xELEMENT> -> tensor<?x48xf32>
      return %y : tensor<?x48xf32>
    })";

struct Case {
  const char *element;
  double wrong, right; // relative errors that are to be found, and that are not
};

class WorldsOf : public testing::TestWithParam<Case> {};

// The exact product in f32 is what compiled code may yield; a bit further away it is not.
TEST_P(WorldsOf, Product) {
  const std::string text = absl::StrReplaceAll(kProduct, {{"ELEMENT", GetParam().element}});
  Compiler compiler;
  auto module = compiler.parse(text, "test.mlir");
  ASSERT_TRUE(module.ok()) << module.status();
  TargetDescription target = *describeTarget("x86-64");
  Numbers numbers(**module, 1);
  Random random(1);
  Arguments arguments{randomRows(3, 64, random)};
  CompiledArithmetic arithmetic(target, Products::Rounded, 99);
  Interpreter<double> interpreter(**module, numbers.weightSource());
  interpreter.setArithmetic(&arithmetic);
  auto called = interpreter.call("f", interpreterArguments<double>(arguments));
  ASSERT_TRUE(called.ok()) << called.status();
  const TensorValue<double> &exact = *std::get<TensorRef<double>>((*called)[0]);
  Rows rows{3, 48, {exact.data.begin(), exact.data.end()}};
  double largest = 0;
  for (double x : exact.row(1))
    largest = std::max(largest, std::abs(x));
  for (double error : {0.0, GetParam().right, GetParam().wrong, double(NAN)}) {
    Worlds worlds(**module, numbers, target, Products::Rounded);
    Rows is = rows;
    is.data[48 + 17] += static_cast<float>(error * largest);
    absl::Status status = worlds.check("f", arguments, {is});
    if (error <= GetParam().right)
      EXPECT_TRUE(status.ok()) << error << ": " << status;
    else
      EXPECT_THAT(std::string(status.message()), HasSubstr("row 1 of 3, column 17 of 48"));
  }
}

INSTANTIATE_TEST_SUITE_P(Elements, WorldsOf,
                         testing::Values(Case{"f32", 1e-5, 1e-6},
                                         Case{"!llm.block<q4_0>", 1e-5, 1e-6}));

TEST(Smith, ProgramsAreThoseOfTheirSeed) {
  Compiler one, other;
  for (uint32_t seed : {1, 2, 3}) {
    std::string first, second;
    llvm::raw_string_ostream(first) << *makeProgram(one.context(), seed);
    llvm::raw_string_ostream(second) << *makeProgram(other.context(), seed);
    EXPECT_EQ(first, second);
    EXPECT_TRUE(one.parse(first, "printed").ok());
  }
}

// A gradient that lacks a part.
TEST(Smith, WrongGradient) {
  Compiler compiler;
  auto check = [&](const char *scale) {
    auto module = compiler.parse(std::string(R"(
      llm.parameter @a : tensor<4x8xf32> from "a"
      func.func @f(%x: tensor<?x8xf32>) -> tensor<?x1xf32> {
        %a = llm.get_parameter @a : tensor<4x8xf32>
        %u = llm.matmul %x, %a transposed : tensor<?x8xf32>, tensor<4x8xf32> -> tensor<?x4xf32>
        %w = llm.get_weight @w : tensor<1x4xf32>
        %y = llm.linear %u, %w : tensor<?x4xf32>, tensor<1x4xf32> -> tensor<?x1xf32>
        return %y : tensor<?x1xf32>
      }
      llm.weight @w : tensor<1x4xf32> from "w"
      func.func @f.gradient(%x: tensor<?x8xf32>, %d: tensor<?x1xf32>) -> tensor<?x1xf32> {
        %w = llm.get_weight @w : tensor<1x4xf32>
        %du = llm.linear_transposed %d, %w : tensor<?x1xf32>, tensor<1x4xf32> -> tensor<?x4xf32>
        %da = llm.outer %du, %x scale )") +
                                     scale +
                                     R"( : tensor<?x4xf32>, tensor<?x8xf32> -> tensor<4x8xf32>
        llm.accumulate_gradient %da into @a : tensor<4x8xf32>
        return %d : tensor<?x1xf32>
      })",
                                 "test.mlir");
    EXPECT_TRUE(module.ok()) << module.status();
    return checkDerivatives(**module, Numbers(**module, 1), {0, 3}, 1);
  };
  EXPECT_TRUE(check("1.0").ok()) << check("1.0");
  EXPECT_THAT(std::string(check("1.01").message()), HasSubstr("along a direction"));
}

} // namespace
} // namespace llmc::smith
