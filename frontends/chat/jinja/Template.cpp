#include "frontends/chat/jinja/Template.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "frontends/chat/jinja/Evaluator.h"
#include "frontends/chat/jinja/Globals.h"
#include "frontends/chat/jinja/Json.h"
#include "frontends/chat/jinja/Parser.h"
#include "frontends/chat/jinja/TemplateError.h"
#include "frontends/tokenizer/Utf8.h"
#include <new>
#include <nlohmann/json.hpp>

namespace llmc::chat {
namespace {

constexpr size_t kLongestTemplate = size_t(1) << 20;
// A message's bytes are copied some times on their way.
constexpr uint64_t kCopies = 64;
constexpr int kDeepestJson = 200; // fromJson() refuses less

absl::Status errorIn(absl::string_view name, int line, absl::string_view message) {
  std::string text = absl::StrCat(name, line > 0 ? absl::StrCat(":", line) : "", ": ", message);
  for (char &c : text) // a template may raise what it likes
    if (absl::ascii_iscntrl(c))
      c = ' ';
  return absl::InvalidArgumentError(text);
}

uint64_t bytesOf(const nlohmann::ordered_json &json, int depth = 0) {
  uint64_t bytes = 16;
  if (json.is_string())
    return bytes + json.get_ref<const std::string &>().size();
  if (json.is_structured() && depth < kDeepestJson)
    for (const auto &[key, value] : json.items())
      bytes += key.size() + bytesOf(value, depth + 1);
  return bytes;
}

} // namespace

struct Template::Parts {
  std::string name, source;
  Body body;
};

Template::Template(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Template::Template(Template &&) = default;
Template &Template::operator=(Template &&) = default;
Template::~Template() = default;

const std::string &Template::source() const { return parts_->source; }

absl::StatusOr<Template> Template::parse(absl::string_view source, absl::string_view name) {
  if (source.size() > kLongestTemplate)
    return errorIn(name, 1, absl::StrCat("a template of ", source.size(), " bytes is too long"));
  if (size_t offset = tokenizer::findInvalidUtf8(source); offset != absl::string_view::npos)
    return errorIn(name, 1 + std::count(source.begin(), source.begin() + offset, '\n'),
                   absl::StrCat("the template is not UTF-8: byte at offset ", offset));
  try {
    auto parts = std::make_unique<Parts>();
    parts->name = std::string(name);
    parts->source = std::string(source);
    parts->body = Parser(tokenize(source)).parse();
    return Template(std::move(parts));
  } catch (const TemplateError &error) {
    return errorIn(name, error.line, error.message);
  } catch (const std::bad_alloc &) {
    return absl::ResourceExhaustedError(absl::StrCat(name, ": not enough memory to parse it"));
  }
}

absl::StatusOr<std::string> Template::render(const nlohmann::ordered_json &variables,
                                             const RenderOptions &options) const {
  if (!variables.is_object())
    return absl::InvalidArgumentError(
        absl::StrCat(parts_->name, ": its variables are not a JSON object"));
  try {
    const uint64_t extra = bytesOf(variables) * kCopies;
    Heap heap(options.memoryBytes + extra, options.steps + extra);
    // A variable hides a function of its name, and may be hidden by what the template sets.
    Scope *functions = heap.scope(nullptr), *given = heap.scope(functions);
    Evaluator evaluator(heap, heap.scope(given), options.now.value_or(std::time(nullptr)));
    setGlobals(heap, *functions);
    for (const auto &[name, value] : variables.items())
      given->names.emplace_back(heap.text(name).asText(), fromJson(heap, value));
    return evaluator.run(parts_->body);
  } catch (const TemplateError &error) {
    return errorIn(parts_->name, error.line, error.message);
  } catch (const std::bad_alloc &) {
    return absl::ResourceExhaustedError(absl::StrCat(parts_->name, ": not enough memory"));
  }
}

} // namespace llmc::chat
