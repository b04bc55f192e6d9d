#include "compiler/PhaseDump/InstructionPeak.h"
#include "compiler/Driver/Compiler.h"
#include "compiler/Jit/ObjectCode.h"
#include "dialects/kernel/IR/DotTable.h"
#include "passes/Vector/DotProduct.h"
#include "passes/Vector/MatrixUnit.h"
#include <chrono>

using namespace mlir;

namespace llmc {
namespace {

using namespace kernel;

// Runs are shorter than a time slice, so that some of them are not interrupted.
constexpr int64_t kIterations = 1 << 15;
constexpr int kRuns = 25;
constexpr int64_t kMaxByte = 127;

// Sums, of 16 lanes, that stay in registers beside two factors and a product.
int64_t independentSums(Dot dot) {
  constexpr int64_t kLeast = 2, kMost = 16;
  const RegisterFit &fit = dotRow(dot).fit;
  const int64_t registersOfVector = 512 / fit.bits;
  return std::clamp(fit.registers / registersOfVector - 3, kLeast, kMost);
}

// Multiply-adds of an iteration of the loop for `arithmetic`.
int64_t multiplyAdds(Arithmetic arithmetic, Dot dot) {
  switch (arithmetic) {
  case Arithmetic::Int8Dot:
    return independentSums(dot) * kLanes * 4;
  case Arithmetic::F32:
    return independentSums(dot) * kLanes;
  case Arithmetic::Bf16Tiles:
    return 4 * kMatrixTile * kMatrixTile * 32;
  case Arithmetic::None:
    break;
  }
  return 0;
}

void emitVectorLoop(Emitter &e, ValueRange p, Arithmetic arithmetic, Dot dot) {
  Value memory = e.gep(e.load(e.ptr, e.gep(p[0], stepFieldOffset(StepField::arena)), 8),
                       e.mul(p[1], e.c64(64)));
  Type type = arithmetic == Arithmetic::Int8Dot ? e.vi32 : e.vf32;
  Value x = e.load(type, memory, 64), y = e.load(type, memory, 64);
  Values sums(independentSums(dot), x);
  sums = e.loop(e.c64(0), e.c64(kIterations), e.c64(1), sums, [&](Value, ValueRange carried) {
    Values next;
    for (Value sum : carried)
      next.push_back(arithmetic == Arithmetic::Int8Dot ? emitDot(e, dot, sum, x, y, kMaxByte)
                     : !dotRow(dot).fusedFloats        ? e.fadd(e.fmul(x, y), sum)
                                                       : e.fma(x, y, sum));
    return next;
  });
  // So that none of them is left out.
  Value total = sums[0];
  for (Value sum : llvm::drop_begin(sums))
    total = arithmetic == Arithmetic::Int8Dot ? e.add(total, sum) : e.fadd(total, sum);
  e.store(total, memory, 64);
}

void emitTileLoop(Emitter &e, KernelLibrary &library) {
  MatrixUnit unit(e);
  unit.configure(library);
  for (int64_t tile = 0; tile < 8; ++tile)
    unit.zero(tile);
  e.loop(e.c64(0), e.c64(kIterations), [&](Value) {
    for (int64_t sum = 0; sum < 4; ++sum)
      unit.multiply(sum, 4 + sum / 2, 6 + sum % 2);
  });
  unit.release();
}

std::string functionName(Arithmetic arithmetic) {
  return "peak." + std::to_string(static_cast<int>(arithmetic));
}

// Runs per second of all threads together, each as in its fastest run.
double runsPerSecond(StepFunction function, ThreadTeam &team) {
  using Clock = std::chrono::steady_clock;
  std::vector<uint8_t> memory(64 * (team.threads() + 1));
  StepContext context{};
  context.arena =
      reinterpret_cast<uint8_t *>(llvm::alignTo(reinterpret_cast<uintptr_t>(memory.data()), 64));
  std::vector<double> fastest(team.threads(), std::numeric_limits<double>::infinity());
  team.run([&](unsigned thread, unsigned threads) {
    for (int run = 0; run < kRuns; ++run) {
      const Clock::time_point start = Clock::now();
      function(&context, thread, threads);
      const std::chrono::duration<double> seconds = Clock::now() - start;
      fastest[thread] = std::min(fastest[thread], seconds.count());
    }
  });
  double rate = 0;
  for (double seconds : fastest)
    rate += 1 / seconds;
  return rate;
}

} // namespace

absl::StatusOr<std::vector<InstructionPeak>>
measureInstructionPeaks(const TargetDescription &target, ThreadTeam &team) {
  std::vector<Arithmetic> kinds{Arithmetic::Int8Dot, Arithmetic::F32};
  if (target.dot == Dot::Amx)
    kinds.push_back(Arithmetic::Bf16Tiles);
  Compiler compiler;
  MLIRContext *context = compiler.context();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(context));
  KernelLibrary library(*module, targetAttribute(context, target, /*maxRows=*/1));
  for (Arithmetic arithmetic : kinds) {
    OpBuilder b = OpBuilder::atBlockEnd(module->getBody());
    Emitter types(b, module->getLoc());
    auto function = library.get(functionName(arithmetic), {types.ptr, types.i64, types.i64},
                                module->getLoc(), [&](Emitter &e, ValueRange p) {
                                  if (arithmetic == Arithmetic::Bf16Tiles)
                                    emitTileLoop(e, library);
                                  else
                                    emitVectorLoop(e, p, arithmetic, target.dot);
                                });
    function.setPublic();
    function->removeAttr("llvm.linkage");
  }
  if (absl::Status status =
          compiler.runPhases(*module, Phase::Llvm, Phase::Llvm, target, CompileOptions());
      !status.ok())
    return status;
  absl::StatusOr<std::string> object = emitArchive(*module, target);
  if (!object.ok())
    return object.status();
  absl::StatusOr<std::unique_ptr<LoadedCode>> code = LoadedCode::load(*object);
  if (!code.ok())
    return code.status();
  std::vector<InstructionPeak> peaks;
  for (Arithmetic arithmetic : kinds) {
    absl::StatusOr<StepFunction> function = (*code)->find(functionName(arithmetic));
    if (!function.ok())
      return function.status();
    peaks.push_back({arithmetic, double(multiplyAdds(arithmetic, target.dot)) * kIterations *
                                     runsPerSecond(*function, team)});
  }
  return peaks;
}

} // namespace llmc
