// Files of training data, and what batches of them say.
#ifndef LLMC_TESTS_UNIT_LORA_TESTDATA_H
#define LLMC_TESTS_UNIT_LORA_TESTDATA_H

#include "frontends/lora/data/Batches.h"
#include "frontends/lora/data/DataLoader.h"
#include "tests/unit/lora/TestModel.h"
#include "tests/unit/tokenizer/TestVocabularies.h"

namespace llmc::lora::testing {

// Letters, digits and a few words are tokens, everything else is bytes.
inline std::unique_ptr<Tokenizer> makeTokenizer() {
  std::vector<llmc::testing::Entry> entries = {{"\xE2\x96\x81", -1},
                                               {"ab", -2},
                                               {"\xE2\x96\x81"
                                                "a",
                                                -3}};
  for (char c = 'a'; c <= 'z'; ++c)
    entries.push_back({std::string(1, c), -10});
  return llmc::testing::create(llmc::testing::spmMetadata(entries));
}

struct Data {
  TempFolder folder;
  std::unique_ptr<Tokenizer> tokenizer = makeTokenizer();
  TrainConfig config = defaultConfig();

  explicit Data(int64_t context = 8) {
    config.maxSeqLength = context;
    config.batchSize = 2;
    config.valSize = 0;
  }
  void write(const std::string &name, const std::string &text) {
    folder.write(name, {text.begin(), text.end()});
    config.data = folder.path(name);
  }
  absl::StatusOr<TrainingData> load(const std::string &chatTemplate = "") {
    return loadData(config, *tokenizer, chatTemplate);
  }
  TrainingData loaded(const std::string &chatTemplate = "") {
    auto data = load(chatTemplate);
    EXPECT_TRUE(data.ok()) << data.status();
    return data.ok() ? *std::move(data) : TrainingData();
  }
  std::string error() { return messageOf(load()); }

  // A row as text, and what of it is learned.
  std::pair<std::string, std::string> row(const Batch &batch, uint64_t row) const {
    std::string all, learned;
    for (uint64_t i = row * batch.columns; i < (row + 1) * batch.columns; ++i) {
      const std::string piece = tokenizer->piece(batch.tokens[i], true);
      all += piece;
      if (batch.mask[i])
        learned += piece;
    }
    return {all, learned};
  }
  // The first rows in the order of the samples.
  std::vector<std::pair<std::string, std::string>> rows(const Dataset &data) const {
    BatchSource source(data, config, *tokenizer, false);
    std::vector<std::pair<std::string, std::string>> out;
    for (Batch batch; source.next(batch);)
      for (uint64_t r = 0; r < batch.rows && out.size() < data.size(); ++r)
        out.push_back(row(batch, r));
    return out;
  }
};

using Rows = std::vector<std::pair<std::string, std::string>>;

} // namespace llmc::lora::testing

#endif
