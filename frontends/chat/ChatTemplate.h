// A model's chat template, and conversations as the text and tokens that it makes of them.
#ifndef LLMC_FRONTENDS_CHAT_CHATTEMPLATE_H
#define LLMC_FRONTENDS_CHAT_CHATTEMPLATE_H

#include "absl/status/statusor.h"
#include "frontends/chat/jinja/Template.h"
#include "frontends/gguf/file/GgufFile.h"
#include "frontends/tokenizer/Tokenizer.h"
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace llmc::chat {

struct ChatRequest {
  // [{"role": "user", "content": "..."}, ...], in OpenAI's form, also with tool_calls.
  nlohmann::ordered_json messages = nlohmann::ordered_json::array();
  // [{"type": "function", "function": {...}}, ...]; null: none
  nlohmann::ordered_json tools = nullptr;
  // Ends with what begins the assistant's answer.
  bool addGenerationPrompt = true;
  // Further variables, such as enable_thinking; an object or null.
  nlohmann::ordered_json variables = nullptr;
};

class ChatTemplate {
public:
  // Where a template came from.
  enum class Origin { Model, Name, File, Vocabulary };

  // `choice` is empty (the model's own template), the name of a built-in template, or a file. A
  // model without a template gets the built-in one whose marker is in its vocabulary. NotFound,
  // with the remedy, when there is none; InvalidArgument for what is no template. Errors name the
  // file and the line.
  static absl::StatusOr<ChatTemplate> open(const gguf::GgufFile &file, const Tokenizer &tokenizer,
                                           const std::string &choice = "");
  // The same, where `source` is the model's own template, or empty, and `path` stands for the model
  // in errors.
  static absl::StatusOr<ChatTemplate> open(absl::string_view source, absl::string_view path,
                                           const Tokenizer &tokenizer, const std::string &choice);
  static absl::StatusOr<ChatTemplate> create(absl::string_view source, absl::string_view name,
                                             const Tokenizer &tokenizer);

  // The text of a conversation, special tokens included. Errors as Template::render() has them.
  absl::StatusOr<std::string> render(const ChatRequest &request,
                                     const RenderOptions &options = {}) const;

  Origin origin() const { return origin_; }
  // Of a built-in template or a file; of the model's own, its key.
  const std::string &name() const { return name_; }
  const Template &parsed() const { return template_; }

private:
  explicit ChatTemplate(Template parsed) : template_(std::move(parsed)) {}

  Template template_;
  Origin origin_ = Origin::Model;
  std::string name_, bos_, eos_;
};

// The tokens of a rendered text: special tokens in it count as such, and BOS comes in front where
// the vocabulary adds it and the text does not begin with it. Never with EOS behind.
absl::StatusOr<std::vector<int32_t>> encodeChat(const Tokenizer &tokenizer, absl::string_view text);

} // namespace llmc::chat

#endif
