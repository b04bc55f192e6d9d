// Finds the special tokens that stand in a text as text.
#ifndef LLMC_FRONTENDS_TOKENIZER_SPECIALTOKENSPLITTER_H
#define LLMC_FRONTENDS_TOKENIZER_SPECIALTOKENSPLITTER_H

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "frontends/tokenizer/Vocabulary.h"
#include <array>
#include <cstdint>
#include <vector>

namespace llmc::tokenizer {

// A token, or the text [begin, end) when token is -1.
struct Fragment {
  int32_t token;
  uint32_t begin, end;
};

class SpecialTokenSplitter {
public:
  // `vocabulary` must outlive the splitter.
  explicit SpecialTokenSplitter(const Vocabulary &vocabulary);

  // The fragments of `text` in order. User-defined tokens are always found, control and unknown
  // tokens only with `parseSpecial`. Where tokens overlap the longer one wins, then the one that
  // begins first.
  std::vector<Fragment> split(absl::string_view text, bool parseSpecial) const;

private:
  std::vector<int32_t> findPresent(absl::string_view text, bool parseSpecial) const;

  const Vocabulary &vocabulary_;
  // A trie of all special tokens' texts; node 0 is the root.
  absl::flat_hash_map<uint64_t, int32_t> edges_; // node << 8 | byte
  std::vector<int32_t> positions_;               // by node: index in specialTokens(), or -1
  std::array<bool, 256> starts_{};
};

} // namespace llmc::tokenizer

#endif
