// Tables that are parameters: looked up, and their gradients, compiled code against the
// interpreter.
#include "absl/strings/substitute.h"
#include "tests/numerics/TestData.h"

namespace llmc {
namespace {

constexpr int64_t kVocabulary = 70;

TEST(JitEmbedAdjoint, RowsByToken) {
  const std::vector<int64_t> widths{1, 8, 16, 20, 64};
  Random random(21);
  std::string text;
  JitProgram::Options options;
  for (int64_t width : widths) {
    const std::string name = absl::StrCat("p", width);
    absl::SubstituteAndAppend(&text, R"(
      llm.parameter @$0 : tensor<$1x$2xf32> from "$0"
      func.func @f$0(%du: tensor<?x$2xf32>, %tokens: tensor<?xi32>) -> tensor<?x$2xf32> {
        %p = llm.get_parameter @$0 : tensor<$1x$2xf32>
        %u = llm.embed %tokens, %p : tensor<?xi32>, tensor<$1x$2xf32> -> tensor<?x$2xf32>
        %g = llm.embed_adjoint %du, %tokens
            : tensor<?x$2xf32>, tensor<?xi32> -> tensor<$1x$2xf32>
        llm.accumulate_gradient %g into @$0 : tensor<$1x$2xf32>
        return %u : tensor<?x$2xf32>
      })",
                              name, kVocabulary, width);
    options.parameters[name] = randomRows(kVocabulary, width, random).data;
  }
  JitProgram program(text, {}, options);
  auto interpreter = program.interpreter<double>();
  for (int64_t width : widths) {
    const std::string name = absl::StrCat("p", width);
    auto parameter = interpreter.parameter(name);
    ASSERT_TRUE(parameter.ok()) << parameter.status();
    const std::vector<float> &values = options.parameters[name];
    (*parameter)->value.data.assign(values.begin(), values.end());
    for (int64_t rows : {1, 2, 37}) {
      SCOPED_TRACE(testing::Message() << name << ", " << rows << " rows");
      std::vector<int32_t> tokens{kVocabulary - 1};
      while (int64_t(tokens.size()) < rows) // some of them often
        tokens.push_back(int32_t(random.bits() % (tokens.size() % 2 ? kVocabulary : 3)));
      Arguments arguments{randomRows(rows, width, random), tokens};
      std::vector<Rows> is = program.run("f" + name, rows, arguments);
      std::vector<TensorRef<double>> expected = interpret(interpreter, "f" + name, arguments);
      ASSERT_EQ(is.size(), 1u);
      expectSameRows(is[0], *expected[0]);
      // Up to 40 numbers of up to 1 in f32.
      expectRows(program.gradient(name), (*parameter)->gradient,
                 [](int64_t, int64_t) { return 40 * 40 * 0x1p-24; });
    }
  }
}

} // namespace
} // namespace llmc
