#include "frontends/tokenizer/GgufTokenizer.h"
#include "absl/strings/str_cat.h"

namespace llmc {
namespace {

using gguf::GgufFile;
using gguf::ValueType;

// Reads keys into fields until the first error.
class Reader {
public:
  explicit Reader(const GgufFile &file) : file_(file) {}
  const absl::Status &status() const { return status_; }

  template <class T>
  void array(absl::string_view key, std::vector<T> &out) {
    if (status_.ok() && file_.contains(key))
      assign(file_.getArray<T>(key), out);
  }
  void string(absl::string_view key, std::string &out) {
    if (status_.ok())
      assign(file_.getOr<std::string>(key, ""), out);
  }
  void flag(absl::string_view key, std::optional<bool> &out) {
    if (status_.ok() && file_.contains(key))
      assign(file_.get<bool>(key), out);
  }
  void id(absl::string_view key, size_t vocabSize, std::optional<int32_t> &out) {
    if (!status_.ok() || !file_.contains(key))
      return;
    int64_t value = -1;
    assign(file_.get<int64_t>(key), value);
    if (status_.ok() && value >= 0 && static_cast<uint64_t>(value) < vocabSize)
      out = static_cast<int32_t>(value);
  }

private:
  template <class T, class Out>
  void assign(absl::StatusOr<T> value, Out &out) {
    if (value.ok())
      out = *std::move(value);
    else
      status_ = value.status();
  }

  const GgufFile &file_;
  absl::Status status_;
};

} // namespace

absl::StatusOr<TokenizerMetadata> readTokenizerMetadata(const GgufFile &file) {
  if (!file.contains("tokenizer.ggml.model"))
    return absl::NotFoundError(
        absl::StrCat(file.path(), ": tokenizer.ggml.model is missing; the file has no tokenizer"));
  TokenizerMetadata out;
  Reader reader(file);
  reader.string("tokenizer.ggml.model", out.model);
  reader.string("tokenizer.ggml.pre", out.pre);
  reader.string("general.name", out.modelName);
  reader.array("tokenizer.ggml.tokens", out.tokens);
  reader.array("tokenizer.ggml.token_type", out.tokenTypes);
  reader.array("tokenizer.ggml.merges", out.merges);
  constexpr absl::string_view scores = "tokenizer.ggml.scores";
  if (const gguf::KeyValue *found = file.find(scores);
      found && found->elementType == ValueType::I32) {
    std::vector<int32_t> integers;
    reader.array(scores, integers);
    out.scores.assign(integers.begin(), integers.end());
  } else {
    reader.array(scores, out.scores);
  }
  auto id = [&](absl::string_view name, std::optional<int32_t> &field) {
    reader.id(absl::StrCat("tokenizer.ggml.", name, "_token_id"), out.tokens.size(), field);
  };
  id("bos", out.bos);
  id("eos", out.eos);
  id("unknown", out.unknown);
  id("eot", out.eot);
  id("eom", out.eom);
  id("padding", out.pad);
  // The names of the first years, then today's, which win.
  id("prefix", out.fimPrefix);
  id("suffix", out.fimSuffix);
  id("middle", out.fimMiddle);
  id("fim_pre", out.fimPrefix);
  id("fim_suf", out.fimSuffix);
  id("fim_mid", out.fimMiddle);
  id("fim_pad", out.fimPad);
  id("fim_rep", out.fimRepo);
  id("fim_sep", out.fimSeparator);
  reader.flag("tokenizer.ggml.add_bos_token", out.addBos);
  reader.flag("tokenizer.ggml.add_eos_token", out.addEos);
  reader.flag("tokenizer.ggml.add_space_prefix", out.addSpacePrefix);
  if (!reader.status().ok())
    return reader.status();
  return out;
}

absl::StatusOr<std::unique_ptr<Tokenizer>> loadTokenizer(const GgufFile &file) {
  absl::StatusOr<TokenizerMetadata> metadata = readTokenizerMetadata(file);
  if (!metadata.ok())
    return metadata.status();
  absl::StatusOr<std::unique_ptr<Tokenizer>> result = Tokenizer::create(*std::move(metadata));
  if (!result.ok())
    return absl::Status(result.status().code(),
                        absl::StrCat(file.path(), ": ", result.status().message()));
  return result;
}

} // namespace llmc
