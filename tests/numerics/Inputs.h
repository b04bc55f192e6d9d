// What the programs of this folder take on their command lines.
#ifndef LLMC_TESTS_NUMERICS_INPUTS_H
#define LLMC_TESTS_NUMERICS_INPUTS_H

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "compiler/Interpreter/WeightStore.h"
#include "frontends/gguf/file/GgufFile.h"
#include <vector>

namespace llmc {

// Ids with commas between.
inline absl::StatusOr<std::vector<int32_t>> parseTokens(absl::string_view text) {
  std::vector<int32_t> tokens;
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    int32_t token = 0;
    if (!absl::SimpleAtoi(part, &token))
      return absl::InvalidArgumentError(absl::StrCat("'", part, "' is no token id"));
    tokens.push_back(token);
  }
  return tokens;
}

// The tensors of a file, which lives as long as the source is used.
inline WeightSource weightsOf(const gguf::GgufFile &model) {
  return [&model](absl::string_view name) -> absl::StatusOr<std::span<const uint8_t>> {
    if (const gguf::TensorInfo *tensor = model.findTensor(name))
      return tensor->span();
    return absl::NotFoundError(absl::StrCat(model.path(), ": has no tensor '", name, "'"));
  };
}

} // namespace llmc

#endif
