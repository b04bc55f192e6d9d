// Templates by name, for models whose file has none.
#ifndef LLMC_FRONTENDS_CHAT_BUILTINTEMPLATES_H
#define LLMC_FRONTENDS_CHAT_BUILTINTEMPLATES_H

#include "absl/strings/string_view.h"
#include <span>
#include <string>

namespace llmc::chat {

struct BuiltinTemplate {
  absl::string_view name;
  // A token of the vocabularies that it is made for; empty: none tells.
  absl::string_view marker;
  absl::string_view source;
};

std::span<const BuiltinTemplate> builtinTemplates();
// nullptr for an unknown name.
const BuiltinTemplate *findBuiltinTemplate(absl::string_view name);
// All names, comma-separated.
std::string builtinTemplateNames();

} // namespace llmc::chat

#endif
