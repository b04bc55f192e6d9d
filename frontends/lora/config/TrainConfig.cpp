#include "frontends/lora/config/TrainConfig.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "frontends/gguf/file/GgufText.h"
#include "frontends/lora/config/ConfigKeys.h"
#include "frontends/lora/config/YamlReader.h"
#include "runtime/core/MappedFile.h"
#include <tuple>

namespace llmc::lora {
namespace {

// What some programs put around all of their training keys.
constexpr absl::string_view kOtherSection = "training.";

struct Given {
  std::string where; // "config.yaml:3", "--set lora.rank=8"
};
using GivenKeys = absl::flat_hash_map<const ConfigKey *, Given>;

// Keys that other programs have and that would train something else if they were ignored.
struct RefusedKey {
  const char *name, *why;
};
constexpr RefusedKey kRefused[] = {
    {"modules_to_save", "whole modules are not trained; add them to lora.target_modules"},
    {"load_in_4bit", "the model stays in its GGUF's blocks; remove it"},
    {"load_in_8bit", "the model stays in its GGUF's blocks; remove it"},
};

absl::string_view withoutOtherSection(absl::string_view path) {
  absl::ConsumePrefix(&path, kOtherSection);
  return path;
}

absl::Status bad(absl::string_view where, absl::string_view path, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(where, ": ", gguf::printable(path, 80), ": ", what));
}

absl::StatusOr<FoundKey> findKey(absl::string_view where, const std::string &path) {
  const absl::string_view name = withoutOtherSection(path);
  if (FoundKey found = findConfigKey(name); found.key)
    return found;
  for (const RefusedKey &refused : kRefused)
    if (name == refused.name)
      return bad(where, path, refused.why);
  const std::string nearest = nearestKey(name);
  return bad(where, path,
             nearest.empty() ? "unknown key; `llmc train --print-config` lists all"
                             : absl::StrCat("unknown key; did you mean ", nearest, "?"));
}

// Where a key was given.
using Where = absl::FunctionRef<std::string(const char *)>;

// Of preferences, other programs have the kind of loss in one key or in two.
absl::Status resolvePreferences(TrainConfig &config, Where where) {
  if (config.trainMode == "ipo") {
    config.trainMode = "dpo";
    config.dpoLossType = "ipo";
  }
  if (config.dpoLossType == "orpo") {
    if (config.trainMode == "dpo")
      config.trainMode = "orpo";
    config.dpoLossType = "sigmoid";
  }
  if (!learnsPreferences(config))
    return absl::OkStatus();
  if (config.trainMode == "orpo" && config.dpoLossType != "sigmoid")
    return bad(where("dpo_loss_type"), "dpo_loss_type", "is of train_mode: dpo; remove it");
  if (config.labelSmoothing > 0 && (config.trainMode != "dpo" || config.dpoLossType != "sigmoid"))
    return bad(where("label_smoothing"), "label_smoothing",
               "is of train_mode: dpo with dpo_loss_type: sigmoid; remove it");
  if (config.trainMode == "dpo" && config.fineTuneType == "full")
    return bad(where("train_mode"), "train_mode",
               "dpo compares with the model as it was, of which fine_tune_type: full keeps no "
               "copy; take fine_tune_type: lora, or train_mode: orpo");
  if (!config.maskPrompt)
    return bad(where("mask_prompt"), "mask_prompt",
               "preferences are between answers, prompts are not learned; remove it");
  if (config.fillWithNext)
    return bad(where("fill_with_next"), "fill_with_next",
               "an answer of a pair has a row of its own; remove it");
  return absl::OkStatus();
}

absl::Status resolveInit(const TrainConfig &config, Where where) {
  if (!isPissa(config))
    return absl::OkStatus();
  if (config.loraInit != "pissa" && pissaIterations(config) == 0)
    return bad(where("lora.init"), "lora.init",
               absl::StrCat(gguf::inQuotes(config.loraInit, 60),
                            " is not known; give default, pissa or pissa_niter_4"));
  if (config.fineTuneType != "lora")
    return bad(where("lora.init"), "lora.init", "is of adapters; remove it");
  if (!config.adapterInit.empty())
    return bad(where("lora.init"), "lora.init", "adapter_init is given, too; give one of them");
  if (config.useDora)
    return bad(where("lora.init"), "lora.init", "does not go with lora.use_dora; give one of them");
  return absl::OkStatus();
}

// Keys that say which weights an adapter is on, or how it learns. Its size may stand in a config
// that is for both.
absl::Status resolveFull(const TrainConfig &config, const GivenKeys &given) {
  constexpr const char *kOfAdapters[] = {
      "num_layers",    "lora.target_modules", "lora.rank_pattern",     "lora.dropout",
      "lora.use_dora", "lora.use_rslora",     "lora.loraplus_lr_ratio"};
  if (config.fineTuneType != "full")
    return absl::OkStatus();
  const TrainConfig untouched = defaultConfig();
  for (const char *name : kOfAdapters) {
    const ConfigKey &key = *findConfigKey(name).key;
    const auto found = given.find(&key);
    if (found != given.end() && valueText(config, key) != valueText(untouched, key))
      return bad(found->second.where, name,
                 "is of adapters, and fine_tune_type: full trains all weights; remove it");
  }
  return absl::OkStatus();
}

// Values that depend on each other.
absl::Status resolve(TrainConfig &config, const GivenKeys &given, absl::string_view file) {
  const auto where = [&](const char *name) {
    const auto found = given.find(findConfigKey(name).key);
    return found == given.end() ? std::string(file) : found->second.where;
  };
  if (config.scale != 0) {
    if (config.alpha != 0)
      return bad(where("lora.scale"), "lora.scale", "lora.alpha is given, too; give one of them");
    config.alpha = config.scale * static_cast<double>(config.rank);
    config.scale = 0;
  } else if (config.alpha == 0) {
    config.alpha = 2.0 * static_cast<double>(config.rank);
  }
  if (config.minLearningRate > config.learningRate)
    return bad(where("min_learning_rate"), "min_learning_rate",
               "higher than learning_rate; give a lower one");
  if (config.valSize >= 1 && config.valSize != std::trunc(config.valSize))
    return bad(where("val_size"), "val_size", "give a share below 1 or a whole number of samples");
  if (!config.samplePrompts.empty() && config.sampleSteps == 0)
    return bad(where("sample_prompts"), "sample_prompts",
               "nothing says when; give sample_steps, too, or leave them out");
  if (absl::Status status = resolvePreferences(config, where); !status.ok())
    return status;
  if (absl::Status status = resolveInit(config, where); !status.ok())
    return status;
  if (absl::Status status = resolveFull(config, given); !status.ok())
    return status;
  if (config.overlapping && config.fillWithNext)
    return bad(where("fill_with_next"), "fill_with_next",
               "overlapping samples have no room left to fill; give one of them");
  return absl::OkStatus();
}

} // namespace

int pissaIterations(const TrainConfig &config) {
  constexpr int kMost = 1000;
  absl::string_view text = config.loraInit;
  int iterations;
  return absl::ConsumePrefix(&text, "pissa_niter_") && absl::SimpleAtoi(text, &iterations) &&
                 iterations >= 1 && iterations <= kMost
             ? iterations
             : 0;
}

TrainConfig defaultConfig() {
  absl::StatusOr<TrainConfig> config = parseConfig("", "");
  return *config;
}

absl::StatusOr<TrainConfig> parseConfig(absl::string_view yaml, absl::string_view file,
                                        std::span<const std::string> overrides) {
  TrainConfig config{};
  for (const ConfigKey &key : configKeys())
    if (absl::Status status = setValue(config, {&key}, defaultValue(key)); !status.ok())
      return absl::InternalError(absl::StrCat("default of ", key.name, ": ", status.message()));

  GivenKeys given;
  const auto set = [&](const std::string &where, const std::string &path, const YamlValue &value,
                       bool again) -> absl::Status {
    absl::StatusOr<FoundKey> found = findKey(where, path);
    if (!found.ok())
      return found.status();
    auto [entry, first] = given.emplace(found->key, Given{where});
    if (!first && !again)
      return bad(where, path,
                 absl::StrCat("already given as ", found->key->name, " at ", entry->second.where,
                              "; remove one of them"));
    entry->second.where = where;
    if (absl::Status status = setValue(config, *found, value); !status.ok())
      return bad(where, path, status.message());
    return absl::OkStatus();
  };
  const auto isSection = [](absl::string_view path) {
    // A map of a pattern's own is its value.
    if (absl::StrCat(path, ".") == kOtherSection)
      return true;
    const FoundKey key = findConfigKey(withoutOtherSection(path));
    return isConfigSection(withoutOtherSection(path)) &&
           !(key.key && std::holds_alternative<ModuleValues TrainConfig::*>(key.key->field));
  };
  absl::Status status =
      readYaml(yaml, file, isSection, [&](const std::string &path, int line, const YamlValue &v) {
        return set(absl::StrCat(file, ":", line), path, v, false);
      });
  if (!status.ok())
    return status;
  for (const std::string &override : overrides) {
    const std::string where = absl::StrCat("--set ", gguf::printable(override, 80));
    const size_t equals = override.find('=');
    if (equals == override.npos)
      return absl::InvalidArgumentError(
          absl::StrCat(where, ": no '='; write --set key=value, as --set lora.rank=8"));
    absl::StatusOr<YamlValue> value = readYamlValue(override.substr(equals + 1));
    if (!value.ok())
      return absl::InvalidArgumentError(absl::StrCat(where, ": ", value.status().message()));
    if (status = set(where, override.substr(0, equals), *value, true); !status.ok())
      return status;
  }
  if (status = resolve(config, given, file); !status.ok())
    return status;
  return config;
}

absl::StatusOr<TrainConfig> loadConfig(const std::string &path,
                                       std::span<const std::string> overrides) {
  absl::StatusOr<MappedFile> file = MappedFile::open(path);
  if (!file.ok())
    return file.status();
  return parseConfig({reinterpret_cast<const char *>(file->bytes().data()), file->size()}, path,
                     overrides);
}

absl::Status checkComplete(const TrainConfig &config, absl::string_view file) {
  for (auto [value, key, instead] :
       {std::tuple(&config.model, "model", ", or make a model with --scratch"),
        std::tuple(&config.data, "data", "")})
    if (value->empty())
      return absl::InvalidArgumentError(
          absl::StrCat(file, ": ", key, " is not given; add a line '", key, ": PATH'", instead));
  return absl::OkStatus();
}

namespace {

template <class Wanted>
std::string linesOf(const TrainConfig &config, Wanted wanted) {
  std::string out;
  for (const ConfigKey &key : configKeys())
    if (wanted(key))
      absl::StrAppend(&out, key.name, ": ", valueText(config, key), "\n");
  return out;
}

} // namespace

std::string fixedConfig(const TrainConfig &config) {
  return linesOf(config, [](const ConfigKey &key) { return key.fixed; });
}

std::string sharedConfig(const TrainConfig &config) {
  return linesOf(config,
                 [](const ConfigKey &key) { return key.name != absl::string_view("threads"); });
}

std::vector<std::string> configDifferences(absl::string_view fixed, const TrainConfig &config) {
  absl::flat_hash_map<absl::string_view, absl::string_view> before;
  for (absl::string_view line : absl::StrSplit(fixed, '\n', absl::SkipEmpty()))
    before.insert(absl::StrSplit(line, absl::MaxSplits(": ", 1)));
  std::vector<std::string> differences;
  for (const ConfigKey &key : configKeys()) {
    const auto found = before.find(key.name);
    const std::string now = valueText(config, key);
    if (key.fixed && found != before.end() && found->second != now)
      differences.push_back(
          absl::StrCat(key.name, " was ",
                       // Its own quotation marks need no escapes.
                       absl::StrReplaceAll(gguf::printable(found->second, 80), {{"\\\"", "\""}}),
                       " and is ", now));
  }
  return differences;
}

} // namespace llmc::lora
