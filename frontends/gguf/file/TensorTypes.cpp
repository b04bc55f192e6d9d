#include "frontends/gguf/file/TensorTypes.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <vector>

namespace llmc::gguf {
namespace {

struct Named {
  uint32_t ggmlType;
  const char *name;
  uint32_t plainBytes; // bytes of an element of plain data; 0 for block formats
};

// Every type id that ggml has or had.
constexpr Named ggmlTypes[] = {
    {0, "F32", 4},         {1, "F16", 2},         {2, "Q4_0", 0},        {3, "Q4_1", 0},
    {4, "Q4_2", 0},        {5, "Q4_3", 0},        {6, "Q5_0", 0},        {7, "Q5_1", 0},
    {8, "Q8_0", 0},        {9, "Q8_1", 0},        {10, "Q2_K", 0},       {11, "Q3_K", 0},
    {12, "Q4_K", 0},       {13, "Q5_K", 0},       {14, "Q6_K", 0},       {15, "Q8_K", 0},
    {16, "IQ2_XXS", 0},    {17, "IQ2_XS", 0},     {18, "IQ3_XXS", 0},    {19, "IQ1_S", 0},
    {20, "IQ4_NL", 0},     {21, "IQ3_S", 0},      {22, "IQ2_S", 0},      {23, "IQ4_XS", 0},
    {24, "I8", 1},         {25, "I16", 2},        {26, "I32", 4},        {27, "I64", 8},
    {28, "F64", 8},        {29, "IQ1_M", 0},      {30, "BF16", 2},       {31, "Q4_0_4_4", 0},
    {32, "Q4_0_4_8", 0},   {33, "Q4_0_8_8", 0},   {34, "TQ1_0", 0},      {35, "TQ2_0", 0},
    {36, "IQ4_NL_4_4", 0}, {37, "IQ4_NL_4_8", 0}, {38, "IQ4_NL_8_8", 0}, {39, "MXFP4", 0},
    {40, "NVFP4", 0},      {41, "Q1_0", 0},       {42, "Q2_0", 0},
};

const Named *findNamed(uint32_t ggmlType) {
  for (const Named &named : ggmlTypes)
    if (named.ggmlType == ggmlType)
      return &named;
  return nullptr;
}

} // namespace

std::optional<Storage> findStorage(uint32_t ggmlType) {
  if (const BlockFormat *format = findBlockFormatByGgmlType(ggmlType))
    return Storage{format, format->weights, format->bytes};
  const Named *named = findNamed(ggmlType);
  if (named && named->plainBytes != 0)
    return Storage{nullptr, 1, named->plainBytes};
  return std::nullopt;
}

std::string ggmlTypeName(uint32_t ggmlType) {
  if (const Named *named = findNamed(ggmlType))
    return named->name;
  return "unknown";
}

absl::StatusOr<uint64_t> tensorBytes(std::span<const uint64_t> shape, uint32_t ggmlType) {
  auto error = [](const auto &...parts) {
    return absl::InvalidArgumentError(absl::StrCat(parts...));
  };
  if (shape.empty() || shape.size() > mostDims)
    return error("it has ", shape.size(), " dimensions, expected 1 to ", mostDims);
  uint64_t elements = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0)
      return error("dimension ", i, " is 0");
    if (__builtin_mul_overflow(elements, shape[i], &elements))
      return error("the product of its dimensions does not fit 64 bits");
  }
  std::optional<Storage> storage = findStorage(ggmlType);
  if (!storage)
    return error("its type ", ggmlTypeName(ggmlType), " (ggml type ", ggmlType,
                 ") is not one of the supported types: ", knownTypeNames());
  if (shape[0] % storage->weights != 0)
    return error("its rows have ", shape[0], " weights, not a multiple of ", storage->weights,
                 " as ", ggmlTypeName(ggmlType), " needs");
  uint64_t bytes;
  if (__builtin_mul_overflow(elements / storage->weights, uint64_t(storage->bytes), &bytes))
    return error("its size in bytes does not fit 64 bits");
  return bytes;
}

std::string knownTypeNames() {
  std::vector<const char *> names;
  for (const Named &named : ggmlTypes)
    if (findStorage(named.ggmlType))
      names.push_back(named.name);
  return absl::StrJoin(names, ", ");
}

} // namespace llmc::gguf
