// Samples of tokens to learn from.
#ifndef LLMC_FRONTENDS_LORA_DATA_DATASET_H
#define LLMC_FRONTENDS_LORA_DATA_DATASET_H

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace llmc::lora {

// A sequence of tokens that is one row of a batch.
struct Sample {
  std::span<const int32_t> tokens;  // without the begin-of-text token that a row starts with
  std::span<const uint8_t> learned; // 1 where the token is to be predicted; empty: everywhere
};

// Either a list of ranges, or windows of equal size at equal distances, over one run of tokens. A
// sample has one sequence or, of preferences, two: the chosen and the rejected answer, each after
// the prompt.
class Dataset {
public:
  struct Range {
    uint64_t begin, size;
  };

  // `learned` is empty or as long as `tokens`; each `sequences` ranges are a sample.
  Dataset(std::vector<int32_t> tokens, std::vector<uint8_t> learned, std::vector<Range> ranges,
          uint64_t sequences = 1)
      : tokens_(std::move(tokens)), learned_(std::move(learned)), ranges_(std::move(ranges)),
        sequences_(sequences) {}
  // `count` windows of `size` tokens, `distance` apart; what is beyond the end is not there.
  static Dataset windows(std::vector<int32_t> tokens, uint64_t size, uint64_t distance,
                         uint64_t count) {
    Dataset data(std::move(tokens), {}, {});
    data.windowSize_ = size;
    data.windowDistance_ = distance;
    data.windows_ = count;
    return data;
  }
  Dataset() = default;

  uint64_t size() const { return windowSize_ ? windows_ : ranges_.size() / sequences_; }
  uint64_t sequencesPerSample() const { return sequences_; }
  Sample sample(uint64_t i, uint64_t sequence = 0) const {
    Range range =
        windowSize_ ? Range{i * windowDistance_, windowSize_} : ranges_[i * sequences_ + sequence];
    if (windowSize_)
      range.size = std::min<uint64_t>(range.size, tokens_.size() - range.begin);
    const auto part = [&](const auto &values) {
      return std::span(values).subspan(range.begin, range.size);
    };
    return {part(tokens_), learned_.empty() ? std::span<const uint8_t>() : part(learned_)};
  }

  // Whether samples are ranges, not windows.
  bool hasRanges() const { return windowSize_ == 0; }
  // All tokens, each once.
  std::span<const int32_t> tokens() const { return tokens_; }

private:
  std::vector<int32_t> tokens_;
  std::vector<uint8_t> learned_;
  std::vector<Range> ranges_;
  uint64_t sequences_ = 1;
  uint64_t windowSize_ = 0, windowDistance_ = 0, windows_ = 0;
};

} // namespace llmc::lora

#endif
