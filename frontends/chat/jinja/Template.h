// A chat template: the subset of Jinja2 that models' templates use, with Hugging Face's settings
// (trim_blocks, lstrip_blocks, loop controls). README.md says what is in it.
#ifndef LLMC_FRONTENDS_CHAT_JINJA_TEMPLATE_H
#define LLMC_FRONTENDS_CHAT_JINJA_TEMPLATE_H

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include <ctime>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace llmc::chat {

struct RenderOptions {
  std::optional<std::time_t> now =
      std::nullopt; // for strftime_now(), in local time; else the clock
  // Limits, which no template that is meant well comes near. Messages may be as long as they like:
  // their bytes count extra.
  uint64_t memoryBytes = uint64_t(256) << 20;
  uint64_t steps = 50'000'000;
};

// Immutable once parsed; render() may be called from several threads.
class Template {
public:
  // `name` stands in errors, which are "NAME:LINE: what": InvalidArgument for what is no template
  // or uses what is not supported, and for a text that is not UTF-8.
  static absl::StatusOr<Template> parse(absl::string_view source, absl::string_view name);
  Template(Template &&);
  Template &operator=(Template &&);
  ~Template();

  // The text that the template makes of `variables`, a JSON object. InvalidArgument where Jinja
  // raises, also by raise_exception; ResourceExhausted for lack of memory.
  absl::StatusOr<std::string> render(const nlohmann::ordered_json &variables,
                                     const RenderOptions &options = {}) const;

  const std::string &source() const;

private:
  struct Parts;
  explicit Template(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

} // namespace llmc::chat

#endif
