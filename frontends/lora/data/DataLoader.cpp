#include "frontends/lora/data/DataLoader.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "frontends/lora/data/SampleReader.h"
#include "frontends/lora/data/TextFile.h"
#include "runtime/train/Permutation.h"
#include <algorithm>
#include <cmath>
#include <filesystem>

namespace llmc::lora {
namespace {

namespace fs = std::filesystem;

// Streams of random numbers of one seed.
constexpr absl::string_view kSplitStream = "validation";

class Loader {
public:
  Loader(const TrainConfig &config, const Tokenizer &tokenizer, absl::string_view modelTemplate)
      : config_(config), tokenizer_(tokenizer), modelTemplate_(modelTemplate) {}

  absl::StatusOr<TrainingData> load() {
    std::error_code error;
    std::string train = config_.data, validation = config_.validationData;
    data_.report.path = train;
    data_.report.pairs = learnsPreferences(config_);
    if (fs::is_directory(train, error)) {
      absl::StatusOr<std::string> file = fileIn(config_.data, "train");
      if (!file.ok())
        return file.status();
      train = *file;
      if (validation.empty())
        validation = fileIn(config_.data, "valid").value_or("");
    }
    absl::StatusOr<FileSamples> samples = read(train);
    if (!samples.ok())
      return samples.status();
    if (!validation.empty()) {
      absl::StatusOr<FileSamples> held = read(validation);
      if (!held.ok())
        return held.status();
      data_.validation = held->everyToken ? blocks(held->tokens) : ranges(*held);
      data_.train = samples->everyToken ? windows(std::move(samples->tokens)) : ranges(*samples);
    } else if (samples->everyToken) {
      splitTokens(std::move(samples->tokens));
    } else {
      splitSamples(*samples);
    }
    data_.report.samples = data_.train.size();
    data_.report.validationSamples = data_.validation.size();
    data_.report.uniqueTokens = unique_.size();
    if (data_.train.size() == 0)
      return absl::InvalidArgumentError(
          absl::StrCat(train,
                       ": no sample has anything to learn; give more data, a larger "
                       "max_seq_length, or ",
                       data_.report.pairs ? "answers that differ" : "mask_prompt: false"));
    return std::move(data_);
  }

private:
  uint64_t context() const { return static_cast<uint64_t>(config_.maxSeqLength); }
  // The tokens of a sample that a row has room for.
  uint64_t room() const { return context() + (tokenizer_.addsBos() && tokenizer_.bosId() ? 0 : 1); }

  // Reads a file, counts what is in it, and cuts samples to the room of a row.
  absl::StatusOr<FileSamples> read(const std::string &path) {
    absl::StatusOr<FileSamples> file = readSamples(path, config_, tokenizer_, modelTemplate_);
    if (!file.ok())
      return file;
    if (std::ranges::find(file->learned, 0) == file->learned.end())
      file->learned.clear();
    DataReport &report = data_.report;
    report.tokens += file->tokens.size();
    report.skippedBytes += file->skippedBytes;
    unique_.insert(file->tokens.begin(), file->tokens.end());
    if (file->everyToken && file->tokens.size() < 2)
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": only ", file->tokens.size(), " tokens; give a longer text"));
    const uint64_t parts = file->sequencesPerSample;
    size_t kept = 0;
    for (size_t i = 0; i < file->sequences.size() / parts; ++i) {
      const std::span<Dataset::Range> sample(file->sequences.data() + i * parts, parts);
      uint64_t length = 0;
      for (const Dataset::Range &range : sample)
        length = std::max(length, range.size);
      if (length > room() && !config_.overlapping) {
        if (config_.longSamples == "error")
          return absl::InvalidArgumentError(absl::StrCat(
              path, ":", file->lines[i], ": the sample has ", length, " tokens, max_seq_length is ",
              context(), "; shorten it, raise max_seq_length, or set long_samples: cut"));
        ++report.cut;
        report.longest = std::max(report.longest, length);
      }
      for (Dataset::Range &range : sample)
        range.size = std::min(range.size, room());
      if (!teaches(*file, sample)) {
        ++report.dropped;
        continue;
      }
      if (length < room()) {
        report.shortest = report.shorter++ ? std::min(report.shortest, length) : length;
      }
      for (const Dataset::Range &range : sample) {
        if (!file->learned.empty())
          report.learnedTokens += std::count(file->learned.begin() + range.begin,
                                             file->learned.begin() + range.begin + range.size, 1);
        file->sequences[kept++] = range;
      }
    }
    file->sequences.resize(kept);
    return file;
  }

  // Each sequence has a target, and a pair's are not the same, perhaps for being cut.
  bool teaches(const FileSamples &file, std::span<const Dataset::Range> sample) const {
    for (Dataset::Range range : sample)
      if (!hasTarget(file, range))
        return false;
    const auto tokens = [&](Dataset::Range range) {
      return std::span(file.tokens).subspan(range.begin, range.size);
    };
    return sample.size() < 2 || !std::ranges::equal(tokens(sample[0]), tokens(sample[1]));
  }

  // Whether something is predicted; the first token is only behind a begin-of-text token.
  bool hasTarget(const FileSamples &file, Dataset::Range range) const {
    const uint64_t skip = room() - context();
    if (range.size <= skip)
      return false;
    if (file.learned.empty())
      return true;
    const auto begin = file.learned.begin() + range.begin;
    return std::find(begin + skip, begin + range.size, 1) != begin + range.size;
  }

  Dataset ranges(FileSamples &file) const {
    return {std::move(file.tokens), std::move(file.learned), std::move(file.sequences),
            file.sequencesPerSample};
  }

  // A sample at each token, as far as one fits in.
  Dataset windows(std::vector<int32_t> tokens) const {
    const uint64_t count = tokens.size() > context() ? tokens.size() - context() : 1;
    return Dataset::windows(std::move(tokens), room(), 1, count);
  }

  // Samples that follow each other.
  Dataset blocks(std::vector<int32_t> tokens) const {
    const uint64_t skip = room() - context();
    const uint64_t targets = tokens.size() > skip ? tokens.size() - skip : 0;
    const uint64_t count = (targets + context() - 1) / context();
    return Dataset::windows(std::move(tokens), room(), context(), count);
  }

  void splitTokens(std::vector<int32_t> tokens) {
    const double wanted = config_.valSize < 1 ? config_.valSize * static_cast<double>(tokens.size())
                                              : config_.valSize * static_cast<double>(context());
    // At least two stay to be trained with.
    const auto held = static_cast<uint64_t>(
        std::clamp(std::round(wanted), 0.0, static_cast<double>(tokens.size() - 2)));
    if (held > 1)
      data_.validation = blocks({tokens.end() - held, tokens.end()});
    tokens.resize(tokens.size() - (held > 1 ? held : 0));
    data_.train = windows(std::move(tokens));
  }

  void splitSamples(FileSamples &file) {
    const uint64_t parts = file.sequencesPerSample, count = file.sequences.size() / parts;
    if (count == 0)
      return;
    const double wanted =
        config_.valSize < 1 ? config_.valSize * static_cast<double>(count) : config_.valSize;
    const auto held = std::min<uint64_t>(static_cast<uint64_t>(std::ceil(wanted)), count - 1);
    std::vector<bool> isHeld(count);
    const Permutation order(count, Random(config_.seed, kSplitStream).next());
    for (uint64_t i = 0; i < held; ++i)
      isHeld[order(i)] = true;
    std::vector<Dataset::Range> train, validation;
    for (uint64_t i = 0; i < count * parts; ++i)
      (isHeld[i / parts] ? validation : train).push_back(file.sequences[i]);
    if (held > 0)
      data_.validation = Dataset(file.tokens, file.learned, std::move(validation), parts);
    file.sequences = std::move(train);
    data_.train = ranges(file);
  }

  const TrainConfig &config_;
  const Tokenizer &tokenizer_;
  std::string modelTemplate_;
  TrainingData data_;
  absl::flat_hash_set<int32_t> unique_;
};

} // namespace

std::string DataReport::text() const {
  const absl::string_view many = pairs ? " pairs" : " samples";
  std::string out = absl::StrCat(path, ": ", samples, many, ", ", tokens, " tokens, ", uniqueTokens,
                                 " of them different\n");
  if (learnedTokens > 0)
    absl::StrAppend(&out, learnedTokens, " tokens are learned, the others are only read\n");
  if (validationSamples > 0)
    absl::StrAppend(&out, validationSamples, many, " are held back to validate with\n");
  if (cut > 0)
    absl::StrAppend(&out, cut, many,
                    " are longer than max_seq_length and were cut, the longest of ", longest,
                    " tokens\n");
  if (shorter > 0)
    absl::StrAppend(&out, shorter, many, " are shorter than max_seq_length, the shortest of ",
                    shortest, " tokens\n");
  if (dropped > 0)
    absl::StrAppend(&out, dropped, many, " were left out: nothing in them is to be learned\n");
  if (skippedBytes > 0)
    absl::StrAppend(&out, skippedBytes, " bytes before the first sample_start were left out\n");
  return out;
}

absl::StatusOr<TrainingData> loadData(const TrainConfig &config, const Tokenizer &tokenizer,
                                      absl::string_view modelTemplate) {
  return Loader(config, tokenizer, modelTemplate).load();
}

} // namespace llmc::lora
