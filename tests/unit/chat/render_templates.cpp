// Renders templates for comparison with Jinja itself: each line of standard input is a JSON object
// {"template", "variables", "now"}, each line of output {"text"} or {"error"}.
#include "frontends/chat/jinja/Template.h"
#include <iostream>
#include <nlohmann/json.hpp>

int main() {
  using Json = nlohmann::ordered_json;
  std::string line;
  while (std::getline(std::cin, line)) {
    const Json request = Json::parse(line);
    Json answer;
    const auto text = [&]() -> absl::StatusOr<std::string> {
      auto parsed = llmc::chat::Template::parse(request["template"].get<std::string>(), "template");
      if (!parsed.ok())
        return parsed.status();
      return parsed->render(request["variables"], {.now = request.value("now", std::time_t(0))});
    }();
    if (text.ok())
      answer["text"] = *text;
    else
      answer["error"] = std::string(text.status().message());
    std::cout << answer.dump() << "\n";
  }
}
