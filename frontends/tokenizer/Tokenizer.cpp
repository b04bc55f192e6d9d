#include "frontends/tokenizer/Tokenizer.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "frontends/tokenizer/BytePairEncoder.h"
#include "frontends/tokenizer/SentencePieceEncoder.h"
#include "frontends/tokenizer/SpecialTokenSplitter.h"
#include "frontends/tokenizer/Utf8.h"
#include "frontends/tokenizer/Vocabulary.h"

namespace llmc {
namespace {

// Offsets are 32 bits wide, and escaping makes three bytes of a space.
constexpr size_t longestText = (size_t{1} << 30) - 1;

std::optional<int32_t> optionalId(int32_t id) {
  return id >= 0 ? std::optional<int32_t>(id) : std::nullopt;
}

} // namespace

Tokenizer::Tokenizer(std::unique_ptr<tokenizer::Vocabulary> vocabulary)
    : vocabulary_(std::move(vocabulary)) {}
Tokenizer::~Tokenizer() = default;

absl::StatusOr<std::unique_ptr<Tokenizer>> Tokenizer::create(TokenizerMetadata metadata) {
  using namespace tokenizer;
  absl::StatusOr<std::unique_ptr<Vocabulary>> vocabulary = Vocabulary::create(metadata);
  if (!vocabulary.ok())
    return vocabulary.status();
  std::unique_ptr<Tokenizer> result(new Tokenizer(*std::move(vocabulary)));
  result->splitter_ = std::make_unique<SpecialTokenSplitter>(*result->vocabulary_);
  if (result->vocabulary_->kind() == Vocabulary::Kind::SentencePiece) {
    result->encoder_ = std::make_unique<SentencePieceEncoder>(*result->vocabulary_);
    return result;
  }
  absl::StatusOr<std::unique_ptr<BytePairEncoder>> encoder =
      BytePairEncoder::create(*result->vocabulary_, metadata.merges);
  if (!encoder.ok())
    return encoder.status();
  result->encoder_ = *std::move(encoder);
  return result;
}

absl::StatusOr<std::vector<int32_t>> Tokenizer::encode(absl::string_view text,
                                                       EncodeOptions options) const {
  using namespace tokenizer;
  if (text.size() > longestText)
    return absl::InvalidArgumentError(absl::StrCat(
        "a text of ", text.size(), " bytes is too long; encode it in parts below 1 GiB"));
  if (size_t offset = findInvalidUtf8(text); offset != absl::string_view::npos)
    return absl::InvalidArgumentError(
        absl::StrFormat("the text is not UTF-8: byte 0x%02X at offset %d; convert it to UTF-8",
                        static_cast<uint8_t>(text[offset]), offset));

  bool sentencePiece = vocabulary_->kind() == Vocabulary::Kind::SentencePiece;
  std::vector<int32_t> tokens;
  EncodeState state;
  if (options.addSpecial && vocabulary_->addBos())
    tokens.push_back(vocabulary_->bos());
  bool afterSpecial = !options.continues; // the start of a text counts as one
  for (const Fragment &fragment : splitter_->split(text, options.parseSpecial)) {
    if (fragment.token >= 0) {
      tokens.push_back(fragment.token);
      afterSpecial = true;
      continue;
    }
    absl::string_view part = text.substr(fragment.begin, fragment.end - fragment.begin);
    if (sentencePiece) {
      std::string &escaped = state.buffers.emplace_back();
      escaped.reserve(part.size() + part.size() / 2 + escapedSpace.size());
      if (afterSpecial && vocabulary_->addSpacePrefix())
        appendEscaped(" ", escaped);
      appendEscaped(part, escaped);
      part = escaped;
    }
    if (absl::Status status = encoder_->encode(part, state, tokens); !status.ok())
      return status;
    afterSpecial = false;
  }
  if (options.addSpecial && vocabulary_->addEos())
    tokens.push_back(vocabulary_->eos());
  return tokens;
}

std::string Tokenizer::piece(int32_t id, bool renderSpecial) const {
  if (!vocabulary_->contains(id))
    return "";
  if (!renderSpecial &&
      vocabulary_->has(id, tokenizer::attributeControl | tokenizer::attributeUnknown))
    return "";
  return vocabulary_->bytes(id);
}

std::string Tokenizer::decode(std::span<const int32_t> tokens, DecodeOptions options) const {
  std::string text;
  bool strip = options.stripSpacePrefix && vocabulary_->addSpacePrefix();
  for (int32_t id : tokens) {
    std::string part = piece(id, options.renderSpecial);
    bool special = !vocabulary_->contains(id) ||
                   vocabulary_->has(id, tokenizer::attributeControl | tokenizer::attributeUnknown |
                                            tokenizer::attributeUserDefined);
    if (strip && !special) {
      if (!part.empty() && part.front() == ' ')
        part.erase(0, 1);
      strip = false;
    }
    text += part;
  }
  return text;
}

int32_t Tokenizer::vocabSize() const { return vocabulary_->size(); }
std::optional<int32_t> Tokenizer::bosId() const { return optionalId(vocabulary_->bos()); }
std::optional<int32_t> Tokenizer::eosId() const { return optionalId(vocabulary_->eos()); }
bool Tokenizer::addsBos() const { return vocabulary_->addBos(); }
bool Tokenizer::addsEos() const { return vocabulary_->addEos(); }
bool Tokenizer::isEndOfGeneration(int32_t id) const { return vocabulary_->isEndOfGeneration(id); }
std::optional<int32_t> Tokenizer::findToken(absl::string_view text) const {
  return optionalId(vocabulary_->find(text));
}

} // namespace llmc
