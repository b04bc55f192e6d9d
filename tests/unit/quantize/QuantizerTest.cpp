#include "frontends/gguf/quantize/Quantizer.h"
#include "absl/strings/str_cat.h"
#include "dialects/llm/Formats/BlockCodec.h"
#include "frontends/gguf/file/GgufWriter.h"
#include "frontends/gguf/quantize/RowEncoders.h"
#include "tests/unit/gguf/TempFolder.h"
#include "tests/unit/quantize/TestRows.h"
#include <cmath>
#include <cstring>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace llmc::quantize {
namespace {

using gguf::testing::TempFolder;
using ::testing::HasSubstr;

struct TestTensor {
  std::string name;
  std::vector<uint64_t> shape;
  const char *format = "f32";
};

// Writes a model whose weights are testing::Random's, after `edit` has changed them.
void writeModel(const std::string &path, const std::vector<TestTensor> &tensors,
                const std::function<void(absl::string_view, std::vector<float> &)> &edit = {}) {
  auto writer = gguf::GgufWriter::create(path);
  ASSERT_TRUE(writer.ok()) << writer.status();
  gguf::GgufWriter &w = **writer;
  ASSERT_TRUE(w.set("general.architecture", "llama").ok());
  ASSERT_TRUE(w.set<uint32_t>("general.file_type", 1).ok());
  ASSERT_TRUE(w.set<uint32_t>("llama.block_count", 2).ok());
  ASSERT_TRUE(w.set<uint32_t>("llama.attention.head_count", 8).ok());
  ASSERT_TRUE(w.set<uint32_t>("llama.attention.head_count_kv", 4).ok());
  std::vector<std::vector<uint8_t>> data;
  testing::Random random(5);
  for (const TestTensor &tensor : tensors) {
    uint64_t count = 1;
    for (uint64_t extent : tensor.shape)
      count *= extent;
    std::vector<float> x(count);
    for (float &v : x)
      v = random.bell();
    if (edit)
      edit(tensor.name, x);
    const BlockFormat &format = *findBlockFormat(tensor.format);
    std::vector<uint8_t> bytes(format.rowBytes(count));
    encodeRows(format, x.data(), count / tensor.shape[0], tensor.shape[0], nullptr, bytes.data());
    ASSERT_TRUE(w.addTensor(tensor.name, tensor.shape, format.ggmlType, bytes.size()).ok());
    data.push_back(std::move(bytes));
  }
  for (size_t i = 0; i < tensors.size(); ++i)
    ASSERT_TRUE(w.writeTensor(tensors[i].name, data[i]).ok());
  ASSERT_TRUE(w.finish().ok());
}

const std::vector<TestTensor> kModel = {
    {"token_embd.weight", {256, 70}, "f16"},     {"output_norm.weight", {256}, "f32"},
    {"output.weight", {256, 70}, "f16"},         {"blk.1.attn_v.weight", {256, 128}, "f16"},
    {"blk.0.attn_v.weight", {256, 128}, "bf16"}, {"blk.0.ffn_down.weight", {288, 256}, "f32"},
    {"blk.0.ffn_up.weight", {256, 300}, "f32"},  {"blk.0.ffn_gate_inp.weight", {256, 4}, "f32"},
};

class QuantizerTest : public ::testing::Test {
protected:
  std::shared_ptr<gguf::GgufFile> open(const std::string &name) {
    absl::StatusOr<std::shared_ptr<gguf::GgufFile>> file = gguf::GgufFile::open(folder_.path(name));
    EXPECT_TRUE(file.ok()) << file.status();
    return file.ok() ? *file : nullptr;
  }

  QuantizationOptions optionsFor(absl::string_view type) {
    QuantizationOptions options;
    options.fileType = *findFileType(type);
    return options;
  }

  absl::Status quantize(const std::string &from, const std::string &to,
                        const QuantizationOptions &options,
                        const ImportanceMatrix *importance = nullptr, unsigned threads = 2) {
    std::shared_ptr<gguf::GgufFile> file = open(from);
    absl::StatusOr<QuantizationPlan> plan = planQuantization(*file, options, importance);
    if (!plan.ok())
      return plan.status();
    ThreadTeam team(threads);
    return quantizeFile(*file, *plan, importance, folder_.path(to), team,
                        [](uint64_t) { return absl::OkStatus(); });
  }

  std::string formatOf(const std::string &file, absl::string_view tensor) {
    std::shared_ptr<gguf::GgufFile> opened = open(file);
    const gguf::TensorInfo *info = opened->findTensor(tensor);
    return info ? info->format->name : "none";
  }

  TempFolder folder_;
};

TEST_F(QuantizerTest, FollowsTheMixtureAndTheFallbacks) {
  writeModel(folder_.path("in.gguf"), kModel);
  ASSERT_TRUE(quantize("in.gguf", "out.gguf", optionsFor("Q4_K_M")).ok());
  std::shared_ptr<gguf::GgufFile> out = open("out.gguf");
  std::vector<std::string> found;
  for (const gguf::TensorInfo &tensor : out->tensors())
    found.push_back(absl::StrCat(tensor.name, " ", tensor.format->name));
  EXPECT_THAT(found,
              ::testing::ElementsAre("output.weight q6_K", "output_norm.weight f32",
                                     "token_embd.weight q4_K", "blk.0.attn_v.weight q4_K",
                                     "blk.0.ffn_down.weight q5_0", "blk.0.ffn_gate_inp.weight f32",
                                     "blk.0.ffn_up.weight q4_K", "blk.1.attn_v.weight q6_K"));
  EXPECT_EQ(*out->get<uint32_t>("general.file_type"), 15u);
  EXPECT_EQ(*out->get<uint32_t>("general.quantization_version"), 2u);
  EXPECT_EQ(*out->get<uint32_t>("llama.block_count"), 2u);
  EXPECT_FALSE(out->contains("quantize.imatrix.file"));
}

TEST_F(QuantizerTest, TensorsAreWhatTheirRowsEncodeTo) {
  writeModel(folder_.path("in.gguf"), kModel);
  ASSERT_TRUE(quantize("in.gguf", "out.gguf", optionsFor("Q5_K_M")).ok());
  ASSERT_TRUE(quantize("in.gguf", "one.gguf", optionsFor("Q5_K_M"), nullptr, 1).ok());
  EXPECT_EQ(folder_.read("out.gguf"), folder_.read("one.gguf"));
  std::shared_ptr<gguf::GgufFile> in = open("in.gguf"), out = open("out.gguf");
  for (const gguf::TensorInfo &tensor : out->tensors()) {
    const gguf::TensorInfo &source = *in->findTensor(tensor.name);
    std::vector<float> x(source.elements());
    decodeRow(*source.format, source.data, x.size(), x.data());
    std::vector<uint8_t> bytes(tensor.bytes);
    encodeRows(*tensor.format, x.data(), x.size() / tensor.shape[0], tensor.shape[0], nullptr,
               bytes.data());
    EXPECT_EQ(std::memcmp(bytes.data(), tensor.data, bytes.size()), 0) << tensor.name;
  }
}

// More rows than a slice has, so that slices follow each other.
TEST_F(QuantizerTest, LargeTensorsComeInSlices) {
  const std::vector<TestTensor> large = {{"a.weight", {32, 80000}, "f16"},
                                         {"wide.weight", {1 << 20, 3}, "f16"}};
  writeModel(folder_.path("in.gguf"), large);
  ASSERT_TRUE(quantize("in.gguf", "out.gguf", optionsFor("Q8_0")).ok());
  std::shared_ptr<gguf::GgufFile> in = open("in.gguf"), out = open("out.gguf");
  for (const TestTensor &tensor : large) {
    const gguf::TensorInfo &source = *in->findTensor(tensor.name);
    const gguf::TensorInfo &target = *out->findTensor(tensor.name);
    ASSERT_STREQ(target.format->name, "q8_0");
    std::vector<float> x(source.elements()), y(x.size());
    decodeRow(*source.format, source.data, x.size(), x.data());
    decodeRow(*target.format, target.data, y.size(), y.data());
    for (size_t i = 0; i < x.size(); ++i)
      ASSERT_NEAR(x[i], y[i], 0.006) << tensor.name << " " << i;
  }
}

TEST_F(QuantizerTest, OptionsOverrideTheMixture) {
  writeModel(folder_.path("in.gguf"), kModel);
  QuantizationOptions options = optionsFor("Q4_K_M");
  options.rules = {{"ATTN_V", findBlockFormat("q8_0")}, {"weight", findBlockFormat("q5_1")}};
  options.embeddingFormat = findBlockFormat("q3_K");
  options.leaveOutput = true;
  ASSERT_TRUE(quantize("in.gguf", "out.gguf", options).ok());
  EXPECT_EQ(formatOf("out.gguf", "blk.1.attn_v.weight"), "q8_0");
  EXPECT_EQ(formatOf("out.gguf", "blk.0.ffn_up.weight"), "q5_1");
  EXPECT_EQ(formatOf("out.gguf", "token_embd.weight"), "q3_K");
  EXPECT_EQ(formatOf("out.gguf", "output.weight"), "f16");
  EXPECT_EQ(formatOf("out.gguf", "output_norm.weight"), "f32");

  options = optionsFor("Q4_K_M");
  options.pure = true;
  ASSERT_TRUE(quantize("in.gguf", "pure.gguf", options).ok());
  EXPECT_EQ(formatOf("pure.gguf", "output.weight"), "q4_K");
  EXPECT_EQ(formatOf("pure.gguf", "blk.1.attn_v.weight"), "q4_K");

  options.rules = {{"attn_(v", findBlockFormat("q8_0")}};
  EXPECT_THAT(std::string(quantize("in.gguf", "bad.gguf", options).message()),
              HasSubstr("'attn_(v' is not a regular expression"));
}

TEST_F(QuantizerTest, CopyChangesNothing) {
  writeModel(folder_.path("in.gguf"), kModel);
  ASSERT_TRUE(quantize("in.gguf", "out.gguf", optionsFor("COPY")).ok());
  std::shared_ptr<gguf::GgufFile> in = open("in.gguf"), out = open("out.gguf");
  EXPECT_EQ(*out->get<uint32_t>("general.file_type"), 1u);
  ASSERT_EQ(in->tensors().size(), out->tensors().size());
  for (const gguf::TensorInfo &tensor : in->tensors()) {
    const gguf::TensorInfo *copy = out->findTensor(tensor.name);
    ASSERT_NE(copy, nullptr);
    EXPECT_EQ(copy->ggmlType, tensor.ggmlType);
    EXPECT_EQ(std::memcmp(copy->data, tensor.data, tensor.bytes), 0);
  }
}

TEST_F(QuantizerTest, QuantizingTwiceNeedsToBeAllowed) {
  writeModel(folder_.path("in.gguf"), {{"blk.0.ffn_up.weight", {256, 8}, "q4_K"}});
  absl::Status status = quantize("in.gguf", "out.gguf", optionsFor("Q8_0"));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              ::testing::AllOf(HasSubstr("in.gguf"), HasSubstr("'blk.0.ffn_up.weight' is Q4_K")));
  EXPECT_THAT(folder_.names(), ::testing::ElementsAre("in.gguf"));
  QuantizationOptions options = optionsFor("Q8_0");
  options.allowRequantize = true;
  EXPECT_TRUE(quantize("in.gguf", "out.gguf", options).ok());
  // The same type is a copy.
  EXPECT_TRUE(quantize("in.gguf", "same.gguf", optionsFor("Q4_K_S")).ok());
}

TEST_F(QuantizerTest, BadWeightsNameTheirTensorAndLeaveNoFile) {
  for (float bad : {NAN, INFINITY, -INFINITY}) {
    writeModel(folder_.path("in.gguf"), kModel, [&](absl::string_view name, std::vector<float> &x) {
      if (name == "blk.0.ffn_up.weight")
        x[256 * 299 + 7] = bad;
    });
    absl::Status status = quantize("in.gguf", "out.gguf", optionsFor("Q4_K_M"));
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("'blk.0.ffn_up.weight' holds NaN or infinity at row 299, column 7"));
    EXPECT_THAT(folder_.names(), ::testing::ElementsAre("in.gguf"));
  }
  writeModel(folder_.path("in.gguf"), kModel, [](absl::string_view name, std::vector<float> &x) {
    if (name == "blk.0.ffn_up.weight")
      x[9] = 1e30f;
  });
  absl::Status status = quantize("in.gguf", "out.gguf", optionsFor("Q4_K_M"));
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("'blk.0.ffn_up.weight' holds weights too large for Q4_K"));
  EXPECT_THAT(folder_.names(), ::testing::ElementsAre("in.gguf"));
}

TEST_F(QuantizerTest, TheOutputIsNeverTheInput) {
  writeModel(folder_.path("in.gguf"), kModel);
  std::vector<uint8_t> before = folder_.read("in.gguf");
  ASSERT_EQ(::symlink("in.gguf", folder_.path("link.gguf").c_str()), 0);
  for (const char *name : {"in.gguf", "link.gguf", "./in.gguf"}) {
    absl::Status status = quantize("in.gguf", name, optionsFor("Q8_0"));
    EXPECT_THAT(std::string(status.message()), HasSubstr("the output is the input")) << name;
  }
  EXPECT_EQ(folder_.read("in.gguf"), before);
}

TEST_F(QuantizerTest, ProgressGrowsAndMayEndTheWork) {
  writeModel(folder_.path("in.gguf"), kModel);
  std::shared_ptr<gguf::GgufFile> file = open("in.gguf");
  absl::StatusOr<QuantizationPlan> plan = planQuantization(*file, optionsFor("Q8_0"), nullptr);
  ASSERT_TRUE(plan.ok());
  ThreadTeam team(2);
  uint64_t last = 0;
  ASSERT_TRUE(
      quantizeFile(*file, *plan, nullptr, folder_.path("out.gguf"), team, [&](uint64_t done) {
        EXPECT_GE(done, last);
        last = done;
        return absl::OkStatus();
      }).ok());
  EXPECT_EQ(last, plan->sourceBytes);
  uint64_t bytes = 0;
  std::shared_ptr<gguf::GgufFile> out = open("out.gguf");
  for (const gguf::TensorInfo &tensor : out->tensors())
    bytes += tensor.bytes;
  EXPECT_EQ(bytes, plan->bytes);
  absl::Status stopped = quantizeFile(*file, *plan, nullptr, folder_.path("no.gguf"), team,
                                      [](uint64_t) { return absl::CancelledError("stop"); });
  EXPECT_EQ(stopped.code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(folder_.names(), ::testing::ElementsAre("in.gguf", "out.gguf"));
}

class ImportanceTest : public QuantizerTest {
protected:
  // An entry in the .dat format with these sums.
  ImportanceMatrix importanceFor(const std::string &name, const std::vector<float> &sums) {
    std::vector<uint8_t> bytes;
    auto put = [&](const void *p, size_t count) {
      const auto *begin = static_cast<const uint8_t *>(p);
      bytes.insert(bytes.end(), begin, begin + count);
    };
    auto number = [&](int32_t value) { put(&value, 4); };
    number(1);
    number(static_cast<int32_t>(name.size()));
    put(name.data(), name.size());
    number(1);
    number(static_cast<int32_t>(sums.size()));
    put(sums.data(), 4 * sums.size());
    number(3);
    number(5);
    put("a.txt", 5);
    folder_.write("imatrix.dat", bytes);
    absl::StatusOr<ImportanceMatrix> matrix = ImportanceMatrix::load(folder_.path("imatrix.dat"));
    EXPECT_TRUE(matrix.ok()) << matrix.status();
    return *std::move(matrix);
  }
};

TEST_F(ImportanceTest, EachExpertHasItsOwn) {
  writeModel(folder_.path("in.gguf"), {{"blk.0.ffn_up_exps.weight", {256, 5, 3}, "f32"}});
  std::vector<float> sums;
  testing::Random random(8);
  for (int i = 0; i < 3 * 256; ++i)
    sums.push_back(1 + std::fabs(random.bell()) * 50);
  ImportanceMatrix matrix = importanceFor("blk.0.ffn_up_exps.weight", sums);
  ASSERT_TRUE(quantize("in.gguf", "out.gguf", optionsFor("Q4_K_S"), &matrix).ok());
  std::shared_ptr<gguf::GgufFile> in = open("in.gguf"), out = open("out.gguf");
  const gguf::TensorInfo &source = in->tensors()[0], &target = out->tensors()[0];
  std::vector<float> x(source.elements());
  decodeRow(*source.format, source.data, x.size(), x.data());
  std::vector<uint8_t> expected(target.bytes);
  for (int expert = 0; expert < 3; ++expert)
    encodeRows(*target.format, x.data() + expert * 5 * 256, 5, 256, sums.data() + expert * 256,
               expected.data() + expert * 5 * target.format->bytes);
  EXPECT_EQ(std::memcmp(expected.data(), target.data, expected.size()), 0);
  EXPECT_EQ(*out->get<std::string>("quantize.imatrix.file"), matrix.path());
  EXPECT_EQ(*out->get<std::string>("quantize.imatrix.dataset"), "a.txt");
  EXPECT_EQ(*out->get<uint32_t>("quantize.imatrix.entries_count"), 1u);
  EXPECT_EQ(*out->get<uint32_t>("quantize.imatrix.chunks_count"), 3u);
}

TEST_F(ImportanceTest, WrongSizesAndMissingEntriesAreErrors) {
  writeModel(folder_.path("in.gguf"),
             {{"blk.0.ffn_up.weight", {256, 8}, "f32"}, {"token_embd.weight", {256, 8}, "f32"}});
  ImportanceMatrix wrong = importanceFor("blk.0.ffn_up.weight", {1, 2, 3});
  EXPECT_THAT(std::string(quantize("in.gguf", "out.gguf", optionsFor("Q4_K_S"), &wrong).message()),
              HasSubstr("'blk.0.ffn_up.weight' has 3 values, but the tensor has 256 columns"));
  absl::Status without = quantize("in.gguf", "out.gguf", optionsFor("Q2_K_S"));
  EXPECT_THAT(std::string(without.message()),
              HasSubstr("'blk.0.ffn_up.weight' as Q2_K_S needs an importance matrix"));
  ImportanceMatrix right = importanceFor("blk.0.ffn_up.weight", std::vector<float>(256, 2));
  EXPECT_TRUE(quantize("in.gguf", "out.gguf", optionsFor("Q2_K_S"), &right).ok());
  EXPECT_EQ(formatOf("out.gguf", "blk.0.ffn_up.weight"), "q2_K");
}

} // namespace
} // namespace llmc::quantize
