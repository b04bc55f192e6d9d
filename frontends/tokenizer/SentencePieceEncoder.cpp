#include "frontends/tokenizer/SentencePieceEncoder.h"
#include "frontends/tokenizer/Utf8.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

namespace llmc::tokenizer {
namespace {

uint64_t packCharacter(absl::string_view character) {
  uint32_t packed = 0;
  std::memcpy(&packed, character.data(), character.size());
  return packed;
}

uint64_t neighbourKey(absl::string_view left, absl::string_view right) {
  return packCharacter(left) << 32 | packCharacter(right);
}

size_t neighbourByteKey(absl::string_view left, absl::string_view right) {
  return static_cast<uint8_t>(left.back()) << 8 | static_cast<uint8_t>(right.front());
}

absl::string_view characterAt(absl::string_view text, size_t at) {
  return text.substr(at, utf8Length(text[at]));
}

} // namespace

SentencePieceEncoder::SentencePieceEncoder(const Vocabulary &vocabulary)
    : vocabulary_(vocabulary), ranks_(vocabulary.size()) {
  // Ranks instead of scores: a NaN has no place in the queue's order.
  auto score = [&](int32_t id) {
    float value = vocabulary.score(id);
    return std::isnan(value) ? -INFINITY : value;
  };
  std::vector<int32_t> order(vocabulary.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return score(a) > score(b); });
  for (size_t i = 0; i < order.size(); ++i) {
    bool tie = i > 0 && score(order[i]) == score(order[i - 1]);
    ranks_[order[i]] = tie ? ranks_[order[i - 1]] : static_cast<int32_t>(i);
  }

  for (int byte = 0; byte < 256; ++byte) {
    auto raw = static_cast<char>(byte);
    int32_t id = vocabulary.find(byteTokenText(static_cast<uint8_t>(byte)));
    if (id < 0)
      id = vocabulary.find(absl::string_view(&raw, 1));
    byteTokens_[byte] = id >= 0 ? id : vocabulary.unknown();
  }

  for (int32_t id = 0; id < vocabulary.size(); ++id) {
    absl::string_view text = vocabulary.text(id);
    absl::string_view left = characterAt(text, 0);
    for (size_t at = left.size(); at < text.size(); at += left.size()) {
      absl::string_view right = characterAt(text, at);
      neighbours_.insert(neighbourKey(left, right));
      neighbourBytes_.set(neighbourByteKey(left, right));
      left = right;
    }
  }
}

bool SentencePieceEncoder::joins(absl::string_view left, absl::string_view right) const {
  return neighbourBytes_.test(neighbourByteKey(left, right)) &&
         neighbours_.contains(neighbourKey(left, right));
}

absl::Status SentencePieceEncoder::encode(absl::string_view text, EncodeState &state,
                                          std::vector<int32_t> &out) const {
  // Where no token spans two characters no merge ever does, so each side merges on its own. This
  // keeps the queue short and lets words repeat.
  size_t begin = 0;
  auto flush = [&](size_t end) {
    state.cache.encode(text.substr(begin, end - begin), out,
                       [&](absl::string_view word, std::vector<int32_t> &tokens) {
                         encodeWord(word, state.queue, tokens);
                       });
    begin = end;
  };
  if (text.empty())
    return absl::OkStatus();
  absl::string_view left = characterAt(text, 0);
  for (size_t at = left.size(); at < text.size(); at += left.size()) {
    absl::string_view right = characterAt(text, at);
    if (!joins(left, right))
      flush(at);
    left = right;
  }
  flush(text.size());
  return absl::OkStatus();
}

void SentencePieceEncoder::encodeWord(absl::string_view word, MergeQueue &queue,
                                      std::vector<int32_t> &out) const {
  queue.clear();
  for (size_t at = 0; at < word.size();) {
    absl::string_view character = characterAt(word, at);
    queue.append(vocabulary_.find(character), at, character.size());
    at += character.size();
  }
  auto find = [&](const Symbol &left, const Symbol &right) -> Merge {
    size_t length = size_t{left.length} + right.length;
    if (length > vocabulary_.longestText())
      return {-1, -1};
    int32_t id = vocabulary_.find(word.substr(left.begin, length));
    return {id < 0 ? -1 : ranks_[id], id};
  };
  queue.run(find, [&](const Symbol &symbol) {
    if (symbol.id >= 0) {
      out.push_back(symbol.id);
      return;
    }
    for (char byte : word.substr(symbol.begin, symbol.length))
      out.push_back(byteTokens_[static_cast<uint8_t>(byte)]);
  });
}

} // namespace llmc::tokenizer
