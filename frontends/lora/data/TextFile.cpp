#include "frontends/lora/data/TextFile.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "frontends/lora/data/JsonlRecord.h"
#include "frontends/tokenizer/Utf8.h"
#include <algorithm>
#include <filesystem>

namespace llmc::lora {

namespace fs = std::filesystem;

absl::StatusOr<TextFile> openText(const std::string &path) {
  absl::StatusOr<MappedFile> file = MappedFile::open(path);
  if (!file.ok())
    return file.status();
  absl::string_view text(reinterpret_cast<const char *>(file->bytes().data()), file->size());
  absl::ConsumePrefix(&text, "\xEF\xBB\xBF");
  if (absl::StripAsciiWhitespace(text).empty())
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": there is nothing in the file; give one with text or JSONL"));
  if (const size_t invalid = tokenizer::findInvalidUtf8(text); invalid != text.npos)
    return absl::InvalidArgumentError(
        absl::StrCat(path, ":", lineOf(text, invalid), ": not UTF-8 at byte ", invalid,
                     "; convert the file (iconv -f WINDOWS-1252 -t UTF-8)"));
  return TextFile{*std::move(file), text,
                  absl::EndsWith(path, ".jsonl") || absl::EndsWith(path, ".json")};
}

absl::StatusOr<std::string> fileIn(const std::string &directory, const char *name) {
  std::error_code error;
  for (const char *ending : {".jsonl", ".txt"})
    if (const fs::path path = fs::path(directory) / absl::StrCat(name, ending);
        fs::exists(path, error))
      return path.string();
  return absl::NotFoundError(absl::StrCat(directory, ": no ", name, ".jsonl or ", name,
                                          ".txt in the directory; give it that name"));
}

absl::Status forEachText(const TrainConfig &config,
                         absl::FunctionRef<absl::Status(absl::string_view)> visit) {
  std::error_code error;
  std::string path = config.data;
  if (fs::is_directory(path, error)) {
    absl::StatusOr<std::string> train = fileIn(config.data, "train");
    if (!train.ok())
      return train.status();
    path = *std::move(train);
  }
  absl::StatusOr<TextFile> file = openText(path);
  if (!file.ok())
    return file.status();
  if (!file->jsonl)
    return visit(file->text);
  return forEachLine(file->text, [&](absl::string_view line, uint64_t number) -> absl::Status {
    absl::StatusOr<JsonlRecord> record =
        parseJsonlRecord(line, config.maskPrompt, /*alpacaInput=*/false);
    if (!record.ok())
      return absl::InvalidArgumentError(
          absl::StrCat(path, ":", number, ": ", record.status().message()));
    absl::Status status;
    for (const Segment &segment : record->texts)
      if (status.ok())
        status = visit(segment.text);
    for (const Message &message : record->messages)
      if (status.ok())
        status = visit(message.text);
    return status;
  });
}

uint64_t lineOf(absl::string_view text, size_t offset) {
  return 1 + std::count(text.begin(), text.begin() + offset, '\n');
}

absl::Status forEachLine(absl::string_view text,
                         absl::FunctionRef<absl::Status(absl::string_view, uint64_t)> visit) {
  uint64_t number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const absl::string_view line = absl::StripAsciiWhitespace(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty())
      continue;
    if (absl::Status status = visit(line, number); !status.ok())
      return status;
  }
  return absl::OkStatus();
}

} // namespace llmc::lora
