// Values of keys: from YAML to a config's members and back.
#ifndef LLMC_FRONTENDS_LORA_CONFIG_CONFIGVALUES_H
#define LLMC_FRONTENDS_LORA_CONFIG_CONFIGVALUES_H

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "frontends/lora/config/ConfigKeys.h"
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace llmc::lora {

// A value as YAML has it, without its library's types.
struct YamlValue {
  enum class Kind { Null, Scalar, List, Map } kind = Kind::Null;
  std::string scalar;
  std::vector<std::string> list;
  std::vector<std::pair<std::string, std::string>> map;
};

// Sets the member of `config` that `found` names. The error says what is wrong with the value and
// what would be right, without file and key.
absl::Status setValue(TrainConfig &config, const FoundKey &found, const YamlValue &value);

// A member as YAML in one line.
std::string valueText(const TrainConfig &config, const ConfigKey &key);

// The default of a key as a value.
YamlValue defaultValue(const ConfigKey &key);

// "auto", of a number that may be a word; empty when it may not.
absl::string_view zeroWord(const ConfigKey &key);

} // namespace llmc::lora

#endif
