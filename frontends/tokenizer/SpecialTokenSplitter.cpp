#include "frontends/tokenizer/SpecialTokenSplitter.h"
#include "absl/strings/ascii.h"
#include <algorithm>

namespace llmc::tokenizer {
namespace {

uint64_t edgeKey(int32_t node, char byte) {
  return uint64_t{static_cast<uint32_t>(node)} << 8 | static_cast<uint8_t>(byte);
}

} // namespace

SpecialTokenSplitter::SpecialTokenSplitter(const Vocabulary &vocabulary)
    : vocabulary_(vocabulary), positions_(1, -1) {
  const std::vector<int32_t> &specials = vocabulary.specialTokens();
  for (size_t i = 0; i < specials.size(); ++i) {
    absl::string_view text = vocabulary.text(specials[i]);
    int32_t node = 0;
    for (char byte : text) {
      auto [edge, added] =
          edges_.try_emplace(edgeKey(node, byte), static_cast<int32_t>(positions_.size()));
      if (added)
        positions_.push_back(-1);
      node = edge->second;
    }
    positions_[node] = static_cast<int32_t>(i);
    starts_[static_cast<uint8_t>(text.front())] = true;
  }
}

// The special tokens that occur somewhere in `text`, in the order of specialTokens().
std::vector<int32_t> SpecialTokenSplitter::findPresent(absl::string_view text,
                                                       bool parseSpecial) const {
  const std::vector<int32_t> &specials = vocabulary_.specialTokens();
  std::vector<bool> seen(specials.size());
  for (size_t begin = 0; begin < text.size(); ++begin) {
    if (!starts_[static_cast<uint8_t>(text[begin])])
      continue;
    int32_t node = 0;
    for (size_t at = begin; at < text.size(); ++at) {
      auto edge = edges_.find(edgeKey(node, text[at]));
      if (edge == edges_.end())
        break;
      node = edge->second;
      if (positions_[node] >= 0)
        seen[positions_[node]] = true;
    }
  }
  std::vector<int32_t> present;
  for (size_t i = 0; i < specials.size(); ++i) {
    bool hidden =
        !parseSpecial && vocabulary_.has(specials[i], attributeControl | attributeUnknown);
    if (seen[i] && !hidden)
      present.push_back(specials[i]);
  }
  return present;
}

std::vector<Fragment> SpecialTokenSplitter::split(absl::string_view text, bool parseSpecial) const {
  std::vector<Fragment> fragments;
  if (text.empty())
    return fragments;
  fragments.push_back({-1, 0, static_cast<uint32_t>(text.size())});
  std::vector<Fragment> next;
  for (int32_t token : findPresent(text, parseSpecial)) {
    absl::string_view needle = vocabulary_.text(token);
    next.clear();
    for (const Fragment &fragment : fragments) {
      if (fragment.token >= 0) {
        next.push_back(fragment);
        continue;
      }
      uint32_t begin = fragment.begin;
      absl::string_view area = text.substr(0, fragment.end);
      for (size_t hit;
           begin < fragment.end && (hit = area.find(needle, begin)) != absl::string_view::npos;) {
        auto left = static_cast<uint32_t>(hit);
        if (vocabulary_.has(token, attributeStripLeft))
          while (left > begin && absl::ascii_isspace(text[left - 1]))
            --left;
        if (left > begin)
          next.push_back({-1, begin, left});
        begin = static_cast<uint32_t>(hit + needle.size());
        next.push_back({token, static_cast<uint32_t>(hit), begin});
        if (vocabulary_.has(token, attributeStripRight))
          while (begin < fragment.end && absl::ascii_isspace(text[begin]))
            ++begin;
      }
      if (begin < fragment.end)
        next.push_back({-1, begin, fragment.end});
    }
    fragments.swap(next);
  }
  return fragments;
}

} // namespace llmc::tokenizer
