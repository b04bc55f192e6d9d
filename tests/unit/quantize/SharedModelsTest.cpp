// Compares with files that llama-quantize made of the same model. They are in the folder that
// LLMC_SHARED_MODELS names; without it there is nothing to do.
#include "dialects/llm/Formats/BlockCodec.h"
#include "frontends/gguf/quantize/Quantizer.h"
#include "tests/unit/gguf/TempFolder.h"
#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>

namespace llmc::quantize {
namespace {

std::vector<float> decoded(const gguf::TensorInfo &tensor) {
  std::vector<float> x(tensor.elements());
  decodeRow(*tensor.format, tensor.data, x.size(), x.data());
  return x;
}

double squaredError(const std::vector<float> &a, const std::vector<float> &b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += (double(a[i]) - b[i]) * (double(a[i]) - b[i]);
  return sum;
}

class SharedModelsTest : public ::testing::TestWithParam<const char *> {};

TEST_P(SharedModelsTest, HasTheSameTypesAndLosesNoMore) {
  const char *folder = std::getenv("LLMC_SHARED_MODELS");
  if (!folder)
    GTEST_SKIP() << "LLMC_SHARED_MODELS is not set";
  auto open = [](const std::string &path) {
    absl::StatusOr<std::shared_ptr<gguf::GgufFile>> file = gguf::GgufFile::open(path);
    EXPECT_TRUE(file.ok()) << file.status();
    return file.ok() ? *file : nullptr;
  };
  const std::string model = std::string(folder) + "/shakespeare-";
  std::shared_ptr<gguf::GgufFile> source = open(model + "f16.gguf");
  std::shared_ptr<gguf::GgufFile> theirs = open(model + GetParam() + ".gguf");
  ASSERT_TRUE(source && theirs);
  QuantizationOptions options;
  options.fileType = *findFileType(GetParam());
  absl::StatusOr<QuantizationPlan> plan = planQuantization(*source, options, nullptr);
  ASSERT_TRUE(plan.ok()) << plan.status();
  gguf::testing::TempFolder temporary;
  ThreadTeam team(2);
  absl::Status status = quantizeFile(*source, *plan, nullptr, temporary.path("ours.gguf"), team,
                                     [](uint64_t) { return absl::OkStatus(); });
  ASSERT_TRUE(status.ok()) << status;
  std::shared_ptr<gguf::GgufFile> ours = open(temporary.path("ours.gguf"));
  ASSERT_TRUE(ours);
  ASSERT_EQ(ours->tensors().size(), theirs->tensors().size());
  for (const gguf::TensorInfo &tensor : ours->tensors()) {
    const gguf::TensorInfo *other = theirs->findTensor(tensor.name);
    ASSERT_NE(other, nullptr) << tensor.name;
    ASSERT_EQ(tensor.ggmlType, other->ggmlType) << tensor.name;
    uint64_t blocks = tensor.bytes / tensor.format->bytes, different = 0;
    for (uint64_t at = 0; at < tensor.bytes; at += tensor.format->bytes)
      different += std::memcmp(tensor.data + at, other->data + at, tensor.format->bytes) != 0;
    if (tensor.format->weights == 256) {
      std::vector<float> x = decoded(*source->findTensor(tensor.name));
      EXPECT_LE(squaredError(x, decoded(tensor)), squaredError(x, decoded(*other))) << tensor.name;
    } else if (std::strcmp(GetParam(), "Q4_0") == 0 || std::strcmp(GetParam(), "Q5_0") == 0) {
      // These were made by a build that fuses a multiplication and an addition, which rounds a
      // weight between two levels to the other one in a few blocks.
      EXPECT_LE(different, blocks / 500) << tensor.name;
    } else {
      EXPECT_EQ(different, 0u) << tensor.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, SharedModelsTest,
                         ::testing::Values("BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K",
                                           "Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K"),
                         [](const auto &info) { return std::string(info.param); });

} // namespace
} // namespace llmc::quantize
