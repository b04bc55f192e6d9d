#include "frontends/lora/adapter/PeftConfig.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "frontends/lora/adapter/ModuleNames.h"
#include "frontends/lora/adapter/ModulePattern.h"
#include "runtime/core/MappedFile.h"
#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace llmc::lora {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostBytes = 4 << 20;

absl::Status bad(const std::string &path, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", what));
}

// Whether a key is there with something other than null, false, "none" or nothing.
bool says(const Json &config, const char *key) {
  const auto found = config.find(key);
  return found != config.end() && !found->is_null() && *found != Json(false) &&
         *found != Json("none") && !(found->is_structured() && found->empty());
}

absl::StatusOr<double> number(const std::string &path, const Json &object, const char *key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number() || !std::isfinite(found->get<double>()))
    return bad(path, absl::StrCat(key, " is not there or not a number; fetch the adapter again"));
  return found->get<double>();
}

// What would change the result if it were left out.
constexpr std::pair<const char *, const char *> kRefused[] = {
    {"modules_to_save", "it holds whole modules (modules_to_save); merge the adapter with PEFT"},
    {"bias", "it holds trained biases; merge the adapter with PEFT"},
    {"lora_bias", "it holds trained biases; merge the adapter with PEFT"},
};

// Values of modules as a pattern for PEFT: the most common one stands for all, the others are
// named, by kind of module where all of a kind agree.
struct Pattern {
  double common = 0;
  Json exceptions = Json::object();
};

Json asJson(double value) {
  const double whole = std::round(value);
  // lora_alpha is an integer to PEFT where it can be; a folded one is off by a rounding.
  if (std::abs(value - whole) <= 1e-6 * std::abs(value) && std::abs(whole) < 1e9)
    return Json(static_cast<int64_t>(whole));
  return Json(value);
}

Pattern makePattern(const std::vector<std::pair<ModulePlace, double>> &values) {
  std::map<double, size_t> counts;
  for (const auto &[place, value] : values)
    ++counts[value];
  Pattern pattern;
  pattern.common =
      std::ranges::max_element(counts, {}, [](const auto &count) { return count.second; })->first;
  for (const Module &module : modules()) {
    std::set<double> distinct;
    for (const auto &[place, value] : values)
      if (place.module == &module)
        distinct.insert(value);
    if (distinct.size() == 1 && *distinct.begin() != pattern.common)
      pattern.exceptions[module.peftTarget] = asJson(*distinct.begin());
    else if (distinct.size() > 1)
      for (const auto &[place, value] : values)
        if (place.module == &module && value != pattern.common)
          pattern.exceptions[place.peftName()] = asJson(value);
  }
  return pattern;
}

// Kinds of modules that are adapted wherever the base has them, and the others one by one.
Json targetModules(const std::vector<ModulePlace> &places, const BaseModel &base) {
  Json targets = Json::array();
  for (const Module &module : modules()) {
    const auto isOne = [&](const ModulePlace &place) { return place.module == &module; };
    const auto adapted = std::ranges::count_if(places, isOne);
    const auto there = std::ranges::count_if(base.matrices(), [&](const BaseMatrix &matrix) {
      const auto place = placeOfGguf(matrix.name);
      return place && isOne(*place);
    });
    if (adapted == there && adapted > 0)
      targets.push_back(module.peftTarget);
    else
      for (const ModulePlace &place : places)
        if (isOne(place))
          targets.push_back(place.peftName());
  }
  return targets;
}

} // namespace

absl::StatusOr<PeftConfig> PeftConfig::read(const std::string &path) {
  absl::StatusOr<MappedFile> file = MappedFile::open(path);
  if (!file.ok())
    return file.status();
  if (file->size() > kMostBytes)
    return bad(path, "larger than 4 MiB, which no adapter_config.json is");
  const auto *text = reinterpret_cast<const char *>(file->bytes().data());
  const Json json = Json::parse(text, text + file->size(), nullptr, false);
  if (!json.is_object())
    return bad(path, "not a JSON object; fetch the adapter again");

  PeftConfig config;
  if (const auto mlx = json.find("lora_parameters"); mlx != json.end() && mlx->is_object()) {
    absl::StatusOr<double> scale = number(path, *mlx, "scale");
    if (!scale.ok())
      return scale.status();
    config.mlxScale_ = *scale;
    if (says(json, "fine_tune_type") && json["fine_tune_type"] != Json("lora"))
      return bad(path, "fine_tune_type is not lora; merge the adapter with mlx-lm");
    return config;
  }
  if (const auto type = json.find("peft_type"); type == json.end() || *type != Json("LORA"))
    return bad(path, "peft_type is not LORA; only LoRA adapters can be read");
  for (const auto &[key, remedy] : kRefused)
    if (says(json, key))
      return bad(path, remedy);
  absl::StatusOr<double> alpha = number(path, json, "lora_alpha");
  if (!alpha.ok())
    return alpha.status();
  config.alpha_ = *alpha;
  config.rslora_ = says(json, "use_rslora");
  config.dora_ = says(json, "use_dora");
  if (const auto pattern = json.find("alpha_pattern");
      pattern != json.end() && !pattern->is_null()) {
    if (!pattern->is_object())
      return bad(path, "alpha_pattern is not an object");
    for (const auto &[key, value] : pattern->items()) {
      if (!value.is_number())
        return bad(path, "alpha_pattern has a value that is not a number");
      if (!isModulePattern(key))
        return bad(path, absl::StrCat("alpha_pattern has the key '", key,
                                      "', which is no regular expression"));
      config.alphaPattern_.emplace_back(key, value.get<double>());
    }
  }
  return config;
}

float PeftConfig::alpha(const std::string &module, uint64_t rank) const {
  if (mlxScale_ != 0)
    return static_cast<float>(mlxScale_ * static_cast<double>(rank));
  double alpha = alpha_;
  for (const auto &[pattern, value] : alphaPattern_)
    if (matchesModule(pattern, module)) {
      alpha = value;
      break;
    }
  return static_cast<float>(rslora_ ? alpha * std::sqrt(static_cast<double>(rank)) : alpha);
}

absl::StatusOr<std::string> peftConfigText(const Adapter &adapter, const BaseModel &base,
                                           const PeftOptions &options) {
  std::vector<ModulePlace> places;
  std::vector<std::pair<ModulePlace, double>> ranks, alphas;
  for (const AdapterMatrix &matrix : adapter.matrices) {
    const std::optional<ModulePlace> place = placeOfGguf(matrix.weight);
    if (!place)
      return bad(adapter.path, absl::StrCat("PEFT has no name for '", matrix.weight, "'"));
    const auto rank = static_cast<double>(matrix.rank);
    places.push_back(*place);
    ranks.emplace_back(*place, rank);
    alphas.emplace_back(*place, options.useRslora ? matrix.alpha / std::sqrt(rank) : matrix.alpha);
  }
  const Pattern rank = makePattern(ranks), alpha = makePattern(alphas);
  const Json config = {
      {"peft_type", "LORA"},
      {"task_type", "CAUSAL_LM"},
      {"base_model_name_or_path", base.name().empty() ? Json() : Json(base.name())},
      {"r", asJson(rank.common)},
      {"lora_alpha", asJson(alpha.common)},
      {"lora_dropout", options.dropout},
      {"target_modules", targetModules(places, base)},
      {"rank_pattern", rank.exceptions},
      {"alpha_pattern", alpha.exceptions},
      {"use_rslora", options.useRslora},
      {"use_dora", !adapter.matrices.empty() && adapter.matrices[0].dora},
      {"bias", "none"},
      {"fan_in_fan_out", false},
      {"inference_mode", true},
      {"init_lora_weights", true},
      {"modules_to_save", Json()},
  };
  return config.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace llmc::lora
