#include "frontends/lora/adapter/PeftAdapter.h"
#include "frontends/lora/adapter/GgufAdapter.h"
#include "frontends/lora/adapter/ModuleNames.h"
#include "frontends/lora/adapter/ModulePattern.h"
#include "tests/unit/lora/TestModel.h"
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace llmc::lora::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr char kQ[] = "base_model.model.model.layers.0.self_attn.q_proj";

std::vector<std::string> allWeights(const BaseModel &base) {
  std::vector<std::string> names;
  for (const BaseMatrix &matrix : base.matrices())
    names.push_back(matrix.name);
  return names;
}

// A directory with an adapter of the given tensors.
struct Directory {
  TempFolder folder;
  json config = {
      {"peft_type", "LORA"}, {"r", 2}, {"lora_alpha", 4}, {"target_modules", {"q_proj"}}};
  std::vector<SafetensorsTensor> tensors;
  std::vector<std::vector<float>> storage;

  void add(const std::string &name, std::vector<uint64_t> shape, std::vector<float> values) {
    storage.push_back(std::move(values));
    tensors.push_back({name, "F32", std::move(shape), floatBytes(storage.back())});
  }
  void addQ() {
    add(std::string(kQ) + ".lora_A.weight", {2, 8}, numbers(16, 0));
    add(std::string(kQ) + ".lora_B.weight", {8, 2}, numbers(16, 5));
  }
  std::string path() const { return folder.path("."); }
  absl::StatusOr<Adapter> read(const BaseModel &base = makeBase()) {
    const std::string text = config.dump();
    folder.write("adapter_config.json", {text.begin(), text.end()});
    EXPECT_TRUE(writeSafetensors(folder.path("adapter_model.safetensors"), tensors).ok());
    return readAdapter(path(), base);
  }
};

TEST(ModuleNames, MapBothWays) {
  EXPECT_EQ(placeOfGguf("blk.31.ffn_down.weight")->peftName(), "model.layers.31.mlp.down_proj");
  EXPECT_EQ(placeOfPeft("model.layers.7.self_attn.o_proj")->ggufName(), "blk.7.attn_output.weight");
  EXPECT_EQ(placeOfPeft("lm_head")->ggufName(), "output.weight");
  EXPECT_EQ(placeOfGguf("token_embd.weight")->peftName(), "model.embed_tokens");
  for (const char *bad : {"blk.1.attn_norm.weight", "blk.x.attn_q.weight", "blk.01.attn_q.weight",
                          "attn_q.weight", "blk.0.output.weight", "blk.0.attn_q", "blk.0"})
    EXPECT_FALSE(placeOfGguf(bad)) << bad;
  EXPECT_EQ(findModule("q_proj"), findModule("attn_q.weight"));
  EXPECT_EQ(findModule("rotary"), nullptr);
}

// numpy: reshape(heads, 2, rows / heads / 2, columns).swapaxes(1, 2), by hand for two heads of
// four.
TEST(ReorderRows, InterleavesTheHalvesOfAHead) {
  const std::vector<float> huggingFace = {0, 1, 2, 3, 4, 5, 6, 7}, gguf = {0, 2, 1, 3, 4, 6, 5, 7};
  EXPECT_EQ(reorderRows(huggingFace, 1, 2, RowOrder::Gguf), gguf);
  const std::vector<float> one = {0, 1, 2, 3, 4, 5, 6, 7}, six = {0, 3, 1, 4, 2, 5};
  EXPECT_EQ(reorderRows(std::span(one).first(6), 1, 1, RowOrder::Gguf), six);
  EXPECT_EQ(
      reorderRows(reorderRows(numbers(48, 0), 3, 2, RowOrder::Gguf), 3, 2, RowOrder::HuggingFace),
      numbers(48, 0));
}

TEST(PeftAdapter, ReadsWhatPeftWrites) {
  Directory directory;
  directory.addQ();
  auto adapter = directory.read();
  ASSERT_TRUE(adapter.ok()) << adapter.status();
  ASSERT_EQ(adapter->matrices.size(), 1u);
  const AdapterMatrix &matrix = adapter->matrices[0];
  EXPECT_EQ(matrix.weight, "blk.0.attn_q.weight");
  EXPECT_EQ(matrix.scale(), 2.0);
  EXPECT_EQ(matrix.a, numbers(16, 0));
  // Rows of B in GGUF's order.
  const std::vector<float> b = numbers(16, 5);
  EXPECT_EQ(matrix.b, (std::vector<float>{b[0], b[1], b[4], b[5], b[2], b[3], b[6], b[7], b[8],
                                          b[9], b[12], b[13], b[10], b[11], b[14], b[15]}));
  // Not for an architecture whose conversion leaves the rows alone.
  auto plain = directory.read(makeBase({.architecture = "qwen2"}));
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ(plain->matrices[0].b, b);
}

TEST(PeftAdapter, ScalesByRsLoraAndPatterns) {
  Directory directory;
  directory.addQ();
  directory.config["use_rslora"] = true;
  EXPECT_FLOAT_EQ(directory.read()->matrices[0].scale(), 4 / std::sqrt(2.0));
  directory.config["use_rslora"] = false;
  directory.config["alpha_pattern"] = {{"k_proj", 3}, {"q_proj", 10}};
  EXPECT_EQ(directory.read()->matrices[0].scale(), 5.0);
  directory.config["alpha_pattern"] = {{"layers\\.[1-9]\\.self_attn.q_proj", 10}};
  EXPECT_EQ(directory.read()->matrices[0].scale(), 2.0);
  directory.config["alpha_pattern"] = {{"model.layers.0.self_attn.q_proj", 12}};
  EXPECT_EQ(directory.read()->matrices[0].scale(), 6.0);
  directory.config["alpha_pattern"] = {{"q_(proj", 12}};
  EXPECT_THAT(messageOf(directory.read()), HasSubstr("regular expression"));
}

TEST(ModulePattern, MatchesTheEndBehindADot) {
  EXPECT_TRUE(matchesModule("q_proj", "model.layers.0.self_attn.q_proj"));
  EXPECT_FALSE(matchesModule("proj", "model.layers.0.self_attn.q_proj"));
  EXPECT_FALSE(matchesModule("q_proj", "q_proj.more"));
  EXPECT_TRUE(matchesModule("[qk]_proj", "self_attn.k_proj"));
  EXPECT_FALSE(matchesModule("(a*)*b", std::string(60, 'a')));
}

TEST(PeftAdapter, WritesAndReadsBack) {
  TempFolder folder;
  const BaseModel base = makeBase();
  Adapter adapter = makeAdapter(base, allWeights(base));
  for (bool rslora : {false, true})
    for (FloatType type : {FloatType::F32, FloatType::F16}) {
      ASSERT_TRUE(
          writePeftAdapter(adapter, base, folder.path("peft"), {.type = type, .useRslora = rslora})
              .ok());
      auto read = readAdapter(folder.path("peft"), base);
      ASSERT_TRUE(read.ok()) << read.status();
      expectSame(*read, adapter);
    }
}

TEST(PeftAdapter, WritesAndReadsMagnitudes) {
  TempFolder folder;
  const BaseModel base = makeBase();
  // Rows of q have another order in Hugging Face's files, those of v have not.
  Adapter adapter = makeAdapter(base, {"blk.0.attn_q.weight", "blk.0.attn_v.weight"});
  for (AdapterMatrix &matrix : adapter.matrices) {
    matrix.dora = true;
    for (uint64_t n = 0; n < matrix.outputs; ++n)
      matrix.magnitude.push_back(static_cast<float>(n + 1));
  }
  ASSERT_TRUE(writePeftAdapter(adapter, base, folder.path("peft")).ok());
  auto read = readAdapter(folder.path("peft"), base);
  ASSERT_TRUE(read.ok()) << read.status();
  expectSame(*read, adapter);
  for (size_t i = 0; i < adapter.matrices.size(); ++i) {
    EXPECT_TRUE(read->matrices[i].dora);
    EXPECT_EQ(read->matrices[i].magnitude, adapter.matrices[i].magnitude);
  }
  EXPECT_THAT(std::string(writeGgufAdapter(adapter, base, folder.path("a.gguf")).message()),
              HasSubstr("GGUF adapters have no magnitudes"));
  adapter.matrices[0].magnitude.pop_back();
  EXPECT_THAT(std::string(writePeftAdapter(adapter, base, folder.path("peft")).message()),
              HasSubstr("DoRA has a magnitude for each row"));
}

TEST(MergeRow, ScalesToTheMagnitude) {
  AdapterMatrix matrix{.weight = "w", .rank = 1, .inputs = 2, .outputs = 2, .alpha = 1};
  matrix.a = {1, -1};
  matrix.b = {0, 2};
  matrix.dora = true;
  matrix.magnitude = {10, 5};
  std::vector<float> row{3, 4};
  mergeRow(matrix, matrix.scale(), 0, row); // nothing is added
  EXPECT_EQ(row, (std::vector<float>{6, 8}));
  row = {1, 6};
  mergeRow(matrix, matrix.scale(), 1, row); // (1, 6) + 2 * (1, -1)
  EXPECT_FLOAT_EQ(row[0], 3);
  EXPECT_FLOAT_EQ(row[1], 4);
  row = {-2, 2};
  mergeRow(matrix, matrix.scale(), 1, row); // no direction
  EXPECT_EQ(row, (std::vector<float>{0, 0}));
}

TEST(PeftAdapter, ConfigNamesWhatDiffers) {
  TempFolder folder;
  const BaseModel base = makeBase();
  Adapter adapter = makeAdapter(base, {"blk.0.attn_q.weight", "blk.0.attn_v.weight",
                                       "blk.1.attn_q.weight", "blk.1.ffn_up.weight"});
  adapter.matrices[0] = makeMatrix(base, "blk.0.attn_q.weight", 4, 8);
  adapter.matrices[2] = makeMatrix(base, "blk.1.attn_q.weight", 4, 8);
  adapter.matrices[3] = makeMatrix(base, "blk.1.ffn_up.weight", 3, 4);
  adapter.matrices.push_back(makeMatrix(base, "blk.1.attn_v.weight", 2, 4));
  adapter.matrices.push_back(makeMatrix(base, "blk.1.attn_k.weight", 2, 4));
  ASSERT_TRUE(writePeftAdapter(adapter, base, folder.path("peft")).ok());
  const std::vector<uint8_t> bytes = folder.read("peft/adapter_config.json");
  const json config = json::parse(bytes.begin(), bytes.end());
  EXPECT_EQ(config["peft_type"], "LORA");
  EXPECT_EQ(config["r"], 2);
  EXPECT_EQ(config["lora_alpha"], 4);
  EXPECT_EQ(config["rank_pattern"], (json{{"q_proj", 4}, {"up_proj", 3}}));
  EXPECT_EQ(config["alpha_pattern"], (json{{"q_proj", 8}}));
  EXPECT_EQ(config["target_modules"], (json{"q_proj", "model.layers.1.self_attn.k_proj", "v_proj",
                                            "model.layers.1.mlp.up_proj"}));
  EXPECT_EQ(config["base_model_name_or_path"], "Test Model");
  auto read = readAdapter(folder.path("peft"), base);
  ASSERT_TRUE(read.ok()) << read.status();
  sortLikeBase(adapter, base);
  expectSame(*read, adapter);
}

TEST(PeftAdapter, ReadsMlx) {
  Directory directory;
  directory.config = {{"fine_tune_type", "lora"},
                      {"lora_parameters", {{"rank", 2}, {"scale", 20.0}}}};
  directory.add("model.layers.1.mlp.down_proj.lora_a", {12, 2}, numbers(24, 0));
  directory.add("model.layers.1.mlp.down_proj.lora_b", {2, 8}, numbers(16, 0));
  auto adapter = directory.read();
  ASSERT_TRUE(adapter.ok()) << adapter.status();
  const AdapterMatrix &matrix = adapter->matrices[0];
  EXPECT_EQ(matrix.weight, "blk.1.ffn_down.weight");
  EXPECT_EQ(matrix.scale(), 20.0);
  EXPECT_EQ(matrix.inputs, 12u);
  EXPECT_EQ(matrix.outputs, 8u);
  EXPECT_EQ(matrix.a[1], numbers(24, 0)[2]);
  EXPECT_EQ(matrix.b[1], numbers(16, 0)[8]);
}

TEST(PeftAdapter, RefusesWhatItWouldGetWrong) {
  const auto error = [](auto change) {
    Directory directory;
    directory.addQ();
    change(directory);
    return messageOf(directory.read());
  };
  const auto set = [&](const char *key, json value) {
    return error([&](Directory &directory) { directory.config[key] = value; });
  };
  EXPECT_THAT(set("peft_type", "LOHA"), HasSubstr("peft_type is not LORA"));
  EXPECT_THAT(set("use_dora", true), HasSubstr("has no lora_magnitude_vector"));
  EXPECT_THAT(set("bias", "all"), HasSubstr("biases"));
  EXPECT_THAT(set("modules_to_save", {"lm_head"}), HasSubstr("modules_to_save"));
  EXPECT_THAT(set("lora_alpha", "x"), HasSubstr("lora_alpha"));
  EXPECT_EQ(set("modules_to_save", json()), "no error");
  EXPECT_EQ(set("bias", "none"), "no error");
  const auto rename = [&](size_t which, const std::string &name) {
    return error([&](Directory &directory) { directory.tensors[which].name = name; });
  };
  EXPECT_THAT(rename(0, std::string(kQ) + ".lora_magnitude_vector"),
              HasSubstr("only one of lora_A and lora_B"));
  EXPECT_THAT(rename(0, std::string(kQ) + ".lora_C.weight"), HasSubstr("no part of a LoRA"));
  EXPECT_THAT(rename(0, std::string(kQ) + ".lora_embedding_A"), HasSubstr("different kinds"));
  EXPECT_THAT(rename(0, std::string(kQ) + ".lora_B.default.weight"), HasSubstr("two names"));
  EXPECT_THAT(rename(0, "base_model.model.model.layers.0.x.lora_A.weight"),
              HasSubstr("only one of lora_A and lora_B"));
  EXPECT_THAT(error([](Directory &directory) {
                directory.tensors[0].name = "score.lora_A.weight";
                directory.tensors[1].name = "score.lora_B.weight";
              }),
              HasSubstr("no module that can be adapted"));
  EXPECT_THAT(error([](Directory &directory) {
                directory.tensors[0].shape = {4, 4};
              }),
              HasSubstr("do not fit together"));
  EXPECT_THAT(error([](Directory &directory) { directory.tensors[0].type = "I32"; }),
              HasSubstr("not F32, F16 or BF16"));
  TempFolder empty;
  EXPECT_THAT(messageOf(readAdapter(empty.path("."), makeBase())), HasSubstr("no adapter_model"));
}

TEST(PeftAdapter, MakesTheDirectoryOrNothing) {
  TempFolder folder;
  const BaseModel base = makeBase();
  EXPECT_FALSE(
      writePeftAdapter(makeAdapter(base, {"output.weight"}), base, folder.path("missing/peft"))
          .ok());
  Adapter adapter = makeAdapter(base, {"output.weight"});
  adapter.matrices[0].a[0] = 1e6f;
  EXPECT_FALSE(writePeftAdapter(adapter, base, folder.path("peft"), {.type = FloatType::F16}).ok());
  EXPECT_TRUE(folder.names().empty());
}

} // namespace
} // namespace llmc::lora::testing
