// A small model of architecture `llama`, as a GGUF without data, and adapters for it.
#ifndef LLMC_TESTS_UNIT_LORA_TESTMODEL_H
#define LLMC_TESTS_UNIT_LORA_TESTMODEL_H

#include "frontends/lora/adapter/Adapter.h"
#include "frontends/lora/adapter/BaseModel.h"
#include "tests/unit/gguf/FileBuilder.h"
#include "tests/unit/gguf/TempFolder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace llmc::lora::testing {

using gguf::testing::FileBuilder;
using gguf::testing::packed;
using gguf::testing::packedString;
using gguf::testing::TempFolder;

struct ModelSize {
  uint32_t layers = 2, width = 8, heads = 2, kvHeads = 1, feedForward = 12, vocabulary = 10;
  bool tied = false;
  std::string architecture = "llama";
};

inline BaseModel makeBase(const ModelSize &size = {}) {
  FileBuilder file;
  const std::string prefix = size.architecture + ".";
  file.key("general.architecture", 8, packedString(size.architecture));
  file.key("general.name", 8, packedString("Test Model"));
  file.key(prefix + "block_count", 4, packed(size.layers));
  file.key(prefix + "attention.head_count", 4, packed(size.heads));
  file.key(prefix + "attention.head_count_kv", 4, packed(size.kvHeads));
  uint64_t offset = 0;
  const auto add = [&](const std::string &name, std::vector<uint64_t> shape) {
    uint64_t bytes = 4;
    for (uint64_t extent : shape)
      bytes *= extent;
    file.tensors.push_back({name, std::move(shape), 0, offset});
    offset += (bytes + 31) / 32 * 32;
  };
  const uint64_t width = size.width, kvWidth = width / size.heads * size.kvHeads;
  add("token_embd.weight", {width, size.vocabulary});
  for (uint32_t layer = 0; layer < size.layers; ++layer) {
    const std::string block = "blk." + std::to_string(layer) + ".";
    add(block + "attn_norm.weight", {width});
    add(block + "attn_q.weight", {width, width});
    add(block + "attn_k.weight", {width, kvWidth});
    add(block + "attn_v.weight", {width, kvWidth});
    add(block + "attn_output.weight", {width, width});
    add(block + "ffn_gate.weight", {width, size.feedForward});
    add(block + "ffn_up.weight", {width, size.feedForward});
    add(block + "ffn_down.weight", {size.feedForward, width});
  }
  if (!size.tied)
    add("output.weight", {width, size.vocabulary});
  const std::vector<uint8_t> bytes = file.build(); // the file is a view of it
  auto opened = gguf::GgufFile::parse(bytes, "base.gguf", {.headerOnly = true});
  EXPECT_TRUE(opened.ok()) << opened.status();
  auto base = BaseModel::describe(**opened);
  EXPECT_TRUE(base.ok()) << base.status();
  return *base;
}

// Values that tell where they came from.
inline std::vector<float> numbers(size_t count, float start) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i)
    values[i] = start + static_cast<float>(i) / 8;
  return values;
}

inline AdapterMatrix makeMatrix(const BaseModel &base, const std::string &weight, uint64_t rank,
                                float alpha) {
  const BaseMatrix *matrix = base.find(weight);
  EXPECT_NE(matrix, nullptr) << weight;
  AdapterMatrix out;
  out.weight = weight;
  out.lookup = weight == "token_embd.weight";
  out.rank = rank;
  out.inputs = out.lookup ? matrix->rows : matrix->columns;
  out.outputs = out.lookup ? matrix->columns : matrix->rows;
  out.alpha = alpha;
  out.a = numbers(rank * out.inputs, 1);
  out.b = numbers(rank * out.outputs, -3);
  return out;
}

inline Adapter makeAdapter(const BaseModel &base, const std::vector<std::string> &weights,
                           uint64_t rank = 2, float alpha = 4) {
  Adapter adapter;
  adapter.path = "memory";
  adapter.name = "an adapter";
  adapter.architecture = base.architecture();
  for (const std::string &weight : weights)
    adapter.matrices.push_back(makeMatrix(base, weight, rank, alpha));
  return adapter;
}

inline void expectSame(const Adapter &read, const Adapter &wanted) {
  ASSERT_EQ(read.matrices.size(), wanted.matrices.size());
  for (size_t i = 0; i < wanted.matrices.size(); ++i) {
    const AdapterMatrix &a = read.matrices[i], &b = wanted.matrices[i];
    EXPECT_EQ(a.weight, b.weight);
    EXPECT_EQ(a.lookup, b.lookup);
    EXPECT_EQ(a.rank, b.rank);
    EXPECT_EQ(a.inputs, b.inputs);
    EXPECT_EQ(a.outputs, b.outputs);
    EXPECT_FLOAT_EQ(a.alpha, b.alpha) << a.weight;
    EXPECT_EQ(a.a, b.a) << a.weight;
    EXPECT_EQ(a.b, b.b) << a.weight;
  }
}

template <class T>
std::string messageOf(const absl::StatusOr<T> &result) {
  return result.ok() ? "no error" : std::string(result.status().message());
}

} // namespace llmc::lora::testing

#endif
