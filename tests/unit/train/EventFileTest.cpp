#include "runtime/train/EventFile.h"
#include "absl/strings/escaping.h"
#include "runtime/core/Crc32c.h"
#include "tests/unit/gguf/TempFolder.h"
#include <filesystem>
#include <gtest/gtest.h>

namespace llmc {
namespace {

uint32_t checksum(absl::string_view text) {
  return crc32c({reinterpret_cast<const uint8_t *>(text.data()), text.size()});
}

// The vectors of RFC 3720, B.4, and of the catalogues of CRCs.
TEST(Crc32c, KnownVectors) {
  EXPECT_EQ(checksum(""), 0u);
  EXPECT_EQ(checksum("123456789"), 0xe3069283u);
  EXPECT_EQ(checksum(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(checksum(std::string(32, '\xff')), 0x62a8ab43u);
}

// What TensorFlow's record writer puts around its version: bytes that any of its files starts with
// but for the time.
TEST(EventFile, Record) {
  gguf::testing::TempFolder folder;
  auto file = EventFile::create(folder.path("."), 1);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE(file->isFirst());
  const EventFile::Scalar scalar{"a", 0.5};
  ASSERT_TRUE(file->scalars(300, 2, {&scalar, 1}).ok());
  const std::vector<uint8_t> bytes =
      folder.read(std::filesystem::path(file->path()).filename().string());
  const std::string text(bytes.begin(), bytes.end());
  // Length 24, its checksum, wall_time, file_version.
  EXPECT_EQ(absl::BytesToHexString(text.substr(0, 13)), "1800000000000000a37f4b2209");
  EXPECT_EQ(text.substr(12 + 9, 15), "\x1a\x0d"
                                     "brain.Event:2");
  // wall_time 2.0, step 300, a summary of a value: tag "a", simple_value 0.5.
  const std::string event =
      absl::HexStringToBytes("09000000000000004010ac022a0a0a080a0161150000003f");
  EXPECT_EQ(text.substr(text.size() - 4 - event.size(), event.size()), event);
}

TEST(EventFile, FilesOfAFolderAreInOrder) {
  gguf::testing::TempFolder folder;
  std::string last;
  for (int i = 0; i < 3; ++i) {
    auto file = EventFile::create(folder.path("."), 1);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(file->isFirst(), i == 0);
    EXPECT_GT(file->path(), last);
    last = file->path();
  }
  EXPECT_FALSE(EventFile::create(folder.path("none"), 1).ok());
}

} // namespace
} // namespace llmc
