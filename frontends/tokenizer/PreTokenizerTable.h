// The pre-tokenizers that GGUF files name in tokenizer.ggml.pre: what splits a text into the words
// in which byte-level BPE merges.
#ifndef LLMC_FRONTENDS_TOKENIZER_PRETOKENIZERTABLE_H
#define LLMC_FRONTENDS_TOKENIZER_PRETOKENIZERTABLE_H

#include "absl/strings/string_view.h"
#include <span>
#include <string>

namespace llmc::tokenizer {

// One pass splits every piece that the passes before it have left: each match is a piece of its
// own, and so is each gap between two matches.
struct PreTokenizerPass {
  enum class Kind {
    Regex,
    // Runs of digits in groups of three, counted from the right. A regular expression would need a
    // look-ahead over the rest of the run at each digit, which is quadratic.
    TriplesCutWhole, // ASCII digits; cuts in front of each group that is whole
    TriplesCutAll,   // any \p{N}; cuts behind each group, the text in front joins the first
  };
  Kind kind = Kind::Regex;
  // In PCRE2's syntax, except that \s and \S mean Unicode's White_Space.
  absl::string_view pattern = {};
};

struct PreTokenizerSpec {
  absl::string_view name;
  std::span<const PreTokenizerPass> passes;
  bool ignoreMerges = false;     // a word that is a token is that token, whatever the merges say
  bool addBos = false;           // the default of the vocabularies that use it
  bool noDefaultBos = false;     // no BOS unless the file names one
  bool escapeSpaces = false;     // spaces become U+2581 first
  bool byteLevel = true;         // false: merges on UTF-8 text, bytes as "<0x0A>"
  bool wholeNewlineRuns = false; // a word of newlines only is looked up as a whole
};

// nullptr for an unknown name. "" is "default".
const PreTokenizerSpec *findPreTokenizer(absl::string_view name);
// All names, comma-separated.
std::string preTokenizerNames();

} // namespace llmc::tokenizer

#endif
