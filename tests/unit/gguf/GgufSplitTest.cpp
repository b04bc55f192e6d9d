#include "absl/strings/str_format.h"
#include "frontends/gguf/file/GgufFile.h"
#include "tests/unit/gguf/FileBuilder.h"
#include "tests/unit/gguf/TempFolder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace llmc::gguf::testing {
namespace {

using ::testing::HasSubstr;

class GgufSplit : public ::testing::Test {
protected:
  static std::string name(int no) { return absl::StrFormat("m-%05d-of-00003.gguf", no); }

  // Part `no` (from 0) of three: metadata in the first, one tensor of one byte in each.
  static FileBuilder part(uint16_t no) {
    FileBuilder file;
    if (no == 0)
      file.key("general.architecture", 8, packedString("llama"));
    file.key("split.no", 2, packed(no));
    file.key("split.count", 2, packed(uint16_t(3)));
    file.key("split.tensors.count", 5, packed(int32_t(3)));
    file.tensors = {{absl::StrFormat("blk.%d.weight", no), {1}, 24, 0}};
    file.data = {uint8_t(100 + no)};
    return file;
  }

  void SetUp() override {
    for (int no = 0; no < 3; ++no)
      folder_.write(name(no + 1), part(no).build());
  }

  std::string openError(const std::string &fileName) {
    auto file = GgufFile::open(folder_.path(fileName));
    EXPECT_FALSE(file.ok());
    return std::string(file.status().message());
  }

  TempFolder folder_;
};

TEST_F(GgufSplit, OpensAllPartsByTheFirst) {
  auto file = GgufFile::open(folder_.path(name(1)));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->parts(), 3u);
  EXPECT_EQ(*(*file)->get<std::string>("general.architecture"), "llama");
  ASSERT_EQ((*file)->tensors().size(), 3u);
  for (unsigned i = 0; i < 3; ++i) {
    const TensorInfo &tensor = (*file)->tensors()[i];
    EXPECT_EQ(tensor.split, i);
    EXPECT_EQ(*tensor.data, 100 + i);
    EXPECT_EQ((*file)->findTensor(absl::StrFormat("blk.%d.weight", i)), &tensor);
  }
  uint64_t bytes = 0;
  for (int no = 0; no < 3; ++no)
    bytes += part(no).build().size();
  EXPECT_EQ((*file)->fileBytes(), bytes);
}

TEST_F(GgufSplit, AnotherPartNamesTheFirst) {
  EXPECT_THAT(openError(name(2)),
              HasSubstr("this is part 2 of 3 of a split model; open the first part, " +
                        folder_.path(name(1))));
}

TEST_F(GgufSplit, AMissingPartIsNamed) {
  std::filesystem::remove(folder_.path(name(3)));
  EXPECT_THAT(openError(name(1)), HasSubstr(folder_.path(name(3)) + ": cannot open"));
  EXPECT_THAT(openError(name(1)), HasSubstr("all 3 parts of the split must lie beside"));
}

TEST_F(GgufSplit, ARenamedFirstPartIsRefused) {
  std::filesystem::rename(folder_.path(name(1)), folder_.path("model.gguf"));
  EXPECT_THAT(openError("model.gguf"), HasSubstr("its name does not say so; name the parts "
                                                 "PREFIX-00001-of-00003.gguf"));
}

TEST_F(GgufSplit, SwappedPartsAreRefused) {
  folder_.write(name(2), part(2).build());
  EXPECT_THAT(openError(name(1)),
              HasSubstr("its metadata says part 3 of 3, its name says part 2 of 3"));
}

TEST_F(GgufSplit, APartOfAnotherSplitIsRefused) {
  FileBuilder other;
  other.key("general.architecture", 8, packedString("llama"));
  folder_.write(name(2), other.build());
  EXPECT_THAT(openError(name(1)),
              HasSubstr("its metadata says part 1 of 1, its name says part 2 of 3"));
}

TEST_F(GgufSplit, ADamagedPartIsNamed) {
  Bytes bytes = part(1).build();
  bytes.pop_back();
  folder_.write(name(2), bytes);
  EXPECT_THAT(openError(name(1)), HasSubstr(folder_.path(name(2)) + ": tensor 'blk.1.weight'"));
}

TEST_F(GgufSplit, ATensorInTwoPartsIsRefused) {
  FileBuilder file = part(2);
  file.tensors[0].name = "blk.0.weight";
  folder_.write(name(3), file.build());
  EXPECT_THAT(openError(name(1)), HasSubstr("tensor 'blk.0.weight': it is also in part 1"));
}

TEST_F(GgufSplit, AWrongTensorCountIsRefused) {
  FileBuilder file = part(2);
  file.tensors.clear();
  file.data.clear();
  folder_.write(name(3), file.build());
  EXPECT_THAT(openError(name(1)),
              HasSubstr("'split.tensors.count' is 3, but the 3 parts have 2 tensors"));
}

TEST_F(GgufSplit, AMissingTensorCountIsRefused) {
  FileBuilder file = part(0);
  file.records.pop_back();
  folder_.write(name(1), file.build());
  EXPECT_THAT(openError(name(1)), HasSubstr("'split.tensors.count' is missing"));
}

} // namespace
} // namespace llmc::gguf::testing
