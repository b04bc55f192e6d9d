#include "frontends/lora/adapter/Combined.h"
#include "frontends/lora/adapter/GgufAdapter.h"
#include "tests/unit/lora/TestModel.h"
#include <algorithm>
#include <fstream>

namespace llmc::lora::testing {
namespace {

using ::testing::HasSubstr;

TEST(Combined, SumsWhatTheAdaptersAdd) {
  const BaseModel base = makeBase();
  // Of several ranks and alphas; a weight of each adapter alone, and two of both.
  const Adapter adapters[] = {
      makeAdapter(base, {"output.weight", "token_embd.weight", "blk.0.attn_q.weight"}, 2, 4),
      makeAdapter(base, {"blk.1.ffn_up.weight", "token_embd.weight", "blk.0.attn_q.weight"}, 3, 1)};
  const double scales[] = {0.5, -2};
  const std::vector<AdapterMatrix> sum = combine(adapters, scales, base);

  std::vector<std::string> order;
  for (const AdapterMatrix &matrix : sum)
    order.push_back(matrix.weight);
  EXPECT_EQ(order, (std::vector<std::string>{"token_embd.weight", "blk.0.attn_q.weight",
                                             "blk.1.ffn_up.weight", "output.weight"}));
  for (const AdapterMatrix &matrix : sum) {
    EXPECT_EQ(matrix.scale(), 1.0);
    const BaseMatrix *weight = base.find(matrix.weight);
    uint64_t rank = 0;
    for (uint64_t row = 0; row < weight->rows; ++row) {
      std::vector<float> together(weight->columns), apart(weight->columns);
      addDelta(matrix, 1, row, together);
      rank = 0;
      for (int i = 0; i < 2; ++i)
        if (const AdapterMatrix *own = adapters[i].find(matrix.weight)) {
          addDelta(*own, scales[i] * own->scale(), row, apart);
          rank += own->rank;
        }
      for (uint64_t column = 0; column < weight->columns; ++column)
        EXPECT_NEAR(together[column], apart[column], 1e-4 * std::abs(apart[column]) + 1e-4)
            << matrix.weight << " " << row << " " << column;
    }
    EXPECT_EQ(matrix.rank, rank) << matrix.weight;
  }
}

TEST(Combined, LeavesOutWhatIsScaledToNothing) {
  const BaseModel base = makeBase();
  const Adapter adapters[] = {makeAdapter(base, {"output.weight"}),
                              makeAdapter(base, {"blk.1.ffn_up.weight"})};
  const double scales[] = {0, 1};
  const std::vector<AdapterMatrix> sum = combine(adapters, scales, base);
  ASSERT_EQ(sum.size(), 1u);
  EXPECT_EQ(sum[0].weight, "blk.1.ffn_up.weight");
}

TEST(Combined, RefusesWhatIsNotFinite) {
  TempFolder folder;
  const BaseModel base = makeBase();
  const std::string path = folder.path("a.gguf");
  ASSERT_TRUE(writeGgufAdapter(makeAdapter(base, {"output.weight"}), base, path).ok());
  const AdapterChoice choices[] = {{path, 1e38}};
  EXPECT_THAT(messageOf(readCombined(choices, base)), HasSubstr("choose a smaller scale"));
  const AdapterChoice missing[] = {{folder.path("none.gguf"), 1}};
  EXPECT_THAT(messageOf(readCombined(missing, base)), HasSubstr("none.gguf"));
}

TEST(AdapterChoice, IsAFileAndAScale) {
  const auto parsed = [](const std::string &text) {
    auto choice = parseAdapterChoice(text);
    EXPECT_TRUE(choice.ok()) << choice.status();
    return std::pair(choice->path, choice->scale);
  };
  EXPECT_EQ(parsed("a.gguf"), std::pair(std::string("a.gguf"), 1.0));
  EXPECT_EQ(parsed("a.gguf:0.25"), std::pair(std::string("a.gguf"), 0.25));
  EXPECT_EQ(parsed("a.gguf:-1e1"), std::pair(std::string("a.gguf"), -10.0));
  EXPECT_EQ(parsed("a.gguf:0"), std::pair(std::string("a.gguf"), 0.0));
  EXPECT_EQ(parsed("c:\\a.gguf"), std::pair(std::string("c:\\a.gguf"), 1.0));
  EXPECT_EQ(parsed("a:b:2"), std::pair(std::string("a:b"), 2.0));
  TempFolder folder;
  const std::string odd = folder.path("step:10");
  std::ofstream(odd) << "x";
  EXPECT_EQ(parsed(odd), std::pair(odd, 1.0));
  EXPECT_EQ(parsed(odd + ":10"), std::pair(odd, 10.0));
  for (const char *text : {"", ":1", "a.gguf:inf", "a.gguf:nan", "a.gguf:1e999"})
    EXPECT_FALSE(parseAdapterChoice(text).ok()) << text;
}

} // namespace
} // namespace llmc::lora::testing
