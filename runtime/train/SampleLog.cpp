#include "runtime/train/SampleLog.h"

#include <nlohmann/json.hpp>
#include <optional>

namespace llmc {
namespace {

using Json = nlohmann::ordered_json;

/// No line of ours is longer; a longer one is not parsed.
constexpr size_t kLongestLine = size_t(4) << 20;

std::optional<TextSample> parseSample(absl::string_view line) {
  if (line.size() > kLongestLine)
    return std::nullopt;
  // Objects of ours hold nothing that nests.
  const auto isFlat = [](int depth, Json::parse_event_t, Json &) { return depth <= 1; };
  const Json object = Json::parse(line.begin(), line.end(), isFlat, false);
  if (!object.is_object() || !object.contains("step") || !object["step"].is_number_integer())
    return std::nullopt;
  for (const char *key : {"prompt", "text"})
    if (!object.contains(key) || !object[key].is_string())
      return std::nullopt;
  return TextSample{object["step"].get<int64_t>(), object["prompt"].get<std::string>(),
                    object["text"].get<std::string>()};
}

} // namespace

absl::StatusOr<SampleLog> SampleLog::open(const std::string &path, int64_t step) {
  std::vector<TextSample> samples;
  absl::StatusOr<LineLog> file = LineLog::open(path, [&](absl::string_view line) {
    std::optional<TextSample> sample = step > 0 ? parseSample(line) : std::nullopt;
    if (!sample || sample->step > step)
      return false;
    samples.push_back(*std::move(sample));
    return true;
  });
  if (!file.ok())
    return file.status();
  return SampleLog(*std::move(file), std::move(samples));
}

absl::Status SampleLog::append(const TextSample &sample) {
  samples_.push_back(sample);
  const Json object{{"step", sample.step}, {"prompt", sample.prompt}, {"text", sample.text}};
  return file_.append(object.dump(-1, ' ', false, Json::error_handler_t::replace));
}

} // namespace llmc
