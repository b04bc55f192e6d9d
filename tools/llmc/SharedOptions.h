// Options that several commands have, each declared once.
#ifndef LLMC_TOOLS_LLMC_SHAREDOPTIONS_H
#define LLMC_TOOLS_LLMC_SHAREDOPTIONS_H

#include "absl/status/status.h"
#include "compiler/Pipeline/PhaseOptions.h"
#include "compiler/Target/TileChoice.h"
#include "frontends/lora/adapter/Combined.h"
#include "runtime/sampling/SamplerOptions.h"
#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace llmc::cli {

// How a model is compiled and loaded.
struct ModelOptions {
  std::string path;
  unsigned threads = 0; // 0: one for each core
  std::string targetCpu = "native";
  std::string keyCacheType = "f16", valueCacheType = "f16";
  int64_t maxRows = 512;
  bool noObjectCache = false;
  std::vector<lora::AdapterChoice> adapters = {};
  int64_t context = 0; // tokens that sessions will hold; 0: the default of SessionOptions
  // No options of their own:
  std::optional<TileChoice> tiles = {}; // instead of the target's
  PhaseOptions phases = {};
};

inline ModelOptions withContext(ModelOptions options, int64_t context) {
  options.context = context;
  return options;
}

// When a generation ends.
struct GenerationLimits {
  int64_t tokens = -1; // -1: when the model ends or the context is full
  bool ignoreEos = false;
};

// A whole number from `least` to `most`; `what` says so in errors.
CLI::Validator integer(int64_t least, int64_t most, const std::string &what);
// A whole number from `least` on.
CLI::Validator integerFrom(int64_t least);

// MODEL, the first positional argument, required.
CLI::Option *addModelArgument(CLI::App &command, std::string &path);
// -t
void addThreadsOption(CLI::App &command, unsigned &threads);
// --target-cpu, --no-cache
void addTargetOptions(CLI::App &command, ModelOptions &options);
// These, --cache-type-k, --cache-type-v, --max-rows
void addCompileOptions(CLI::App &command, ModelOptions &options);
// --lora
CLI::Option *addLoraOption(CLI::App &command, std::vector<lora::AdapterChoice> &adapters);
// -c, a count of tokens; `least` is the smallest that is allowed.
void addContextOption(CLI::App &command, int64_t &context, int64_t least, const std::string &help);
// --json
void addJsonFlag(CLI::App &command, bool &json, const std::string &help);
// -n, --ignore-eos
void addGenerationOptions(CLI::App &command, GenerationLimits &limits);
// --temp, --top-k, ..., --seed
void addSamplingOptions(CLI::App &command, SamplerOptions &options);

} // namespace llmc::cli

#endif
