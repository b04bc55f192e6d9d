#include "frontends/lora/data/RecordJson.h"
#include "absl/strings/str_cat.h"
#include "frontends/gguf/file/GgufText.h"
#include <nlohmann/json.hpp>

namespace llmc::lora {
namespace {

using Json = nlohmann::json;

constexpr int kMostDepth = 32;

// Whether brackets nest deeper than any record has a use for: a tree of them takes many times the
// memory of its text.
bool isTooDeep(absl::string_view json) {
  int depth = 0;
  bool inString = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (inString && c == '\\')
      ++i;
    else if (c == '"')
      inString = !inString;
    else if (!inString && (c == '[' || c == '{') && ++depth > kMostDepth)
      return true;
    else if (!inString && (c == ']' || c == '}'))
      --depth;
  }
  return false;
}

struct RoleName {
  const char *name;
  Role role;
};
constexpr RoleName kRoles[] = {{"system", Role::System},       {"developer", Role::System},
                               {"user", Role::User},           {"human", Role::User},
                               {"assistant", Role::Assistant}, {"gpt", Role::Assistant},
                               {"model", Role::Assistant}};

} // namespace

absl::Status badRecord(absl::string_view what) { return absl::InvalidArgumentError(what); }

absl::StatusOr<Json> parseRecordObject(absl::string_view line) {
  if (isTooDeep(line))
    return badRecord(absl::StrCat("brackets nest deeper than ", kMostDepth, " levels"));
  Json object = Json::parse(line.begin(), line.end(), nullptr, false);
  if (object.is_discarded())
    return badRecord("not JSON; each line has to be one object");
  if (!object.is_object())
    return badRecord(object.is_array() ? "a list; write one object a line (jq -c '.[]' does that)"
                                       : "not an object; each line has to be one");
  return object;
}

absl::StatusOr<std::string> textOf(const Json &object, const char *key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null())
    return std::string();
  if (found->is_string())
    return found->get<std::string>();
  // Content in parts, of which texts can be read.
  std::string text;
  if (!found->is_array())
    return badRecord(absl::StrCat("'", key, "' is not a text"));
  for (const Json &part : *found) {
    const auto type = part.is_object() ? part.find("type") : part.end();
    if (!part.is_object() || type == part.end() || *type != Json("text"))
      return badRecord(absl::StrCat("'", key, "' has parts that are no text"));
    absl::StatusOr<std::string> more = textOf(part, "text");
    if (!more.ok())
      return more.status();
    text += *more;
  }
  return text;
}

absl::StatusOr<std::vector<Message>> messagesOf(const Json &list, const char *roleKey,
                                                const char *textKey) {
  std::vector<Message> messages;
  for (const Json &item : list) {
    if (!item.is_object())
      return badRecord("a message is not an object");
    if (item.contains("tool_calls") && !item["tool_calls"].empty())
      return badRecord("a message has tool_calls, which cannot be trained; leave the sample out");
    absl::StatusOr<std::string> role = textOf(item, roleKey);
    if (!role.ok())
      return role.status();
    const RoleName *found = nullptr;
    for (const RoleName &known : kRoles)
      if (*role == known.name)
        found = &known;
    if (!found)
      return badRecord(absl::StrCat("the role ", gguf::inQuotes(*role, 40),
                                    " is not known; write system, user or assistant"));
    absl::StatusOr<std::string> text = textOf(item, textKey);
    if (!text.ok())
      return text.status();
    const auto weight = item.find("weight");
    if (weight != item.end() && *weight != Json(0) && *weight != Json(1))
      return badRecord("the weight of a message is neither 0 (not learned) nor 1");
    const bool learned = weight == item.end() || *weight != Json(0);
    messages.push_back({found->role, *std::move(text), learned});
  }
  return messages;
}

absl::StatusOr<std::vector<Message>> conversationOf(const Json &object) {
  for (auto [key, role, text] :
       {std::tuple("messages", "role", "content"), std::tuple("conversations", "from", "value")}) {
    if (!object.contains(key))
      continue;
    if (!object[key].is_array())
      return badRecord(absl::StrCat("'", key, "' is not a list"));
    absl::StatusOr<std::vector<Message>> messages = messagesOf(object[key], role, text);
    if (!messages.ok())
      return messages;
    absl::StatusOr<std::string> system = textOf(object, "system");
    if (!system.ok())
      return system.status();
    if (!system->empty())
      messages->insert(messages->begin(), {Role::System, *system});
    return messages;
  }
  return std::vector<Message>();
}

absl::StatusOr<std::vector<Message>> alpacaQuestion(const Json &object, bool alpacaInput) {
  std::vector<std::string> texts;
  for (const char *key : {"system", "instruction", "input"}) {
    absl::StatusOr<std::string> text = textOf(object, key);
    if (!text.ok())
      return text.status();
    texts.push_back(*std::move(text));
  }
  std::vector<Message> messages;
  const bool hasInput = !texts[2].empty();
  if (texts[0].empty() && alpacaInput)
    texts[0] = hasInput
                   ? "Below is an instruction that describes a task, paired with an input that "
                     "provides further context. Write a response that appropriately completes the "
                     "request."
                   : "Below is an instruction that describes a task. Write a response that "
                     "appropriately completes the request.";
  if (!texts[0].empty())
    messages.push_back({Role::System, texts[0]});
  if (hasInput)
    absl::StrAppend(&texts[1], alpacaInput ? "\n\n### Input:\n" : "\n", texts[2]);
  messages.push_back({Role::User, texts[1]});
  return messages;
}

} // namespace llmc::lora
