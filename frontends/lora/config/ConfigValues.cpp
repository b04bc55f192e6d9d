#include "frontends/lora/config/ConfigValues.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "frontends/gguf/file/GgufText.h"
#include "frontends/lora/adapter/ModuleNames.h"
#include <algorithm>
#include <cmath>
#include <cstring>

namespace llmc::lora {
namespace {

constexpr absl::string_view kAllLinear = "all-linear", kBytes = "bytes", kOpen = "...",
                            kAllWord = "all", kNoneWord = "none";

absl::Status bad(absl::string_view what) { return absl::InvalidArgumentError(what); }

std::string shown(absl::string_view text) { return gguf::inQuotes(text, 60); }

bool countsBytes(const ConfigKey &key) { return absl::EndsWith(key.words, kBytes); }

// Takes a unit off the end of a number of bytes.
double consumeUnit(absl::string_view &text) {
  struct Unit {
    const char *name;
    double bytes;
  };
  static constexpr Unit kUnits[] = {
      {"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}, {"TiB", 1099511627776.0},
      {"KB", 1e3},     {"MB", 1e6},        {"GB", 1e9},           {"TB", 1e12},
      {"K", 1024.0},   {"M", 1048576.0},   {"G", 1073741824.0},   {"B", 1}};
  for (const Unit &unit : kUnits)
    if (absl::EndsWithIgnoreCase(text, unit.name)) {
      text = absl::StripAsciiWhitespace(text.substr(0, text.size() - strlen(unit.name)));
      return unit.bytes;
    }
  return 1;
}

// A finite number in the key's range. absl reads 1e-5, .5 and 0x10 is none.
absl::StatusOr<double> parseNumber(const ConfigKey &key, absl::string_view scalar, bool whole) {
  absl::string_view text = absl::StripAsciiWhitespace(scalar);
  const double unit = whole && countsBytes(key) ? consumeUnit(text) : 1;
  double number;
  if (!absl::SimpleAtod(text, &number))
    return bad(absl::StrCat(shown(scalar), " is not a ", whole ? "whole number" : "number",
                            "; give one that is ", key.range.text(),
                            zeroWord(key).empty() ? "" : absl::StrCat(", or ", zeroWord(key))));
  number *= unit;
  if (!std::isfinite(number))
    return bad(absl::StrCat(shown(scalar), " is not a finite number; give one that is ",
                            key.range.text()));
  if (whole && (number != std::floor(number) || std::abs(number) > 9007199254740992.0))
    return bad(absl::StrCat(shown(scalar), " is not a whole number"));
  if (!key.range.contains(number))
    return bad(absl::StrCat(shown(scalar), " is out of range; give a number that is ",
                            key.range.text(),
                            zeroWord(key).empty() ? "" : absl::StrCat(", or ", zeroWord(key))));
  return number;
}

absl::StatusOr<double> parseNumberOrWord(const ConfigKey &key, absl::string_view scalar,
                                         bool whole) {
  const absl::string_view word = zeroWord(key);
  if (!word.empty()) {
    if (absl::EqualsIgnoreCase(scalar, word))
      return 0.0;
    // 0 and -1 mean the same to other programs.
    const absl::string_view text = absl::StripAsciiWhitespace(scalar);
    if (text == "0" || text == "-1")
      return 0.0;
  }
  absl::StatusOr<double> number = parseNumber(key, scalar, whole);
  if (!number.ok() && !word.empty() && !absl::StrContains(number.status().message(), word))
    return bad(absl::StrCat(number.status().message(), "; give one, or ", word));
  return number;
}

absl::StatusOr<std::string> parseText(const ConfigKey &key, const std::string &scalar) {
  if (*key.words == 0)
    return scalar;
  std::vector<absl::string_view> known;
  for (absl::string_view choice : absl::StrSplit(key.words, '|')) {
    if (choice == kOpen)
      return scalar;
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(choice, '=');
    if (absl::EqualsIgnoreCase(scalar, parts.first))
      return std::string(parts.second.empty() ? parts.first : parts.second);
    if (parts.second.empty())
      known.push_back(choice);
  }
  return bad(absl::StrCat(shown(scalar), " is not known; give ", absl::StrJoin(known, ", ")));
}

absl::StatusOr<bool> parseBoolean(absl::string_view scalar) {
  for (const char *word : {"true", "yes", "on"})
    if (absl::EqualsIgnoreCase(scalar, word))
      return true;
  for (const char *word : {"false", "no", "off"})
    if (absl::EqualsIgnoreCase(scalar, word))
      return false;
  return bad(absl::StrCat(shown(scalar), " is neither true nor false"));
}

// Each once. "none" is no text, "all" is each of those that are known.
absl::StatusOr<std::vector<std::string>> parseChoices(const ConfigKey &key,
                                                      const std::vector<std::string> &list) {
  std::vector<std::string> out;
  const auto add = [&](absl::string_view text) {
    if (std::find(out.begin(), out.end(), text) == out.end())
      out.emplace_back(text);
  };
  for (const std::string &item : list) {
    absl::StatusOr<std::string> text =
        parseText(key, std::string(absl::StripAsciiWhitespace(item)));
    if (!text.ok())
      return text.status();
    if (*text == kAllWord) {
      for (absl::string_view known : absl::StrSplit(key.words, '|'))
        if (known != kAllWord && known != kNoneWord)
          add(known);
    } else if (*text != kNoneWord) {
      add(*text);
    }
  }
  return out;
}

// Modules by any name, as GGUF's, each once.
absl::StatusOr<std::vector<std::string>> parseModules(const std::vector<std::string> &list) {
  std::vector<std::string> out;
  const auto add = [&](const Module &module) {
    if (std::find(out.begin(), out.end(), module.gguf) == out.end())
      out.emplace_back(module.gguf);
  };
  for (const std::string &name : list) {
    if (name == kAllLinear || name == "all") {
      for (const Module &module : modules())
        if (module.linear)
          add(module);
    } else if (const Module *module = findModule(absl::StripAsciiWhitespace(name))) {
      add(*module);
    } else {
      return bad(absl::StrCat(shown(name), " is no module; give ", kAllLinear, " or some of ",
                              moduleNames()));
    }
  }
  if (out.empty())
    return bad(absl::StrCat("there is nothing to train; give ", kAllLinear, " or a list"));
  return out;
}

// The key of a pattern in GGUF's names: a module, or a module of one layer.
absl::StatusOr<std::string> parsePatternKey(const std::string &name) {
  if (const Module *module = findModule(name))
    return std::string(module->gguf);
  std::optional<ModulePlace> place = placeOfGguf(name);
  if (!place)
    place = placeOfGguf(absl::StrCat(name, ".weight"));
  if (!place)
    place = placeOfPeft(name);
  if (place)
    return std::string(absl::StripSuffix(place->ggufName(), ".weight"));
  return bad(absl::StrCat(shown(name), " is no module; give one of ", moduleNames(),
                          ", or of one layer, as blk.0.attn_q"));
}

struct Setter {
  TrainConfig &config;
  const FoundKey &found;
  const YamlValue &value;
  const ConfigKey &key = *found.key;

  absl::Status wrongKind(absl::string_view wanted) const {
    return bad(absl::StrCat("it has to be ", wanted));
  }
  bool isScalar() const { return value.kind == YamlValue::Kind::Scalar; }

  absl::Status operator()(std::string TrainConfig::*member) const {
    if (!isScalar())
      return wrongKind("a text");
    absl::StatusOr<std::string> text = parseText(key, value.scalar);
    if (text.ok())
      config.*member = *std::move(text);
    return text.status();
  }
  absl::Status operator()(int64_t TrainConfig::*member) const {
    if (!isScalar())
      return wrongKind("a number");
    absl::StatusOr<double> number = parseNumberOrWord(key, value.scalar, true);
    if (number.ok())
      config.*member = static_cast<int64_t>(*number);
    return number.status();
  }
  absl::Status operator()(double TrainConfig::*member) const {
    if (!isScalar())
      return wrongKind("a number");
    absl::StatusOr<double> number = parseNumberOrWord(key, value.scalar, false);
    if (number.ok())
      config.*member = *number;
    return number.status();
  }
  absl::Status operator()(bool TrainConfig::*member) const {
    if (!isScalar())
      return wrongKind("true or false");
    absl::StatusOr<bool> boolean = parseBoolean(value.scalar);
    if (boolean.ok())
      config.*member = *boolean != found.reversed;
    return boolean.status();
  }
  absl::Status operator()(std::vector<std::string> TrainConfig::*member) const {
    const bool isModules = member == &TrainConfig::targetModules;
    const bool isFree = !isModules && *key.words == 0;
    std::vector<std::string> list = value.list;
    if (isScalar() && isFree)
      list = {value.scalar};
    else if (isScalar())
      list = absl::StrSplit(value.scalar, ',');
    else if (value.kind != YamlValue::Kind::List)
      return wrongKind("a list");
    absl::StatusOr<std::vector<std::string>> names = isModules ? parseModules(list)
                                                     : isFree  ? std::move(list)
                                                               : parseChoices(key, list);
    if (names.ok())
      config.*member = *std::move(names);
    return names.status();
  }
  absl::Status operator()(std::vector<int64_t> TrainConfig::*member) const {
    std::vector<std::string> list = value.list;
    if (isScalar())
      list = {value.scalar};
    else if (value.kind != YamlValue::Kind::List)
      return wrongKind("a list of numbers");
    std::vector<int64_t> numbers;
    for (const std::string &item : list) {
      absl::StatusOr<double> number = parseNumber(key, item, true);
      if (!number.ok())
        return number.status();
      numbers.push_back(static_cast<int64_t>(*number));
    }
    config.*member = std::move(numbers);
    return absl::OkStatus();
  }
  absl::Status operator()(ModuleValues TrainConfig::*member) const {
    if (value.kind != YamlValue::Kind::Map)
      return wrongKind("a map of modules to numbers, as {attn_q: 8}");
    const bool whole = member == &TrainConfig::rankPattern;
    ModuleValues values;
    for (const auto &[name, scalar] : value.map) {
      absl::StatusOr<std::string> module = parsePatternKey(name);
      if (!module.ok())
        return module.status();
      absl::StatusOr<double> number = parseNumber(key, scalar, whole);
      if (!number.ok())
        return bad(absl::StrCat(name, ": ", number.status().message()));
      values.emplace_back(*module, *number);
    }
    config.*member = std::move(values);
    return absl::OkStatus();
  }
};

// The shortest decimal that reads back to the same number.
std::string numberText(double number) {
  for (int digits = 1; digits < 17; ++digits) {
    std::string text = absl::StrFormat("%.*g", digits, number);
    double back;
    if (absl::SimpleAtod(text, &back) && back == number)
      return text;
  }
  return absl::StrFormat("%.17g", number);
}

// With YAML's escapes.
std::string inDoubleQuotes(absl::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      absl::StrAppend(&out, "\\", std::string(1, c));
    else if (c == '\n')
      out += "\\n";
    else if (byte < 0x20 || byte == 0x7f)
      absl::StrAppendFormat(&out, "\\x%02x", byte);
    else
      out += c;
  }
  return out + "\"";
}

struct Printer {
  const TrainConfig &config;
  const ConfigKey &key;

  std::string operator()(std::string TrainConfig::*member) const {
    const std::string &text = config.*member;
    if (*key.words != 0 &&
        text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789") == text.npos)
      return text;
    return inDoubleQuotes(text);
  }
  std::string operator()(int64_t TrainConfig::*member) const {
    const int64_t number = config.*member;
    return number == 0 && !zeroWord(key).empty() ? std::string(zeroWord(key))
                                                 : absl::StrCat(number);
  }
  std::string operator()(double TrainConfig::*member) const {
    const double number = config.*member;
    return number == 0 && !zeroWord(key).empty() ? std::string(zeroWord(key)) : numberText(number);
  }
  std::string operator()(bool TrainConfig::*member) const {
    return config.*member ? "true" : "false";
  }
  std::string operator()(std::vector<std::string> TrainConfig::*member) const {
    const bool isFree = member != &TrainConfig::targetModules && *key.words == 0;
    return absl::StrCat("[",
                        absl::StrJoin(config.*member, ", ",
                                      [&](std::string *out, const std::string &text) {
                                        *out += isFree ? inDoubleQuotes(text) : text;
                                      }),
                        "]");
  }
  std::string operator()(std::vector<int64_t> TrainConfig::*member) const {
    return absl::StrCat("[", absl::StrJoin(config.*member, ", "), "]");
  }
  std::string operator()(ModuleValues TrainConfig::*member) const {
    return absl::StrCat("{",
                        absl::StrJoin(config.*member, ", ",
                                      [](std::string *out, const auto &item) {
                                        absl::StrAppend(out, item.first, ": ",
                                                        numberText(item.second));
                                      }),
                        "}");
  }
};

} // namespace

absl::string_view zeroWord(const ConfigKey &key) {
  if (!std::holds_alternative<int64_t TrainConfig::*>(key.field) &&
      !std::holds_alternative<double TrainConfig::*>(key.field))
    return "";
  absl::string_view word = key.words;
  absl::ConsumeSuffix(&word, kBytes);
  return absl::StripAsciiWhitespace(word);
}

absl::Status setValue(TrainConfig &config, const FoundKey &found, const YamlValue &value) {
  if (value.kind != YamlValue::Kind::Null)
    return std::visit(Setter{config, found, value}, found.key->field);
  // Nothing means "none" where that is a choice, the default elsewhere.
  YamlValue instead = defaultValue(*found.key);
  for (absl::string_view choice : absl::StrSplit(found.key->words, '|'))
    if (choice == "none")
      instead.scalar = "none";
  const FoundKey plain{found.key};
  return std::visit(Setter{config, plain, instead}, found.key->field);
}

YamlValue defaultValue(const ConfigKey &key) {
  const absl::string_view text = key.fallback;
  YamlValue value;
  value.kind = text == "{}"   ? YamlValue::Kind::Map
               : text == "[]" ? YamlValue::Kind::List
                              : YamlValue::Kind::Scalar;
  if (value.kind == YamlValue::Kind::Scalar && text != "\"\"")
    value.scalar = std::string(text);
  return value;
}

std::string valueText(const TrainConfig &config, const ConfigKey &key) {
  return std::visit(Printer{config, key}, key.field);
}

} // namespace llmc::lora
