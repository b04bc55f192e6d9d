// The tokens of words that came before in the same text; natural text repeats most of its words.
#ifndef LLMC_FRONTENDS_TOKENIZER_WORDCACHE_H
#define LLMC_FRONTENDS_TOKENIZER_WORDCACHE_H

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include <cstdint>
#include <vector>

namespace llmc::tokenizer {

class WordCache {
public:
  // Appends the tokens of `word` to `out`, from the cache or by `encode(word, out)`. The text of
  // `word` must outlive the cache.
  template <class Encode>
  void encode(absl::string_view word, std::vector<int32_t> &out, Encode encode) {
    if (word.size() > longestWord) {
      encode(word, out);
      return;
    }
    if (auto found = entries_.find(word); found != entries_.end()) {
      auto begin = tokens_.begin() + found->second.begin;
      out.insert(out.end(), begin, begin + found->second.count);
      return;
    }
    size_t before = out.size();
    encode(word, out);
    if (entries_.size() < mostEntries) {
      entries_.try_emplace(word, Entry{static_cast<uint32_t>(tokens_.size()),
                                       static_cast<uint32_t>(out.size() - before)});
      tokens_.insert(tokens_.end(), out.begin() + before, out.end());
    }
  }

private:
  static constexpr size_t longestWord = 48;
  static constexpr size_t mostEntries = size_t{1} << 17;
  struct Entry {
    uint32_t begin, count;
  };
  absl::flat_hash_map<absl::string_view, Entry> entries_;
  std::vector<int32_t> tokens_;
};

} // namespace llmc::tokenizer

#endif
