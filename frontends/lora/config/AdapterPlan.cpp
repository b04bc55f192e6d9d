#include "frontends/lora/config/AdapterPlan.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "frontends/lora/adapter/ModuleNames.h"
#include "runtime/train/Random.h"
#include <algorithm>
#include <cmath>
#include <optional>

namespace llmc::lora {
namespace {

// The value that a pattern has for a matrix: of its layer before that of its module.
std::optional<double> patternValue(const ModuleValues &pattern, const ModulePlace &place) {
  const std::string tensor = place.ggufName();
  const absl::string_view name = absl::StripSuffix(tensor, ".weight");
  std::optional<double> value;
  for (const auto &[module, number] : pattern) {
    if (module == name)
      return number;
    if (module == place.module->gguf)
      value = number;
  }
  return value;
}

// A key of a pattern that no matrix of the plan has.
absl::Status checkPattern(const ModuleValues &pattern, const char *key, const Adapter &adapter) {
  for (const auto &[module, number] : pattern) {
    const auto fits = [&](const AdapterMatrix &matrix) {
      return absl::StripSuffix(matrix.weight, ".weight") == module ||
             placeOfGguf(matrix.weight)->module->gguf == module;
    };
    if (std::ranges::none_of(adapter.matrices, fits))
      return absl::InvalidArgumentError(absl::StrCat(
          key, ": ", module, " is not trained; add it to lora.target_modules or remove it"));
  }
  return absl::OkStatus();
}

} // namespace

absl::StatusOr<Adapter> planAdapter(const TrainConfig &config, const BaseModel &base) {
  Adapter adapter;
  adapter.path = "lora.target_modules";
  adapter.architecture = base.architecture();
  const int64_t layers = base.layers();
  const int64_t first = config.numLayers == 0 ? 0 : std::max<int64_t>(0, layers - config.numLayers);
  const auto isTarget = [&](const char *name) {
    return std::ranges::find(config.targetModules, name) != config.targetModules.end();
  };
  // Of all-linear, an architecture may have some joint in one matrix.
  const bool isAllLinear = std::ranges::all_of(
      modules(), [&](const Module &m) { return !m.linear || isTarget(m.gguf); });
  for (const std::string &target : config.targetModules) {
    bool found = isAllLinear && findModule(target)->linear;
    for (const BaseMatrix &weight : base.matrices()) {
      const std::optional<ModulePlace> place = placeOfGguf(weight.name);
      if (!place || place->module->gguf != target)
        continue;
      found = true;
      if (place->module->inLayer && place->layer < first)
        continue;
      AdapterMatrix matrix;
      matrix.weight = weight.name;
      matrix.lookup = target == "token_embd";
      matrix.inputs = matrix.lookup ? weight.rows : weight.columns;
      matrix.outputs = matrix.lookup ? weight.columns : weight.rows;
      const double rank =
          patternValue(config.rankPattern, *place).value_or(static_cast<double>(config.rank));
      const double alpha = patternValue(config.alphaPattern, *place).value_or(config.alpha);
      matrix.rank = static_cast<uint64_t>(rank);
      if ((matrix.lookup || target == "output") && matrix.rank >= weight.rows)
        return absl::InvalidArgumentError(
            absl::StrCat("lora.rank: an adapter of ", target, " needs a rank below the ",
                         weight.rows, " tokens of the vocabulary, not ", matrix.rank));
      matrix.dora = config.useDora;
      if (matrix.dora && (matrix.lookup || target == "output"))
        return absl::InvalidArgumentError(
            absl::StrCat("lora.use_dora: is of the weights of layers, not of ", target,
                         "; remove it from lora.target_modules"));
      matrix.alpha = static_cast<float>(config.useRslora ? alpha * std::sqrt(rank) : alpha);
      if (isPissa(config)) {
        if (matrix.lookup)
          return absl::InvalidArgumentError(
              "lora.init: pissa is of matrices, not of token_embd; remove it from "
              "lora.target_modules");
        if (matrix.rank > std::min(matrix.inputs, matrix.outputs))
          return absl::InvalidArgumentError(
              absl::StrCat("lora.rank: ", weight.name, " has no ", matrix.rank,
                           " singular values for lora.init: pissa; give a lower rank"));
        // The second half is frozen, see Pissa.h.
        matrix.rank *= 2;
        matrix.alpha *= 2;
      }
      adapter.matrices.push_back(std::move(matrix));
    }
    if (!found)
      return absl::InvalidArgumentError(
          absl::StrCat("lora.target_modules: ", base.path(), " has no ", target,
                       target == "output" ? " (it uses token_embd for it)" : "", "; remove it"));
  }
  if (adapter.matrices.empty())
    return absl::InvalidArgumentError(
        absl::StrCat("lora.target_modules: ", base.path(), " has none of them; name others"));
  for (auto [pattern, key] : {std::pair(&config.rankPattern, "lora.rank_pattern"),
                              std::pair(&config.alphaPattern, "lora.alpha_pattern")})
    if (absl::Status status = checkPattern(*pattern, key, adapter); !status.ok())
      return status;
  sortLikeBase(adapter, base);
  return adapter;
}

void initializeAdapter(Adapter &adapter, uint64_t seed) {
  for (AdapterMatrix &matrix : adapter.matrices) {
    Random random(seed, matrix.weight);
    matrix.a.assign(matrix.rank * matrix.inputs, 0);
    matrix.b.assign(matrix.rank * matrix.outputs, 0);
    if (matrix.lookup) {
      for (float &value : matrix.b)
        value = static_cast<float>(random.normal());
      continue;
    }
    const double bound = 1 / std::sqrt(static_cast<double>(matrix.inputs));
    for (float &value : matrix.a)
      value = static_cast<float>((2 * random.uniform() - 1) * bound);
  }
}

} // namespace llmc::lora
