// Rows of equal length from samples, in an order that can be saved and restored.
#ifndef LLMC_FRONTENDS_LORA_DATA_BATCHES_H
#define LLMC_FRONTENDS_LORA_DATA_BATCHES_H

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "frontends/lora/config/TrainConfig.h"
#include "frontends/lora/data/Dataset.h"
#include "frontends/tokenizer/Tokenizer.h"
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace llmc::lora {

struct Batch {
  uint64_t rows = 0, columns = 0; // columns = max_seq_length + 1
  std::vector<int32_t> tokens;    // [rows][columns]
  std::vector<int32_t> mask;      // [rows][columns]: 1 where the token is to be predicted from
                                  // those before it; 0 in the first column
  uint64_t learned = 0;           // ones in `mask`
  std::vector<uint64_t> samples;  // that were used, in the order of their rows

  // What a step takes, each [rows * (columns - 1)]: the tokens without each row's last, and those
  // without each row's first with -1 where the mask is 0.
  std::vector<int32_t> inputs() const;
  std::vector<int32_t> targets() const;

  // Part `index` of `parts` with equally many rows each; `samples` are told unless some share rows.
  Batch part(uint64_t index, uint64_t parts) const;
};

// A batch has batch_size rows or, of preferences, pairs of rows: the chosen answer's, the
// rejected's. A row is the begin-of-text token (where the model has it added), a sample, and then
// either padding that is not learned or, with fill_with_next, the samples that follow, separated as
// the config says; what of the last of them does not fit is left out.
class BatchSource {
public:
  // `data` lives at least as long and is not empty. Endless: each epoch has an order of its own
  // that follows from seed and epoch (config.shuffle), and a batch may begin in one epoch and end
  // in the next. Not endless: once over all samples in their order, the last batch filled up with
  // rows that are not learned.
  BatchSource(const Dataset &data, const TrainConfig &config, const Tokenizer &tokenizer,
              bool endless = true);

  // False at the end of a source that is not endless.
  bool next(Batch &batch);
  // The batch of up to batch_size given samples, filled up with rows that are not learned.
  void fill(std::span<const uint64_t> samples, Batch &batch) const;
  // Which sample stands at `place` < samplesPerEpoch() of an epoch.
  uint64_t sampleAt(uint64_t epoch, uint64_t place) const;

  // How far it is: epoch and place in it. Restoring a state continues with the same batches.
  uint64_t epoch() const { return epoch_; }
  uint64_t place() const { return place_; }
  uint64_t samplesPerEpoch() const { return data_.size(); }
  std::string state() const;
  // InvalidArgument for a text that is no state, or one of data of another size.
  absl::Status restore(absl::string_view state);
  // Goes to the start of the next epoch: a new order, for force_reshuffle.
  void startNextEpoch();

private:
  struct Row;
  void clear(Batch &batch) const;
  uint64_t take();
  void fillWithNext(Row &row);

  const Dataset &data_;
  uint64_t samples_, columns_, seed_; // samples of a batch
  bool endless_, shuffle_, fill_, separateBos_, separateEos_;
  int32_t bos_, eos_, padding_; // -1: none
  uint64_t epoch_ = 0, place_ = 0;
};

} // namespace llmc::lora

#endif
