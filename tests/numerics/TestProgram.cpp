#include "tests/numerics/TestProgram.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "dialects/llm/IR/LlmDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Parser/Parser.h"
#include <cstring>

namespace llmc {

TestProgram::TestProgram(std::string text) {
  context_.loadDialect<llm::LlmDialect, mlir::func::FuncDialect, mlir::arith::ArithDialect,
                       mlir::tensor::TensorDialect>();
  text = absl::StrReplaceAll(
      text, {{"{kv}", "!llm.kv_cache<layers = 2, heads = 1, key = 2 x f16, value = 2 x f16>"},
             {"{kv2}", "!llm.kv_cache<layers = 2, heads = 2, key = 2 x f16, value = 2 x f16>"}});
  module_ = mlir::parseSourceString<mlir::ModuleOp>(text, &context_, "test.mlir");
  if (!module_) {
    ADD_FAILURE() << "the program does not parse:\n" << text;
    module_ = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context_));
  }
}

void TestProgram::addFloats(const std::string &name, const std::vector<float> &values) {
  std::vector<uint8_t> bytes(values.size() * sizeof(float));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  addWeight(name, std::move(bytes));
}

WeightSource TestProgram::source() {
  return [this](absl::string_view name) -> absl::StatusOr<std::span<const uint8_t>> {
    ++reads_;
    auto found = weights_.find(std::string(name));
    if (found == weights_.end())
      return absl::NotFoundError(absl::StrCat("no tensor '", name, "'"));
    return std::span<const uint8_t>(found->second);
  };
}

void expectNear(const std::vector<double> &is, const std::vector<double> &expected,
                double tolerance) {
  ASSERT_EQ(is.size(), expected.size());
  for (size_t i = 0; i < is.size(); ++i)
    EXPECT_NEAR(is[i], expected[i], tolerance) << "at " << i;
}

} // namespace llmc
