// The one table of config keys. Parser, --print-config, help and reference pages come from it.
#ifndef LLMC_FRONTENDS_LORA_CONFIG_CONFIGKEYS_H
#define LLMC_FRONTENDS_LORA_CONFIG_CONFIGKEYS_H

#include "absl/strings/string_view.h"
#include "frontends/lora/config/TrainConfig.h"
#include <limits>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace llmc::lora {

// Numbers from `least` to `most`, without `least` itself where it is open, without `most` where
// that is. Of patterns and lists, each of the numbers.
struct Range {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  bool openLeast = false, openMost = false;

  bool contains(double value) const {
    return (openLeast ? value > least : value >= least) &&
           (openMost ? value < most : value <= most);
  }
  std::string text() const; // "0 or more", "between 0 and 1 (not 1)"
};

using Field =
    std::variant<std::string TrainConfig::*, int64_t TrainConfig::*, double TrainConfig::*,
                 bool TrainConfig::*, std::vector<std::string> TrainConfig::*,
                 std::vector<int64_t> TrainConfig::*, ModuleValues TrainConfig::*>;

struct ConfigKey {
  const char *name;     // "lora.rank"
  const char *aliases;  // separated by spaces; "!NAME" is the reverse of a boolean; those of a key
                        // "lora.X" are known with and without "lora." in front
  Field field;          // its type is the key's type
  const char *fallback; // the default, as YAML
  Range range;
  // Of texts and lists of them: the values that it may have, "a|b", where "a=b" takes `a` for `b`;
  // free text when empty, or when it ends in "|...". Of modules nothing. Of numbers: a word that
  // stands for 0. Of integers that count bytes: "bytes", then KiB, MiB and GiB are known.
  const char *words;
  const char *help;
  const char *oldFlags; // of llama.cpp's `finetune`, with their arguments, separated by ", "
  bool fixed;           // a resumed run must have it as the first run had
};

std::span<const ConfigKey> configKeys();

// Flags of the old program that need no key, and what to do instead.
struct OldFlag {
  const char *flag, *answer;
};
std::span<const OldFlag> flagsWithoutKey();

// A key found by a name or an alias.
struct FoundKey {
  const ConfigKey *key = nullptr;
  bool reversed = false; // of a boolean
};
FoundKey findConfigKey(absl::string_view path);
// Whether some name or alias starts with `path` and a dot.
bool isConfigSection(absl::string_view path);
// The name nearest to a misspelled one; empty when none is near.
std::string nearestKey(absl::string_view path);

// For --help: a line or two a key.
std::string configHelp();
// For the reference: tables of keys, and of the old program's flags.
std::string configMarkdown();
std::string oldFlagsMarkdown();

} // namespace llmc::lora

#endif
