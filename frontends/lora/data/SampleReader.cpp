#include "frontends/lora/data/SampleReader.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "frontends/gguf/file/GgufText.h"
#include "frontends/lora/data/JsonlRecord.h"
#include "frontends/lora/data/PreferenceRecord.h"
#include "frontends/lora/data/TextFile.h"
#include <algorithm>
#include <sys/stat.h>

namespace llmc::lora {
namespace {

absl::Status bad(absl::string_view where, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", what));
}

// When the file was written: a run that goes on another day has the same samples.
std::optional<std::time_t> timeOf(const std::string &path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0 ? std::optional(status.st_mtime) : std::nullopt;
}

class Reader {
public:
  Reader(const std::string &path, const TrainConfig &config, const Tokenizer &tokenizer,
         absl::string_view modelTemplate)
      : path_(path), config_(config), tokenizer_(tokenizer),
        format_(config.chatTemplate, modelTemplate, tokenizer, timeOf(path)) {
    out_.sequencesPerSample = sequencesPerSample(config);
  }

  absl::StatusOr<FileSamples> readText(absl::string_view text) {
    if (config_.sampleStart.empty()) {
      absl::StatusOr<std::vector<int32_t>> tokens = tokenizer_.encode(text);
      if (!tokens.ok())
        return bad(path_, tokens.status().message());
      out_.tokens = *std::move(tokens);
      out_.everyToken = true;
      return std::move(out_);
    }
    const absl::string_view mark = config_.sampleStart;
    size_t start = text.find(mark);
    if (start == text.npos)
      return bad(path_, absl::StrCat("sample_start ", gguf::inQuotes(mark),
                                     " is not in the file; correct it, or leave it empty"));
    if (!absl::StripAsciiWhitespace(text.substr(0, start)).empty())
      out_.skippedBytes = start;
    uint64_t line = lineOf(text, start);
    while (start != text.npos) {
      const size_t next = text.find(mark, start + mark.size());
      const absl::string_view sample = text.substr(start, next - start);
      if (absl::Status status = addText(sample, mark.size(), line); !status.ok())
        return status;
      line += std::count(sample.begin(), sample.end(), '\n');
      start = next;
    }
    if (config_.overlapping)
      for (Dataset::Range &range : out_.sequences)
        range.size = std::min<uint64_t>(config_.maxSeqLength + 1, out_.tokens.size() - range.begin);
    return std::move(out_);
  }

  absl::StatusOr<FileSamples> readJsonl(absl::string_view text) {
    absl::Status status = forEachLine(text, [&](absl::string_view line, uint64_t number) {
      absl::Status added = addLine(line, number);
      return added.ok() ? added : bad(absl::StrCat(path_, ":", number), added.message());
    });
    if (!status.ok())
      return status;
    return std::move(out_);
  }

private:
  // A sample that starts with `mark` bytes of sample_start.
  absl::Status addText(absl::string_view sample, size_t mark, uint64_t line) {
    // Of overlapping samples, those before it see the mark.
    const bool keepsMark = config_.includeSampleStart || config_.overlapping;
    const absl::string_view text = keepsMark ? sample : sample.substr(mark);
    if (sample.size() == mark)
      return absl::OkStatus();
    absl::StatusOr<std::vector<int32_t>> tokens = tokenizer_.encode(text);
    if (!tokens.ok())
      return bad(absl::StrCat(path_, ":", line), tokens.status().message());
    uint64_t first = 0;
    if (config_.overlapping && !config_.includeSampleStart)
      if (const auto offsets = tokenOffsets(tokenizer_, text, *tokens))
        first = std::ranges::lower_bound(*offsets, mark) - offsets->begin();
    // A sample that others go on into does not end.
    if (config_.addEos && !config_.overlapping && tokenizer_.eosId())
      tokens->push_back(*tokenizer_.eosId());
    if (tokens->size() > first) {
      out_.lines.push_back(line);
      add(*tokens, {}, first);
    }
    return absl::OkStatus();
  }

  absl::Status addLine(absl::string_view line, uint64_t number) {
    if (learnsPreferences(config_)) {
      absl::StatusOr<PreferenceRecord> pair = parsePreferenceRecord(line, format_.isAlpaca());
      if (!pair.ok())
        return pair.status();
      out_.lines.push_back(number);
      for (const JsonlRecord *answer : {&pair->chosen, &pair->rejected}) {
        absl::StatusOr<SampleTokens> tokens = encode(*answer);
        if (!tokens.ok())
          return tokens.status();
        add(tokens->tokens, tokens->learned, 0);
      }
      return absl::OkStatus();
    }
    absl::StatusOr<JsonlRecord> record =
        parseJsonlRecord(line, config_.maskPrompt, format_.isAlpaca());
    if (!record.ok())
      return record.status();
    absl::StatusOr<SampleTokens> sample = encode(*record);
    if (!sample.ok())
      return sample.status();
    if (!sample->tokens.empty()) {
      out_.lines.push_back(number);
      add(sample->tokens, sample->learned, 0);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<SampleTokens> encode(const JsonlRecord &record) {
    std::vector<Segment> segments = record.texts;
    if (!record.messages.empty()) {
      absl::StatusOr<std::vector<Segment>> chat =
          format_.render(record.messages, config_.maskPrompt);
      if (!chat.ok())
        return chat.status();
      segments = *std::move(chat);
    } else if (config_.addEos && !segments.empty()) {
      segments.push_back({.eos = true});
    }
    return encodeSegments(tokenizer_, segments);
  }

  void add(const std::vector<int32_t> &tokens, const std::vector<uint8_t> &learned,
           uint64_t first) {
    out_.sequences.push_back({out_.tokens.size() + first, tokens.size() - first});
    out_.tokens.insert(out_.tokens.end(), tokens.begin(), tokens.end());
    out_.learned.insert(out_.learned.end(), learned.begin(), learned.end());
  }

  const std::string &path_;
  const TrainConfig &config_;
  const Tokenizer &tokenizer_;
  const ConversationFormat format_;
  FileSamples out_;
};

} // namespace

absl::StatusOr<FileSamples> readSamples(const std::string &path, const TrainConfig &config,
                                        const Tokenizer &tokenizer,
                                        absl::string_view modelTemplate) {
  absl::StatusOr<TextFile> file = openText(path);
  if (!file.ok())
    return file.status();
  Reader reader(path, config, tokenizer, modelTemplate);
  if (!file->jsonl && learnsPreferences(config))
    return bad(path,
               absl::StrCat("plain text has no preferences for train_mode: ", config.trainMode,
                            "; give a .jsonl file of prompt, chosen and rejected"));
  return file->jsonl ? reader.readJsonl(file->text) : reader.readText(file->text);
}

} // namespace llmc::lora
