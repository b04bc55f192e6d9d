#include "compiler/Driver/ModelLoader.h"
#include "absl/strings/str_cat.h"
#include "compiler/Driver/Artifact.h"
#include "compiler/Driver/BindProgram.h"
#include "compiler/Driver/Manifest.h"
#include "compiler/Driver/ObjectCache.h"
#include "frontends/gguf/import/Importer.h"
#include "frontends/gguf/shape/ModelShape.h"
#include "runtime/llm/WeightStore.h"
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
  absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> module =
      compiler.parse(*text, absl::StrCat(file.path(), ": ", kArtifactProgramKey));
  // Sessions have no memory for what is trained.
  if (module.ok() && !(**module).getOps<llm::ParameterOp>().empty())
    return fileError(file, "its program has parameters, which only training has; compile the model "
                           "again");
  return module;
}

// Points the program at an artifact's weights.
absl::Status bindArtifact(const gguf::GgufFile &file, Program &program) {
  for (const ProgramWeight &weight : program.manifest.weights) {
    const gguf::TensorInfo *info = file.findTensor(weight.artifactName());
    if (!info)
      return fileError(file, absl::StrCat("tensor '", weight.artifactName(), "' is missing"));
    if (info->bytes != weight.bytes())
      return fileError(file, absl::StrCat("tensor '", weight.artifactName(), "' has ", info->bytes,
                                          " bytes, the program takes ", weight.bytes()));
    if (reinterpret_cast<uintptr_t>(info->data) % 64 != 0)
      return fileError(
          file, absl::StrCat("tensor '", weight.artifactName(), "' is not aligned to 64 bytes"));
    program.weights.push_back(info->data);
  }
  return absl::OkStatus();
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
      importModel(compiler, **file, {options.cacheTypes, adapters->requests(), options.context});
  if (!module.ok())
    return module.status();
  model.importSeconds = watch.lap();

  absl::StatusOr<CompiledModel> compiled = compiler.compile(**module, options.compile);
  if (!compiled.ok())
    return absl::Status(compiled.status().code(),
                        absl::StrCat((*file)->path(), ": ", compiled.status().message()));
  model.codeFromCache = compiled->fromCache;
  if (absl::Status status =
          bindCode(*compiled, {{"step", &model.program.step}, {"logits", &model.program.logits}},
                   model.program);
      !status.ok())
    return status;
  model.program.owners.push_back(*file);
  model.program.owners.push_back(adapters); // the tables among its matrices are not packed
  model.compileSeconds = watch.lap();

  absl::Status bound = options.splatWeights ? splatWeights(model.program, team)
                       : model.fromArtifact
                           ? bindArtifact(**file, model.program)
                           : bindSource(
                                 model.program, team,
                                 [&](const std::string &name) -> PackSource {
                                   const std::span<const float> adapter = adapters->find(name);
                                   if (adapter.empty())
                                     return {(*file)->findTensor(name)->data};
                                   return {reinterpret_cast<const uint8_t *>(adapter.data()),
                                           /*mapped=*/false};
                                 },
                                 options.progress);
  if (!bound.ok())
    return bound;
  model.packSeconds = watch.lap();
  return model;
}

} // namespace llmc
