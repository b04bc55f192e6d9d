#include "compiler/Artifact/UserKey.h"
#include "tests/unit/gguf/TempFolder.h"
#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace llmc {
namespace {

using gguf::testing::TempFolder;
using ::testing::HasSubstr;

std::vector<uint8_t> bytesOf(const UserKey &key) {
  return {key.bytes().begin(), key.bytes().end()};
}

std::vector<uint8_t> open(const std::string &path) {
  auto key = UserKey::open(path);
  EXPECT_TRUE(key.ok()) << key.status();
  return key.ok() ? bytesOf(*key) : std::vector<uint8_t>();
}

void expectRefused(const std::string &path, const char *tells) {
  auto key = UserKey::open(path);
  ASSERT_FALSE(key.ok());
  EXPECT_EQ(key.status().code(), absl::StatusCode::kFailedPrecondition) << key.status();
  EXPECT_THAT(std::string(key.status().message()), HasSubstr(path));
  EXPECT_THAT(std::string(key.status().message()), HasSubstr(tells));
}

TEST(UserKey, IsMadeOnceAndForItsOwnerOnly) {
  TempFolder folder;
  const mode_t before = umask(0);
  const std::string path = folder.path("a/llmc/object.key");
  const std::vector<uint8_t> first = open(path);
  umask(before);
  EXPECT_EQ(first.size(), UserKey::kBytes);
  EXPECT_EQ(open(path), first);
  EXPECT_NE(open(folder.path("b/llmc/object.key")), first);
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  ASSERT_EQ(stat(folder.path("a/llmc").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700u);
}

TEST(UserKey, IsTheSameForAllThatStartAtOnce) {
  TempFolder folder;
  const std::string path = folder.path("llmc/object.key");
  std::vector<std::vector<uint8_t>> keys(16);
  std::vector<std::thread> threads;
  for (auto &key : keys)
    threads.emplace_back([&] { key = open(path); });
  for (std::thread &thread : threads)
    thread.join();
  for (const auto &key : keys)
    EXPECT_EQ(key, keys[0]);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path("llmc")), {}), 1);
}

TEST(UserKey, IsRefusedWhereOthersMayUseIt) {
  TempFolder folder;
  const std::string path = folder.path("object.key");
  open(path);
  for (mode_t mode : {0644, 0640, 0660, 0602, 0601, 0777}) {
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    expectRefused(path, "chmod 600");
  }
  ASSERT_EQ(chmod(path.c_str(), 0400), 0);
  EXPECT_EQ(open(path).size(), UserKey::kBytes);
  if (geteuid() == 0) {
    ASSERT_EQ(chown(path.c_str(), 1, 1), 0);
    expectRefused(path, "belongs to another user");
  }
}

TEST(UserKey, IsRefusedWhereItIsNoKey) {
  TempFolder folder;
  for (size_t size : {0, 1, 31, 33, 4096}) {
    folder.write("k", std::vector<uint8_t>(size));
    ASSERT_EQ(chmod(folder.path("k").c_str(), 0600), 0);
    expectRefused(folder.path("k"), "bytes instead of 32");
  }
  open(folder.path("good"));
  std::filesystem::create_symlink(folder.path("good"), folder.path("link"));
  expectRefused(folder.path("link"), "symbolic link");
  std::filesystem::create_symlink(folder.path("nothing"), folder.path("dangling"));
  expectRefused(folder.path("dangling"), "symbolic link");
  EXPECT_FALSE(std::filesystem::exists(folder.path("nothing")));
  std::filesystem::create_directory(folder.path("folder"));
  expectRefused(folder.path("folder"), "not a plain file");
  ASSERT_EQ(mkfifo(folder.path("pipe").c_str(), 0600), 0);
  expectRefused(folder.path("pipe"), "not a plain file");
}

TEST(UserKey, IsUnavailableWhereThereIsNoPlace) {
  EXPECT_TRUE(absl::IsUnavailable(UserKey::open("").status()));
  EXPECT_TRUE(absl::IsUnavailable(UserKey::open("/dev/null/llmc/object.key").status()))
      << UserKey::open("/dev/null/llmc/object.key").status();
}

} // namespace
} // namespace llmc
