// Every operation of the dialect has a meaning in the interpreter.
#include "compiler/Interpreter/Interpreter.h"
#include "dialects/llm/IR/LlmDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <gtest/gtest.h>
#include <set>

namespace llmc {
namespace {

TEST(Coverage, EveryOperationOfTheDialect) {
  // Declarations of symbols are never run.
  const std::set<llvm::StringRef> exempt{"llm.weight", "llm.state", "llm.parameter"};
  mlir::MLIRContext context;
  context.loadDialect<llm::LlmDialect>();
  std::set<std::string> seen;
  for (mlir::RegisteredOperationName name : context.getRegisteredOperations()) {
    if (name.getDialectNamespace() != "llm")
      continue;
    seen.insert(name.getStringRef().str());
    if (!exempt.contains(name.getStringRef()))
      EXPECT_TRUE(isInterpreted(name.getStringRef()))
          << name.getStringRef().str()
          << " has no meaning in the interpreter; add it to compiler/Interpreter";
  }
  EXPECT_TRUE(seen.contains("llm.linear")) << "the dialect's operations were not listed";
}

TEST(Coverage, OperationsOfOtherDialects) {
  for (llvm::StringRef name : {"func.call", "arith.constant", "tensor.cast"})
    EXPECT_TRUE(isInterpreted(name)) << name.str();
  EXPECT_FALSE(isInterpreted("llm.no_such_operation"));
}

} // namespace
} // namespace llmc
