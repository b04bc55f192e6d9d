#include "frontends/gguf/quantize/Mixtures.h"
#include "absl/strings/str_cat.h"
#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace llmc::quantize {
namespace {

gguf::TensorInfo tensor(const std::string &name, std::vector<uint64_t> shape = {512, 512},
                        const char *format = "f16") {
  gguf::TensorInfo info;
  info.name = name;
  info.shape = std::move(shape);
  info.format = findBlockFormat(format);
  info.ggmlType = info.format ? info.format->ggmlType : 26;
  return info;
}

const FileType &fileType(absl::string_view name) {
  absl::StatusOr<const FileType *> found = findFileType(name);
  EXPECT_TRUE(found.ok()) << name;
  return **found;
}

ModelFacts factsFor(uint32_t blocks) {
  ModelFacts facts;
  facts.architecture = "llama";
  facts.blocks = facts.valueTensors = blocks;
  facts.tied = false;
  return facts;
}

// The formats of one tensor of each block, shortened: "6644" for q6_K q6_K q4_K q4_K.
std::string formatsOf(absl::string_view type, absl::string_view part, const ModelFacts &facts) {
  Mixture mixture(fileType(type), facts, nullptr);
  std::string formats;
  for (uint32_t block = 0; block < facts.blocks; ++block) {
    absl::string_view name =
        mixture.choose(tensor(absl::StrCat("blk.", block, ".", part, ".weight"))).name;
    absl::StrAppend(&formats, name.substr(1, 1));
  }
  return formats;
}

TEST(MixturesTest, ValuesAndDownProjectionsGetMoreBitsWhereTheTableSaysSo) {
  ModelFacts facts = factsFor(32);
  std::string expected;
  for (int i = 0; i < 32; ++i)
    expected += i < 4 || i >= 28 || (i - 4) % 3 == 2 ? '6' : '4';
  for (const char *part : {"attn_v", "attn_qkv", "attn_kv_b", "ffn_down", "ffn_down_exps"})
    EXPECT_EQ(formatsOf("Q4_K_M", part, facts), expected) << part;
  for (const char *part : {"attn_q", "attn_k", "attn_output", "ffn_up", "ffn_gate"})
    EXPECT_EQ(formatsOf("Q4_K_M", part, facts), std::string(32, '4')) << part;
  EXPECT_EQ(formatsOf("Q4_K_S", "attn_v", facts), "5555" + std::string(28, '4'));
  EXPECT_EQ(formatsOf("Q4_K_S", "ffn_down", facts), "5555" + std::string(28, '4'));
  EXPECT_EQ(formatsOf("Q3_K_M", "attn_v", facts), "55" + std::string(30, '4'));
  EXPECT_EQ(formatsOf("Q3_K_M", "ffn_down", facts), "55" + std::string(30, '4'));
  EXPECT_EQ(formatsOf("Q3_K_M", "attn_output", facts), std::string(32, '4'));
  EXPECT_EQ(formatsOf("Q3_K_L", "attn_output", facts), std::string(32, '5'));
  EXPECT_EQ(formatsOf("Q3_K_S", "ffn_down", facts), std::string(32, '3'));
  EXPECT_EQ(formatsOf("Q2_K", "attn_v", facts), std::string(32, '3'));
  EXPECT_EQ(formatsOf("Q2_K", "ffn_down", facts), std::string(32, '3'));
  EXPECT_EQ(formatsOf("Q2_K", "ffn_up", facts), std::string(32, '2'));
  EXPECT_EQ(formatsOf("Q2_K_S", "ffn_down", facts), "4444" + std::string(28, '2'));
  EXPECT_EQ(formatsOf("Q6_K", "attn_v", facts), std::string(32, '6'));
}

TEST(MixturesTest, TheModelsShapeCounts) {
  ModelFacts facts = factsFor(16);
  facts.headsPerKey = 4;
  EXPECT_EQ(formatsOf("Q2_K", "attn_v", facts), std::string(16, '4'));
  EXPECT_EQ(formatsOf("Q2_K_S", "attn_v", facts), std::string(16, '4'));
  facts.headsPerKey = 3;
  EXPECT_EQ(formatsOf("Q2_K", "attn_v", facts), std::string(16, '3'));
  facts.experts = 8;
  EXPECT_EQ(formatsOf("Q4_K_M", "attn_v", facts), std::string(16, '8'));
  EXPECT_EQ(formatsOf("Q4_K_M", "attn_k", facts), std::string(16, '8'));
  EXPECT_EQ(formatsOf("Q4_K_M", "attn_output", facts), std::string(16, '5'));
  EXPECT_EQ(formatsOf("Q5_K_M", "attn_output", facts), std::string(16, '5'));
  facts.experts = 0;
  facts.seventyB = true;
  EXPECT_EQ(formatsOf("Q4_K_S", "attn_v", facts), std::string(16, '5'));
  facts.seventyB = false;
  facts.architecture = "falcon";
  // One block is the first sixteenth, two are the first eighth, and 14 and 15 the last.
  EXPECT_EQ(formatsOf("Q4_K_M", "ffn_down", facts), "6544544544544555");
  EXPECT_EQ(formatsOf("Q3_K_M", "ffn_down", facts), "5433433433433444");
}

TEST(MixturesTest, ImportanceCounts) {
  ModelFacts facts = factsFor(16);
  auto first = [&](absl::string_view type) {
    Mixture mixture(fileType(type), facts, nullptr);
    return std::string(mixture.choose(tensor("blk.0.ffn_down.weight")).name);
  };
  EXPECT_EQ(first("Q4_0"), "q4_0");
  EXPECT_EQ(first("Q5_0"), "q5_0");
  EXPECT_EQ(first("IQ4_XS"), "q5_K");
  facts.importance = true;
  EXPECT_EQ(first("Q4_0"), "q4_1");
  EXPECT_EQ(first("Q5_0"), "q5_1");
  EXPECT_EQ(first("IQ4_XS"), "iq4_xs");
}

TEST(MixturesTest, OutputAndEmbedding) {
  ModelFacts facts = factsFor(4);
  auto choose = [&](absl::string_view type, const char *name, const BlockFormat *output = nullptr,
                    uint64_t columns = 512) {
    Mixture mixture(fileType(type), facts, output);
    return std::string(mixture.choose(tensor(name, {columns, 64})).name);
  };
  EXPECT_EQ(choose("Q4_0", "output.weight"), "q6_K");
  EXPECT_EQ(choose("Q8_0", "output.weight"), "q8_0");
  EXPECT_EQ(choose("Q4_K_M", "output.weight", nullptr, 96), "q8_0");
  EXPECT_EQ(choose("Q4_0", "output.weight", findBlockFormat("q5_1")), "q5_1");
  EXPECT_EQ(choose("Q4_K_M", "token_embd.weight"), "q4_K");
  EXPECT_EQ(choose("MXFP4_MOE", "blk.0.ffn_up.weight"), "q8_0");
  facts.tied = true;
  EXPECT_EQ(choose("Q4_K_M", "token_embd.weight"), "q6_K");
  EXPECT_EQ(choose("Q4_0", "token_embd.weight", findBlockFormat("q5_1")), "q5_1");
  Mixture experts(fileType("MXFP4_MOE"), facts, nullptr);
  EXPECT_STREQ(experts.choose(tensor("blk.0.ffn_up_exps.weight", {512, 64, 8})).name, "mxfp4");
}

TEST(MixturesTest, RowsThatAreNotWholeBlocksFallBack) {
  struct Case {
    const char *wanted, *at96, *at40;
  };
  for (const Case &c :
       {Case{"q2_K", "q4_0", "f16"}, Case{"q3_K", "q4_0", "f16"}, Case{"q4_K", "q5_0", "f16"},
        Case{"q5_K", "q5_1", "f16"}, Case{"q6_K", "q8_0", "f16"}, Case{"iq4_xs", "iq4_nl", "f16"},
        Case{"q8_0", "q8_0", "f16"}, Case{"mxfp4", "mxfp4", "f16"}, Case{"f32", "f32", "f32"}}) {
    const BlockFormat &wanted = *findBlockFormat(c.wanted);
    EXPECT_STREQ(fittingFormat(wanted, 512).name, c.wanted);
    EXPECT_STREQ(fittingFormat(wanted, 96).name, c.at96);
    EXPECT_STREQ(fittingFormat(wanted, 40).name, c.at40);
  }
}

TEST(MixturesTest, SmallAndSpecialTensorsKeepTheirType) {
  EXPECT_TRUE(isQuantizable(tensor("blk.0.attn_q.weight")));
  EXPECT_TRUE(isQuantizable(tensor("output.weight")));
  EXPECT_TRUE(isQuantizable(tensor("blk.0.ffn_up_exps.weight", {512, 1, 8})));
  EXPECT_FALSE(isQuantizable(tensor("blk.0.attn_q.weight", {512})));
  EXPECT_FALSE(isQuantizable(tensor("blk.0.attn_q.weight", {512, 1})));
  for (const char *name :
       {"blk.0.attn_norm.weight", "blk.0.attn_q.bias", "blk.0.ffn_gate_inp.weight",
        "blk.0.ssm_conv1d.weight", "position_embd.weight", "token_types.weight",
        "blk.0.time_mix_w1.weight", "blk.0.altup_proj.weight", "rope_freqs"})
    EXPECT_FALSE(isQuantizable(tensor(name))) << name;
  EXPECT_FALSE(isQuantizable(tensor("blk.0.ids.weight", {512, 512}, "none"))); // integers
}

TEST(MixturesTest, OrderIsByBlockThenByName) {
  std::vector<std::string> names = {"blk.10.a.weight", "token_embd.weight", "blk.2.b.weight",
                                    "blk.2.a.weight",  "output.weight",     "blk.x.weight"};
  std::sort(names.begin(), names.end(),
            [](const auto &a, const auto &b) { return comesBefore(a, b); });
  EXPECT_THAT(names, ::testing::ElementsAre("blk.x.weight", "output.weight", "token_embd.weight",
                                            "blk.2.a.weight", "blk.2.b.weight", "blk.10.a.weight"));
  EXPECT_EQ(blockOf("blk.99999999999999999999.a"), -1);
  EXPECT_EQ(blockOf("blk.12"), -1);
  EXPECT_EQ(blockOf("v.blk.1.a"), -1);
}

TEST(FileTypesTest, AreFoundByNameNumberAndShortName) {
  EXPECT_STREQ(fileType("q4_k_m").name, "Q4_K_M");
  EXPECT_STREQ(fileType("15").name, "Q4_K_M");
  EXPECT_STREQ(fileType("Q5_K").name, "Q5_K_M");
  EXPECT_STREQ(fileType("0").name, "F32");
  EXPECT_TRUE(fileType("copy").copies());
  absl::StatusOr<const FileType *> unknown = findFileType("Q9_K");
  ASSERT_FALSE(unknown.ok());
  EXPECT_THAT(std::string(unknown.status().message()), ::testing::HasSubstr("Q4_K_M"));
  for (const FileType &type : fileTypes())
    EXPECT_TRUE(type.copies() || type.format()) << type.name;
  EXPECT_FALSE(findFormatByGgufName("Q4_K_M").ok());
  EXPECT_STREQ((*findFormatByGgufName("q4_k"))->name, "q4_K");
}

} // namespace
} // namespace llmc::quantize
