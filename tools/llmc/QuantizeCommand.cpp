#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "frontends/gguf/file/GgufText.h"
#include "frontends/gguf/file/TensorTypes.h"
#include "frontends/gguf/quantize/Quantizer.h"
#include "runtime/core/Interrupt.h"
#include "tools/llmc/Commands.h"
#include "tools/llmc/Console.h"
#include "tools/llmc/SharedOptions.h"
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace llmc::cli {
namespace {

using quantize::FileType;
using quantize::ImportanceMatrix;
using quantize::PlannedTensor;
using quantize::QuantizationPlan;

struct QuantizeCommandOptions {
  std::vector<std::string> arguments; // IN [OUT] TYPE [THREADS]
  std::vector<std::string> tensorTypes;
  std::string outputType, embeddingType, importance;
  unsigned threads = 0;
  bool pure = false, leaveOutput = false, allowRequantize = false, dryRun = false, json = false;

  // From `arguments`.
  std::string input, output;
  const FileType *type = nullptr;

  absl::Status readArguments();
  absl::StatusOr<quantize::QuantizationOptions> planOptions() const;
};

absl::Status QuantizeCommandOptions::readArguments() {
  // IN, and what follows it without OUT.
  input = arguments[0];
  size_t next = 1;
  absl::StatusOr<const FileType *> found = quantize::findFileType(arguments[next]);
  if (found.ok()) {
    size_t folder = input.rfind('/');
    output = absl::StrCat(folder == std::string::npos ? "" : input.substr(0, folder + 1),
                          "ggml-model-", (*found)->name, ".gguf");
  } else if (arguments.size() > 2) {
    output = arguments[next++];
    found = quantize::findFileType(arguments[next]);
  }
  if (!found.ok())
    return usageError(found.status().message());
  type = *found;
  if (++next == arguments.size())
    return absl::OkStatus();
  if (next + 1 < arguments.size() || !absl::SimpleAtoi(arguments[next], &threads) ||
      threads > ThreadTeam::kMaxThreads)
    return usageError(absl::StrCat("after the type '", type->name,
                                   "' only a number of threads from "
                                   "0 to ",
                                   ThreadTeam::kMaxThreads, " is expected, not '", arguments[next],
                                   "'"));
  return absl::OkStatus();
}

absl::StatusOr<quantize::QuantizationOptions> QuantizeCommandOptions::planOptions() const {
  quantize::QuantizationOptions plan;
  plan.fileType = type;
  plan.pure = pure;
  plan.leaveOutput = leaveOutput;
  plan.allowRequantize = allowRequantize;
  absl::Status status;
  auto format = [&](const std::string &name, absl::string_view option) -> const BlockFormat * {
    absl::StatusOr<const BlockFormat *> found = quantize::findFormatByGgufName(name);
    if (found.ok())
      return *found;
    status.Update(usageError(absl::StrCat(option, ": ", found.status().message())));
    return nullptr;
  };
  if (!outputType.empty())
    plan.outputFormat = format(outputType, "--output-tensor-type");
  if (!embeddingType.empty())
    plan.embeddingFormat = format(embeddingType, "--token-embedding-type");
  for (const std::string &text : tensorTypes) {
    size_t equals = text.rfind('=');
    if (equals == std::string::npos || equals == 0)
      return usageError(absl::StrCat("--tensor-type ", gguf::inQuotes(text),
                                     " is not of the form REGEX=TYPE, as in attn_q=q8_0"));
    plan.rules.push_back(
        {text.substr(0, equals), format(text.substr(equals + 1), "--tensor-type")});
  }
  if (!status.ok())
    return status;
  return plan;
}

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
    width = std::max(width, planned.tensor->name.size());
  print(absl::StrFormat("%-*s  %-20s  %-7s  %-7s  %10s  %10s\n", static_cast<int>(width), "tensor",
                        "shape", "from", "to", "from MiB", "to MiB"));
  for (const PlannedTensor &planned : plan.tensors) {
    const gguf::TensorInfo &tensor = *planned.tensor;
    print(absl::StrFormat("%-*s  %-20s  %-7s  %-7s  %10.3f  %10.3f%s\n", static_cast<int>(width),
                          gguf::printable(tensor.name, 64), absl::StrJoin(tensor.shape, " x "),
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
  }
  const ImportanceMatrix *matrix = importance ? &*importance : nullptr;
  absl::StatusOr<QuantizationPlan> plan = quantize::planQuantization(**file, *planOptions, matrix);
  if (!plan.ok())
    return plan.status();
  if (options.dryRun && !options.json)
    printPlan(*plan);
  noteSurprises(*plan, matrix);
  if (options.dryRun) {
    if (!plan->lacksImportance.empty())
      printNote(absl::StrCat("this type needs an importance matrix (--imatrix), for tensor ",
                             gguf::inQuotes(plan->lacksImportance), " and others"));
    printResult(options, *plan, 0, options.threads);
    return absl::OkStatus();
  }
  ThreadTeam team(options.threads);
  InterruptGuard guard;
  Progress progress("quantizing");
  auto start = std::chrono::steady_clock::now();
  absl::Status status = quantize::quantizeFile(
      **file, *plan, matrix, options.output, team, [&](uint64_t done) -> absl::Status {
        if (InterruptGuard::interrupted())
          return absl::CancelledError();
        progress.show(static_cast<double>(done) / static_cast<double>(plan->sourceBytes),
                      bytesText(done));
        return absl::OkStatus();
      });
  progress.clear();
  if (!status.ok())
    return status;
  std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  printResult(options, *plan, seconds.count(), team.threads());
  return absl::OkStatus();
}

std::string typeList() {
  std::string text = "llmc quantize [OPTIONS] IN.gguf [OUT.gguf] TYPE [THREADS]\n\nTypes:\n";
  for (const FileType &type : quantize::fileTypes())
    absl::StrAppendFormat(&text, "  %-10s %s\n", type.name, type.description);
  return text;
}

} // namespace

void addQuantizeCommand(CLI::App &app, Action &action) {
  CLI::App *command =
      app.add_subcommand("quantize", "Write a model with smaller weights, as llama-quantize does");
  auto options = std::make_shared<QuantizeCommandOptions>();
  command
      ->add_option("ARGUMENTS", options->arguments,
                   "The model in 16 or 32 bits, the file to write (ggml-model-TYPE.gguf beside it "
                   "unless given), the type, threads")
      ->required()
      ->expected(2, 4)
      ->type_name("");
  addThreadsOption(*command, options->threads);
  command->add_flag("--pure", options->pure,
                    "No mixture: all matrices get the type that most would get");
  auto typeOption = [&](const char *name, std::string &type, const char *help) {
    command->add_option(name, type, help)->type_name("T");
  };
  typeOption("--output-tensor-type", options->outputType, "Type of output.weight, as in q8_0");
  typeOption("--token-embedding-type", options->embeddingType, "Type of token_embd.weight");
  command
      ->add_option("--tensor-type", options->tensorTypes,
                   "Type of the tensors in whose names REGEX is found; may be given again, the "
                   "first that fits wins")
      ->type_name("REGEX=T")
      ->allow_extra_args(false);
  command->add_flag("--leave-output-tensor", options->leaveOutput,
                    "output.weight keeps the type it has");
  command->add_flag("--allow-requantize", options->allowRequantize,
                    "Also quantize what is quantized already, which loses twice");
  command
      ->add_option("--imatrix", options->importance,
                   "Importance matrix (.gguf or .dat of llama-imatrix): where errors cost most")
      ->type_name("FILE");
  command->add_flag("--dry-run", options->dryRun, "Print what would be done, and do not do it");
  addJsonFlag(*command, options->json,
              "Print {\"type\",\"output\",\"tensors\",\"source_bytes\",\"size_bytes\","
              "\"bits_per_weight\",\"threads\",\"seconds\"}");
  command->footer(typeList());
  command->callback([options, &action] { action = [options] { return quantizeModel(*options); }; });
}

} // namespace llmc::cli
