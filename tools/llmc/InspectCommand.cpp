#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "compiler/Driver/Artifact.h"
#include "compiler/Driver/ModelLoader.h"
#include "frontends/gguf/file/GgufText.h"
#include "frontends/gguf/shape/ModelShape.h"
#include "tools/llmc/Commands.h"
#include "tools/llmc/Console.h"
#include "tools/llmc/ModelSummary.h"
#include "tools/llmc/SharedOptions.h"
#include "tools/llmc/TargetReport.h"
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace llmc::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kNative[] = "native";

struct InspectOptions {
  ModelOptions model;
  int64_t context = 0;
  // The CPU that --target names; empty without the option.
  std::string target;
  bool tensors = false, json = false;
};

std::string shapeText(const gguf::TensorInfo &tensor) {
  return absl::StrCat("[", absl::StrJoin(tensor.shape, ", "), "]");
}

Json valueJson(const gguf::GgufFile &file, const gguf::KeyValue &record) {
  using gguf::ValueType;
  switch (record.type) {
  case ValueType::Array:
    return {{"array_of", gguf::valueTypeName(record.elementType)}, {"count", record.count}};
  case ValueType::String:
    return std::string(*file.get<absl::string_view>(record.key));
  case ValueType::Bool:
    return *file.get<bool>(record.key);
  case ValueType::F32:
  case ValueType::F64:
    return *file.get<double>(record.key);
  case ValueType::U64:
    return *file.get<uint64_t>(record.key);
  default:
    return *file.get<int64_t>(record.key);
  }
}

ModelSummary summaryOf(const gguf::GgufFile &file, const absl::StatusOr<ProgramManifest> &program) {
  return isArtifact(file) && program.ok() ? summarize(file, *program) : summarize(file);
}

Json modelJson(const gguf::GgufFile &file, const absl::StatusOr<ProgramManifest> &program,
               const InspectOptions &options) {
  const ModelSummary summary = summaryOf(file, program);
  Json metadata = Json::object(), types = Json::array();
  for (const gguf::KeyValue &record : file.keyValues())
    metadata[std::string(record.key)] = valueJson(file, record);
  for (const TypeShare &type : summary.types)
    types.push_back({{"type", type.name},
                     {"tensors", type.tensors},
                     {"parameters", type.parameters},
                     {"bytes", type.bytes}});
  Json document = {{"path", file.path()},
                   {"gguf_version", file.version()},
                   {"parts", file.parts()},
                   {"file_bytes", file.fileBytes()},
                   {"compiled", isArtifact(file)},
                   {"architecture", summary.architecture},
                   {"name", summary.name},
                   {"parameters", summary.parameters},
                   {"active_parameters", summary.active},
                   {"bits_per_weight", summary.bitsPerWeight()},
                   {"types", types},
                   {"metadata", metadata}};
  if (program.ok()) {
    const MemoryNeeds memory = memoryNeeds(*program, options.context);
    document["memory"] = {{"context", memory.context},
                          {"weights_bytes", memory.weights},
                          {"kv_cache_bytes", memory.cache},
                          {"scratch_bytes", memory.scratch},
                          {"total_bytes", memory.total()}};
  }
  if (options.tensors) {
    Json tensors = Json::array();
    for (const gguf::TensorInfo &tensor : file.tensors())
      tensors.push_back({{"name", tensor.name},
                         {"type", tensorTypeName(tensor)},
                         {"shape", tensor.shape},
                         {"bytes", tensor.bytes}});
    document["tensors"] = std::move(tensors);
  }
  return document;
}

void printModel(const gguf::GgufFile &file, const absl::StatusOr<ProgramManifest> &program,
                const InspectOptions &options) {
  const ModelSummary summary = summaryOf(file, program);
  std::string out;
  auto line = [&](absl::string_view name, absl::string_view value) {
    absl::StrAppendFormat(&out, "%-15s %s\n", name, value);
  };
  line("file", absl::StrCat(gguf::printable(file.path(), 400), ", GGUF ", file.version(),
                            isArtifact(file) ? ", compiled" : "",
                            file.parts() > 1 ? absl::StrCat(", ", file.parts(), " parts") : ""));
  line("size", absl::StrCat(bytesText(file.fileBytes()), " (", file.fileBytes(), " bytes)"));
  line("architecture", summary.architecture.empty() ? "not said" : summary.architecture);
  if (!summary.name.empty())
    line("name", summary.name);
  line("parameters", absl::StrCat(summary.parameters, " in ", file.tensors().size(), " tensors",
                                  summary.active < summary.parameters
                                      ? absl::StrCat(", of which a token takes ", summary.active)
                                      : ""));
  line("bits/weight", absl::StrFormat("%.3f", summary.bitsPerWeight()));
  for (const TypeShare &type : summary.types)
    line("", absl::StrFormat("%-8s %5d tensors %14d parameters %12s", type.name, type.tensors,
                             type.parameters, bytesText(type.bytes)));
  if (program.ok()) {
    const MemoryNeeds memory = memoryNeeds(*program, options.context);
    line("memory",
         absl::StrFormat("%s for %d tokens: weights %s, KV cache %s, scratch %s",
                         bytesText(memory.total()), memory.context, bytesText(memory.weights),
                         bytesText(memory.cache), bytesText(memory.scratch)));
  } else {
    line("memory", absl::StrCat("not known: ", program.status().message()));
  }
  absl::StrAppend(&out, "\nmetadata\n");
  for (const gguf::KeyValue &record : file.keyValues())
    absl::StrAppendFormat(&out, "  %-42s %-16s %s\n", gguf::printable(record.key, 80),
                          record.typeName(), record.preview());
  if (options.tensors) {
    absl::StrAppend(&out, "\ntensors\n");
    for (const gguf::TensorInfo &tensor : file.tensors())
      absl::StrAppendFormat(&out, "  %-34s %-8s %-20s %12s\n", gguf::printable(tensor.name, 64),
                            tensorTypeName(tensor), shapeText(tensor), bytesText(tensor.bytes));
  }
  print(out);
}

absl::Status inspect(const InspectOptions &options) {
  if (options.model.path.empty() && options.target.empty())
    return usageError("MODEL is required unless --target is given");
  std::optional<TargetDescription> target;
  if (!options.target.empty()) {
    absl::StatusOr<TargetDescription> described =
        describeTarget(options.target == kNative ? options.model.targetCpu : options.target);
    if (!described.ok())
      return usageError(described.status().message());
    target = *std::move(described);
  }
  Json document = Json::object();
  if (!options.model.path.empty()) {
    absl::StatusOr<std::shared_ptr<gguf::GgufFile>> file =
        openModel(options.model.path, gguf::isShapePath(options.model.path));
    if (!file.ok())
      return file.status();
    // A vocabulary-only file, or a model that llmc cannot run, is worth looking at too.
    CompileOptions compile;
    compile.targetCpu = options.model.targetCpu;
    compile.maxRows = options.model.maxRows;
    absl::StatusOr<ProgramManifest> program = describeProgram(
        **file, {options.model.keyCacheType, options.model.valueCacheType}, compile);
    if (options.json)
      document = modelJson(**file, program, options);
    else
      printModel(**file, program, options);
  }
  if (target && options.json)
    document["target"] = targetJson(*target);
  else if (target)
    print(absl::StrCat(options.model.path.empty() ? "" : "\ntarget\n", targetText(*target)));
  if (options.json)
    printJson(document);
  return absl::OkStatus();
}

} // namespace

void addInspectCommand(CLI::App &app, Action &action) {
  CLI::App *command = app.add_subcommand("inspect", "Tell what is in a model file");
  auto options = std::make_shared<InspectOptions>();
  addModelArgument(*command, options->model.path)->required(false);
  addContextOption(
      *command, options->context, 0,
      "Tell the memory needed for this many tokens; 0: what the model was trained for, "
      "at most 4096");
  command->add_flag("--tensors", options->tensors, "List the tensors");
  command
      ->add_flag(absl::StrCat("--target{", kNative, "}"), options->target,
                 "Tell what code is made of for this CPU, or for the one of --target=NAME, and why")
      ->type_name("[=NAME]");
  addJsonFlag(*command, options->json, "Print one JSON document");
  addCompileOptions(*command, options->model);
  command->footer(
      "MODEL may be a vocabulary-only GGUF, or shape:NAME[:TYPE] as 'llmc compile --help'\n"
      "tells. Sizes of tensors are listed with the fastest extent first.");
  command->callback([options, &action] { action = [options] { return inspect(*options); }; });
}

} // namespace llmc::cli
