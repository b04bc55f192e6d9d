// Reads any bytes as training data and makes batches of all samples. The first line is a config
// ("{mask_prompt: true}"); the second one is `jsonl` or `txt`.
#include "absl/strings/str_cat.h"
#include "frontends/lora/config/TrainConfig.h"
#include "frontends/lora/data/Batches.h"
#include "frontends/lora/data/DataLoader.h"
#include "tests/fuzz/Fuzz.h"
#include <cstdio>

using namespace llmc;
using fuzz::require;

namespace {

// Every byte, some words, and special tokens.
std::unique_ptr<Tokenizer> makeTokenizer() {
  TokenizerMetadata metadata;
  metadata.model = "llama";
  const auto add = [&](const std::string &text, float score, TokenType type) {
    metadata.tokens.push_back(text);
    metadata.scores.push_back(score);
    metadata.tokenTypes.push_back(static_cast<int32_t>(type));
  };
  add("<unk>", 0, TokenType::Unknown);
  add("<s>", 0, TokenType::Control);
  add("</s>", 0, TokenType::Control);
  for (int byte = 0; byte < 256; ++byte) {
    char text[8];
    std::snprintf(text, sizeof(text), "<0x%02X>", byte);
    add(text, 0, TokenType::Byte);
  }
  for (const char *text : {"\xe2\x96\x81", "a", "b", "e", "ab",
                           "\xe2\x96\x81"
                           "a",
                           "###"})
    add(text, -float(metadata.tokens.size()), TokenType::Normal);
  add("<|im_start|>", 0, TokenType::Control);
  auto tokenizer = Tokenizer::create(std::move(metadata));
  require(tokenizer.ok());
  return *std::move(tokenizer);
}

void walk(const lora::Dataset &data, const lora::TrainConfig &config, const Tokenizer &tokenizer) {
  if (data.size() == 0)
    return;
  lora::BatchSource source(data, config, tokenizer, /*endless=*/false);
  lora::Batch batch;
  for (int i = 0; i < 64 && source.next(batch); ++i) {
    require(batch.tokens.size() == batch.rows * batch.columns);
    for (int32_t token : batch.tokens)
      require(token >= 0 && token < tokenizer.vocabSize());
    (void)batch.inputs();
    (void)batch.targets();
  }
  require(source.restore(source.state()).ok());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const std::unique_ptr<Tokenizer> tokenizer = makeTokenizer();
  static const fuzz::Folder folder;
  absl::string_view rest = fuzz::textOf({data, size});
  absl::StatusOr<lora::TrainConfig> config =
      lora::parseConfig(fuzz::takeUntil(rest, "\n"), "fuzz.yaml");
  if (!config.ok())
    return 0;
  config->maxSeqLength = std::min<int64_t>(config->maxSeqLength, 64);
  config->batchSize = std::min<int64_t>(config->batchSize, 4);
  config->validationData.clear();
  const absl::string_view kind = fuzz::takeUntil(rest, "\n");
  config->data = folder.write(kind == "jsonl" ? "fuzz.jsonl" : "fuzz.txt", rest);
  absl::StatusOr<lora::TrainingData> read =
      lora::loadData(*config, *tokenizer, "{{ '<|im_start|>' }}");
  if (!read.ok()) {
    require(read.status().message().find('\n') == absl::string_view::npos);
    return 0;
  }
  walk(read->train, *config, *tokenizer);
  walk(read->validation, *config, *tokenizer);
  (void)read->report.text();
  return 0;
}
