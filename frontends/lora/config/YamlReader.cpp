#include "frontends/lora/config/YamlReader.h"
#include "absl/strings/str_cat.h"
#include "frontends/gguf/file/GgufText.h"
#include <yaml-cpp/yaml.h>

namespace llmc::lora {
namespace {

constexpr size_t kMostBytes = 1 << 20;

// The library's messages have characters of the text in them as they are.
std::string notYaml(absl::string_view message) {
  return absl::StrCat("not YAML: ", gguf::printable(message, 200));
}

std::string scalarOf(const YAML::Node &node) {
  // What is left of the value after a nested list or map would be lost.
  return node.IsScalar() ? node.Scalar() : std::string();
}

absl::StatusOr<YamlValue> valueOf(const YAML::Node &node) {
  YamlValue value;
  if (node.IsScalar()) {
    value.kind = YamlValue::Kind::Scalar;
    value.scalar = node.Scalar();
  } else if (node.IsSequence()) {
    value.kind = YamlValue::Kind::List;
    for (const YAML::Node &item : node) {
      if (!item.IsScalar())
        return absl::InvalidArgumentError("a list may hold single values only");
      value.list.push_back(scalarOf(item));
    }
  } else if (node.IsMap()) {
    value.kind = YamlValue::Kind::Map;
    for (const auto &item : node) {
      if (!item.first.IsScalar() || !item.second.IsScalar())
        return absl::InvalidArgumentError("a map may hold single values only");
      value.map.emplace_back(scalarOf(item.first), scalarOf(item.second));
    }
  }
  return value;
}

struct Reader {
  absl::string_view file;
  absl::FunctionRef<bool(absl::string_view)> isSection;
  absl::FunctionRef<absl::Status(const std::string &, int, const YamlValue &)> visit;

  absl::Status bad(int line, absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(file, ":", line, ": ", what));
  }

  absl::Status walk(const YAML::Node &map, const std::string &prefix) const {
    for (const auto &item : map) {
      const int line = item.first.Mark().line + 1;
      if (!item.first.IsScalar())
        return bad(line, "a key has to be a single word");
      const std::string path = absl::StrCat(prefix, item.first.Scalar());
      // Sections are as deep as the known keys have dots, so this ends.
      if (item.second.IsMap() && isSection(path)) {
        if (absl::Status status = walk(item.second, path + "."); !status.ok())
          return status;
        continue;
      }
      absl::StatusOr<YamlValue> value = valueOf(item.second);
      if (!value.ok())
        return bad(line, absl::StrCat(gguf::printable(path, 80), ": ", value.status().message()));
      if (absl::Status status = visit(path, line, *value); !status.ok())
        return status;
    }
    return absl::OkStatus();
  }
};

} // namespace

absl::Status
readYaml(absl::string_view text, absl::string_view file,
         absl::FunctionRef<bool(absl::string_view path)> isSection,
         absl::FunctionRef<absl::Status(const std::string &path, int line, const YamlValue &value)>
             visit) {
  const Reader reader{file, isSection, visit};
  if (text.size() > kMostBytes)
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": larger than 1 MiB, which no config is; give the YAML config"));
  try {
    const YAML::Node document = YAML::Load(std::string(text));
    if (document.IsNull())
      return absl::OkStatus();
    if (!document.IsMap())
      return reader.bad(document.Mark().line + 1, "a config is a list of 'key: value' lines");
    return reader.walk(document, "");
  } catch (const YAML::Exception &error) {
    return reader.bad(error.mark.is_null() ? 1 : error.mark.line + 1, notYaml(error.msg));
  } catch (const std::exception &error) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": ", notYaml(error.what())));
  }
}

absl::StatusOr<YamlValue> readYamlValue(absl::string_view text) {
  if (text.size() > kMostBytes)
    return absl::InvalidArgumentError("longer than 1 MiB");
  try {
    return valueOf(YAML::Load(std::string(text)));
  } catch (const YAML::Exception &error) {
    return absl::InvalidArgumentError(notYaml(error.msg));
  } catch (const std::exception &error) {
    return absl::InvalidArgumentError(notYaml(error.what()));
  }
}

} // namespace llmc::lora
