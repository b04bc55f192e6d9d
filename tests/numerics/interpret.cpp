// interpret PROGRAM.mlir MODEL.gguf OUT REAL TOKENS...
//
// Calls `@forward(tensor<?xi32>, index)` of the program once for each TOKENS (ids with commas
// between), each step starting where the one before ended, and writes the results to OUT as
// float64. REAL is `float` or `double`, with the cache in its own type, or `exact`: double, cache
// and all.
#include "absl/strings/str_cat.h"
#include "compiler/Interpreter/Interpreter.h"
#include "compiler/Interpreter/Status.h"
#include "dialects/llm/IR/LlmDialect.h"
#include "frontends/gguf/file/GgufFile.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Parser/Parser.h"
#include "tests/numerics/Inputs.h"
#include <fstream>
#include <iostream>

namespace llmc {
namespace {

template <class Real>
absl::Status interpret(mlir::ModuleOp module, gguf::GgufFile &model, std::span<char *> steps,
                       bool exact, std::ostream &out) {
  Interpreter<Real> interpreter(module, weightsOf(model), {.exactCache = exact});
  int64_t start = 0;
  for (char *step : steps) {
    LLMC_ASSIGN_OR_RETURN(std::vector<int32_t> tokens, parseTokens(step));
    LLMC_ASSIGN_OR_RETURN(auto results,
                          interpreter.call("forward", {TokensValue{tokens}, IndexValue{start}}));
    start += static_cast<int64_t>(tokens.size());
    auto *tensor = results.empty() ? nullptr : std::get_if<TensorRef<Real>>(&results[0]);
    if (!tensor)
      return absl::InvalidArgumentError("@forward yields no tensor");
    std::vector<double> values((*tensor)->data.begin(), (*tensor)->data.end());
    out.write(reinterpret_cast<const char *>(values.data()),
              static_cast<std::streamsize>(values.size() * sizeof(double)));
  }
  return out.good() ? absl::OkStatus() : absl::InternalError("the results cannot be written");
}

absl::Status run(std::span<char *> arguments) {
  if (arguments.size() < 6)
    return absl::InvalidArgumentError(
        "usage: interpret PROGRAM.mlir MODEL.gguf OUT float|double|exact TOKENS...");
  mlir::MLIRContext context;
  context.loadDialect<llm::LlmDialect, mlir::func::FuncDialect, mlir::arith::ArithDialect,
                      mlir::tensor::TensorDialect>();
  auto module = mlir::parseSourceFile<mlir::ModuleOp>(arguments[1], &context);
  if (!module)
    return absl::InvalidArgumentError(absl::StrCat(arguments[1], ": is no program"));
  LLMC_ASSIGN_OR_RETURN(auto model, gguf::GgufFile::open(arguments[2]));
  std::ofstream out(arguments[3], std::ios::binary);
  absl::string_view real = arguments[4];
  std::span<char *> steps = arguments.subspan(5);
  if (real == "float")
    return interpret<float>(*module, *model, steps, false, out);
  return interpret<double>(*module, *model, steps, real == "exact", out);
}

} // namespace
} // namespace llmc

int main(int argc, char **argv) {
  absl::Status status = llmc::run(std::span<char *>(argv, argc));
  if (status.ok())
    return 0;
  std::cerr << "interpret: " << status.message() << "\n";
  return 1;
}
