#include "frontends/lora/data/Batches.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/train/Permutation.h"
#include <algorithm>

namespace llmc::lora {
namespace {

constexpr absl::string_view kOrderStream = "order";

bool startsWith(const Sample &sample, int32_t token) {
  return !sample.tokens.empty() && sample.tokens[0] == token;
}

} // namespace

std::vector<int32_t> Batch::inputs() const {
  std::vector<int32_t> out;
  out.reserve(rows * (columns - 1));
  for (uint64_t row = 0; row < rows; ++row)
    out.insert(out.end(), tokens.begin() + row * columns, tokens.begin() + (row + 1) * columns - 1);
  return out;
}

std::vector<int32_t> Batch::targets() const {
  std::vector<int32_t> out;
  out.reserve(rows * (columns - 1));
  for (uint64_t row = 0; row < rows; ++row)
    for (uint64_t i = row * columns + 1; i < (row + 1) * columns; ++i)
      out.push_back(mask[i] ? tokens[i] : -1);
  return out;
}

Batch Batch::part(uint64_t index, uint64_t parts) const {
  Batch out;
  out.rows = rows / parts;
  out.columns = columns;
  const auto cut = [&](const std::vector<int32_t> &from) {
    const auto begin = from.begin() + index * out.rows * columns;
    return std::vector<int32_t>(begin, begin + out.rows * columns);
  };
  out.tokens = cut(tokens);
  out.mask = cut(mask);
  out.learned = std::count(out.mask.begin(), out.mask.end(), 1);
  if (!samples.empty() && rows % samples.size() == 0) {
    const uint64_t each = samples.size() / parts;
    out.samples.assign(samples.begin() + index * each, samples.begin() + (index + 1) * each);
  }
  return out;
}

BatchSource::BatchSource(const Dataset &data, const TrainConfig &config, const Tokenizer &tokenizer,
                         bool endless)
    : data_(data), samples_(config.batchSize), columns_(config.maxSeqLength + 1),
      seed_(config.seed), endless_(endless), shuffle_(config.shuffle && endless),
      fill_(config.fillWithNext), separateBos_(config.separateWithBos),
      separateEos_(config.separateWithEos),
      bos_(tokenizer.addsBos() ? tokenizer.bosId().value_or(-1) : -1),
      eos_(tokenizer.eosId().value_or(-1)), padding_(eos_ < 0 ? 0 : eos_) {}

// A row that is being filled.
struct BatchSource::Row {
  Batch &batch;
  uint64_t begin, at = 0;

  bool full() const { return at == batch.columns; }
  int32_t last() const { return batch.tokens[begin + at - 1]; }
  void put(int32_t token, bool learned) {
    if (full())
      return;
    batch.tokens[begin + at] = token;
    batch.mask[begin + at] = learned && at > 0;
    batch.learned += batch.mask[begin + at];
    ++at;
  }
  void put(const Sample &sample) {
    for (size_t i = 0; i < sample.tokens.size(); ++i)
      put(sample.tokens[i], sample.learned.empty() || sample.learned[i]);
  }
};

void BatchSource::clear(Batch &batch) const {
  batch.rows = samples_ * data_.sequencesPerSample();
  batch.columns = columns_;
  batch.tokens.assign(batch.rows * columns_, padding_);
  batch.mask.assign(batch.rows * columns_, 0);
  batch.learned = 0;
  batch.samples.clear();
}

bool BatchSource::next(Batch &batch) {
  if (!endless_ && epoch_ > 0)
    return false;
  if (fill_) {
    clear(batch);
    for (uint64_t row = 0; row < batch.rows && (endless_ || epoch_ == 0); ++row) {
      Row filled{batch, row * columns_};
      fillWithNext(filled);
    }
    return true;
  }
  std::vector<uint64_t> samples;
  while (samples.size() < samples_ && (endless_ || epoch_ == 0))
    samples.push_back(take());
  fill(samples, batch);
  return true;
}

void BatchSource::fill(std::span<const uint64_t> samples, Batch &batch) const {
  clear(batch);
  batch.samples.assign(samples.begin(), samples.end());
  const uint64_t sequences = data_.sequencesPerSample();
  for (uint64_t i = 0; i < samples.size() * sequences; ++i) {
    const Sample sample = data_.sample(samples[i / sequences], i % sequences);
    Row row{batch, i * columns_};
    if (bos_ >= 0 && !startsWith(sample, bos_))
      row.put(bos_, false);
    row.put(sample);
  }
}

uint64_t BatchSource::sampleAt(uint64_t epoch, uint64_t place) const {
  if (!shuffle_)
    return place;
  const uint64_t key = Random(seed_ + epoch * 0x9e3779b97f4a7c15u, kOrderStream).next();
  return Permutation(data_.size(), key)(place);
}

uint64_t BatchSource::take() {
  const uint64_t sample = sampleAt(epoch_, place_);
  if (++place_ == data_.size()) {
    place_ = 0;
    ++epoch_;
  }
  return sample;
}

void BatchSource::fillWithNext(Row &row) {
  do {
    const bool first = row.at == 0;
    row.batch.samples.push_back(take());
    const Sample sample = data_.sample(row.batch.samples.back());
    if (!first && separateEos_ && eos_ >= 0 && row.last() != eos_)
      row.put(eos_, true);
    if (bos_ >= 0 && (first || separateBos_) && !startsWith(sample, bos_))
      row.put(bos_, false);
    row.put(sample);
  } while (!row.full() && (endless_ || epoch_ == 0));
}

std::string BatchSource::state() const {
  return absl::StrCat(data_.size(), " ", epoch_, " ", place_);
}

absl::Status BatchSource::restore(absl::string_view state) {
  const std::vector<absl::string_view> parts = absl::StrSplit(state, ' ');
  uint64_t size, epoch, place;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &size) ||
      !absl::SimpleAtoi(parts[1], &epoch) || !absl::SimpleAtoi(parts[2], &place) || place >= size)
    return absl::InvalidArgumentError("the checkpoint's place in the data is damaged");
  if (size != data_.size())
    return absl::InvalidArgumentError(
        absl::StrCat("the checkpoint is of data with ", size, " samples, there are ", data_.size(),
                     " now; give the same data, or resume_from_checkpoint: none"));
  epoch_ = epoch;
  place_ = place;
  return absl::OkStatus();
}

void BatchSource::startNextEpoch() {
  place_ = 0;
  ++epoch_;
}

} // namespace llmc::lora
