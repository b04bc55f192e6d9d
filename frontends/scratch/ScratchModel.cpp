#include "frontends/scratch/ScratchModel.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "frontends/gguf/file/GgufFile.h"
#include "frontends/lora/data/TextFile.h"
#include "frontends/lora/train/OutputFolder.h"
#include "frontends/scratch/InitialModel.h"
#include "frontends/scratch/VocabularyTrainer.h"
#include "frontends/tokenizer/GgufTokenizer.h"
#include "runtime/train/Random.h"
#include <filesystem>
#include <functional>

namespace llmc::scratch {
namespace {

// What a model's tokenizer is taken from, once it is clear that there is one.
struct TokenizerSource {
  int64_t size = 0;
  uint64_t digest = 0; // of what it follows from
  std::function<absl::Status(gguf::GgufWriter &)> set;
};

absl::Status setTokenizer(gguf::GgufWriter &writer, const TokenizerMetadata &t) {
  constexpr absl::string_view k = "tokenizer.ggml.";
  absl::Status status = writer.set(absl::StrCat(k, "model"), t.model);
  status.Update(writer.set(absl::StrCat(k, "pre"), "default"));
  status.Update(writer.setArray(absl::StrCat(k, "tokens"), t.tokens));
  status.Update(writer.setArray(absl::StrCat(k, "scores"), t.scores));
  status.Update(writer.setArray(absl::StrCat(k, "token_type"), t.tokenTypes));
  for (auto [key, id] : {std::pair("bos_token_id", t.bos), std::pair("eos_token_id", t.eos),
                         std::pair("unknown_token_id", t.unknown)})
    status.Update(writer.set(absl::StrCat(k, key), static_cast<uint32_t>(*id)));
  for (auto [key, value] :
       {std::pair("add_bos_token", t.addBos), std::pair("add_eos_token", t.addEos),
        std::pair("add_space_prefix", t.addSpacePrefix)})
    status.Update(writer.set(absl::StrCat(k, key), *value));
  return status;
}

void addBytes(uint64_t &digest, absl::string_view bytes) {
  for (unsigned char c : bytes)
    digest = mixBits(digest * 31 + c + 1);
}

// The config's data as lines, and a digest of it.
struct Lines {
  std::vector<std::string> lines;
  uint64_t digest = 0;
};
absl::StatusOr<Lines> readLines(const lora::TrainConfig &config) {
  Lines out;
  absl::Status status = lora::forEachText(config, [&](absl::string_view text) -> absl::Status {
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      addBytes(out.digest, line);
      addBytes(out.digest, "\n");
      if (!line.empty())
        out.lines.emplace_back(line);
    }
    return absl::OkStatus();
  });
  if (!status.ok())
    return status;
  return out;
}

absl::StatusOr<TokenizerSource> makeVocabulary(const lora::TrainConfig &config,
                                               std::vector<std::string> lines) {
  absl::StatusOr<TrainedVocabulary> made = trainVocabulary(std::move(lines), config);
  if (!made.ok())
    return made.status();
  const auto size = static_cast<int64_t>(made->metadata.tokens.size());
  return TokenizerSource{size, 0, [metadata = std::move(made->metadata)](gguf::GgufWriter &writer) {
                           return setTokenizer(writer, metadata);
                         }};
}

absl::StatusOr<TokenizerSource> vocabularyOf(const lora::TrainConfig &config) {
  const auto wrong = [](const absl::Status &status) {
    return absl::Status(status.code(), absl::StrCat("scratch.tokenizer: ", status.message()));
  };
  absl::StatusOr<std::shared_ptr<gguf::GgufFile>> file = gguf::GgufFile::open(config.tokenizerFile);
  if (!file.ok())
    return wrong(file.status());
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = loadTokenizer(**file);
  if (!tokenizer.ok())
    return wrong(tokenizer.status());
  const int64_t size = (*tokenizer)->vocabSize();
  if (config.vocabSize > 0 && config.vocabSize != size)
    return absl::InvalidArgumentError(absl::StrCat("scratch.vocab_size: ", config.tokenizerFile,
                                                   " has ", size, " tokens, not ", config.vocabSize,
                                                   "; remove vocab_size"));
  std::vector<gguf::KeyValue> records;
  uint64_t digest = 0;
  for (const gguf::KeyValue &record : (*file)->keyValues())
    if (absl::StartsWith(record.key, "tokenizer.")) {
      records.push_back(record);
      addBytes(digest,
               {reinterpret_cast<const char *>(record.record.data()), record.record.size()});
    }
  return TokenizerSource{size, digest, [file = *file, records](gguf::GgufWriter &writer) {
                           absl::Status status;
                           for (const gguf::KeyValue &record : records)
                             status.Update(writer.copy(record));
                           return status;
                         }};
}

// All that the file follows from: the keys of the section, the seed, and a digest of the data or
// of the vocabulary that is taken.
std::string describe(const lora::TrainConfig &config, uint64_t digest) {
  std::string out = absl::StrCat("data: ", absl::Hex(digest, absl::kZeroPad16), "\n");
  for (absl::string_view line : absl::StrSplit(lora::fixedConfig(config), '\n'))
    if ((absl::StartsWith(line, "scratch.") && !absl::StartsWith(line, "scratch.tokenizer:")) ||
        absl::StartsWith(line, "seed:") || absl::StartsWith(line, "max_seq_length:"))
      absl::StrAppend(&out, line, "\n");
  return out;
}

// A description that is larger than it was meant to be would fill the disk first.
absl::Status checkSpace(const std::string &folder, uint64_t parameters) {
  std::error_code error;
  std::filesystem::path there = std::filesystem::absolute(folder, error);
  while (!std::filesystem::exists(there, error) && there.has_relative_path())
    there = there.parent_path();
  const std::filesystem::space_info space = std::filesystem::space(there, error);
  const uint64_t bytes = sizeof(float) * parameters;
  if (error || bytes <= space.available)
    return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat(folder, ": ", parameters, " weights need ", bytes >> 20, " MiB there, and ",
                   space.available >> 20, " are free; make room, or the model smaller"));
}

bool isThere(const std::string &path, absl::string_view description) {
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    return false;
  absl::StatusOr<std::shared_ptr<gguf::GgufFile>> file = gguf::GgufFile::open(path);
  if (!file.ok())
    return false;
  absl::StatusOr<absl::string_view> text = (*file)->get<absl::string_view>(kDescriptionKey);
  return text.ok() && *text == description;
}

} // namespace

std::string initialModelPath(const std::string &folder) {
  return absl::StrCat(folder, "/initial.gguf");
}

absl::StatusOr<InitialModel> makeInitialModel(const lora::TrainConfig &config,
                                              const std::string &folder) {
  // What is wrong with the shape is told before the work.
  if (absl::StatusOr<ModelShape> shape = shapeOf(config, lora::kDefaultVocabulary); !shape.ok())
    return shape.status();
  const bool makes = config.tokenizerFile.empty();
  absl::StatusOr<Lines> data = makes ? readLines(config) : Lines();
  if (!data.ok())
    return data.status();
  absl::StatusOr<TokenizerSource> tokenizer = makes ? TokenizerSource() : vocabularyOf(config);
  if (!tokenizer.ok())
    return tokenizer.status();
  const std::string path = initialModelPath(folder);
  const std::string description = describe(config, makes ? data->digest : tokenizer->digest);
  if (isThere(path, description))
    return InitialModel{path};
  if (makes)
    tokenizer = makeVocabulary(config, std::move(data->lines));
  if (!tokenizer.ok())
    return tokenizer.status();
  absl::StatusOr<ModelShape> shape = shapeOf(config, tokenizer->size);
  if (!shape.ok())
    return shape.status();
  const uint64_t parameters = shape->parameters(config.tieWordEmbeddings);
  if (absl::Status status = checkSpace(folder, parameters); !status.ok())
    return status;
  if (absl::Status status = lora::makeDirectory(folder); !status.ok())
    return status;
  if (absl::Status status = writeInitialModel(config, *shape, description, tokenizer->set, path);
      !status.ok())
    return status;
  return InitialModel{path, true, shape->vocabulary, parameters};
}

} // namespace llmc::scratch
