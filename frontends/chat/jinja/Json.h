// Values from and to JSON.
#ifndef LLMC_FRONTENDS_CHAT_JINJA_JSON_H
#define LLMC_FRONTENDS_CHAT_JINJA_JSON_H

#include "frontends/chat/jinja/Heap.h"
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace llmc::chat {

// Texts are copied. Throws TemplateError for what has no value: integers beyond 64 bits, and texts
// that are not UTF-8.
Value fromJson(Heap &heap, const nlohmann::ordered_json &json);

struct JsonStyle {
  std::string indent = {}; // of a level; `multiline` says whether there are lines at all
  bool multiline = false;
  std::string itemSeparator = ", ", keySeparator = ": ";
  bool asciiOnly = false, sortKeys = false;
};

// As Python's json.dumps writes it.
std::string toJson(Heap &heap, const Value &value, const JsonStyle &style);

} // namespace llmc::chat

#endif
