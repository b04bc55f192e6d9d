#include "compiler/Artifact/SealedCode.h"
#include "absl/strings/escaping.h"
#include "tests/unit/gguf/TempFolder.h"
#include <gtest/gtest.h>

namespace llmc {
namespace {

using gguf::testing::TempFolder;

// A key of known bytes.
UserKey keyOf(const TempFolder &folder, const std::string &name, uint8_t first) {
  std::vector<uint8_t> bytes(UserKey::kBytes);
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<uint8_t>(first + i);
  folder.write(name, bytes);
  std::filesystem::permissions(folder.path(name), std::filesystem::perms(0600));
  auto key = UserKey::open(folder.path(name));
  EXPECT_TRUE(key.ok()) << key.status();
  return *std::move(key);
}

std::vector<uint8_t> sealed(const UserKey &key, absl::string_view origin, absl::string_view code) {
  const CodeSeal seal = sealCode(key, origin, code);
  std::vector<uint8_t> out(seal.begin(), seal.end());
  out.insert(out.end(), code.begin(), code.end());
  return out;
}

TEST(SealedCode, IsHmacSha512256) {
  TempFolder folder;
  const UserKey key = keyOf(folder, "k", 0);
  const CodeSeal seal = sealCode(key, "origin", "code");
  // Of Python: hmac.digest(bytes(range(32)), part(b"llmc object code 1") + part(b"origin") +
  // part(b"code"), "sha512")[:32], part(x) being len(x).to_bytes(8, "little") + x.
  EXPECT_EQ(absl::BytesToHexString({reinterpret_cast<const char *>(seal.data()), seal.size()}),
            "171dfe45b43b2b131974da238ef1d7f1e22bc761dbd5c1169bd9d53c0185c944");
}

TEST(SealedCode, OpensWhatIsWhole) {
  TempFolder folder;
  const UserKey key = keyOf(folder, "k", 0);
  EXPECT_EQ(openSealed(key, "origin", sealed(key, "origin", "code")), "code");
}

TEST(SealedCode, RefusesEveryOtherByte) {
  TempFolder folder;
  const UserKey key = keyOf(folder, "k", 0);
  const std::vector<uint8_t> whole = sealed(key, "origin", "some object code");
  for (size_t i = 0; i < whole.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      std::vector<uint8_t> changed = whole;
      changed[i] ^= 1 << bit;
      EXPECT_EQ(openSealed(key, "origin", changed), std::nullopt) << i;
    }
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(openSealed(key, "origin", std::span(whole).first(size)), std::nullopt) << size;
}

TEST(SealedCode, RefusesOtherOriginsAndKeys) {
  TempFolder folder;
  const UserKey key = keyOf(folder, "k", 0), other = keyOf(folder, "o", 1);
  const std::vector<uint8_t> whole = sealed(key, "origin", "code");
  for (const char *origin : {"", "Origin", "origi", "originc"})
    EXPECT_EQ(openSealed(key, origin, whole), std::nullopt) << origin;
  EXPECT_EQ(openSealed(other, "origin", whole), std::nullopt);
  // A byte that moved from the origin to the code.
  const CodeSeal seal = sealCode(key, "origin", "code");
  std::vector<uint8_t> moved(seal.begin(), seal.end());
  for (char c : std::string("ncode"))
    moved.push_back(c);
  EXPECT_EQ(openSealed(key, "origi", moved), std::nullopt);
  EXPECT_EQ(openSealed(key, "origin", {}), std::nullopt);
}

} // namespace
} // namespace llmc
