// jit_against_interpreter [--target-cpu=CPU] [GoogleTest's options]
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "dialects/llm/IR/LlmDialect.h"
#include "tests/numerics/JitProgram.h"

using namespace llmc;

namespace {

// Operations that other programs compile: whole models, held against PyTorch by check_gradients.py.
const absl::flat_hash_set<std::string> &compiledElsewhere() {
  static const absl::flat_hash_set<std::string> names = {"llm.layers_adjoint"};
  return names;
}

// An operation of the dialect that no test has compiled is a failure, unless only some tests ran.
class Coverage : public testing::Environment {
  void TearDown() override {
    if (GTEST_FLAG_GET(filter) != "*")
      return;
    mlir::MLIRContext context;
    context.loadDialect<llm::LlmDialect>();
    size_t known = 0;
    for (mlir::RegisteredOperationName name : context.getRegisteredOperations())
      if (name.getDialectNamespace() == "llm") {
        ++known;
        const std::string text = name.getStringRef().str();
        EXPECT_NE(loweredOperations().contains(name.getStringRef()),
                  compiledElsewhere().contains(text))
            << text << ": either a test compiles it or it is in the list above";
      }
    EXPECT_GT(known, 0u);
  }
};

} // namespace

int main(int argc, char **argv) {
  testing::InitGoogleTest(&argc, argv);
  constexpr absl::string_view kTarget = "--target-cpu=";
  for (int i = 1; i < argc; ++i)
    if (absl::StartsWith(argv[i], kTarget))
      testTarget() = argv[i] + kTarget.size();
  absl::StatusOr<TargetDescription> target = describeTarget(testTarget());
  if (!target.ok())
    return std::printf("%s\n", std::string(target.status().message()).c_str()), 1;
  if (!runsHere(*target)) {
    std::printf("SKIPPED: code for %s does not run on this CPU\n", testTarget().c_str());
    return 77; // what ctest takes for a skipped test
  }
  std::printf("code for %s: %s, dot products by %s\n", testTarget().c_str(), target->cpu.c_str(),
              kernel::stringifyDot(target->dot).str().c_str());
  testing::AddGlobalTestEnvironment(new Coverage); // GoogleTest deletes it
  return RUN_ALL_TESTS();
}
