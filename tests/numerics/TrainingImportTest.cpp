// What importGgufForTraining refuses, and what programs it builds.
#include "dialects/llm/IR/LlmDialect.h"
#include "frontends/gguf/import/Importer.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <cmath>
#include <gtest/gtest.h>
#include <set>

namespace llmc {
namespace {

class TrainingImport : public testing::Test {
protected:
  void SetUp() override {
    auto file = gguf::GgufFile::open(LLMC_TEST_MODELS "/shakespeare-Q4_K_M.gguf");
    ASSERT_TRUE(file.ok()) << file.status();
    file_ = *std::move(file);
  }

  absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>>
  import(std::vector<AdaptedWeight> adapters, int64_t sequence = 8, float dropout = 0) {
    return importGgufForTraining(&context_, *file_, {.adapters = std::move(adapters), .sequence = sequence, .dropout = dropout});
  }

  void expectError(std::vector<AdaptedWeight> adapters, const std::string &text,
                   int64_t sequence = 8, float dropout = 0) {
    absl::Status status = import(std::move(adapters), sequence, dropout).status();
    EXPECT_NE(status.message().find(text), std::string::npos) << status;
    EXPECT_NE(status.message().find("shakespeare-Q4_K_M.gguf: "), std::string::npos) << status;
    EXPECT_EQ(status.message().find('\n'), std::string::npos) << status;
  }

  mlir::MLIRContext context_;
  std::shared_ptr<gguf::GgufFile> file_;
};

const AdaptedWeight kQuery{"blk.0.attn_q.weight", 4, 1};

TEST_F(TrainingImport, RefusesWhatCannotBe) {
  expectError({}, "there is nothing to train; name at least one weight to adapt");
  expectError({kQuery, kQuery}, "tensor 'blk.0.attn_q.weight' is to have two adapters");
  expectError({{"blk.0.attn_q.weight", 0, 1}}, "cannot have rank 0");
  expectError({{"blk.0.attn_q.weight", int64_t(1) << 40, 1}}, "cannot have rank 1099511627776");
  expectError({{"blk.0.attn_q.weight", 4, NAN}}, "has no finite scale");
  expectError({{"blk.999.attn_q.weight", 4, 1}},
              "tensor 'blk.999.attn_q.weight', which is to have an adapter, is not in the model");
  expectError({{"blk.0.attn_norm.weight", 4, 1}},
              "tensor 'blk.0.attn_norm.weight' is no matrix, so it cannot have an adapter");
  expectError({{"output_norm.weight", 4, 1}}, "is no matrix");
  expectError({kQuery}, "sequences must have at least one token, not 0", 0);
  expectError({kQuery}, "dropout must be at least 0 and below 1, not 1", 8, 1);
  expectError({kQuery}, "dropout must be at least 0 and below 1, not nan", 8, NAN);
}

TEST_F(TrainingImport, FullRefusesBlocksAndAdapters) {
  absl::Status blocks =
      importGgufForTraining(&context_, *file_, {.full = true, .sequence = 8}).status();
  EXPECT_NE(blocks.message().find("is Q4_K, and fine_tune_type: full changes F32, F16 and BF16"),
            std::string::npos)
      << blocks;
  absl::Status both =
      importGgufForTraining(&context_, *file_, {.adapters = {kQuery}, .full = true, .sequence = 8})
          .status();
  EXPECT_NE(both.message().find("all weights are trained"), std::string::npos) << both;
}

TEST_F(TrainingImport, FullTrainsEveryTensor) {
  auto file = gguf::GgufFile::open(LLMC_TEST_MODELS "/shakespeare-f16.gguf");
  ASSERT_TRUE(file.ok()) << file.status();
  auto module = importGgufForTraining(&context_, **file, {.full = true, .sequence = 8});
  ASSERT_TRUE(module.ok()) << module.status();
  std::set<std::string> expected, trained;
  for (const gguf::TensorInfo &tensor : (*file)->tensors())
    expected.insert(tensor.name);
  for (auto parameter : (**module).getOps<llm::ParameterOp>())
    for (int64_t i = 0; i < parameter.getCount(); ++i)
      EXPECT_TRUE(trained.insert(parameter.getSourceName(i)).second);
  EXPECT_EQ(trained, expected);
}

// Layers with the same adapters share a block; one without is another.
TEST_F(TrainingImport, BlocksDifferByTheirAdapters) {
  auto module = import({kQuery});
  ASSERT_TRUE(module.ok()) << module.status();
  std::vector<std::string> sources;
  for (auto parameter : (**module).getOps<llm::ParameterOp>())
    for (int64_t i = 0; i < parameter.getCount(); ++i)
      sources.push_back(parameter.getSourceName(i));
  EXPECT_EQ(sources,
            (std::vector<std::string>{"blk.0.attn_q.weight.lora_a", "blk.0.attn_q.weight.lora_b"}));
  auto loss = (**module).lookupSymbol<mlir::func::FuncOp>("loss");
  ASSERT_TRUE(loss);
  EXPECT_TRUE(loss->hasAttr(llm::kDifferentiateAttrName));
  loss.walk([&](llm::LayersOp layers) {
    EXPECT_EQ(llvm::count(layers.getSchedule(), layers.getSchedule()[0]), 1);
  });
}

} // namespace
} // namespace llmc
