#include "frontends/gguf/quantize/FileTypes.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace llmc::quantize {
namespace {

constexpr FileType kFileTypes[] = {
    {"TQ2_0", FileTypeId::TQ2_0, "tq2_0", "2.06 bits: -1, 0 or 1, for models trained so"},
    {"Q2_K", FileTypeId::Q2_K, "q2_K", "2.63 bits, more where it hurts"},
    {"Q2_K_S", FileTypeId::Q2_K_S, "q2_K", "2.63 bits; needs --imatrix"},
    {"Q3_K_S", FileTypeId::Q3_K_S, "q3_K", "3.44 bits"},
    {"Q3_K_M", FileTypeId::Q3_K_M, "q3_K", "3.44 bits, 4.5 and more where it hurts"},
    {"Q3_K_L", FileTypeId::Q3_K_L, "q3_K", "3.44 bits, 5.5 where it hurts"},
    {"Q4_0", FileTypeId::Q4_0, "q4_0", "4.5 bits"},
    {"Q4_1", FileTypeId::Q4_1, "q4_1", "5 bits"},
    {"Q4_K_S", FileTypeId::Q4_K_S, "q4_K", "4.5 bits, 5.5 in the first blocks"},
    {"Q4_K_M", FileTypeId::Q4_K_M, "q4_K", "4.5 bits, 6.56 where it hurts: the usual choice"},
    {"IQ4_NL", FileTypeId::IQ4_NL, "iq4_nl", "4.5 bits, uneven levels"},
    {"IQ4_XS", FileTypeId::IQ4_XS, "iq4_xs", "4.25 bits, uneven levels"},
    {"MXFP4_MOE", FileTypeId::MXFP4_MOE, "mxfp4", "4.25 bits for experts, Q8_0 for the rest"},
    {"Q5_0", FileTypeId::Q5_0, "q5_0", "5.5 bits"},
    {"Q5_1", FileTypeId::Q5_1, "q5_1", "6 bits"},
    {"Q5_K_S", FileTypeId::Q5_K_S, "q5_K", "5.5 bits"},
    {"Q5_K_M", FileTypeId::Q5_K_M, "q5_K", "5.5 bits, 6.56 where it hurts"},
    {"Q6_K", FileTypeId::Q6_K, "q6_K", "6.56 bits"},
    {"Q8_0", FileTypeId::Q8_0, "q8_0", "8.5 bits: next to no loss"},
    {"F16", FileTypeId::F16, "f16", "16 bits"},
    {"BF16", FileTypeId::BF16, "bf16", "16 bits, the range of F32"},
    {"F32", FileTypeId::F32, "f32", "32 bits"},
    {"COPY", FileTypeId::F32, nullptr, "copies all tensors as they are"},
};

struct Alias {
  const char *name, *of;
};
constexpr Alias kAliases[] = {
    {"Q3_K", "Q3_K_M"}, {"Q4_K", "Q4_K_M"}, {"Q5_K", "Q5_K_M"}, {"MXFP4", "MXFP4_MOE"}};

} // namespace

std::span<const FileType> fileTypes() { return kFileTypes; }

absl::StatusOr<const FileType *> findFileType(absl::string_view name) {
  absl::string_view wanted = name;
  for (const Alias &alias : kAliases)
    if (absl::EqualsIgnoreCase(name, alias.name))
      wanted = alias.of;
  uint32_t number;
  bool numeric = absl::SimpleAtoi(name, &number);
  for (const FileType &type : kFileTypes)
    if (absl::EqualsIgnoreCase(wanted, type.name) ||
        (numeric && !type.copies() && number == static_cast<uint32_t>(type.id)))
      return &type;
  return absl::InvalidArgumentError(
      absl::StrCat("there is no file type '", name, "', expected one of ",
                   absl::StrJoin(kFileTypes, ", ", [](std::string *out, const FileType &type) {
                     out->append(type.name);
                   })));
}

absl::StatusOr<const BlockFormat *> findFormatByGgufName(absl::string_view name) {
  for (const BlockFormat &format : blockFormats())
    if (absl::EqualsIgnoreCase(name, format.ggufName))
      return &format;
  return absl::InvalidArgumentError(
      absl::StrCat("there is no tensor type '", name, "', expected one of ",
                   absl::StrJoin(blockFormats(), ", ", [](std::string *out, const BlockFormat &f) {
                     out->append(f.ggufName);
                   })));
}

} // namespace llmc::quantize
