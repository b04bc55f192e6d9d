#include "runtime/core/AtomicFile.h"
#include "runtime/core/FolderLock.h"
#include "runtime/core/MappedFile.h"
#include "runtime/core/TemporaryFolder.h"
#include "runtime/eval/NpyWriter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace llmc {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::string messageOf(const absl::Status &status) { return std::string(status.message()); }

/// A fresh empty folder per test.
class FileTest : public testing::Test {
protected:
  void SetUp() override {
    folder = fs::path(testing::TempDir()) /
             ("llmc-files-" + std::to_string(getpid()) + "-" +
              testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder);
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }

  std::string at(const std::string &name) const { return (folder / name).string(); }
  void put(const std::string &name, const std::string &text) const {
    std::ofstream(at(name), std::ios::binary) << text;
  }
  std::string get(const std::string &name) const {
    std::ifstream file(at(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto &entry : fs::directory_iterator(folder))
      found.push_back(entry.path().filename().string());
    return found;
  }

  fs::path folder;
};

using MappedFileTest = FileTest;
using AtomicFileTest = FileTest;
using NpyWriterTest = FileTest;

TEST_F(MappedFileTest, GivesTheBytes) {
  const std::string text = std::string(10'000, 'x') + "end";
  put("a", text);
  auto file = MappedFile::open(at("a"));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(std::string(file->bytes().begin(), file->bytes().end()), text);
  EXPECT_EQ(file->size(), text.size());
  EXPECT_EQ(file->path(), at("a"));
}

TEST_F(MappedFileTest, AnEmptyFileHasNoBytes) {
  put("empty", "");
  auto file = MappedFile::open(at("empty"));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE(file->bytes().empty());
  EXPECT_TRUE(file->advise(PageAdvice::willNeed).ok());
}

TEST_F(MappedFileTest, MovingKeepsTheMapping) {
  put("a", "first");
  put("b", "second");
  auto a = MappedFile::open(at("a"));
  auto b = MappedFile::open(at("b"));
  ASSERT_TRUE(a.ok() && b.ok());
  const uint8_t *data = b->bytes().data();
  *a = *std::move(b);
  EXPECT_EQ(a->bytes().data(), data);
  EXPECT_EQ(a->bytes()[0], 's');
}

TEST_F(MappedFileTest, AdviceStaysInsideTheFile) {
  put("a", std::string(20'000, 'x'));
  auto file = MappedFile::open(at("a"));
  ASSERT_TRUE(file.ok());
  for (PageAdvice advice :
       {PageAdvice::normal, PageAdvice::sequential, PageAdvice::random, PageAdvice::willNeed}) {
    EXPECT_TRUE(file->advise(advice).ok());
    EXPECT_TRUE(file->advise(advice, 4097, 10'000).ok()) << "needs no page border";
  }
  EXPECT_TRUE(file->advise(PageAdvice::normal, 20'000, 0).ok());
  EXPECT_EQ(file->advise(PageAdvice::normal, 1, 20'000).code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(file->advise(PageAdvice::normal, 20'001, 0).code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(file->advise(PageAdvice::normal, 1, SIZE_MAX).code(), absl::StatusCode::kOutOfRange);
}

TEST_F(MappedFileTest, ReleasedPagesAreReadAgain) {
  constexpr size_t kPage = 4096;
  const std::string content(5 * kPage + 7, 'x');
  put("a", content);
  auto file = MappedFile::open(at("a"));
  ASSERT_TRUE(file.ok());
  const std::span<const uint8_t> bytes = file->bytes();
  const std::string before(bytes.begin(), bytes.end());
  EXPECT_EQ(before, content);
  releasePages(bytes.subspan(1, 3 * kPage)); // the pages 1 and 2 lie wholly inside
  releasePages(bytes.subspan(10, 20));       // none does
  releasePages({});
  EXPECT_EQ(std::string(bytes.begin(), bytes.end()), content);
}

TEST_F(MappedFileTest, ErrorsNameTheFile) {
  auto missing = MappedFile::open(at("missing"));
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(messageOf(missing.status()), StartsWith(at("missing") + ": cannot open: "));
  EXPECT_THAT(messageOf(MappedFile::open(folder.string()).status()),
              HasSubstr("not a regular file"));
  ASSERT_EQ(mkfifo(at("fifo").c_str(), 0600), 0);
  EXPECT_THAT(messageOf(MappedFile::open(at("fifo")).status()), HasSubstr("not a regular file"));
}

TEST_F(AtomicFileTest, AppearsWholeAtCommit) {
  put("out", "old");
  auto file = AtomicFile::create(at("out"));
  ASSERT_TRUE(file.ok()) << file.status();
  // Pieces below, across and above the size of the internal buffer.
  std::string wanted;
  for (size_t size : {1, 0, 70'000, 5, 65'535, 2, 65'536, 200'000, 3}) {
    const std::string piece(size, char('a' + wanted.size() % 26));
    ASSERT_TRUE(file->write(piece).ok());
    wanted += piece;
  }
  EXPECT_EQ(file->size(), wanted.size());
  ASSERT_TRUE(file->overwrite(1, "PATCH").ok());
  wanted.replace(1, 5, "PATCH");
  ASSERT_TRUE(file->write("tail").ok());
  wanted += "tail";
  EXPECT_EQ(get("out"), "old");
  ASSERT_TRUE(file->commit().ok());
  EXPECT_EQ(get("out"), wanted);
  EXPECT_THAT(names(), ElementsAre("out"));
  EXPECT_FALSE(file->write("more").ok());
  EXPECT_FALSE(file->commit().ok());
  EXPECT_EQ(get("out"), wanted);
}

TEST_F(AtomicFileTest, WithoutCommitNothingStays) {
  put("out", "old");
  {
    auto file = AtomicFile::create(at("out"));
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->write("new").ok());
    EXPECT_LE(names().size(), 2u); // it need not have a name yet
    AtomicFile moved = *std::move(file);
  }
  EXPECT_EQ(get("out"), "old");
  EXPECT_THAT(names(), ElementsAre("out"));
}

TEST_F(AtomicFileTest, OverwriteStaysInsideWhatWasWritten) {
  auto file = AtomicFile::create(at("out"));
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->write("12345").ok());
  EXPECT_EQ(file->overwrite(3, "abc").code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(file->overwrite(UINT64_MAX, "a").code(), absl::StatusCode::kOutOfRange);
  EXPECT_TRUE(file->overwrite(3, "ab").ok());
  ASSERT_TRUE(file->commit().ok());
  EXPECT_EQ(get("out"), "123ab");
}

TEST_F(AtomicFileTest, PermissionsFollowTheUmaskOrTheReplacedFile) {
  const mode_t mask = umask(027);
  auto fresh = AtomicFile::create(at("fresh"));
  ASSERT_TRUE(fresh.ok() && fresh->commit().ok());
  put("kept", "old");
  fs::permissions(at("kept"), fs::perms(0604));
  auto kept = AtomicFile::create(at("kept"));
  ASSERT_TRUE(kept.ok() && kept->commit().ok());
  umask(mask);
  EXPECT_EQ(fs::status(at("fresh")).permissions(), fs::perms(0640));
  EXPECT_EQ(fs::status(at("kept")).permissions(), fs::perms(0604));
}

TEST_F(AtomicFileTest, FollowsALinkToTheRealFile) {
  fs::create_directory(folder / "real");
  put("real/file", "old");
  fs::create_symlink("real/file", folder / "link");
  auto file = AtomicFile::create(at("link"));
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->write("new").ok());
  ASSERT_TRUE(file->commit().ok());
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(get("real/file"), "new");
}

TEST_F(AtomicFileTest, ReplacesALinkWhereItMustNotBeFollowed) {
  put("victim", "old");
  fs::create_symlink("victim", folder / "link");
  fs::create_symlink("nothing", folder / "dangling");
  for (const char *name : {"link", "dangling"}) {
    auto file = AtomicFile::create(at(name), AtomicFile::Links::Replaced);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->write("new").ok());
    ASSERT_TRUE(file->commit().ok());
    EXPECT_FALSE(fs::is_symlink(folder / name));
    EXPECT_EQ(get(name), "new");
  }
  EXPECT_EQ(get("victim"), "old");
  EXPECT_FALSE(fs::exists(folder / "nothing"));
}

TEST_F(AtomicFileTest, RefusesWhatIsNoFile) {
  EXPECT_THAT(messageOf(AtomicFile::create("/dev/null").status()), HasSubstr("not a regular file"));
  EXPECT_THAT(messageOf(AtomicFile::create(folder.string()).status()), StartsWith(folder.string()));
  EXPECT_FALSE(AtomicFile::create("").ok());
  EXPECT_FALSE(AtomicFile::create(at("new/")).ok());
  const auto noFolder = AtomicFile::create(at("none/file"));
  EXPECT_EQ(noFolder.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(messageOf(noFolder.status()), StartsWith(at("none/file")));
  EXPECT_TRUE(names().empty());
}

TEST_F(AtomicFileTest, AFailedWriteLeavesNothing) {
  rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  auto previous = signal(SIGXFSZ, SIG_IGN);
  auto file = AtomicFile::create(at("out"));
  ASSERT_TRUE(file.ok());
  rlimit small = before;
  small.rlim_cur = 1000;
  setrlimit(RLIMIT_FSIZE, &small);
  const absl::Status failed = file->write(std::string(100'000, 'x'));
  const absl::Status later = file->commit();
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, previous);
  EXPECT_THAT(messageOf(failed), StartsWith(at("out") + ": cannot write: "));
  EXPECT_EQ(later, failed);
  EXPECT_TRUE(names().empty());
}

TEST_F(NpyWriterTest, WritesWhatNumPyReads) {
  auto writer = NpyWriter::create(at("a.npy"), 3);
  ASSERT_TRUE(writer.ok()) << writer.status();
  std::vector<float> values(12 * 3);
  std::iota(values.begin(), values.end(), -5.5f);
  ASSERT_TRUE(writer->append(std::span(values).first(3)).ok());
  ASSERT_TRUE(writer->append({}).ok());
  ASSERT_TRUE(writer->append(std::span(values).subspan(3)).ok());
  EXPECT_EQ(writer->rows(), 12u);
  EXPECT_FALSE(fs::exists(at("a.npy")));
  ASSERT_TRUE(writer->commit().ok());

  // The layout of the format's version 1.0: magic, version, header size, a Python dictionary
  // padded with spaces and ended by a newline so that the values start at a multiple of 64.
  const std::string bytes = get("a.npy");
  ASSERT_EQ(bytes.size(), 128 + values.size() * 4);
  EXPECT_EQ(bytes.substr(0, 10), std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  EXPECT_THAT(bytes.substr(10),
              StartsWith("{'descr': '<f4', 'fortran_order': False, 'shape': (12, 3), } "));
  EXPECT_EQ(bytes.find_first_not_of(' ', bytes.find('}') + 1), 127u);
  EXPECT_EQ(bytes[127], '\n');
  EXPECT_EQ(std::memcmp(bytes.data() + 128, values.data(), values.size() * 4), 0);
}

TEST_F(NpyWriterTest, AnyDimensionsFitTheHeader) {
  auto writer = NpyWriter::create(at("a.npy"), UINT64_MAX);
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(writer->commit().ok());
  EXPECT_EQ(get("a.npy").size(), 128u);
  EXPECT_THAT(get("a.npy"), HasSubstr("(0, 18446744073709551615), }"));
}

TEST_F(NpyWriterTest, RefusesPartsOfRowsAndRemovesItself) {
  {
    auto writer = NpyWriter::create(at("a.npy"), 3);
    ASSERT_TRUE(writer.ok());
    EXPECT_EQ(writer->append(std::vector<float>(4)).code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(writer->rows(), 0u);
  }
  EXPECT_FALSE(NpyWriter::create(at("b.npy"), 0).ok());
  EXPECT_TRUE(names().empty());
}

TEST_F(FileTest, AFolderIsLockedOnce) {
  absl::StatusOr<FolderLock> first = FolderLock::take(at("."));
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(FolderLock::take(at(".")).status().code(), absl::StatusCode::kFailedPrecondition);
  { FolderLock over = *std::move(first); }
  EXPECT_TRUE(FolderLock::take(at(".")).ok());
  EXPECT_THAT(messageOf(FolderLock::take(at("none")).status()), HasSubstr("none: cannot open"));
}

TEST_F(FileTest, ATemporaryFolderGoesWithItsFiles) {
  std::string path;
  {
    auto made = TemporaryFolder::create();
    ASSERT_TRUE(made.ok()) << made.status();
    path = (*made)->path();
    std::ofstream((*made)->fileNamed("a")) << "x";
    EXPECT_TRUE(fs::exists(path + "/a"));
  }
  EXPECT_FALSE(fs::exists(path));
}

} // namespace
} // namespace llmc
