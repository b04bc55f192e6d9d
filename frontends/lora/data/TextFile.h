// Files of training data as text, before there are tokens.
#ifndef LLMC_FRONTENDS_LORA_DATA_TEXTFILE_H
#define LLMC_FRONTENDS_LORA_DATA_TEXTFILE_H

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/lora/config/TrainConfig.h"
#include "runtime/core/MappedFile.h"
#include <cstddef>
#include <cstdint>
#include <string>

namespace llmc::lora {

struct TextFile {
  MappedFile file;
  absl::string_view text; // in the mapping, without a byte order mark; UTF-8, and not only blanks
  bool jsonl;             // by the name's ending: .jsonl and .json are JSONL
};
// Errors name the file, the line and what to do.
absl::StatusOr<TextFile> openText(const std::string &path);

// DIRECTORY/NAME.jsonl or NAME.txt.
absl::StatusOr<std::string> fileIn(const std::string &directory, const char *name);

// Calls `visit` with each text that a model learns from config.data (of a directory, from its train
// file): the whole of a plain text, the texts and messages of JSONL. An error that it returns ends
// the work.
absl::Status forEachText(const TrainConfig &config,
                         absl::FunctionRef<absl::Status(absl::string_view text)> visit);

// The line, counted from 1, that an offset is in.
uint64_t lineOf(absl::string_view text, size_t offset);

// Calls `visit` with each line that is not blank, without blanks around it, and its number.
absl::Status forEachLine(absl::string_view text,
                         absl::FunctionRef<absl::Status(absl::string_view, uint64_t)> visit);

} // namespace llmc::lora

#endif
