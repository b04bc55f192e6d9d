#include "compiler/Driver/ModelLoader.h"
#include "absl/strings/str_cat.h"
#include "compiler/Artifact/ArtifactFile.h"
#include "compiler/Driver/ArtifactProgram.h"
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

// Points the program at an artifact's weights.
absl::Status bindArtifact(const gguf::GgufFile &file, Program &program) {
  absl::StatusOr<std::vector<const uint8_t *>> weights =
      artifactWeights(file, program.manifest.weights);
  if (!weights.ok())
    return weights.status();
  program.weights = *std::move(weights);
  return absl::OkStatus();
}

} // namespace

absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>>
importModel(Compiler &compiler, const gguf::GgufFile &file, const ImportOptions &options) {
  if (isArtifact(file))
    return parseArtifactProgram(compiler, file);
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

  CompileOptions compile = options.compile;
  if (model.fromArtifact)
    compile.carriedCode = artifactCode(**file);
  absl::StatusOr<CompiledModel> compiled = compiler.compile(**module, compile);
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
