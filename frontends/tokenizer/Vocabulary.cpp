#include "frontends/tokenizer/Vocabulary.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "frontends/tokenizer/SpecialRoles.h"
#include "frontends/tokenizer/Utf8.h"
#include <algorithm>
#include <limits>

namespace llmc::tokenizer {
namespace {

uint16_t attributeOf(int32_t type) {
  switch (static_cast<TokenType>(type)) {
  case TokenType::Unknown:
    return attributeUnknown;
  case TokenType::Unused:
    return attributeUnused;
  case TokenType::Normal:
    return attributeNormal;
  case TokenType::Control:
    return attributeControl;
  case TokenType::UserDefined:
    return attributeUserDefined;
  case TokenType::Byte:
    return attributeByte;
  case TokenType::Undefined:
    break;
  }
  return 0;
}

} // namespace

absl::StatusOr<std::unique_ptr<Vocabulary>> Vocabulary::create(TokenizerMetadata &metadata) {
  std::unique_ptr<Vocabulary> result(new Vocabulary);
  if (metadata.model == "llama") {
    result->kind_ = Kind::SentencePiece;
  } else if (metadata.model == "gpt2" || metadata.model == "gemma4") {
    result->kind_ = Kind::BytePair;
    bool named = metadata.model == "gpt2";
    result->preTokenizer_ =
        findPreTokenizer(named ? absl::string_view(metadata.pre) : absl::string_view("gemma4"));
    if (!result->preTokenizer_)
      return absl::InvalidArgumentError(absl::StrCat("tokenizer.ggml.pre: unknown pre-tokenizer '",
                                                     absl::CEscape(metadata.pre),
                                                     "'; known are: ", preTokenizerNames()));
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("tokenizer.ggml.model: tokenizer '", absl::CEscape(metadata.model),
                     "' is not supported; known are 'llama' (SentencePiece), 'gpt2' (byte-level "
                     "BPE) and 'gemma4'"));
  }
  if (absl::Status status = result->readTokens(metadata); !status.ok())
    return status;
  if (absl::Status status = result->readRoles(metadata); !status.ok())
    return status;
  result->findRolesByText(metadata);
  for (int32_t id = 0; id < result->size(); ++id)
    if (result->has(id, attributeControl | attributeUserDefined | attributeUnknown))
      result->specialTokens_.push_back(id);
  std::sort(result->specialTokens_.begin(), result->specialTokens_.end(),
            [&](int32_t a, int32_t b) {
              size_t sizeA = result->text(a).size(), sizeB = result->text(b).size();
              return sizeA != sizeB ? sizeA > sizeB : a < b;
            });
  result->applyModelQuirks(metadata);
  return result;
}

absl::Status Vocabulary::readTokens(TokenizerMetadata &metadata) {
  size_t count = metadata.tokens.size();
  if (count == 0)
    return absl::InvalidArgumentError("tokenizer.ggml.tokens: the vocabulary is empty");
  if (count > static_cast<size_t>(std::numeric_limits<int32_t>::max()))
    return absl::InvalidArgumentError("tokenizer.ggml.tokens: more tokens than 32-bit ids");
  if (!metadata.scores.empty() && metadata.scores.size() != count)
    return absl::InvalidArgumentError(absl::StrCat(
        "tokenizer.ggml.scores: ", metadata.scores.size(), " scores for ", count, " tokens"));
  if (!metadata.tokenTypes.empty() && metadata.tokenTypes.size() != count)
    return absl::InvalidArgumentError(
        absl::StrCat("tokenizer.ggml.token_type: ", metadata.tokenTypes.size(), " types for ",
                     count, " tokens"));
  texts_ = std::move(metadata.tokens);
  scores_ = std::move(metadata.scores);
  attributes_.resize(count, attributeNormal);
  ids_.reserve(count);
  for (size_t id = 0; id < count; ++id) {
    std::string &text = texts_[id];
    if (text.empty())
      text = absl::StrCat("[EMPTY_", id, "]");
    if (!metadata.tokenTypes.empty())
      attributes_[id] = attributeOf(metadata.tokenTypes[id]);
    longestText_ = std::max(longestText_, text.size());
    auto [found, added] = ids_.try_emplace(text, static_cast<int32_t>(id));
    if (!added)
      return absl::InvalidArgumentError(absl::StrCat("tokenizer.ggml.tokens: '",
                                                     absl::CEscape(text), "' is token ",
                                                     found->second, " and token ", id));
  }
  return absl::OkStatus();
}

absl::Status Vocabulary::readRoles(const TokenizerMetadata &metadata) {
  bool sentencePiece = kind_ == Kind::SentencePiece;
  auto read = [&](absl::string_view key, const std::optional<int32_t> &given, int32_t fallback,
                  int32_t &id) -> absl::Status {
    id = contains(fallback) ? fallback : -1;
    if (!given)
      return absl::OkStatus();
    if (!contains(*given))
      return absl::InvalidArgumentError(absl::StrCat("tokenizer.ggml.", key, ": id ", *given,
                                                     " is not in the vocabulary of ", size(),
                                                     " tokens"));
    id = *given;
    return absl::OkStatus();
  };
  // The ids that files from before these keys existed rely on.
  int32_t defaultBos = sentencePiece ? 1 : 11;
  int32_t defaultEos = sentencePiece ? 2 : 11;
  if (metadata.model == "gemma4")
    defaultBos = defaultEos = -1;
  if (!sentencePiece && preTokenizer_->noDefaultBos)
    defaultBos = -1;
  if (absl::Status s = read("bos_token_id", metadata.bos, defaultBos, bos_); !s.ok())
    return s;
  if (absl::Status s = read("eos_token_id", metadata.eos, defaultEos, eos_); !s.ok())
    return s;
  int32_t defaultUnknown = sentencePiece ? 0 : -1;
  if (absl::Status s = read("unknown_token_id", metadata.unknown, defaultUnknown, unknown_);
      !s.ok())
    return s;

  addBos_ = metadata.addBos.value_or(sentencePiece || preTokenizer_->addBos);
  if (!sentencePiece && preTokenizer_->wholeNewlineRuns)
    addBos_ = true; // these vocabularies' files often say otherwise and are wrong
  addEos_ = metadata.addEos.value_or(false);
  addSpacePrefix_ = sentencePiece && metadata.addSpacePrefix.value_or(true);
  if (addBos_ && bos_ < 0)
    return absl::InvalidArgumentError(
        "tokenizer.ggml.add_bos_token is true, but tokenizer.ggml.bos_token_id is not set");
  if (addEos_ && eos_ < 0)
    return absl::InvalidArgumentError(
        "tokenizer.ggml.add_eos_token is true, but tokenizer.ggml.eos_token_id is not set");
  return absl::OkStatus();
}

void Vocabulary::findRolesByText(const TokenizerMetadata &metadata) {
  RoleIds given;
  given[Role::EndOfTurn] = metadata.eot;
  given[Role::EndOfMessage] = metadata.eom;
  given[Role::FimPrefix] = metadata.fimPrefix;
  given[Role::FimSuffix] = metadata.fimSuffix;
  given[Role::FimMiddle] = metadata.fimMiddle;
  given[Role::FimPad] = metadata.fimPad;
  given[Role::FimRepo] = metadata.fimRepo;
  given[Role::FimSeparator] = metadata.fimSeparator;
  for (const RoleTexts &role : roleTexts()) {
    std::optional<int32_t> id = given[role.role];
    if (id && !contains(*id))
      id.reset();
    for (absl::string_view text : role.texts) {
      if (id)
        break;
      if (int32_t found = find(text); found >= 0) {
        id = found;
        attributes_[found] |= attributeControl;
      }
    }
    if (id && role.endsGeneration)
      endOfGeneration_.insert(*id);
  }
  for (absl::string_view text : endOfGenerationTexts())
    if (int32_t id = find(text); id >= 0) {
      endOfGeneration_.insert(id);
      attributes_[id] |= attributeControl;
    }
  for (absl::string_view text : alwaysRenderedTexts())
    if (int32_t id = find(text); id >= 0)
      attributes_[id] = attributeUserDefined;
  if (eos_ >= 0)
    endOfGeneration_.insert(eos_);

  auto ends = [&](absl::string_view text) {
    int32_t id = find(text);
    return id >= 0 && endOfGeneration_.contains(id);
  };
  bool harmony = ends("<|return|>") && (ends("<|call|>") || ends("<|calls|>"));
  bool solar = ends("<|flush|>") && (ends("<|call|>") || ends("<|calls|>"));
  if ((harmony || solar) && ends("<|end|>")) {
    // There <|end|> closes one message of several.
    int32_t end = find("<|end|>");
    endOfGeneration_.erase(end);
    attributes_[end] = attributeUserDefined;
  }
  if (ends("<|tool_response>") && ends("</s>")) {
    // There </s> is HTML's strike-through.
    int32_t strike = find("</s>");
    endOfGeneration_.erase(strike);
    attributes_[strike] = attributeNormal;
  }
}

void Vocabulary::applyModelQuirks(const TokenizerMetadata &metadata) {
  auto set = [&](absl::string_view text, uint16_t attribute, bool value) {
    int32_t id = find(text);
    if (id < 0)
      return;
    attributes_[id] = value ? attributes_[id] | attribute : attributes_[id] & ~attribute;
  };
  std::string name = absl::AsciiStrToLower(metadata.modelName);
  absl::string_view pre = metadata.pre;
  if (absl::StrContains(pre, "jina-v2-de") || absl::StrContains(pre, "jina-v2-es") ||
      absl::StrContains(pre, "jina-v2-code")) {
    set("<mask>", attributeStripLeft, true);
  } else if (absl::StrContains(name, "phi-3") || absl::StrContains(name, "phi3")) {
    for (int32_t id : specialTokens_)
      attributes_[id] |= attributeStripRight;
    set("</s>", attributeStripRight, true);
    for (absl::string_view text : {"<unk>", "<s>", "<|endoftext|>"})
      set(text, attributeStripRight, false);
  } else if (absl::StrContains(name, "modern-bert")) {
    set("[MASK]", attributeStripLeft, true);
  }
}

std::string Vocabulary::bytes(int32_t id) const {
  absl::string_view text = texts_[id];
  if (has(id, attributeControl | attributeUnknown | attributeUserDefined))
    return std::string(text);
  if (has(id, attributeByte)) {
    if (std::optional<uint8_t> byte = parseByteToken(text))
      return std::string(1, static_cast<char>(*byte));
    return std::string(text);
  }
  if (!has(id, attributeNormal))
    return "";
  if (kind_ == Kind::SentencePiece || preTokenizer_->escapeSpaces)
    return unescapeSpaces(text);
  return fromByteCharacters(text);
}

} // namespace llmc::tokenizer
