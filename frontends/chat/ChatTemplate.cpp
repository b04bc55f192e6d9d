#include "frontends/chat/ChatTemplate.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "frontends/chat/BuiltinTemplates.h"
#include "runtime/core/MappedFile.h"

namespace llmc::chat {
namespace {

constexpr char kKey[] = "tokenizer.chat_template";

std::string textOf(const Tokenizer &tokenizer, std::optional<int32_t> token) {
  return token ? tokenizer.piece(*token, /*renderSpecial=*/true) : "";
}

} // namespace

absl::StatusOr<ChatTemplate> ChatTemplate::create(absl::string_view source, absl::string_view name,
                                                  const Tokenizer &tokenizer) {
  absl::StatusOr<Template> parsed = Template::parse(source, name);
  if (!parsed.ok())
    return parsed.status();
  ChatTemplate result(*std::move(parsed));
  result.name_ = std::string(name);
  result.bos_ = textOf(tokenizer, tokenizer.bosId());
  result.eos_ = textOf(tokenizer, tokenizer.eosId());
  return result;
}

absl::StatusOr<ChatTemplate> ChatTemplate::open(const gguf::GgufFile &file,
                                                const Tokenizer &tokenizer,
                                                const std::string &choice) {
  std::string own;
  if (choice.empty() && file.contains(kKey)) {
    absl::StatusOr<std::string> source = file.get<std::string>(kKey);
    if (!source.ok())
      return source.status();
    own = *std::move(source);
  }
  return open(own, file.path(), tokenizer, choice);
}

absl::StatusOr<ChatTemplate> ChatTemplate::open(absl::string_view source, absl::string_view path,
                                                const Tokenizer &tokenizer,
                                                const std::string &choice) {
  const auto make = [&](absl::string_view text, absl::string_view name, Origin origin,
                        absl::string_view shown) {
    absl::StatusOr<ChatTemplate> result = create(text, name, tokenizer);
    if (result.ok()) {
      result->origin_ = origin;
      result->name_ = std::string(shown);
    }
    return result;
  };
  if (const BuiltinTemplate *known = findBuiltinTemplate(choice))
    return make(known->source, known->name, Origin::Name, known->name);
  if (!choice.empty()) {
    absl::StatusOr<MappedFile> text = MappedFile::open(choice);
    if (!text.ok())
      return absl::Status(text.status().code(),
                          absl::StrCat(text.status().message(),
                                       "; a chat template is a file, or one of ",
                                       builtinTemplateNames()));
    const std::span<const uint8_t> bytes = text->bytes();
    return make({reinterpret_cast<const char *>(bytes.data()), bytes.size()}, choice, Origin::File,
                choice);
  }
  if (!source.empty())
    return make(source, absl::StrCat(path, ": ", kKey), Origin::Model, kKey);
  for (const BuiltinTemplate &known : builtinTemplates())
    if (!known.marker.empty() && tokenizer.findToken(known.marker))
      return make(known.source, known.name, Origin::Vocabulary, known.name);
  return absl::NotFoundError(absl::StrCat(path,
                                          ": the model has no chat template; choose one with "
                                          "--chat-template FILE or NAME: ",
                                          builtinTemplateNames()));
}

absl::StatusOr<std::string> ChatTemplate::render(const ChatRequest &request,
                                                 const RenderOptions &options) const {
  nlohmann::ordered_json variables = {
      {"messages", request.messages},
      {"tools", request.tools},
      {"documents", nullptr},
      {"add_generation_prompt", request.addGenerationPrompt},
      {"bos_token", bos_},
      {"eos_token", eos_},
  };
  if (request.variables.is_object())
    variables.update(request.variables);
  return template_.render(variables, options);
}

absl::StatusOr<std::vector<int32_t>> encodeChat(const Tokenizer &tokenizer,
                                                absl::string_view text) {
  const std::string bos = textOf(tokenizer, tokenizer.bosId());
  const bool hasBos = !bos.empty() && absl::StartsWith(text, bos);
  absl::StatusOr<std::vector<int32_t>> tokens =
      tokenizer.encode(text, {.addSpecial = !hasBos, .parseSpecial = true});
  if (tokens.ok() && !hasBos && tokenizer.addsEos() && !tokens->empty() &&
      tokens->back() == tokenizer.eosId())
    tokens->pop_back();
  return tokens;
}

} // namespace llmc::chat
