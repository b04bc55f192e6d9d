#include "tools/llmc/SharedOptions.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/core/ThreadTeam.h"
#include <limits>

namespace llmc::cli {
namespace {

constexpr int64_t kMostRows = 8192;
constexpr char kModelGroup[] = "Model and compilation";
constexpr char kSamplingGroup[] = "Sampling (defaults and order are llama.cpp's)";

} // namespace

CLI::Validator integer(int64_t least, int64_t most, const std::string &what) {
  auto check = [least, most, what](std::string &text) -> std::string {
    int64_t value;
    // CLI11's own conversion saturates.
    if (!absl::SimpleAtoi(text, &value) || value < least || value > most)
      return "'" + text + "' is not " + what;
    return "";
  };
  return CLI::Validator(check, "");
}

CLI::Validator integerFrom(int64_t least) {
  return integer(least, std::numeric_limits<int64_t>::max(),
                 absl::StrCat("a whole number from ", least, " on"));
}

CLI::Option *addModelArgument(CLI::App &command, std::string &path) {
  return command
      .add_option("MODEL", path, "A .gguf (the first file, if it is split) or a compiled .llmc")
      ->required()
      ->type_name("");
}

void addThreadsOption(CLI::App &command, unsigned &threads) {
  command.add_option("-t,--threads", threads, "Threads; 0 takes one for each physical core")
      ->check(integer(0, ThreadTeam::kMaxThreads,
                      absl::StrCat("a whole number from 0 to ", ThreadTeam::kMaxThreads)))
      ->type_name("N")
      ->capture_default_str();
}

void addTargetOptions(CLI::App &command, ModelOptions &options) {
  command
      .add_option("--target-cpu", options.targetCpu,
                  "CPU to make code for: native, or a name as clang's -mcpu takes it")
      ->type_name("NAME")
      ->capture_default_str()
      ->group(kModelGroup);
  command
      .add_flag(
          "--no-cache", options.noObjectCache,
          "Compile anew instead of taking code from $XDG_CACHE_HOME/llmc or a .llmc, and keep none")
      ->group(kModelGroup);
}

void addCompileOptions(CLI::App &command, ModelOptions &options) {
  addTargetOptions(command, options);
  auto addCacheType = [&](const std::string &names, std::string &type, const std::string &what) {
    command
        .add_option(names, type,
                    "Numbers of " + what +
                        " in the KV cache: f32, f16, bf16 or q8_0; a .llmc keeps those it was "
                        "made with")
        ->check(CLI::IsMember({"f32", "f16", "bf16", "q8_0"}))
        ->type_name("TYPE")
        ->capture_default_str()
        ->group(kModelGroup);
  };
  addCacheType("--cache-type-k", options.keyCacheType, "keys");
  addCacheType("--cache-type-v", options.valueCacheType, "values");
  command.add_option("--max-rows", options.maxRows, "Most tokens of a prompt that are run at once")
      ->check(integer(1, kMostRows, absl::StrCat("a whole number from 1 to ", kMostRows)))
      ->type_name("N")
      ->capture_default_str()
      ->group(kModelGroup);
}

CLI::Option *addLoraOption(CLI::App &command, std::vector<lora::AdapterChoice> &adapters) {
  return command
      .add_option_function<std::vector<std::string>>(
          "--lora",
          [&adapters](const std::vector<std::string> &texts) {
            for (const std::string &text : texts) {
              absl::StatusOr<lora::AdapterChoice> choice = lora::parseAdapterChoice(text);
              if (!choice.ok())
                throw CLI::ValidationError("--lora", std::string(choice.status().message()));
              adapters.push_back(*std::move(choice));
            }
          },
          "A LoRA adapter, a .gguf or a PEFT directory, and the factor of what it adds to the "
          "model (1 unless given); may be given several times")
      ->allow_extra_args(false)
      ->type_name("FILE[:SCALE]")
      ->group(kModelGroup);
}

void addContextOption(CLI::App &command, int64_t &context, int64_t least, const std::string &help) {
  command.add_option("-c,--ctx-size", context, help)
      ->check(integerFrom(least))
      ->type_name("N")
      ->capture_default_str();
}

void addJsonFlag(CLI::App &command, bool &json, const std::string &help) {
  command.add_flag("--json", json, help);
}

void addGenerationOptions(CLI::App &command, GenerationLimits &limits) {
  command
      .add_option("-n,--n-predict", limits.tokens,
                  "Tokens to generate; -1: until the model ends or the context is full")
      ->check(integerFrom(-1))
      ->type_name("N")
      ->capture_default_str();
  command.add_flag("--ignore-eos", limits.ignoreEos, "Go on when the model says it is done");
}

void addSamplingOptions(CLI::App &command, SamplerOptions &options) {
  auto add = [&](const std::string &names, auto &value, const std::string &help,
                 const std::string &type) {
    command.add_option(names, value, help)
        ->type_name(type)
        ->capture_default_str()
        ->group(kSamplingGroup);
  };
  add("-s,--seed", options.seed, "Makes the choices repeatable; -1 draws one", "N");
  add("--temp,--temperature", options.temperature, "Temperature; 0 takes the likeliest token", "F");
  add("--top-k", options.topK, "Keep the K likeliest tokens; 0 is off", "K");
  add("--top-p", options.topP, "Keep the likeliest tokens up to this probability; 1 is off", "F");
  add("--min-p", options.minP, "Keep tokens of at least this share of the likeliest's; 0 is off",
      "F");
  add("--typical-p,--typical", options.typicalP, "Locally typical sampling; 1 is off", "F");
  add("--repeat-penalty", options.repeatPenalty, "Penalty on tokens that came before; 1 is off",
      "F");
  add("--repeat-last-n", options.repeatLastN, "How many tokens back penalties look; 0 is off", "N");
  add("--frequency-penalty", options.frequencyPenalty, "Taken off once for each occurrence", "F");
  add("--presence-penalty", options.presencePenalty, "Taken off once for tokens that came before",
      "F");
}

} // namespace llmc::cli
