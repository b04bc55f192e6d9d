#include "frontends/scratch/InitialModel.h"
#include "frontends/gguf/file/GgufFile.h"
#include "tests/unit/gguf/TempFolder.h"
#include <cmath>
#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace llmc::scratch {
namespace {

using gguf::testing::TempFolder;
using ::testing::HasSubstr;

lora::TrainConfig small() {
  lora::TrainConfig config = lora::defaultConfig();
  config.hiddenSize = 64;
  config.hiddenLayers = 3;
  config.attentionHeads = 4;
  config.keyValueHeads = 2;
  config.maxSeqLength = 32;
  return config;
}

std::string errorOf(const lora::TrainConfig &config) {
  auto shape = shapeOf(config, 300);
  return shape.ok() ? "" : std::string(shape.status().message());
}

absl::Status noTokenizer(gguf::GgufWriter &) { return absl::OkStatus(); }

std::vector<float> valuesOf(const gguf::GgufFile &file, absl::string_view name) {
  const gguf::TensorInfo *tensor = file.findTensor(name);
  EXPECT_TRUE(tensor) << name;
  std::vector<float> values(tensor->elements());
  std::memcpy(values.data(), tensor->data, tensor->bytes);
  return values;
}

double deviation(const std::vector<float> &values) {
  double sum = 0;
  for (float value : values)
    sum += double(value) * value;
  return std::sqrt(sum / static_cast<double>(values.size()));
}

TEST(InitialModel, HasTheConfigsShape) {
  TempFolder folder;
  lora::TrainConfig config = small();
  auto shape = shapeOf(config, 300);
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(shape->headSize, 16);
  EXPECT_EQ(shape->feedForward, 192); // 8/3 of 64 is 170.7
  EXPECT_EQ(shape->context, 32);
  ASSERT_TRUE(writeInitialModel(config, *shape, "a text", noTokenizer, folder.path("m.gguf")).ok());
  auto file = gguf::GgufFile::open(folder.path("m.gguf"));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(*(*file)->get<std::string>(kDescriptionKey), "a text");
  EXPECT_EQ(*(*file)->get<std::string>("general.architecture"), "llama");
  for (auto [key, value] :
       {std::pair("llama.embedding_length", 64), std::pair("llama.block_count", 3),
        std::pair("llama.attention.head_count", 4), std::pair("llama.attention.head_count_kv", 2),
        std::pair("llama.feed_forward_length", 192), std::pair("llama.context_length", 32),
        std::pair("llama.rope.dimension_count", 16), std::pair("llama.vocab_size", 300)})
    EXPECT_EQ(*(*file)->get<int64_t>(key), value) << key;
  EXPECT_EQ((*file)->tensors().size(), 3u + 3 * 9);
  uint64_t elements = 0;
  for (const gguf::TensorInfo &tensor : (*file)->tensors())
    elements += tensor.elements();
  EXPECT_EQ(shape->parameters(false), elements);
  EXPECT_EQ(shape->parameters(true), elements - 300 * 64);
  EXPECT_EQ((*file)->findTensor("blk.2.attn_k.weight")->shape, (std::vector<uint64_t>{64, 32}));
  EXPECT_EQ((*file)->findTensor("blk.0.ffn_down.weight")->shape, (std::vector<uint64_t>{192, 64}));
  config.tieWordEmbeddings = true;
  ASSERT_TRUE(writeInitialModel(config, *shape, "", noTokenizer, folder.path("t.gguf")).ok());
  EXPECT_FALSE((*gguf::GgufFile::open(folder.path("t.gguf")))->findTensor("output.weight"));
}

TEST(InitialModel, WeightsAreNormalAndFollowTheSeed) {
  TempFolder folder;
  lora::TrainConfig config = small();
  config.initializerRange = 0.05;
  const ModelShape shape = *shapeOf(config, 300);
  for (auto [name, seed] : {std::pair("a", 1), std::pair("b", 1), std::pair("c", 2)}) {
    config.seed = seed;
    ASSERT_TRUE(writeInitialModel(config, shape, "", noTokenizer, folder.path(name)).ok());
  }
  EXPECT_EQ(folder.read("a"), folder.read("b"));
  EXPECT_NE(folder.read("a"), folder.read("c"));

  auto file = *gguf::GgufFile::open(folder.path("a"));
  const double residual = 0.05 / std::sqrt(6);
  for (auto [name, wanted] :
       {std::pair("token_embd.weight", 0.05), std::pair("output.weight", 0.05),
        std::pair("blk.0.attn_q.weight", 0.05), std::pair("blk.2.ffn_up.weight", 0.05),
        std::pair("blk.1.attn_output.weight", residual),
        std::pair("blk.1.ffn_down.weight", residual)}) {
    const std::vector<float> values = valuesOf(*file, name);
    const double n = static_cast<double>(values.size());
    EXPECT_NEAR(deviation(values), wanted, 4 * wanted / std::sqrt(2 * n)) << name;
    double mean = 0, within = 0;
    for (float value : values) {
      mean += value / n;
      within += (std::abs(value) < wanted) / n;
    }
    EXPECT_NEAR(mean, 0, 4 * wanted / std::sqrt(n)) << name;
    EXPECT_NEAR(within, 0.6827, 2 / std::sqrt(n)) << name;
  }
  EXPECT_NE(valuesOf(*file, "blk.0.attn_q.weight"), valuesOf(*file, "blk.1.attn_q.weight"));
  EXPECT_THAT(valuesOf(*file, "blk.0.ffn_norm.weight"), ::testing::Each(1.0f));
  EXPECT_THAT(valuesOf(*file, "output_norm.weight"), ::testing::Each(1.0f));
}

TEST(InitialModel, RefusesShapesThatCannotBe) {
  EXPECT_EQ(errorOf(small()), "");
  lora::TrainConfig config = small();
  config.attentionHeads = 7;
  config.keyValueHeads = 0;
  EXPECT_EQ(errorOf(config), "scratch.num_attention_heads: 7 does not divide hidden_size 64; give "
                             "a divisor of it, or head_dim");
  config.headSize = 10;
  EXPECT_EQ(errorOf(config), "");
  config.headSize = 9;
  EXPECT_THAT(errorOf(config), HasSubstr("scratch.head_dim: a head of 9 numbers"));
  config = small();
  config.keyValueHeads = 3;
  EXPECT_THAT(errorOf(config), HasSubstr("scratch.num_key_value_heads: 3 does not divide"));
  config = small();
  config.contextLength = 31;
  EXPECT_THAT(errorOf(config), HasSubstr("scratch.context_length: 31 is shorter than"));
  config = small();
  config.attentionHeads = 64;
  config.keyValueHeads = 0;
  EXPECT_THAT(errorOf(config), HasSubstr("cannot be rotated in pairs"));
}

} // namespace
} // namespace llmc::scratch
