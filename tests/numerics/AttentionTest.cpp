// Attention over few positions, each softmax written out.
#include "tests/numerics/TestProgram.h"
#include <cmath>

namespace llmc {
namespace {

// Writes to layer 1 and attends; keys and values have one head of two elements.
constexpr char kOneHead[] = R"(
  llm.state @kv : {kv}
  func.func @write(%layer: index, %start: index, %k: tensor<?x2xf32>, %v: tensor<?x2xf32>) {
    %kv = llm.get_state @kv : {kv}
    llm.cache_write %kv[%layer] at %start, %k, %v : {kv}, tensor<?x2xf32>, tensor<?x2xf32>
    return
  }
  func.func @attend(%layer: index, %start: index, %q: tensor<?x2xf32>) -> tensor<?x2xf32> {
    %kv = llm.get_state @kv : {kv}
    %y = llm.attention %q, %kv[%layer] at %start scale 0.5
       : tensor<?x2xf32>, {kv} -> tensor<?x2xf32>
    return %y : tensor<?x2xf32>
  }
  func.func @window(%layer: index, %start: index, %q: tensor<?x2xf32>) -> tensor<?x2xf32> {
    %kv = llm.get_state @kv : {kv}
    %y = llm.attention %q, %kv[%layer] at %start scale 0.5 {window = 2}
       : tensor<?x2xf32>, {kv} -> tensor<?x2xf32>
    return %y : tensor<?x2xf32>
  })";

const IndexValue k0{0}, k1{1}, k2{2};

void write(Interpreter<double> &interpreter, IndexValue layer, IndexValue start,
           InterpreterValue<double> keys, InterpreterValue<double> values) {
  auto results = interpreter.call("write", {layer, start, keys, values});
  ASSERT_TRUE(results.ok()) << results.status();
}

TEST(Attention, TwoPositions) {
  TestProgram program(kOneHead);
  auto interpreter = program.interpreter<double>();
  write(interpreter, k1, k0, rows(2, {1, 0, 0, 1}), rows(2, {10, 20, 30, 40}));
  // Row 0 sees position 0 only. Row 1 scores 0.5 * 6 and 0.5 * 2.
  auto y = run<double>(interpreter, "attend", {k1, k0, rows(2, {5, 7, 6, 2})});
  double a = std::exp(3.0) / (std::exp(3.0) + std::exp(1.0)), b = 1 - a;
  expectNear(y, {10, 20, 10 * a + 30 * b, 20 * a + 40 * b});
  // A later step alone gives what it gave as part of a longer one.
  expectNear(run<double>(interpreter, "attend", {k1, k1, rows(1, {6, 2})}),
             {10 * a + 30 * b, 20 * a + 40 * b});
}

TEST(Attention, LargeScoresDoNotOverflow) {
  TestProgram program(kOneHead);
  auto interpreter = program.interpreter<double>();
  write(interpreter, k1, k0, rows(2, {1, 0, 0, 1}), rows(2, {10, 20, 30, 40}));
  expectNear(run<double>(interpreter, "attend", {k1, k1, rows(1, {4000, 4000})}), {20, 30});
}

TEST(Attention, WindowLeavesOutOldPositions) {
  TestProgram program(kOneHead);
  auto interpreter = program.interpreter<double>();
  write(interpreter, k0, k0, rows(4, {0, 0, 0, 0, 0, 0, 0, 0}),
        rows(4, {1, 1, 10, 10, 100, 100, 1000, 1000}));
  // All scores are equal, so the result is the mean of the values that are seen.
  auto q = rows(4, std::vector<double>(8, 1));
  expectNear(run<double>(interpreter, "window", {k0, k0, q}), {1, 1, 5.5, 5.5, 55, 55, 550, 550});
  expectNear(run<double>(interpreter, "attend", {k0, k0, q}),
             {1, 1, 5.5, 5.5, 37, 37, 277.75, 277.75});
}

TEST(Attention, QueryHeadsShareKeyValueHeads) {
  TestProgram program(R"(
    llm.state @kv : {kv2}
    func.func @f(%k: tensor<?x4xf32>, %v: tensor<?x4xf32>, %q: tensor<?x8xf32>) -> tensor<?x8xf32> {
      %kv = llm.get_state @kv : {kv2}
      %zero = arith.constant 0 : index
      llm.cache_write %kv[%zero] at %zero, %k, %v : {kv2}, tensor<?x4xf32>, tensor<?x4xf32>
      %y = llm.attention %q, %kv[%zero] at %zero scale 1.0
         : tensor<?x8xf32>, {kv2} -> tensor<?x8xf32>
      return %y : tensor<?x8xf32>
    })");
  auto interpreter = program.interpreter<double>();
  // One position, so each query head yields its key/value head's value: heads 0 and 1 the first,
  // 2 and 3 the second.
  expectNear(run<double>(interpreter, "f",
                         {rows(1, {0, 0, 0, 0}), rows(1, {1, 2, 3, 4}),
                          rows(1, std::vector<double>(8, 1))}),
             {1, 2, 1, 2, 3, 4, 3, 4});
}

TEST(Attention, KeysOfItsOwnHead) {
  TestProgram program(R"(
    llm.state @kv : {kv2}
    func.func @f(%k: tensor<?x4xf32>, %v: tensor<?x4xf32>, %q: tensor<?x4xf32>) -> tensor<?x4xf32> {
      %kv = llm.get_state @kv : {kv2}
      %zero = arith.constant 0 : index
      llm.cache_write %kv[%zero] at %zero, %k, %v : {kv2}, tensor<?x4xf32>, tensor<?x4xf32>
      %y = llm.attention %q, %kv[%zero] at %zero scale 1.0
         : tensor<?x4xf32>, {kv2} -> tensor<?x4xf32>
      return %y : tensor<?x4xf32>
    })");
  auto interpreter = program.interpreter<double>();
  // Head 0 prefers position 1 by a factor e, head 1 position 0 by e^2.
  auto y = run<double>(interpreter, "f",
                       {rows(2, {0, 0, 2, 0, 1, 0, 0, 0}), rows(2, {1, 0, 0, 1, 0, 1, 1, 0}),
                        rows(2, {0, 0, 0, 0, 1, 0, 1, 0})});
  double e = std::exp(1.0), a = e / (1 + e), b = e * e / (1 + e * e);
  ASSERT_EQ(y.size(), 8u);
  expectNear({y.begin() + 4, y.end()}, {1 - a, a, 1 - b, b});
}

TEST(Attention, CacheRoundsToHalf) {
  // 1 + 2^-11 is half way between two halves and goes to the even one, 1; slightly more goes up.
  std::vector<double> values{1 + 0x1p-11, 1 + 0x1p-11 + 0x1p-40};
  {
    TestProgram program(kOneHead);
    auto interpreter = program.interpreter<double>();
    write(interpreter, k0, k0, rows(1, {0, 0}), rows(1, values));
    EXPECT_EQ(run<double>(interpreter, "attend", {k0, k0, rows(1, {1, 1})}),
              (std::vector<double>{1, 1 + 0x1p-10}));
  }
  {
    TestProgram program(kOneHead);
    auto interpreter = program.interpreter<double>({.exactCache = true});
    write(interpreter, k0, k0, rows(1, {0, 0}), rows(1, values));
    EXPECT_EQ(run<double>(interpreter, "attend", {k0, k0, rows(1, {1, 1})}), values);
  }
}

TEST(Attention, FloatCacheRoundsToFloat) {
  TestProgram program(R"(
    llm.state @kv : !llm.kv_cache<layers = 1, heads = 1, key = 1 x f32, value = 1 x f32>
    func.func @f(%k: tensor<?x1xf32>, %v: tensor<?x1xf32>) -> tensor<?x1xf32> {
      %kv = llm.get_state @kv : !llm.kv_cache<layers = 1, heads = 1, key = 1 x f32, value = 1 x f32>
      %zero = arith.constant 0 : index
      llm.cache_write %kv[%zero] at %zero, %k, %v
        : !llm.kv_cache<layers = 1, heads = 1, key = 1 x f32, value = 1 x f32>, tensor<?x1xf32>,
          tensor<?x1xf32>
      %y = llm.attention %k, %kv[%zero] at %zero scale 1.0
         : tensor<?x1xf32>, !llm.kv_cache<layers = 1, heads = 1, key = 1 x f32, value = 1 x f32>
        -> tensor<?x1xf32>
      return %y : tensor<?x1xf32>
    })");
  auto interpreter = program.interpreter<double>();
  EXPECT_EQ(run<double>(interpreter, "f", {rows(1, {1}), rows(1, {1 + 0x1p-20 + 0x1p-40})}),
            std::vector<double>{1 + 0x1p-20});
}

TEST(Attention, StateIsKeptUntilReset) {
  TestProgram program(kOneHead);
  auto interpreter = program.interpreter<double>();
  write(interpreter, k0, k0, rows(1, {0, 0}), rows(1, {1, 1}));
  write(interpreter, k0, k1, rows(1, {0, 0}), rows(1, {3, 3}));
  write(interpreter, k1, k0, rows(1, {0, 0}), rows(1, {7, 7})); // another layer
  auto attend = [&] { return interpreter.call("attend", {k0, k1, rows(1, {1, 1})}); };
  expectNear(run<double>(interpreter, "attend", {k0, k1, rows(1, {1, 1})}), {2, 2});
  write(interpreter, k0, k1, rows(1, {0, 0}), rows(1, {5, 5})); // over what was there
  expectNear(run<double>(interpreter, "attend", {k0, k1, rows(1, {1, 1})}), {3, 3});
  interpreter.reset();
  EXPECT_NE(attend().status().message().find("position 0 of layer 0 is read, but nothing"),
            std::string::npos)
      << attend().status();
}

TEST(Attention, PlacesOutsideTheCacheAreErrors) {
  TestProgram program(kOneHead);
  auto interpreter = program.interpreter<double>();
  auto kv = rows(1, {0, 0});
  int64_t last = std::numeric_limits<int64_t>::max();
  for (IndexValue layer : {IndexValue{-1}, k2, IndexValue{last}})
    EXPECT_EQ(interpreter.call("write", {layer, k0, kv, kv}).status().code(),
              absl::StatusCode::kInvalidArgument);
  for (IndexValue start : {IndexValue{-1}, IndexValue{last}}) {
    EXPECT_EQ(interpreter.call("write", {k0, start, kv, kv}).status().code(),
              absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(interpreter.call("attend", {k0, start, kv}).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  // A distant position costs nothing but is not the first one.
  write(interpreter, k0, IndexValue{last - 1}, kv, kv);
  EXPECT_EQ(interpreter.call("attend", {k0, IndexValue{last - 1}, kv}).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(Attention, FusedTurnsWritesAndAttends) {
  TestProgram program(R"(
    llm.state @kv : {kv}
    func.func @fused(%q: tensor<?x4xf32>, %k: tensor<?x2xf32>, %v: tensor<?x2xf32>, %t: tensor<?x2xf32>,
                     %start: index) -> tensor<?x4xf32> {
      %kv = llm.get_state @kv : {kv}
      %one = arith.constant 1 : index
      %y = llm.fused_attention %q, %k, %v, %t, %kv[%one] at %start scale 0.5
        : (tensor<?x4xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, {kv}, index, index)
        -> tensor<?x4xf32>
      return %y : tensor<?x4xf32>
    })");
  auto interpreter = program.interpreter<double>();
  // Position 0 does not turn, position 1 by 90 degrees: keys (1, 0) and (0, 1), query heads (-2, 6)
  // and (0, 0) at position 1.
  auto y = run<double>(interpreter, "fused",
                       {rows(2, {0, 0, 0, 0, 6, 2, 0, 0}), rows(2, {1, 0, 1, 0}),
                        rows(2, {10, 20, 30, 40}), rows(2, {1, 0, 0, 1}), k0});
  double a = std::exp(-1.0) / (std::exp(-1.0) + std::exp(3.0)), b = 1 - a;
  expectNear(y, {10, 20, 10, 20, 10 * a + 30 * b, 20 * a + 40 * b, 20, 30});
}

} // namespace
} // namespace llmc
