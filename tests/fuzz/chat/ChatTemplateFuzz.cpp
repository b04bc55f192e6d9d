// Feeds any text to the interpreter of chat templates. Behind a zero byte may stand the variables,
// as JSON; without them there is a conversation. Rendering must end within small limits.
#include "frontends/chat/jinja/Template.h"
#include "tests/fuzz/Fuzz.h"
#include <nlohmann/json.hpp>

using namespace llmc;
using Json = nlohmann::ordered_json;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const Json conversation = {
      {"messages",
       {{{"role", "system"}, {"content", "Be brief."}},
        {{"role", "user"}, {"content", " Hi\n"}},
        {{"role", "assistant"},
         {"content", nullptr},
         {"tool_calls", {{{"name", "f"}, {"arguments", {{"x", 1.5}, {"y", {true, "\u00e9"}}}}}}}}}},
      {"tools", nullptr},
      {"add_generation_prompt", true},
      {"bos_token", "<s>"}};
  absl::string_view rest = fuzz::textOf({data, size});
  const absl::string_view source = fuzz::takeUntil(rest, absl::string_view("\0", 1));
  absl::StatusOr<chat::Template> parsed = chat::Template::parse(source, "fuzz.jinja");
  if (!parsed.ok()) {
    fuzz::requireError(parsed.status(), "fuzz.jinja:");
    return 0;
  }
  const Json given = Json::parse(rest.begin(), rest.end(), nullptr, /*allow_exceptions=*/false);
  const chat::RenderOptions small = {.now = 0, .memoryBytes = 8 << 20, .steps = 200'000};
  const auto text = parsed->render(given.is_object() ? given : conversation, small);
  if (!text.ok())
    fuzz::requireError(text.status(), "fuzz.jinja:");
  else // the same again
    fuzz::require(*parsed->render(given.is_object() ? given : conversation, small) == *text);
  return 0;
}
