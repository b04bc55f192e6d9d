// jit_against_interpreter [--target-cpu=CPU] [GoogleTest's options]
#include "absl/strings/match.h"
#include "tests/numerics/JitProgram.h"

using namespace llmc;

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
  return RUN_ALL_TESTS();
}
