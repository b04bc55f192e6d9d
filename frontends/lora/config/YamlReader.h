// The shape of a config file: keys with their lines, as YAML has them.
#ifndef LLMC_FRONTENDS_LORA_CONFIG_YAMLREADER_H
#define LLMC_FRONTENDS_LORA_CONFIG_YAMLREADER_H

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/lora/config/ConfigValues.h"
#include <string>

namespace llmc::lora {

// Calls `visit` for each key of the document: its path ("lora.rank"), its line counted from 1 and
// its value. Maps are walked into where `isSection` says so, else they are values. Errors are
// "FILE:LINE: ...". Anything the library throws ends here.
absl::Status
readYaml(absl::string_view text, absl::string_view file,
         absl::FunctionRef<bool(absl::string_view path)> isSection,
         absl::FunctionRef<absl::Status(const std::string &path, int line, const YamlValue &value)>
             visit);

// A single value, as behind "--set KEY=".
absl::StatusOr<YamlValue> readYamlValue(absl::string_view text);

} // namespace llmc::lora

#endif
