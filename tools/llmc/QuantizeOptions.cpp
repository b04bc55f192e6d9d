#include "tools/llmc/QuantizeOptions.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "frontends/gguf/file/GgufText.h"
#include "runtime/core/MappedFile.h"
#include "runtime/core/ThreadTeam.h"
#include "tools/llmc/Commands.h"
#include "tools/llmc/SharedOptions.h"
#include <CLI/CLI.hpp>
#include <cmath>

namespace llmc::cli {
namespace {

using quantize::FileType;
using quantize::MetadataOverride;

// KEY=TYPE:VALUE, TYPE being int, float, bool or str.
absl::StatusOr<MetadataOverride> parseOverride(const std::string &text) {
  auto wrong = [&](absl::string_view problem) {
    return usageError(absl::StrCat("--override-kv ", gguf::inQuotes(text), " ", problem));
  };
  const size_t equals = text.find('='), colon = text.find(':', equals);
  if (equals == 0 || equals == std::string::npos || colon == std::string::npos)
    return wrong("is not of the form KEY=TYPE:VALUE, as in llama.rope.freq_base=float:10000");
  MetadataOverride override{text.substr(0, equals), false};
  if (override.key == "general.alignment" || override.key.starts_with("split."))
    return wrong("names what describes the file and not the model");
  const std::string type = text.substr(equals + 1, colon - equals - 1);
  const std::string value = text.substr(colon + 1);
  if (type == "int") {
    int64_t integer;
    if (!absl::SimpleAtoi(value, &integer))
      return wrong("has a value that is no whole number of 64 bits");
    override.value = integer;
  } else if (type == "float") {
    double real;
    if (!absl::SimpleAtod(value, &real) || !std::isfinite(static_cast<float>(real)))
      return wrong("has a value that is no number a float can hold");
    override.value = real;
  } else if (type == "bool") {
    if (value != "true" && value != "false")
      return wrong("has a value that is neither 'true' nor 'false'");
    override.value = value == "true";
  } else if (type == "str") {
    override.value = value;
  } else {
    return wrong("has a type other than int, float, bool and str");
  }
  return override;
}

std::string typeList() {
  std::string text = "llmc quantize [OPTIONS] IN.gguf [OUT.gguf] TYPE [THREADS]\n\nTypes:\n";
  for (const FileType &type : quantize::fileTypes())
    absl::StrAppendFormat(&text, "  %-10s %s\n", type.name, type.description);
  return text;
}

} // namespace

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

absl::Status QuantizeCommandOptions::addRule(const std::string &text, absl::string_view place,
                                             quantize::QuantizationOptions &plan) const {
  size_t equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0)
    return usageError(absl::StrCat(place, ": ", gguf::inQuotes(text),
                                   " is not of the form REGEX=TYPE, as in attn_q=q8_0"));
  absl::StatusOr<const BlockFormat *> format =
      quantize::findFormatByGgufName(text.substr(equals + 1));
  if (!format.ok())
    return usageError(absl::StrCat(place, ": ", format.status().message()));
  plan.rules.push_back({text.substr(0, equals), *format});
  return absl::OkStatus();
}

absl::StatusOr<quantize::QuantizationOptions> QuantizeCommandOptions::planOptions() const {
  quantize::QuantizationOptions plan;
  plan.fileType = type;
  plan.pure = pure;
  plan.leaveOutput = leaveOutput;
  plan.allowRequantize = allowRequantize;
  plan.keepSplit = keepSplit;
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
  for (const std::string &text : tensorTypes)
    status.Update(addRule(text, "--tensor-type", plan));
  if (!tensorTypeFile.empty()) {
    absl::StatusOr<MappedFile> file = MappedFile::open(tensorTypeFile);
    if (!file.ok())
      return file.status();
    absl::string_view content(reinterpret_cast<const char *>(file->bytes().data()),
                              file->bytes().size());
    for (absl::string_view rule :
         absl::StrSplit(content, absl::ByAnyChar(" \t\r\n"), absl::SkipEmpty()))
      // What a file says wrongly is not the command line's fault.
      if (absl::Status added = addRule(std::string(rule), tensorTypeFile, plan); !added.ok())
        return absl::InvalidArgumentError(added.message());
  }
  for (const std::string &text : overrides) {
    absl::StatusOr<MetadataOverride> override = parseOverride(text);
    if (!override.ok())
      return override.status();
    plan.overrides.push_back(*std::move(override));
  }
  for (absl::string_view block : absl::StrSplit(prunedBlocks, ',', absl::SkipEmpty())) {
    uint32_t number;
    if (!absl::SimpleAtoi(block, &number))
      return usageError(absl::StrCat("--prune-layers: ", gguf::inQuotes(block),
                                     " is no number of a layer; separate several by commas"));
    plan.prunedBlocks.push_back(number);
  }
  if (!status.ok())
    return status;
  return plan;
}

void QuantizeCommandOptions::addTo(CLI::App &command) {
  command
      .add_option("ARGUMENTS", arguments,
                  "The model in 16 or 32 bits, the file to write (ggml-model-TYPE.gguf beside it "
                  "unless given), the type, threads")
      ->required()
      ->expected(2, 4)
      ->type_name("");
  addThreadsOption(command, threads);
  command.add_flag("--pure", pure, "No mixture: all matrices get the type that most would get");
  auto typeOption = [&](const char *name, std::string &type, const char *help) {
    command.add_option(name, type, help)->type_name("T");
  };
  typeOption("--output-tensor-type", outputType, "Type of output.weight, as in q8_0");
  typeOption("--token-embedding-type", embeddingType, "Type of token_embd.weight");
  command
      .add_option("--tensor-type", tensorTypes,
                  "Type of the tensors in whose names REGEX is found; may be given again, the "
                  "first that fits wins")
      ->type_name("REGEX=T")
      ->allow_extra_args(false);
  command
      .add_option("--tensor-type-file", tensorTypeFile,
                  "More of them, after those of the command line: REGEX=T, separated by blanks or "
                  "lines")
      ->type_name("FILE");
  command.add_flag("--leave-output-tensor", leaveOutput, "output.weight keeps the type it has");
  command.add_flag("--allow-requantize", allowRequantize,
                   "Also quantize what is quantized already, which loses twice");
  command
      .add_option("--imatrix", importance,
                  "Importance matrix (.gguf or .dat of llmc imatrix or llama-imatrix): where "
                  "errors cost most")
      ->type_name("FILE");
  auto included =
      command
          .add_option(
              "--include-weights", includedWeights,
              "Use the importance matrix only for tensors in whose names NAME is; may be given "
              "again")
          ->type_name("NAME")
          ->allow_extra_args(false);
  command
      .add_option(
          "--exclude-weights", excludedWeights,
          "Do not use the importance matrix for tensors in whose names NAME is; may be given "
          "again")
      ->type_name("NAME")
      ->allow_extra_args(false)
      ->excludes(included);
  command.add_flag("--keep-split", keepSplit, "A split model stays split: OUT-0000K-of-0000N.gguf");
  command
      .add_option("--override-kv", overrides,
                  "Set a metadata value; TYPE is int, float, bool or str; may be given again")
      ->type_name("KEY=TYPE:VALUE")
      ->allow_extra_args(false);
  command
      .add_option("--prune-layers", prunedBlocks,
                  "Leave these layers out; those behind them move up")
      ->type_name("L,...");
  command.add_flag("--dry-run", dryRun, "Print what would be done, and do not do it");
  addJsonFlag(command, json,
              "Print {\"type\",\"output\",\"tensors\",\"source_bytes\",\"size_bytes\","
              "\"bits_per_weight\",\"threads\",\"seconds\"}");
  command.footer(typeList());
}

} // namespace llmc::cli
