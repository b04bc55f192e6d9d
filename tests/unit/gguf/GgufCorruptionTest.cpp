// Files that lie: each rule of the reader has a damaged file that breaks just this rule.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "frontends/gguf/file/GgufFile.h"
#include "tests/unit/gguf/FileBuilder.h"
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <random>

namespace llmc::gguf::testing {
namespace {

constexpr char fileName[] = "bad.gguf";

// Bytes without slack behind them, so that AddressSanitizer sees the first one read too far.
struct ExactCopy {
  explicit ExactCopy(std::span<const uint8_t> bytes)
      : data(new uint8_t[bytes.size()]), size(bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), data.get());
  }
  std::unique_ptr<uint8_t[]> data;
  size_t size;
  std::span<const uint8_t> span() const { return {data.get(), size}; }
};

void expectOneLineFromTheFile(const absl::Status &status) {
  std::string message(status.message());
  EXPECT_TRUE(absl::StartsWith(message, absl::StrCat(fileName, ": "))) << message;
  EXPECT_FALSE(absl::StrContains(message, "\n")) << message;
  // Every error ends with a remedy.
  EXPECT_TRUE(absl::StrContains(message, "; ")) << message;
}

struct Damage {
  const char *name;
  std::function<void(FileBuilder &)> apply;
  const char *message;
  absl::StatusCode code = absl::StatusCode::kInvalidArgument;
};

std::ostream &operator<<(std::ostream &out, const Damage &damage) { return out << damage.name; }

class GgufDamage : public ::testing::TestWithParam<Damage> {};

TEST_P(GgufDamage, IsRefused) {
  FileBuilder file = sampleFile();
  ASSERT_TRUE(GgufFile::parse(file.build(), fileName).ok());
  GetParam().apply(file);
  ExactCopy bytes(file.build());
  auto parsed = GgufFile::parse(bytes.span(), fileName);
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.status().code(), GetParam().code) << parsed.status();
  expectOneLineFromTheFile(parsed.status());
  EXPECT_THAT(std::string(parsed.status().message()), ::testing::HasSubstr(GetParam().message));
}

Bytes manyBytes(size_t count) { return Bytes(count, 'x'); }

const Damage damages[] = {
    {"Magic", [](FileBuilder &f) { f.magic = "GGML"; }, "not a GGUF file: it starts with 'GGML'"},
    {"LfsPointer", [](FileBuilder &f) { f.magic = "version https://git-lfs.github.com/spec/v1\n"; },
     "git lfs pull"},
    {"Version0", [](FileBuilder &f) { f.version = 0; }, "byte 4: GGUF version 0 is not known"},
    {"Version1", [](FileBuilder &f) { f.version = 1; },
     "GGUF 1 is not supported; convert the model again"},
    {"Version4", [](FileBuilder &f) { f.version = 4; }, "GGUF version 4 is not known"},
    {"BigEndian", [](FileBuilder &f) { f.version = 0x03000000; }, "big-endian"},
    {"KeyCountHuge", [](FileBuilder &f) { f.keyCount = UINT64_MAX; },
     "byte 16: the header promises 18446744073709551615 metadata records"},
    {"KeyCountTooHigh", [](FileBuilder &f) { f.keyCount = 1000; },
     "promises 1000 metadata records, more than the remaining"},
    {"TensorCountHuge", [](FileBuilder &f) { f.tensorCount = UINT64_MAX / 2; },
     "byte 8: the header promises 9223372036854775807 tensors"},
    {"KeyLengthHuge", [](FileBuilder &f) { f.records[0] = packed(UINT64_MAX) + manyBytes(20); },
     "byte 24: the file ends inside the key of metadata record 0"},
    {"KeyEmpty", [](FileBuilder &f) { f.records[0] = packedString("") + packed(0u, uint8_t(1)); },
     "byte 24: metadata record 0 has an empty key"},
    {"KeyTwice", [](FileBuilder &f) { f.key("t.u8", 0, packed(uint8_t(1))); },
     "key 't.u8' is there twice"},
    {"KeyWithControlCharacters", [](FileBuilder &f) { f.key("\x1b[2J\n", 77, {}); },
     "key '\\x1b[2J\\n' has type 77, which GGUF does not have"},
    {"ValueType13", [](FileBuilder &f) { f.key("k", 13, manyBytes(8)); },
     "key 'k' has type 13, which GGUF does not have"},
    {"StringLengthHuge", [](FileBuilder &f) { f.key("k", 8, packed(UINT64_MAX - 7)); },
     "the file ends inside the string of key 'k'"},
    {"Bool2", [](FileBuilder &f) { f.key("k", 7, packed(uint8_t(2))); },
     "key 'k' has a bool of 2, neither 0 nor 1"},
    {"BoolInArray", [](FileBuilder &f) { f.array("k", 7, 2, packed(uint8_t(1), uint8_t(255))); },
     "key 'k' has a bool of 255"},
    {"ArrayOfArrays", [](FileBuilder &f) { f.array("k", 9, 1, packed(4u, uint64_t(0))); },
     "key 'k' is an array of arrays; nested arrays are not supported"},
    {"ArrayElementType", [](FileBuilder &f) { f.array("k", 99, 0, {}); },
     "the array of key 'k' has element type 99"},
    {"ArrayCountHuge", [](FileBuilder &f) { f.array("k", 10, UINT64_MAX / 4, {}); },
     "the array of key 'k' promises 4611686018427387903 elements"},
    {"ArrayCountOverflows", [](FileBuilder &f) { f.array("k", 10, (UINT64_MAX >> 3) + 2, {}); },
     "the array of key 'k' promises 2305843009213693953 elements"},
    {"StringArrayCountHuge", [](FileBuilder &f) { f.array("k", 8, UINT64_MAX, {}); },
     "the array of key 'k' promises 18446744073709551615 elements"},
    {"StringArrayElementHuge", [](FileBuilder &f) { f.array("k", 8, 1, packed(UINT64_MAX)); },
     "the file ends inside element 0 of key 'k'"},
    {"Alignment0", [](FileBuilder &f) { f.key("general.alignment", 4, packed(0u)); },
     "'general.alignment' is 0, expected a power of two"},
    {"Alignment4", [](FileBuilder &f) { f.key("general.alignment", 4, packed(4u)); },
     "'general.alignment' is 4, expected a power of two"},
    {"Alignment48", [](FileBuilder &f) { f.key("general.alignment", 4, packed(48u)); },
     "'general.alignment' is 48, expected a power of two"},
    {"AlignmentType", [](FileBuilder &f) { f.key("general.alignment", 8, packedString("32")); },
     "key 'general.alignment' is string, expected u32"},
    {"AlignmentBehindTheEnd",
     [](FileBuilder &f) {
       f.key("general.alignment", 4, packed(1u << 31));
       f.tensors.resize(1);
     },
     "tensor 'norm': its 32 bytes at offset 0 of the data section at byte 2147483648"},
    {"TensorNameEmpty", [](FileBuilder &f) { f.tensors[1].name = ""; },
     "the name of tensor 1 has 0 bytes, expected 1 to 63"},
    {"TensorNameLong", [](FileBuilder &f) { f.tensors[1].name = std::string(64, 'n'); },
     "the name of tensor 1 has 64 bytes, expected 1 to 63"},
    {"TensorTwice", [](FileBuilder &f) { f.tensors[2].name = "norm"; },
     "tensor 'norm' is there twice"},
    {"Dims0", [](FileBuilder &f) { f.tensors[0].shape = {}; },
     "tensor 'norm': it has 0 dimensions, expected 1 to 4"},
    {"Dims5",
     [](FileBuilder &f) {
       f.tensors[0].shape = {8, 1, 1, 1, 1};
     },
     "tensor 'norm': it has 5 dimensions, expected 1 to 4"},
    {"DimsHuge", [](FileBuilder &f) { f.tensors[0].dims = UINT32_MAX; },
     "tensor 'norm': it has 4294967295 dimensions"},
    {"Extent0",
     [](FileBuilder &f) {
       f.tensors[1].shape = {32, 0};
     },
     "tensor 'weight': dimension 1 is 0"},
    {"ProductOverflows",
     [](FileBuilder &f) {
       f.tensors[1].shape = {uint64_t(1) << 32, uint64_t(1) << 32};
     },
     "tensor 'weight': the product of its dimensions does not fit 64 bits"},
    {"BytesOverflow",
     [](FileBuilder &f) {
       f.tensors[0].shape = {uint64_t(1) << 62, 2};
     },
     "tensor 'norm': its size in bytes does not fit 64 bits"},
    {"RowNotWholeBlocks",
     [](FileBuilder &f) {
       f.tensors[1].shape = {48, 2};
     },
     "tensor 'weight': its rows have 48 weights, not a multiple of 32 as Q8_0 needs"},
    {"TypeOfGgmlThatWeLack", [](FileBuilder &f) { f.tensors[1].type = 15; },
     "tensor 'weight': its type Q8_K (ggml type 15) is not one of the supported types: F32, F16"},
    {"TypeRemoved", [](FileBuilder &f) { f.tensors[1].type = 31; },
     "its type Q4_0_4_4 (ggml type 31) is not one of the supported types"},
    {"TypeUnknown", [](FileBuilder &f) { f.tensors[1].type = 1000; },
     "tensor 'weight': its type unknown (ggml type 1000)"},
    {"OffsetNotAligned", [](FileBuilder &f) { f.tensors[2].offset = 120; },
     "tensor 'raw': its offset 120 is not a multiple of the alignment 32"},
    {"OffsetBehindTheEnd", [](FileBuilder &f) { f.tensors[2].offset = 1 << 20; },
     "tensor 'raw': its 60 bytes at offset 1048576"},
    {"OffsetHuge", [](FileBuilder &f) { f.tensors[2].offset = UINT64_MAX - 31; },
     "tensor 'raw': its 60 bytes at offset 18446744073709551584"},
    {"TensorLongerThanTheFile", [](FileBuilder &f) { f.tensors[2].shape = {61}; },
     "tensor 'raw': its 61 bytes at offset 128"},
    {"Overlap", [](FileBuilder &f) { f.tensors[2].offset = 96; },
     "tensor 'raw': its bytes overlap those of tensor 'weight'"},
    {"SameOffset", [](FileBuilder &f) { f.tensors[1].offset = 0; },
     "tensor 'weight': its bytes overlap those of tensor 'norm'"},
    {"SplitPart",
     [](FileBuilder &f) {
       f.key("split.count", 2, packed(uint16_t(3)));
       f.key("split.no", 2, packed(uint16_t(1)));
     },
     "this is part 2 of 3 of a split model; open it by its path"},
    {"SplitWithoutNumber", [](FileBuilder &f) { f.key("split.count", 2, packed(uint16_t(3))); },
     "'split.no' is missing", absl::StatusCode::kNotFound},
    {"SplitNumberTooHigh",
     [](FileBuilder &f) {
       f.key("split.count", 2, packed(uint16_t(3)));
       f.key("split.no", 2, packed(uint16_t(3)));
     },
     "'split.no' is 3, not below the 'split.count' of 3"},
};

INSTANTIATE_TEST_SUITE_P(Rules, GgufDamage, ::testing::ValuesIn(damages),
                         [](const auto &info) { return info.param.name; });

TEST(GgufCorruption, TruncationAtEveryByteIsRefused) {
  Bytes whole = sampleFile().build();
  ASSERT_TRUE(GgufFile::parse(whole, fileName).ok());
  for (size_t size = 0; size < whole.size(); ++size) {
    ExactCopy bytes(std::span(whole).first(size));
    auto parsed = GgufFile::parse(bytes.span(), fileName);
    ASSERT_FALSE(parsed.ok()) << "cut to " << size << " bytes";
    expectOneLineFromTheFile(parsed.status());
  }
}

TEST(GgufCorruption, TruncatedVocabularyIsRefused) {
  FileBuilder file = sampleFile();
  file.tensors.clear();
  file.data.clear();
  Bytes whole = file.build();
  ASSERT_TRUE(GgufFile::parse(whole, fileName).ok());
  for (size_t size = 0; size < whole.size(); ++size) {
    ExactCopy bytes(std::span(whole).first(size));
    ASSERT_FALSE(GgufFile::parse(bytes.span(), fileName).ok()) << "cut to " << size << " bytes";
  }
}

// Reads all that the file offers and checks that it lies inside `bytes`.
void visitAll(const GgufFile &file, std::span<const uint8_t> bytes) {
  auto inside = [&](std::span<const uint8_t> part) {
    return part.data() >= bytes.data() && part.data() + part.size() <= bytes.data() + bytes.size();
  };
  for (const KeyValue &keyValue : file.keyValues()) {
    EXPECT_TRUE(inside(keyValue.record));
    EXPECT_TRUE(inside(keyValue.value));
    EXPECT_EQ(file.find(keyValue.key), &keyValue);
    EXPECT_FALSE(absl::StrContains(keyValue.preview(), "\n"));
    (void)file.get<uint32_t>(keyValue.key);
    (void)file.get<float>(keyValue.key);
    (void)file.get<std::string>(keyValue.key);
    auto integers = file.getArray<int64_t>(keyValue.key);
    auto doubles = file.getArray<double>(keyValue.key);
    auto bools = file.getArray<bool>(keyValue.key);
    auto strings = file.getArray<std::string>(keyValue.key);
    if (integers.ok())
      EXPECT_EQ(integers->size(), keyValue.count);
    if (strings.ok())
      EXPECT_EQ(strings->size(), keyValue.count);
  }
  unsigned sum = 0;
  for (const TensorInfo &tensor : file.tensors()) {
    ASSERT_TRUE(inside(tensor.span())) << tensor.name;
    for (uint8_t byte : tensor.span())
      sum += byte;
  }
  // Keeps the reads above from being optimized away.
  asm volatile("" : : "r"(sum));
}

TEST(GgufCorruption, RandomByteChangesNeverCrash) {
  const Bytes whole = sampleFile().build();
  // Changes behind the records only alter weights.
  const size_t records = whole.size() - 188;
  std::mt19937_64 random(20240607);
  size_t refused = 0;
  constexpr int rounds = 20000;
  for (int round = 0; round < rounds; ++round) {
    ExactCopy bytes(whole);
    for (uint64_t changes = 1 + random() % 4; changes > 0; --changes) {
      uint8_t &byte = bytes.data[random() % records];
      // Zeros, all ones and small steps reach other paths than noise does.
      switch (random() % 4) {
      case 0:
        byte = 0;
        break;
      case 1:
        byte = 0xFF;
        break;
      case 2:
        byte += random() % 2 ? 1 : -1;
        break;
      default:
        byte = static_cast<uint8_t>(random());
      }
    }
    auto parsed = GgufFile::parse(bytes.span(), fileName);
    if (parsed.ok()) {
      visitAll(**parsed, bytes.span());
    } else {
      expectOneLineFromTheFile(parsed.status());
      ++refused;
    }
  }
  // Both ways must have been exercised.
  EXPECT_GT(refused, size_t(rounds) / 10);
  EXPECT_LT(refused, size_t(rounds) * 9 / 10);
}

} // namespace
} // namespace llmc::gguf::testing
