// Rows added to a gradient by token: compiled code against the interpreter. The kernel operation
// adds to memory that is there, which no value of the `llm` dialect is, so it is compiled as such.
#include "absl/strings/substitute.h"
#include "runtime/core/ThreadTeam.h"
#include "tests/numerics/TestData.h"
#include <cmath>
#include <cstring>

namespace llmc {
namespace {

constexpr int64_t kVocabulary = 70;

absl::StatusOr<std::unique_ptr<LoadedCode>> compileKernel(const std::string &text) {
  Compiler compiler;
  auto module = compiler.parse(text, "kernel.mlir");
  if (!module.ok())
    return module.status();
  absl::StatusOr<TargetDescription> target = describeTarget(testTarget());
  if (!target.ok())
    return target.status();
  CompileOptions options;
  options.targetCpu = testTarget();
  absl::Status status = compiler.runPhases(**module, Phase::Vector, Phase::Llvm, *target, options);
  if (!status.ok())
    return status;
  absl::StatusOr<std::string> object = emitObject(**module, *target);
  if (!object.ok())
    return object.status();
  return LoadedCode::load(*object);
}

TEST(JitEmbedAdjoint, AddsRowsByToken) {
  Random random(21);
  for (int64_t width : {1, 8, 16, 20, 64}) {
    SCOPED_TRACE(width);
    auto code = compileKernel(absl::Substitute(R"(
      module attributes {kernel.arena_bytes = 0 : i64, kernel.scratch_bytes = 0 : i64,
          kernel.target = #kernel.target<dot = plain, tiles = [1], max_rows = 37>} {
        func.func @f(%du: !kernel.buffer<$0 x f32>, %tokens: !kernel.buffer<1 x i32>,
                     %g: tensor<$1x$0xf32>) {
          kernel.embed_adjoint %du, %tokens into %g
              : !kernel.buffer<$0 x f32>, !kernel.buffer<1 x i32>, tensor<$1x$0xf32>
          return
        }
      })",
                                               width, kVocabulary));
    ASSERT_TRUE(code.ok()) << code.status();
    auto step = (*code)->find("f");
    ASSERT_TRUE(step.ok()) << step.status();
    ParsedProgram program(absl::Substitute(R"(
      func.func @f(%du: tensor<?x$0xf32>, %tokens: tensor<?xi32>) -> tensor<$1x$0xf32> {
        %g = llm.embed_adjoint %du, %tokens : tensor<?x$0xf32>, tensor<?xi32> -> tensor<$1x$0xf32>
        return %g : tensor<$1x$0xf32>
      })",
                                           width, kVocabulary),
                          {});
    auto interpreter = program.interpreter<double>();
    for (int64_t rows : {1, 2, 37}) {
      const Rows du = randomRows(rows, width, random);
      const Rows before = randomRows(kVocabulary, width, random);
      std::vector<int32_t> tokens{kVocabulary - 1};
      while (int64_t(tokens.size()) < rows) // some of them often
        tokens.push_back(int32_t(random.bits() % (tokens.size() % 2 ? kVocabulary : 3)));
      auto expected = interpret(interpreter, "f", {du, tokens});
      ASSERT_EQ(expected.size(), 1u);
      TensorValue<double> sum = *expected[0];
      for (size_t i = 0; i < sum.data.size(); ++i)
        sum.data[i] += before.data[i];
      std::vector<float> first;
      for (unsigned threads = 1; threads <= 3; ++threads) {
        const int64_t stride = (width + 15) / 16 * 64;
        GuardedMemory input(rows * stride, 64, 0xff), ids(rows * 4, 4, 0xff);
        GuardedMemory gradient(before.data.size() * 4, 4, 0xff);
        for (int64_t r = 0; r < rows; ++r)
          std::memcpy(input.data() + r * stride, &du.data[r * width], width * 4);
        std::memcpy(ids.data(), tokens.data(), ids.size());
        std::memcpy(gradient.data(), before.data.data(), gradient.size());
        const int64_t arguments[] = {reinterpret_cast<int64_t>(input.data()),
                                     reinterpret_cast<int64_t>(ids.data()),
                                     reinterpret_cast<int64_t>(gradient.data())};
        ThreadTeam team(threads);
        StepContext context = {};
        context.arguments = arguments;
        context.team = &team;
        context.rows = rows;
        team.run([&](unsigned thread, unsigned count) { (*step)(&context, thread, count); });
        EXPECT_TRUE(input.isIntact() && ids.isIntact() && gradient.isIntact())
            << "written outside of the gradient";
        Rows is{kVocabulary, width, std::vector<float>(before.data.size())};
        std::memcpy(is.data.data(), gradient.data(), gradient.size());
        // Each addition rounds once, and sums of at most 37 terms of at most 1 are less than 64.
        expectRows(is, sum, [&](int64_t, int64_t) { return static_cast<double>(rows) * 0x1p-19; });
        if (threads == 1)
          first = is.data;
        EXPECT_EQ(is.data, first) << "other bits on " << threads << " threads";
      }
    }
  }
}

} // namespace
} // namespace llmc
