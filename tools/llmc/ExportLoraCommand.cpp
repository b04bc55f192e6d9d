#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "frontends/gguf/quantize/Quantizer.h"
#include "tools/llmc/Commands.h"
#include "tools/llmc/Console.h"
#include "tools/llmc/MergeRun.h"
#include "tools/llmc/QuantizeRun.h"
#include "tools/llmc/SharedOptions.h"
#include <CLI/CLI.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace llmc::cli {
namespace {

struct ExportLoraOptions {
  std::string model, output, type = "keep", importance;
  std::vector<lora::AdapterChoice> adapters;
  unsigned threads = 0;
  bool json = false;
};

absl::Status checkOutput(const ExportLoraOptions &options) {
  std::error_code none;
  for (const lora::AdapterChoice &adapter : options.adapters)
    if (std::filesystem::equivalent(options.output, adapter.path, none))
      return usageError(
          absl::StrCat("-o ", options.output, " is an adapter itself; choose another name"));
  return absl::OkStatus();
}

struct Counts {
  size_t merged = 0, converted = 0, copied = 0;
};

Counts countTensors(const quantize::QuantizationPlan &plan) {
  Counts counts;
  for (const quantize::PlannedTensor &planned : plan.tensors)
    ++(planned.change ? counts.merged : planned.isCopied() ? counts.copied : counts.converted);
  return counts;
}

void printResult(const ExportLoraOptions &options, const quantize::QuantizationPlan &plan,
                 double seconds, unsigned threads) {
  const Counts counts = countTensors(plan);
  if (options.json) {
    nlohmann::ordered_json adapters = nlohmann::ordered_json::array();
    for (const lora::AdapterChoice &adapter : options.adapters)
      adapters.push_back({{"file", adapter.path}, {"scale", adapter.scale}});
    return printJson({{"output", options.output},
                      {"type", options.type},
                      {"adapters", adapters},
                      {"tensors", plan.tensors.size()},
                      {"merged", counts.merged},
                      {"converted", counts.converted},
                      {"copied", counts.copied},
                      {"size_bytes", plan.bytes},
                      {"threads", threads},
                      {"seconds", seconds}});
  }
  print(absl::StrFormat("%s: %s, %d tensors merged, %d converted, %d copied, %.1f s with %d "
                        "threads\n",
                        options.output, bytesText(plan.bytes), counts.merged, counts.converted,
                        counts.copied, seconds, threads));
}

absl::Status exportLora(const ExportLoraOptions &options) {
  if (options.model.empty())
    return usageError("no base: give MODEL");
  if (absl::Status status = checkMergeType(options.type); !status.ok())
    return status;
  if (options.adapters.empty())
    return usageError("nothing to merge: give --lora FILE");
  if (options.output.empty())
    return usageError("no file to write: give -o OUT.gguf");
  if (absl::Status status = checkOutput(options); !status.ok())
    return status;
  absl::StatusOr<std::shared_ptr<gguf::GgufFile>> opened = gguf::GgufFile::open(options.model);
  if (!opened.ok())
    return opened.status();
  const gguf::GgufFile &base = **opened;
  std::optional<quantize::ImportanceMatrix> importance;
  if (!options.importance.empty()) {
    absl::StatusOr<quantize::ImportanceMatrix> loaded =
        quantize::ImportanceMatrix::load(options.importance);
    if (!loaded.ok())
      return loaded.status();
    importance = *std::move(loaded);
  }
  const quantize::ImportanceMatrix *matrix = importance ? &*importance : nullptr;
  absl::StatusOr<quantize::QuantizationPlan> plan =
      planMergeOf(base, options.adapters, options.type, matrix);
  if (!plan.ok())
    return plan.status();

  ThreadTeam team(options.threads);
  absl::StatusOr<double> seconds =
      quantizeWithProgress("merging", base, *plan, matrix, options.output, team);
  if (!seconds.ok())
    return seconds.status();
  printResult(options, *plan, *seconds, team.threads());
  return absl::OkStatus();
}

} // namespace

void addExportLoraCommand(CLI::App &app, Action &action) {
  CLI::App *command = app.add_subcommand("export-lora", "Merge LoRA adapters into a model");
  auto options = std::make_shared<ExportLoraOptions>();
  auto *model = command->add_option("MODEL", options->model, "The base, a .gguf")->type_name("");
  command->add_option("-m,--model", options->model, "The same")
      ->type_name("BASE.gguf")
      ->excludes(model);
  addLoraOption(*command, options->adapters)->group("Options");
  command->add_option("-o,--output", options->output, "The file to write")->type_name("OUT.gguf");
  command
      ->add_option("--type,--outtype", options->type,
                   "keep: each tensor keeps its type, and all that have no adapter are copied byte "
                   "for byte; or a type of 'llmc quantize', to which all are converted")
      ->type_name("keep|TYPE")
      ->capture_default_str();
  command
      ->add_option("--imatrix", options->importance,
                   "Importance matrix to quantize with, as in 'llmc quantize'")
      ->type_name("FILE");
  addThreadsOption(*command, options->threads);
  addJsonFlag(*command, options->json,
              "Print {\"output\",\"type\",\"adapters\",\"tensors\",\"merged\",\"converted\","
              "\"copied\",\"size_bytes\",\"threads\",\"seconds\"}");
  command->footer(
      "An adapter of the token embedding changes what is looked up; where the base has no output\n"
      "matrix of its own, the new file has one, so that it computes what 'llmc run --lora' does.");
  command->callback([options, &action] { action = [options] { return exportLora(*options); }; });
}

} // namespace llmc::cli
