#include "runtime/core/Safetensors.h"

#include "absl/strings/str_cat.h"

#include <cstdlib>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace llmc {
namespace {

using ::testing::HasSubstr;

std::vector<uint8_t> fileOf(std::string json, size_t dataBytes) {
  const uint64_t length = json.size();
  std::vector<uint8_t> out(sizeof(length));
  std::memcpy(out.data(), &length, sizeof(length));
  out.insert(out.end(), json.begin(), json.end());
  for (size_t i = 0; i < dataBytes; ++i)
    out.push_back(static_cast<uint8_t>(i));
  return out;
}

std::string errorOf(const std::string &json, size_t dataBytes) {
  const std::vector<uint8_t> bytes = fileOf(json, dataBytes);
  const auto file = SafetensorsFile::parse(bytes, "f");
  return file.ok() ? "no error" : std::string(file.status().message());
}

std::string tensor(const std::string &name, const std::string &type, const std::string &shape,
                   uint64_t begin, uint64_t end) {
  return absl::StrCat("\"", name, "\":{\"dtype\":\"", type, "\",\"shape\":", shape,
                      ",\"data_offsets\":[", begin, ",", end, "]}");
}

TEST(Safetensors, ReadsTheFormat) {
  const std::vector<uint8_t> bytes = fileOf(
      absl::StrCat("{\"__metadata__\":{\"format\":\"pt\"},", tensor("b", "F16", "[2,1]", 4, 8), ",",
                   tensor("a", "F32", "[]", 0, 4), ",", tensor("c", "I8", "[0,3]", 8, 8), "}   "),
      8);
  const auto file = SafetensorsFile::parse(bytes, "f");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->metadata().at("format"), "pt");
  ASSERT_EQ(file->tensors().size(), 3u);
  EXPECT_EQ(file->find("b")->shape, (std::vector<uint64_t>{2, 1}));
  EXPECT_EQ(file->find("b")->bytes[0], 4);
  EXPECT_EQ(file->find("a")->elements(), 1u);
  EXPECT_EQ(file->find("x"), nullptr);
}

TEST(Safetensors, RefusesBadHeaders) {
  EXPECT_EQ(errorOf("{" + tensor("a", "F32", "[1]", 0, 4) + "}", 4), "no error");
  EXPECT_THAT(errorOf("{" + tensor("a", "F32", "[1]", 0, 4) + "}", 3), HasSubstr("outside"));
  EXPECT_THAT(errorOf("{" + tensor("a", "F32", "[1]", 0, 4) + "}", 5), HasSubstr("no tensor"));
  EXPECT_THAT(errorOf("{" + tensor("a", "F32", "[2]", 0, 4) + "}", 4), HasSubstr("shape [2]"));
  EXPECT_THAT(errorOf("{" + tensor("a", "F33", "[1]", 0, 4) + "}", 4), HasSubstr("unknown type"));
  EXPECT_THAT(errorOf("{" + tensor("a", "F32", "[1]", 4, 0) + "}", 4), HasSubstr("outside"));
  EXPECT_THAT(errorOf("{" + tensor("a", "I8", "[4294967296,4294967296,0]", 0, 0) + "}", 0),
              HasSubstr("shape"));
  const std::string a = tensor("a", "I8", "[4]", 0, 4);
  EXPECT_THAT(errorOf("{" + a + "," + a + "}", 4), HasSubstr("twice"));
  EXPECT_THAT(errorOf("{" + a + "," + tensor("b", "I8", "[4]", 0, 4) + "}", 4),
              HasSubstr("overlaps"));
  EXPECT_THAT(errorOf("{" + a + "," + tensor("b", "I8", "[1]", 5, 6) + "}", 6), HasSubstr("gaps"));
  for (const char *json :
       {"", "[]", "{", "{}}", "{\"a\":1}", "{\"a\":{}}", "{\"a\":{\"dtype\":\"I8\"}}",
        "{\"a\":{\"dtype\":\"I8\",\"shape\":[-1],\"data_offsets\":[0,0]}}",
        "{\"a\":{\"dtype\":\"I8\",\"shape\":[0],\"data_offsets\":[0,0,0]}}",
        "{\"a\":{\"dtype\":\"I8\",\"shape\":[[0]],\"data_offsets\":[0,0]}}",
        "{\"a\":{\"dtype\":\"I8\",\"shape\":[0],\"shape\":[0],\"data_offsets\":[0,0]}}",
        "{\"a\":{\"dtype\":\"I8\",\"shape\":[0],\"data_offsets\":[0,0],\"x\":1}}",
        "{\"__metadata__\":{\"a\":1}}", "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}",
        "{\"a\":{\"dtype\":\"I8\",\"shape\":[1e3],\"data_offsets\":[0,0]}}"})
    EXPECT_THAT(errorOf(json, 0), HasSubstr("header")) << json;
  EXPECT_THAT(errorOf(std::string(100000, '['), 0), HasSubstr("header"));
}

TEST(Safetensors, RefusesBadLengths) {
  for (std::vector<uint8_t> bytes : {std::vector<uint8_t>{},
                                     {1, 2, 3},
                                     std::vector<uint8_t>(16, 0xff),
                                     {3, 0, 0, 0, 0, 0, 0, 0}})
    EXPECT_FALSE(SafetensorsFile::parse(bytes, "f").ok());
}

TEST(Safetensors, WritesWhatItReads) {
  std::string folder = ::testing::TempDir() + "llmc-safetensors-XXXXXX";
  ASSERT_TRUE(::mkdtemp(folder.data()));
  const std::string path = folder + "/f.safetensors";
  const std::vector<float> values = {1, -2, 0.5f, 4};
  const SafetensorsTensor tensors[] = {{"x \"y\"\n", "F32", {2, 2}, floatBytes(values)},
                                       {"half", "BF16", {2}, floatBytes(values).first(4)}};
  ASSERT_TRUE(writeSafetensors(path, tensors, {{"k", "v\x01"}}).ok());
  const auto file = SafetensorsFile::open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->metadata().at("k"), "v\x01");
  EXPECT_EQ(reinterpret_cast<uintptr_t>(file->data().data()) % 8, 0u);
  ASSERT_NE(file->find("x \"y\"\n"), nullptr);
  EXPECT_EQ(*safetensorsFloats(*file->find("x \"y\"\n")), values);
  EXPECT_EQ((*safetensorsFloats(*file->find("half")))[1], 1.0f); // the upper half of 1.0f
  const SafetensorsTensor wrong[] = {{"x", "F32", {3}, floatBytes(values)}};
  EXPECT_FALSE(writeSafetensors(path, wrong).ok());
  std::filesystem::remove_all(folder);
}

} // namespace
} // namespace llmc
