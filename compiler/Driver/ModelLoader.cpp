#include "compiler/Driver/ModelLoader.h"
#include "absl/strings/str_cat.h"
#include "compiler/Driver/Artifact.h"
#include "compiler/Driver/Manifest.h"
#include "compiler/Driver/ObjectCache.h"
#include "frontends/gguf/import/Importer.h"
#include "frontends/gguf/shape/ModelShape.h"
#include "runtime/llm/WeightStore.h"
#include <algorithm>
#include <chrono>

namespace llmc {
namespace {

class Stopwatch {
public:
  double lap() {
    auto now = std::chrono::steady_clock::now();
    double seconds = std::chrono::duration<double>(now - start_).count();
    start_ = now;
    return seconds;
  }

private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

absl::Status fileError(const gguf::GgufFile &file, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(file.path(), ": ", what));
}

// The module that an artifact carries.
absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> artifactProgram(Compiler &compiler,
                                                                  const gguf::GgufFile &file) {
  absl::StatusOr<uint32_t> version = file.get<uint32_t>(kArtifactVersionKey);
  if (!version.ok())
    return version.status();
  if (*version != kArtifactVersion)
    return fileError(file, absl::StrCat("was made by another version of llmc (format ", *version,
                                        ", this one reads ", kArtifactVersion,
                                        "); compile the model again"));
  absl::StatusOr<absl::string_view> text = file.get<absl::string_view>(kArtifactProgramKey);
  if (!text.ok())
    return text.status();
  return compiler.parse(*text, absl::StrCat(file.path(), ": ", kArtifactProgramKey));
}

// Points the program at an artifact's weights.
absl::Status bindArtifact(const gguf::GgufFile &file, Program &program) {
  for (const ProgramWeight &weight : program.manifest.weights) {
    const gguf::TensorInfo *info = file.findTensor(weight.name);
    if (!info)
      return fileError(file, absl::StrCat("tensor '", weight.name, "' is missing"));
    if (info->bytes != weight.bytes())
      return fileError(file, absl::StrCat("tensor '", weight.name, "' has ", info->bytes,
                                          " bytes, the program takes ", weight.bytes()));
    if (reinterpret_cast<uintptr_t>(info->data) % 64 != 0)
      return fileError(file, absl::StrCat("tensor '", weight.name, "' is not aligned to 64 bytes"));
    program.weights.push_back(info->data);
  }
  return absl::OkStatus();
}

absl::Status bindSource(const gguf::GgufFile &file, const AdapterWeights &adapters,
                        Program &program, ThreadTeam &team, const LoadOptions &options) {
  std::vector<const uint8_t *> sources;
  for (const ProgramWeight &weight : program.manifest.weights) {
    const std::span<const float> adapter = adapters.find(weight.name);
    sources.push_back(adapter.empty() ? file.findTensor(weight.name)->data
                                      : reinterpret_cast<const uint8_t *>(adapter.data()));
  }
  return packWeights(program, sources, team, [&](double share) {
    if (options.progress)
      options.progress(share);
  });
}

} // namespace

absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>>
importModel(Compiler &compiler, const gguf::GgufFile &file, const ImportOptions &options) {
  if (isArtifact(file))
    return artifactProgram(compiler, file);
  return importGguf(compiler.context(), file, options);
}

absl::StatusOr<ProgramManifest> describeProgram(const gguf::GgufFile &file,
                                                const CacheTypes &cacheTypes,
                                                const CompileOptions &options) {
  absl::StatusOr<TargetDescription> target = describeTarget(options.targetCpu);
  if (!target.ok())
    return target.status();
  Compiler compiler;
  absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> module =
      importModel(compiler, file, {cacheTypes, {}});
  if (!module.ok())
    return module.status();
  if (absl::Status status =
          compiler.runPhases(**module, Phase::Simplify, Phase::Kernel, *target, options);
      !status.ok())
    return status;
  return readManifest(**module);
}

absl::StatusOr<std::shared_ptr<gguf::GgufFile>> openModel(const std::string &path, bool shapeOnly) {
  if (!gguf::isShapePath(path))
    return gguf::GgufFile::open(path, {.headerOnly = shapeOnly});
  if (shapeOnly)
    return gguf::openShape(path);
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": a shape has no weights; give a model file, or time the shape with "
                         "'llmc compile --splat-weights'"));
}

absl::StatusOr<LoadedModel> loadModel(const std::string &path, ThreadTeam &team,
                                      const LoadOptions &options) {
  Stopwatch watch;
  LoadedModel model;
  absl::StatusOr<std::shared_ptr<gguf::GgufFile>> file = openModel(path, options.splatWeights);
  if (!file.ok())
    return file.status();
  model.file = *file;
  model.fromArtifact = isArtifact(**file);
  absl::StatusOr<AdapterWeights> read = AdapterWeights::read(options.adapters, **file);
  if (!read.ok())
    return read.status();
  const auto adapters = std::make_shared<AdapterWeights>(*std::move(read));
  Compiler compiler;
  absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> module =
      importModel(compiler, **file, {options.cacheTypes, adapters->requests()});
  if (!module.ok())
    return module.status();
  model.importSeconds = watch.lap();

  absl::StatusOr<CompiledModel> compiled = compiler.compile(**module, options.compile);
  if (!compiled.ok())
    return absl::Status(compiled.status().code(),
                        absl::StrCat((*file)->path(), ": ", compiled.status().message()));
  if (!runsHere(compiled->target))
    return absl::FailedPreconditionError(absl::StrCat(
        "code for ", compiled->target.cpu, " does not run on this CPU; leave out --target-cpu"));
  model.codeFromCache = compiled->fromCache;
  absl::StatusOr<std::unique_ptr<LoadedCode>> code = LoadedCode::load(compiled->object);
  if (!code.ok())
    return code.status();
  for (auto [name, function] :
       {std::pair{"step", &model.program.step}, {"logits", &model.program.logits}}) {
    absl::StatusOr<StepFunction> found = (*code)->find(name);
    if (!found.ok())
      return found.status();
    *function = *found;
  }
  for (const ProgramWeight &weight : compiled->manifest.weights) {
    auto known = [&](const auto &packer) { return packer.first == weight.format; };
    if (!weight.packed || std::ranges::any_of(model.program.packers, known))
      continue;
    absl::StatusOr<StepFunction> found = (*code)->find(absl::StrCat("pack.", weight.format->name));
    if (!found.ok())
      return found.status();
    model.program.packers.push_back({weight.format, *found});
  }
  model.program.owners.push_back(std::shared_ptr<LoadedCode>(std::move(*code)));
  model.program.owners.push_back(*file);
  model.program.owners.push_back(adapters); // the tables among its matrices are not packed
  model.program.manifest = std::move(compiled->manifest);
  model.compileSeconds = watch.lap();

  absl::Status bound = options.splatWeights ? splatWeights(model.program, team)
                       : model.fromArtifact
                           ? bindArtifact(**file, model.program)
                           : bindSource(**file, *adapters, model.program, team, options);
  if (!bound.ok())
    return bound;
  model.packSeconds = watch.lap();
  return model;
}

} // namespace llmc
