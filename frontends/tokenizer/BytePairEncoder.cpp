#include "frontends/tokenizer/BytePairEncoder.h"
#include "absl/strings/str_cat.h"
#include "frontends/tokenizer/Utf8.h"

namespace llmc::tokenizer {
namespace {

uint64_t pairKey(int32_t left, int32_t right) {
  return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
}

} // namespace

absl::StatusOr<std::unique_ptr<BytePairEncoder>>
BytePairEncoder::create(const Vocabulary &vocabulary, const std::vector<std::string> &merges) {
  if (merges.empty() && vocabulary.preTokenizer().name != "kimi-k2")
    return absl::InvalidArgumentError(
        "tokenizer.ggml.merges: a BPE tokenizer needs its merges, and there are none");
  absl::StatusOr<std::unique_ptr<PreTokenizer>> preTokenizer =
      PreTokenizer::create(vocabulary.preTokenizer());
  if (!preTokenizer.ok())
    return preTokenizer.status();
  std::unique_ptr<BytePairEncoder> result(new BytePairEncoder(vocabulary));
  result->preTokenizer_ = *std::move(preTokenizer);
  result->readMerges(merges);
  for (int byte = 0; byte < 256; ++byte)
    result->byteSymbols_[byte] = result->findSymbol(byteCharacter(static_cast<uint8_t>(byte)));
  return result;
}

int32_t BytePairEncoder::findSymbol(absl::string_view text) const {
  if (int32_t id = vocabulary_.find(text); id >= 0)
    return id;
  auto found = extraSymbols_.find(text);
  return found == extraSymbols_.end() ? -1 : found->second;
}

int32_t BytePairEncoder::addSymbol(absl::string_view text) {
  if (int32_t id = findSymbol(text); id >= 0)
    return id;
  auto id = static_cast<int32_t>(vocabulary_.size() + extraTexts_.size());
  extraTexts_.emplace_back(text);
  extraSymbols_.emplace(extraTexts_.back(), id);
  return id;
}

void BytePairEncoder::readMerges(const std::vector<std::string> &merges) {
  merges_.reserve(merges.size());
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    absl::string_view text = merges[rank];
    // The first character may itself be a space.
    size_t space = text.find(' ', 1);
    if (space == absl::string_view::npos || space + 1 == text.size())
      continue;
    absl::string_view left = text.substr(0, space), right = text.substr(space + 1);
    uint64_t key = pairKey(addSymbol(left), addSymbol(right));
    merges_.try_emplace(key,
                        Merge{static_cast<int32_t>(rank), addSymbol(absl::StrCat(left, right))});
  }
}

absl::Status BytePairEncoder::encode(absl::string_view text, EncodeState &state,
                                     std::vector<int32_t> &out) const {
  if (vocabulary_.preTokenizer().escapeSpaces) {
    std::string &escaped = state.buffers.emplace_back();
    appendEscaped(text, escaped);
    text = escaped;
  }
  absl::StatusOr<std::vector<uint32_t>> ends = preTokenizer_->split(text);
  if (!ends.ok())
    return ends.status();
  uint32_t begin = 0;
  for (uint32_t end : *ends) {
    state.cache.encode(text.substr(begin, end - begin), out,
                       [&](absl::string_view word, std::vector<int32_t> &tokens) {
                         encodeWord(word, state.queue, tokens);
                       });
    begin = end;
  }
  return absl::OkStatus();
}

void BytePairEncoder::encodeWord(absl::string_view word, MergeQueue &queue,
                                 std::vector<int32_t> &out) const {
  const PreTokenizerSpec &spec = vocabulary_.preTokenizer();
  bool whole = spec.ignoreMerges ||
               (spec.wholeNewlineRuns && word.find_first_not_of('\n') == absl::string_view::npos);
  if (whole && word.size() <= vocabulary_.longestText()) {
    int32_t id = spec.byteLevel ? vocabulary_.find(toByteCharacters(word)) : vocabulary_.find(word);
    if (id >= 0) {
      out.push_back(id);
      return;
    }
  }
  queue.clear();
  appendSymbols(word, queue);
  auto find = [&](const Symbol &left, const Symbol &right) -> Merge {
    if (left.id < 0 || right.id < 0)
      return {-1, -1};
    auto found = merges_.find(pairKey(left.id, right.id));
    return found == merges_.end() ? Merge{-1, -1} : found->second;
  };
  queue.run(find, [&](const Symbol &symbol) {
    if (vocabulary_.contains(symbol.id))
      out.push_back(symbol.id);
    else
      appendBytes(word.substr(symbol.begin, symbol.length), out);
  });
}

void BytePairEncoder::appendSymbols(absl::string_view word, MergeQueue &queue) const {
  if (vocabulary_.preTokenizer().byteLevel) {
    for (size_t at = 0; at < word.size(); ++at)
      queue.append(byteSymbols_[static_cast<uint8_t>(word[at])], at, 1);
    return;
  }
  for (size_t at = 0; at < word.size();) {
    absl::string_view character = word.substr(at, utf8Length(word[at]));
    queue.append(findSymbol(character), at, character.size());
    at += character.size();
  }
}

void BytePairEncoder::appendBytes(absl::string_view bytes, std::vector<int32_t> &out) const {
  // What even a single byte has no token for is lost, as in llama.cpp: complete byte-level
  // vocabularies have all of them.
  auto append = [&](int32_t id) {
    if (id >= 0)
      out.push_back(id);
  };
  if (vocabulary_.preTokenizer().byteLevel) {
    for (char character : toByteCharacters(bytes))
      append(vocabulary_.find(absl::string_view(&character, 1)));
    return;
  }
  for (char byte : bytes)
    append(vocabulary_.find(byteTokenText(static_cast<uint8_t>(byte))));
}

} // namespace llmc::tokenizer
