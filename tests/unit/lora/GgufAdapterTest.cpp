#include "frontends/lora/adapter/GgufAdapter.h"
#include "tests/unit/lora/TestModel.h"
#include <cmath>
#include <limits>

namespace llmc::lora::testing {
namespace {

using ::testing::HasSubstr;

const std::vector<std::string> kSome = {"token_embd.weight", "blk.0.attn_q.weight",
                                        "blk.1.ffn_down.weight", "output.weight"};

// The file of the format's description: alpha 6, attn_k of layer 0 with rank 2.
FileBuilder handMade() {
  FileBuilder file;
  file.key("general.type", 8, packedString("adapter"));
  file.key("general.architecture", 8, packedString("llama"));
  file.key("adapter.type", 8, packedString("lora"));
  file.key("adapter.lora.alpha", 6, packed(6.0f));
  file.tensors = {{"blk.0.attn_k.weight.lora_a", {8, 2}, 0, 0},
                  {"blk.0.attn_k.weight.lora_b", {2, 4}, 1, 64}};
  for (int i = 0; i < 16; ++i)
    gguf::testing::put(file.data, static_cast<float>(i));
  for (uint16_t half : {0x3c00, 0x4000, 0x4200, 0x4400, 0xbc00, 0xc000, 0, 0x3800})
    gguf::testing::put(file.data, half);
  return file;
}

std::string readError(const FileBuilder &file) {
  TempFolder folder;
  folder.write("a.gguf", file.build());
  return messageOf(readAdapter(folder.path("a.gguf"), makeBase()));
}

TEST(GgufAdapter, ReadsWhatTheFormatSays) {
  TempFolder folder;
  folder.write("a.gguf", handMade().build());
  auto adapter = readAdapter(folder.path("a.gguf"), makeBase());
  ASSERT_TRUE(adapter.ok()) << adapter.status();
  ASSERT_EQ(adapter->matrices.size(), 1u);
  const AdapterMatrix &matrix = adapter->matrices[0];
  EXPECT_EQ(matrix.weight, "blk.0.attn_k.weight");
  EXPECT_EQ(matrix.rank, 2u);
  EXPECT_EQ(matrix.inputs, 8u);
  EXPECT_EQ(matrix.outputs, 4u);
  EXPECT_EQ(matrix.scale(), 3.0);
  EXPECT_EQ(matrix.a[9], 9.0f);
  EXPECT_EQ(matrix.b, (std::vector<float>{1, 2, 3, 4, -1, -2, 0, 0.5f}));
}

TEST(GgufAdapter, AlphaZeroIsScaleOne) {
  FileBuilder file = handMade();
  file.records.pop_back();
  file.key("adapter.lora.alpha", 6, packed(0.0f));
  TempFolder folder;
  folder.write("a.gguf", file.build());
  auto adapter = readAdapter(folder.path("a.gguf"), makeBase());
  ASSERT_TRUE(adapter.ok()) << adapter.status();
  EXPECT_EQ(adapter->matrices[0].scale(), 1.0);
}

TEST(GgufAdapter, WritesAndReadsBack) {
  TempFolder folder;
  const BaseModel base = makeBase();
  const Adapter adapter = makeAdapter(base, kSome);
  ASSERT_TRUE(writeGgufAdapter(adapter, base, folder.path("a.gguf")).ok());
  auto read = readAdapter(folder.path("a.gguf"), base);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->name, "an adapter");
  expectSame(*read, adapter);
  for (FloatType type : {FloatType::F16, FloatType::BF16}) {
    // The values of numbers() fit into both types.
    ASSERT_TRUE(writeGgufAdapter(adapter, base, folder.path("h.gguf"), type).ok());
    read = readAdapter(folder.path("h.gguf"), base);
    ASSERT_TRUE(read.ok()) << read.status();
    expectSame(*read, adapter);
  }
}

TEST(GgufAdapter, LookupTablesHaveTheirFirstHalfTransposed) {
  TempFolder folder;
  const BaseModel base = makeBase();
  ASSERT_TRUE(
      writeGgufAdapter(makeAdapter(base, {"token_embd.weight"}), base, folder.path("a.gguf")).ok());
  auto file = gguf::GgufFile::open(folder.path("a.gguf"));
  ASSERT_TRUE(file.ok());
  EXPECT_EQ((*file)->findTensor("token_embd.weight.lora_a")->shape, (std::vector<uint64_t>{2, 10}));
  EXPECT_EQ((*file)->findTensor("token_embd.weight.lora_b")->shape, (std::vector<uint64_t>{2, 8}));
}

TEST(GgufAdapter, OneAlphaStandsForAll) {
  TempFolder folder;
  const BaseModel base = makeBase();
  Adapter adapter = makeAdapter(base, kSome);
  adapter.matrices[2].alpha = 8; // the others: 4
  ASSERT_TRUE(writeGgufAdapter(adapter, base, folder.path("a.gguf")).ok());
  auto read = readAdapter(folder.path("a.gguf"), base);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->matrices[2].alpha, 4);
  for (size_t i = 0; i < adapter.matrices[2].b.size(); ++i)
    EXPECT_EQ(read->matrices[2].b[i], 2 * adapter.matrices[2].b[i]);
}

TEST(GgufAdapter, RefusesOtherModels) {
  TempFolder folder;
  const BaseModel base = makeBase();
  ASSERT_TRUE(writeGgufAdapter(makeAdapter(base, kSome), base, folder.path("a.gguf")).ok());
  const auto error = [&](const ModelSize &size) {
    return messageOf(readAdapter(folder.path("a.gguf"), makeBase(size)));
  };
  EXPECT_THAT(error({.architecture = "qwen2"}), HasSubstr("base.gguf is 'qwen2'"));
  EXPECT_THAT(error({.layers = 1}), HasSubstr("'blk.1.ffn_down.weight': base.gguf has no such"));
  EXPECT_THAT(error({.feedForward = 16}),
              HasSubstr("a matrix of 8 x 12, that of base.gguf is 8 x 16"));
  EXPECT_THAT(error({.vocabulary = 11}), HasSubstr("10 x 8"));
  EXPECT_THAT(error({.tied = true}), HasSubstr("'output.weight'"));
}

TEST(GgufAdapter, RefusesWhatIsNoAdapter) {
  FileBuilder file = handMade();
  file.records[0] = file.records[1];
  EXPECT_THAT(readError(file), HasSubstr("twice"));
  file = handMade();
  file.records.erase(file.records.begin());
  EXPECT_THAT(readError(file), HasSubstr("not a LoRA adapter"));
  file = handMade();
  file.records.pop_back();
  EXPECT_THAT(readError(file), HasSubstr("adapter.lora.alpha"));
  file = handMade();
  file.tensors[1].name = "blk.0.attn_k.weight.lora_c";
  EXPECT_THAT(readError(file), HasSubstr("has no lora_b"));
  file = handMade();
  file.tensors[0].name = "blk.0.attn_v.weight.lora_a";
  EXPECT_THAT(readError(file), HasSubstr("has no lora_b"));
  file = handMade();
  file.tensors[0].shape = {4, 4};
  EXPECT_THAT(readError(file), HasSubstr("ranks of its lora_a and lora_b differ"));
  file = handMade();
  file.tensors[0].shape = {16};
  EXPECT_THAT(readError(file), HasSubstr("not two-dimensional"));
  file = handMade();
  file.data[3] = file.data[2] = 0xff;
  EXPECT_THAT(readError(file), HasSubstr("not finite"));
}

// Cutting a file at any byte, or changing any byte, is an error or another adapter, never a crash.
TEST(GgufAdapter, SurvivesDamage) {
  TempFolder folder;
  const BaseModel base = makeBase();
  const std::vector<uint8_t> good = handMade().build();
  for (size_t size = 0; size < good.size(); ++size) {
    folder.write("a.gguf", {good.begin(), good.begin() + size});
    EXPECT_FALSE(readAdapter(folder.path("a.gguf"), base).ok()) << size;
  }
  for (size_t at = 0; at < good.size(); ++at) {
    std::vector<uint8_t> bad = good;
    bad[at] ^= 0x81;
    folder.write("a.gguf", bad);
    (void)readAdapter(folder.path("a.gguf"), base);
  }
}

TEST(GgufAdapter, LeavesNothingBehindAfterAnError) {
  TempFolder folder;
  const BaseModel base = makeBase();
  Adapter adapter = makeAdapter(base, kSome);
  adapter.matrices[1].b[3] = 1e6f;
  EXPECT_THAT(
      std::string(writeGgufAdapter(adapter, base, folder.path("a.gguf"), FloatType::F16).message()),
      HasSubstr("does not fit into F16"));
  adapter.matrices[1].b[3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(writeGgufAdapter(adapter, base, folder.path("a.gguf")).ok());
  EXPECT_TRUE(folder.names().empty());
}

TEST(AddDelta, IsScaleTimesBTimesA) {
  const BaseModel base = makeBase();
  for (const char *weight : {"blk.0.ffn_up.weight", "token_embd.weight"}) {
    const AdapterMatrix matrix = makeMatrix(base, weight, 3, 6);
    const BaseMatrix *whole = base.find(weight);
    for (uint64_t row = 0; row < whole->rows; ++row) {
      std::vector<float> weights(whole->columns, 0.5f);
      addDelta(matrix, 2, row, weights);
      for (uint64_t column = 0; column < whole->columns; ++column) {
        double sum = 0;
        for (uint64_t r = 0; r < 3; ++r)
          sum += matrix.lookup
                     ? double(matrix.a[row * 3 + r]) * matrix.b[column * 3 + r]
                     : double(matrix.b[row * 3 + r]) * matrix.a[r * whole->columns + column];
        EXPECT_FLOAT_EQ(weights[column], 0.5 + 2 * sum);
      }
    }
  }
}

} // namespace
} // namespace llmc::lora::testing
