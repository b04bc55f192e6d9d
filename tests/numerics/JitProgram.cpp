#include "tests/numerics/JitProgram.h"
#include "dialects/llm/IR/LlmDialect.h"
#include <cmath>

namespace llmc {

std::string &testTarget() {
  static std::string target = "native";
  return target;
}

llvm::StringSet<> &loweredOperations() {
  static llvm::StringSet<> names;
  return names;
}

ParsedProgram::ParsedProgram(const std::string &text, WeightBytes weights)
    : weights_(std::move(weights)) {
  auto module = compiler_.parse(text, "test.mlir");
  if (!module.ok()) {
    ADD_FAILURE() << module.status() << "\n" << text;
    module = mlir::ModuleOp::create(mlir::UnknownLoc::get(compiler_.context()));
  }
  module_ = std::move(*module);
}

absl::StatusOr<std::span<const uint8_t>> ParsedProgram::find(absl::string_view name) const {
  auto found = weights_.find(std::string(name));
  if (found == weights_.end())
    return absl::NotFoundError(absl::StrCat("no tensor '", name, "'"));
  return std::span<const uint8_t>(found->second);
}

JitProgram::JitProgram(const std::string &text, WeightBytes weights, Options options)
    : ParsedProgram(text, std::move(weights)) {
  options.targetCpu = testTarget();
  const Phase lowered = options.form == Form::Fused ? Phase::Fuse : Phase::Simplify;
  options.observer = [=](Phase phase, mlir::ModuleOp now, double) {
    if (phase == lowered)
      now->walk([](mlir::Operation *op) {
        if (llvm::isa_and_nonnull<llm::LlmDialect>(op->getDialect()))
          loweredOperations().insert(op->getName().getStringRef());
      });
    return absl::OkStatus();
  };
  auto program = CompiledProgram::create(compiler_, *module_, weights_, std::move(options));
  if (program.ok())
    program_ = std::move(*program);
  else
    ADD_FAILURE() << program.status() << "\n" << text;
}

// The value, or a failed test.
template <class T>
static T valueOf(absl::StatusOr<T> value) {
  if (value.ok())
    return *std::move(value);
  ADD_FAILURE() << value.status();
  return {};
}

std::vector<Rows> JitProgram::run(const std::string &function, int64_t rows,
                                  const Arguments &arguments) {
  if (!program_) {
    ADD_FAILURE() << "no function " << function;
    return {};
  }
  return valueOf(program_->run(function, rows, arguments));
}

Rows JitProgram::columnSums(size_t index) {
  return program_ ? valueOf(program_->columnSums(index)) : Rows();
}

Rows JitProgram::gradient(const std::string &name) {
  return program_ ? valueOf(program_->gradient(name)) : Rows();
}

const ProgramManifest &JitProgram::manifest() const {
  static const ProgramManifest none;
  return program_ ? program_->manifest() : none;
}

void expectRows(const Rows &is, const TensorValue<double> &expected,
                const std::function<double(int64_t, int64_t)> &tolerance) {
  ASSERT_EQ(is.count, expected.rows());
  ASSERT_EQ(is.width, expected.columns());
  double worst = 0;
  int64_t worstRow = 0, worstColumn = 0;
  for (int64_t r = 0; r < is.count; ++r)
    for (int64_t c = 0; c < is.width; ++c) {
      double distance = std::abs(is.at(r, c) - expected.row(r)[c]);
      double error = distance == 0          ? 0
                     : std::isnan(distance) ? INFINITY
                                            : distance / tolerance(r, c);
      if (error > worst) {
        worst = error;
        worstRow = r, worstColumn = c;
      }
    }
  if (std::getenv("LLMC_TEST_SHOW_ERRORS"))
    std::printf("  error %.3f of the tolerance\n", worst);
  EXPECT_LE(worst, 1) << "row " << worstRow << " of " << is.count << ", column " << worstColumn
                      << " of " << is.width << ": " << is.at(worstRow, worstColumn) << ", expected "
                      << expected.row(worstRow)[worstColumn] << " within "
                      << tolerance(worstRow, worstColumn);
}

void expectSameRows(const Rows &is, const TensorValue<double> &expected) {
  ASSERT_EQ(is.count, expected.rows());
  ASSERT_EQ(is.width, expected.columns());
  for (int64_t r = 0; r < is.count; ++r)
    for (int64_t c = 0; c < is.width; ++c)
      ASSERT_EQ(is.at(r, c), static_cast<float>(expected.row(r)[c]))
          << "row " << r << " column " << c;
}

} // namespace llmc
