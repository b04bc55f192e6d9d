// The file types of llama-quantize: what a whole model is quantized to, by name.
#ifndef LLMC_FRONTENDS_GGUF_QUANTIZE_FILETYPES_H
#define LLMC_FRONTENDS_GGUF_QUANTIZE_FILETYPES_H

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dialects/llm/Formats/BlockFormats.h"
#include <cstdint>
#include <span>
#include <string>

namespace llmc::quantize {

// general.file_type, with llama.cpp's numbers.
enum class FileTypeId : uint32_t {
  F32 = 0,
  F16 = 1,
  Q4_0 = 2,
  Q4_1 = 3,
  Q8_0 = 7,
  Q5_0 = 8,
  Q5_1 = 9,
  Q2_K = 10,
  Q3_K_S = 11,
  Q3_K_M = 12,
  Q3_K_L = 13,
  Q4_K_S = 14,
  Q4_K_M = 15,
  Q5_K_S = 16,
  Q5_K_M = 17,
  Q6_K = 18,
  Q2_K_S = 21,
  IQ4_NL = 25,
  IQ4_XS = 30,
  BF16 = 32,
  TQ2_0 = 37,
  MXFP4_MOE = 38,
};

struct FileType {
  const char *name;
  FileTypeId id;
  const char *base;        // the block format of most tensors; nullptr for COPY, which changes none
  const char *description; // for --help

  bool copies() const { return base == nullptr; }
  const BlockFormat *format() const { return base ? findBlockFormat(base) : nullptr; }
};

std::span<const FileType> fileTypes();

// By name, in any case; also by number, and by the short names Q3_K, Q4_K, Q5_K (their _M types)
// and MXFP4. Errors list the names there are.
absl::StatusOr<const FileType *> findFileType(absl::string_view name);

// A block format by its GGUF name, in any case. Errors list the names there are.
absl::StatusOr<const BlockFormat *> findFormatByGgufName(absl::string_view name);

} // namespace llmc::quantize

#endif
