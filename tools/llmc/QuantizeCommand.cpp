#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "frontends/gguf/file/GgufText.h"
#include "frontends/gguf/file/TensorTypes.h"
#include "frontends/gguf/quantize/Quantizer.h"
#include "tools/llmc/Commands.h"
#include "tools/llmc/Console.h"
#include "tools/llmc/QuantizeOptions.h"
#include "tools/llmc/QuantizeRun.h"
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace llmc::cli {
namespace {

using quantize::ImportanceMatrix;
using quantize::PlannedTensor;
using quantize::QuantizationPlan;

double bitsPerWeight(uint64_t bytes, uint64_t weights) {
  return weights == 0 ? 0 : 8.0 * static_cast<double>(bytes) / static_cast<double>(weights);
}

std::string typeOf(const PlannedTensor &planned) {
  return planned.isCopied() ? gguf::ggmlTypeName(planned.tensor->ggmlType)
                            : planned.format->ggufName;
}

void printPlan(const QuantizationPlan &plan) {
  size_t width = 6;
  for (const PlannedTensor &planned : plan.tensors)
    width = std::max(width, planned.name.size());
  print(absl::StrFormat("%-*s  %-20s  %-7s  %-7s  %10s  %10s\n", static_cast<int>(width), "tensor",
                        "shape", "from", "to", "from MiB", "to MiB"));
  for (const PlannedTensor &planned : plan.tensors) {
    const gguf::TensorInfo &tensor = *planned.tensor;
    print(absl::StrFormat("%-*s  %-20s  %-7s  %-7s  %10.3f  %10.3f%s\n", static_cast<int>(width),
                          gguf::printable(planned.name, 64), absl::StrJoin(tensor.shape, " x "),
                          gguf::ggmlTypeName(tensor.ggmlType), typeOf(planned),
                          tensor.bytes / 1048576.0, planned.bytes / 1048576.0,
                          planned.fallback ? "  fallback" : ""));
  }
}

// What the user should know before the work.
void noteSurprises(const QuantizationPlan &plan, const ImportanceMatrix *importance) {
  if (plan.fallbacks > 0)
    printNote(absl::StrCat("the rows of ", plan.fallbacks, " of ", plan.tensors.size(),
                           " tensors are not whole blocks of the type they should have; they get "
                           "another (--dry-run shows them)"));
  if (!importance)
    return;
  size_t without = 0;
  for (const PlannedTensor &planned : plan.tensors)
    without += !planned.isCopied() && planned.format->weights > 1 && planned.importance.empty();
  if (without > 0)
    printNote(absl::StrCat(importance->path(), ": has no entry for ", without,
                           " of the tensors to quantize; their columns count the same"));
}

void printResult(const QuantizeCommandOptions &options, const QuantizationPlan &plan,
                 double seconds, unsigned threads) {
  double bits = bitsPerWeight(plan.bytes, plan.weights);
  if (options.json)
    return printJson({{"type", options.type->name},
                      {"output", options.dryRun ? "" : options.output},
                      {"tensors", plan.tensors.size()},
                      {"source_bytes", plan.sourceBytes},
                      {"size_bytes", plan.bytes},
                      {"bits_per_weight", bits},
                      {"threads", threads},
                      {"seconds", seconds}});
  std::string line = absl::StrFormat(
      "%s -> %s %s, %.2f -> %.2f bits/weight", bytesText(plan.sourceBytes), options.type->name,
      bytesText(plan.bytes), bitsPerWeight(plan.sourceBytes, plan.weights), bits);
  if (!options.dryRun)
    absl::StrAppendFormat(&line, ", %.1f s, %.2f GB/s with %d threads: %s", seconds,
                          static_cast<double>(plan.sourceBytes) / seconds / 1e9, threads,
                          options.output);
  print(line + "\n");
}

absl::Status quantizeModel(QuantizeCommandOptions &options) {
  if (absl::Status status = options.readArguments(); !status.ok())
    return status;
  absl::StatusOr<quantize::QuantizationOptions> planOptions = options.planOptions();
  if (!planOptions.ok())
    return planOptions.status();
  absl::StatusOr<std::shared_ptr<gguf::GgufFile>> file = gguf::GgufFile::open(options.input);
  if (!file.ok())
    return file.status();
  std::optional<ImportanceMatrix> importance;
  if (!options.importance.empty()) {
    absl::StatusOr<ImportanceMatrix> loaded = ImportanceMatrix::load(options.importance);
    if (!loaded.ok())
      return loaded.status();
    importance = *std::move(loaded);
    importance->filter(options.includedWeights, options.excludedWeights);
  }
  const ImportanceMatrix *matrix = importance ? &*importance : nullptr;
  absl::StatusOr<QuantizationPlan> plan = quantize::planQuantization(**file, *planOptions, matrix);
  if (!plan.ok())
    return plan.status();
  if (options.dryRun && !options.json)
    printPlan(*plan);
  noteSurprises(*plan, matrix);
  const std::string output = options.output;
  options.output = quantize::outputPath(**file, *plan, output, 0);
  if (options.dryRun) {
    if (!plan->lacksImportance.empty())
      printNote(absl::StrCat("this type needs an importance matrix (--imatrix), for tensor ",
                             gguf::inQuotes(plan->lacksImportance), " and others"));
    printResult(options, *plan, 0, options.threads);
    return absl::OkStatus();
  }
  ThreadTeam team(options.threads);
  absl::StatusOr<double> seconds =
      quantizeWithProgress("quantizing", **file, *plan, matrix, output, team);
  if (!seconds.ok())
    return seconds.status();
  printResult(options, *plan, *seconds, team.threads());
  return absl::OkStatus();
}

} // namespace

void addQuantizeCommand(CLI::App &app, Action &action) {
  CLI::App *command =
      app.add_subcommand("quantize", "Write a model with smaller weights, as llama-quantize does");
  auto options = std::make_shared<QuantizeCommandOptions>();
  options->addTo(*command);
  command->callback([options, &action] { action = [options] { return quantizeModel(*options); }; });
}

} // namespace llmc::cli
