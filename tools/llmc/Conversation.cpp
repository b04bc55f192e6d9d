#include "tools/llmc/Conversation.h"
#include "absl/strings/str_cat.h"
#include "runtime/core/AtomicFile.h"
#include "runtime/core/MappedFile.h"

namespace llmc::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kDeepest = 64; // of arrays and objects in each other

// What is wrong with a message of a file; nullptr: nothing.
const char *faultOf(const Json &message) {
  if (!message.is_object())
    return "is not an object";
  const auto role = message.find("role");
  if (role == message.end() || !role->is_string())
    return "has no \"role\"";
  if (*role != "system" && *role != "user" && *role != "assistant" && *role != "tool")
    return "has a role that is none of system, user, assistant and tool";
  const auto content = message.find("content");
  if (content == message.end() || !(content->is_string() || message.contains("tool_calls")))
    return "has no text as its \"content\"";
  return nullptr;
}

} // namespace

Conversation::Conversation(std::string system) { setSystem(system); }

void Conversation::add(absl::string_view role, absl::string_view text) {
  messages_.push_back({{"role", std::string(role)}, {"content", std::string(text)}});
}

void Conversation::setSystem(const std::string &system) {
  if (!messages_.empty() && messages_[0]["role"] == "system")
    messages_.erase(0);
  if (!system.empty())
    messages_.insert(messages_.begin(), Json{{"role", "system"}, {"content", system}});
}

void Conversation::clear() {
  const bool system = !messages_.empty() && messages_[0]["role"] == "system";
  messages_.erase(messages_.begin() + (system ? 1 : 0), messages_.end());
}

std::string Conversation::takeLastQuestion() {
  for (size_t i = messages_.size(); i-- > 0;)
    if (messages_[i]["role"] == "user" && messages_[i]["content"].is_string()) {
      const std::string text = messages_[i]["content"].get<std::string>();
      messages_.erase(messages_.begin() + i, messages_.end());
      return text;
    }
  return "";
}

bool Conversation::hasAnswers() const {
  for (const Json &message : messages_)
    if (message["role"] == "assistant")
      return true;
  return false;
}

absl::Status Conversation::save(const std::string &path) const {
  absl::StatusOr<AtomicFile> file = AtomicFile::create(path);
  if (!file.ok())
    return file.status();
  const std::string text =
      Json{{"messages", messages_}}.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  if (absl::Status status = file->write(text); !status.ok())
    return status;
  return file->commit();
}

absl::Status Conversation::load(const std::string &path) {
  absl::StatusOr<MappedFile> file = MappedFile::open(path);
  if (!file.ok())
    return file.status();
  const std::span<const uint8_t> bytes = file->bytes();
  // Copies of a tree, and its end, need as much of the stack as it is deep.
  bool tooDeep = false;
  const auto keep = [&](int depth, Json::parse_event_t, Json &) {
    tooDeep |= depth > kDeepest;
    return !tooDeep;
  };
  const Json document = Json::parse(bytes.begin(), bytes.end(), keep, /*allow_exceptions=*/false);
  const auto messages = document.is_object() ? document.find("messages") : document.end();
  if (tooDeep || messages == document.end() || !messages->is_array())
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": this is no conversation; it is JSON: {\"messages\": [...]}"));
  for (size_t i = 0; i < messages->size(); ++i)
    if (const char *fault = faultOf((*messages)[i]))
      return absl::InvalidArgumentError(absl::StrCat(path, ": message ", i + 1, " ", fault));
  messages_ = *messages;
  return absl::OkStatus();
}

} // namespace llmc::cli
