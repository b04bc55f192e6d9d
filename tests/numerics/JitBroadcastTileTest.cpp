// Tiles of products of f32 matrices against a loop.
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Vector/BroadcastTile.h"
#include "passes/Vector/Kernels.h"
#include "runtime/core/ThreadTeam.h"
#include "tests/numerics/TestData.h"
#include <cmath>
#include <cstring>

namespace llmc {
namespace {

using kernel::BroadcastTile;
using kernel::Extent;

// Bytes between elements, and how many are summed.
struct Strides {
  int64_t aRow, aStep, bStep, count;
};

// @tile(a, b, sums), whose strides and count are constants of the code or arguments after these.
absl::StatusOr<std::unique_ptr<LoadedCode>> compileTile(BroadcastTile tile, const Strides &strides,
                                                        bool constants) {
  Compiler compiler;
  absl::StatusOr<TargetDescription> target = describeTarget(testTarget());
  if (!target.ok())
    return target.status();
  mlir::OpBuilder b(compiler.context());
  mlir::Location loc = b.getUnknownLoc();
  mlir::OwningOpRef<mlir::ModuleOp> module(mlir::ModuleOp::create(loc));
  b.setInsertionPointToEnd(module->getBody());
  kernel::Emitter types(b, loc);
  auto function = mlir::func::FuncOp::create(
      b, loc, "tile", b.getFunctionType({types.ptr, types.i64, types.i64}, {}));
  b.setInsertionPointToStart(function.addEntryBlock());
  kernel::Emitter e(b, loc);
  mlir::Value table =
      e.load(e.ptr, e.gep(function.getArgument(0), stepFieldOffset(StepField::arguments)), 8);
  auto argument = [&](mlir::Type type, int64_t index) {
    return e.load(type, e.gep(table, 8 * index), 8);
  };
  auto extent = [&](int64_t number, int64_t index) {
    return constants ? Extent(number) : Extent(argument(e.i64, index));
  };
  kernel::BroadcastProduct product{.a = argument(e.ptr, 0),
                                   .aRow = extent(strides.aRow, 3),
                                   .aStep = extent(strides.aStep, 4),
                                   .b = argument(e.ptr, 1),
                                   .bStep = extent(strides.bStep, 5),
                                   .count = extent(strides.count, 6),
                                   .bAlign = 4};
  mlir::Value sums = argument(e.ptr, 2);
  kernel::Values before = emitLoadTile(e, tile, sums, tile.lanes() * 4);
  emitStoreTile(e, tile, emitBroadcastTile(e, tile, product, before), sums, tile.lanes() * 4);
  mlir::func::ReturnOp::create(b, loc);
  CompileOptions options;
  options.targetCpu = testTarget();
  if (absl::Status status = compiler.runPhases(*module, Phase::Llvm, Phase::Llvm, *target, options);
      !status.ok())
    return status;
  absl::StatusOr<std::string> object = emitArchive(*module, *target);
  if (!object.ok())
    return object.status();
  return LoadedCode::load(*object);
}

GuardedMemory floats(int64_t count, size_t alignment, Random &random) {
  GuardedMemory memory(count * 4, alignment, 0xff);
  for (int64_t i = 0; i < count; ++i) {
    float value = static_cast<float>(random.uniform(-1, 1));
    std::memcpy(memory.data() + 4 * i, &value, 4);
  }
  return memory;
}

float at(const GuardedMemory &memory, int64_t bytes) {
  float value;
  std::memcpy(&value, memory.data() + bytes, 4);
  return value;
}

void checkTile(BroadcastTile tile, const Strides &s, bool constants) {
  SCOPED_TRACE(testing::Message() << tile.rows << " x " << tile.vectors << ", " << s.count
                                  << (constants ? ", constants" : ", values"));
  auto code = compileTile(tile, s, constants);
  ASSERT_TRUE(code.ok()) << code.status();
  auto step = (*code)->find("tile");
  ASSERT_TRUE(step.ok()) << step.status();
  Random random(31);
  // No more than what the product reads.
  const int64_t last = std::max<int64_t>(s.count - 1, 0), there = s.count > 0;
  GuardedMemory a = floats(there * ((tile.rows - 1) * s.aRow + last * s.aStep + 4) / 4, 4, random);
  GuardedMemory b = floats(there * (last * s.bStep + tile.lanes() * 4) / 4, 4, random);
  GuardedMemory sums = floats(tile.rows * tile.lanes(), 64, random);
  std::vector<double> expected, magnitude;
  for (int64_t i = 0; i < tile.rows; ++i)
    for (int64_t lane = 0; lane < tile.lanes(); ++lane) {
      double sum = at(sums, 4 * (i * tile.lanes() + lane)), terms = std::abs(sum);
      for (int64_t c = 0; c < s.count; ++c) {
        double term = double(at(a, i * s.aRow + c * s.aStep)) * at(b, c * s.bStep + 4 * lane);
        sum += term;
        terms += std::abs(term);
      }
      expected.push_back(sum);
      magnitude.push_back(terms);
    }
  const int64_t arguments[] = {reinterpret_cast<int64_t>(a.data()),
                               reinterpret_cast<int64_t>(b.data()),
                               reinterpret_cast<int64_t>(sums.data()),
                               s.aRow,
                               s.aStep,
                               s.bStep,
                               s.count};
  StepContext context = {};
  context.arguments = arguments;
  (*step)(&context, 0, 1);
  EXPECT_TRUE(a.isIntact() && b.isIntact() && sums.isIntact()) << "written outside of the sums";
  for (size_t i = 0; i < expected.size(); ++i)
    ASSERT_NEAR(at(sums, 4 * i), expected[i],
                static_cast<double>(2 * s.count) * 0x1p-24 * magnitude[i])
        << "sum " << i;
}

TEST(JitBroadcastTile, StridesAndCounts) {
  for (BroadcastTile tile : {BroadcastTile{1, 1}, {3, 2}, {6, 1}, {8, 2}, {2, 4}, {12, 1}})
    for (bool constants : {true, false}) {
      // Rows of the first factor as they are, then its columns; counts of none, one and some.
      for (int64_t count : {0, 1, 7})
        checkTile(tile, {52, 4, tile.lanes() * 4, count}, constants);
      checkTile(tile, {4, 100, tile.lanes() * 4 + 12, 5}, constants);
    }
}

} // namespace
} // namespace llmc
