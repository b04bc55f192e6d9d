#include "frontends/lora/data/Batches.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/train/Permutation.h"

namespace llmc::lora {
namespace {

constexpr absl::string_view kOrderStream = "order";

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

BatchSource::BatchSource(const Dataset &data, const TrainConfig &config, const Tokenizer &tokenizer,
                         bool endless)
    : data_(data), rows_(config.batchSize), columns_(config.maxSeqLength + 1), seed_(config.seed),
      endless_(endless), shuffle_(config.shuffle && endless), fill_(config.fillWithNext),
      separateBos_(config.separateWithBos), separateEos_(config.separateWithEos),
      bos_(tokenizer.addsBos() ? tokenizer.bosId().value_or(-1) : -1),
      eos_(tokenizer.eosId().value_or(-1)), padding_(eos_ < 0 ? 0 : eos_) {}

bool BatchSource::next(Batch &batch) {
  if (!endless_ && epoch_ > 0)
    return false;
  batch.rows = rows_;
  batch.columns = columns_;
  batch.tokens.assign(rows_ * columns_, padding_);
  batch.mask.assign(rows_ * columns_, 0);
  batch.learned = batch.samples = 0;
  for (uint64_t row = 0; row < rows_ && (endless_ || epoch_ == 0); ++row)
    fillRow(batch.tokens.data() + row * columns_, batch.mask.data() + row * columns_, batch);
  return true;
}

Sample BatchSource::take() {
  const uint64_t size = data_.size();
  uint64_t at = place_;
  if (shuffle_)
    at = Permutation(size,
                     Random(seed_ + epoch_ * 0x9e3779b97f4a7c15u, kOrderStream).next())(place_);
  if (++place_ == size) {
    place_ = 0;
    ++epoch_;
  }
  return data_.sample(at);
}

void BatchSource::fillRow(int32_t *tokens, int32_t *mask, Batch &batch) {
  uint64_t at = 0;
  const auto put = [&](int32_t token, bool learned) {
    if (at == columns_)
      return;
    tokens[at] = token;
    mask[at] = learned && at > 0;
    batch.learned += mask[at];
    ++at;
  };
  bool first = true;
  do {
    const Sample sample = take();
    ++batch.samples;
    if (!first && separateEos_ && eos_ >= 0 && tokens[at - 1] != eos_)
      put(eos_, true);
    if (bos_ >= 0 && (first || separateBos_) && !(sample.tokens.size() && sample.tokens[0] == bos_))
      put(bos_, false);
    for (size_t i = 0; i < sample.tokens.size(); ++i)
      put(sample.tokens[i], sample.learned.empty() || sample.learned[i]);
    first = false;
  } while (fill_ && at < columns_ && (endless_ || epoch_ == 0));
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
