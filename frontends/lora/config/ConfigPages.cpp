// What is written from the table of keys: --print-config, --help, reference pages.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "frontends/lora/config/ConfigKeys.h"
#include "frontends/lora/config/ConfigValues.h"
#include <cmath>

namespace llmc::lora {
namespace {

constexpr size_t kHelpColumn = 40;

std::string section(const ConfigKey &key) {
  const absl::string_view name = key.name;
  const size_t dot = name.find('.');
  return dot == name.npos ? "" : std::string(name.substr(0, dot));
}

// "cosine, linear or ...", of a text that is one of several.
std::string choices(const ConfigKey &key) {
  if (!std::holds_alternative<std::string TrainConfig::*>(key.field) &&
      !std::holds_alternative<std::vector<std::string> TrainConfig::*>(key.field))
    return "";
  std::vector<absl::string_view> known;
  for (absl::string_view choice : absl::StrSplit(key.words, '|', absl::SkipEmpty()))
    if (!absl::StrContains(choice, "=") && choice != "...")
      known.push_back(choice);
  return known.size() < 2 ? "" : absl::StrJoin(known, ", ");
}

// The default as the page shows it.
std::string shownDefault(const ConfigKey &key) {
  return *key.fallback == 0 ? "\"\"" : key.fallback;
}

std::string inTable(absl::string_view text) { return absl::StrReplaceAll(text, {{"|", "\\|"}}); }

} // namespace

std::string Range::text() const {
  const auto number = [](double value) { return absl::StrCat(value); };
  if (std::isinf(least) && std::isinf(most))
    return "any finite number";
  if (std::isinf(most))
    return openLeast ? absl::StrCat("above ", number(least))
                     : absl::StrCat(number(least), " or more");
  return absl::StrCat("between ", number(least), " and ", number(most),
                      openLeast && openMost ? ", without both"
                      : openLeast           ? absl::StrCat(", not ", number(least))
                      : openMost            ? absl::StrCat(", not ", number(most))
                                            : "");
}

std::string printConfig(const TrainConfig &config) {
  std::string out, open;
  for (const ConfigKey &key : configKeys()) {
    const std::string in = section(key);
    if (in != open && !in.empty())
      absl::StrAppend(&out, in, ":\n");
    open = in;
    absl::string_view name = key.name;
    if (!in.empty())
      name.remove_prefix(in.size() + 1);
    std::string line = absl::StrCat(in.empty() ? "" : "  ", name, ": ", valueText(config, key));
    line.append(line.size() + 1 < kHelpColumn ? kHelpColumn - line.size() : 2, ' ');
    absl::StrAppend(&out, line, "# ", key.help, "\n");
  }
  return out;
}

std::string configHelp() {
  std::string out;
  for (const ConfigKey &key : configKeys()) {
    absl::StrAppend(&out, "  ", key.name, " (", shownDefault(key), ")\n      ", key.help);
    if (const std::string known = choices(key); !known.empty())
      absl::StrAppend(&out, "; ", known);
    absl::StrAppend(&out, "\n");
  }
  return out;
}

std::string configMarkdown() {
  std::string out = "| Key | Default | Meaning | Also known as |\n| --- | --- | --- | --- |\n";
  for (const ConfigKey &key : configKeys()) {
    std::vector<std::string> aliases;
    for (absl::string_view alias : absl::StrSplit(key.aliases, ' ', absl::SkipEmpty()))
      aliases.push_back(absl::ConsumePrefix(&alias, "!")
                            ? absl::StrCat("`", alias, "` (the reverse)")
                            : absl::StrCat("`", alias, "`"));
    const std::string known = choices(key);
    absl::StrAppend(&out, "| `", key.name, "` | `", inTable(shownDefault(key)), "` | ",
                    inTable(key.help), known.empty() ? "" : absl::StrCat("; ", known), " | ",
                    absl::StrJoin(aliases, ", "), " |\n");
  }
  return out;
}

std::string oldFlagsMarkdown() {
  std::string out = "| `finetune` | here |\n| --- | --- |\n";
  const auto row = [&](absl::string_view flag, absl::string_view answer) {
    absl::StrAppend(&out, "| `", flag, "` | ", answer, " |\n");
  };
  for (const ConfigKey &key : configKeys()) {
    if (*key.oldFlags == 0)
      continue;
    // Flags of one key that need a word each have it in brackets.
    std::vector<absl::string_view> plain;
    for (absl::string_view flag : absl::StrSplit(key.oldFlags, ", ")) {
      const size_t bracket = flag.find(" (");
      if (bracket == flag.npos)
        plain.push_back(flag);
      else
        row(flag.substr(0, bracket),
            absl::StrCat("`", key.name, "`: ", absl::StripSuffix(flag.substr(bracket + 2), ")")));
    }
    if (!plain.empty())
      row(absl::StrJoin(plain, "`, `"), absl::StrCat("`", key.name, "`"));
  }
  for (const OldFlag &flag : flagsWithoutKey())
    row(absl::StrReplaceAll(flag.flag, {{", ", "`, `"}}), flag.answer);
  return out;
}

} // namespace llmc::lora
