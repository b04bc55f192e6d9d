// Finding keys by name, alias or likeness.
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "frontends/lora/config/ConfigKeys.h"
#include <algorithm>

namespace llmc::lora {
namespace {

constexpr absl::string_view kLora = "lora.";

struct Names {
  absl::flat_hash_map<std::string, FoundKey> keys;
  absl::flat_hash_set<std::string> sections;

  void add(std::string name, FoundKey found) {
    for (size_t dot = name.find('.'); dot != name.npos; dot = name.find('.', dot + 1))
      sections.insert(name.substr(0, dot));
    keys.emplace(std::move(name), found);
  }
};

const Names &names() {
  static const Names *const all = [] {
    auto *names = new Names;
    for (const ConfigKey &key : configKeys()) {
      names->add(key.name, {&key});
      for (absl::string_view alias : absl::StrSplit(key.aliases, ' ', absl::SkipEmpty())) {
        const bool reversed = absl::ConsumePrefix(&alias, "!");
        names->add(std::string(alias), {&key, reversed});
        if (absl::StartsWith(key.name, kLora) && !absl::StrContains(alias, "."))
          names->add(absl::StrCat(kLora, alias), {&key, reversed});
      }
    }
    return names;
  }();
  return *all;
}

// Levenshtein's distance.
size_t distance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row[b.size()];
}

absl::string_view lastPart(absl::string_view path) {
  const size_t dot = path.rfind('.');
  return dot == path.npos ? path : path.substr(dot + 1);
}

} // namespace

FoundKey findConfigKey(absl::string_view path) {
  const auto found = names().keys.find(path);
  return found == names().keys.end() ? FoundKey{} : found->second;
}

bool isConfigSection(absl::string_view path) { return names().sections.contains(path); }

std::string nearestKey(absl::string_view path) {
  constexpr size_t kLongest = 64;
  const absl::string_view wanted = lastPart(path);
  if (wanted.size() > kLongest)
    return "";
  // In the table's order, so that equals are settled the same way each time.
  size_t least = std::max<size_t>(2, wanted.size() / 3) + 1;
  std::string nearest;
  const auto consider = [&](absl::string_view name, const ConfigKey &key, bool reversed) {
    const size_t d = std::min(distance(wanted, lastPart(name)), distance(path, name));
    if (d < least) {
      least = d;
      nearest = reversed ? std::string(name) : key.name;
    }
  };
  for (const ConfigKey &key : configKeys()) {
    consider(key.name, key, false);
    for (absl::string_view alias : absl::StrSplit(key.aliases, ' ', absl::SkipEmpty())) {
      const bool reversed = absl::ConsumePrefix(&alias, "!");
      consider(alias, key, reversed);
    }
  }
  return nearest;
}

} // namespace llmc::lora
