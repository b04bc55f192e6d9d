#include "compiler/Driver/TrainingLoader.h"
#include "absl/strings/str_cat.h"
#include "compiler/Driver/Artifact.h"
#include "compiler/Driver/BindProgram.h"

namespace llmc {

absl::StatusOr<std::unique_ptr<CompiledTraining>> loadTraining(std::shared_ptr<gguf::GgufFile> file,
                                                               ThreadTeam &team,
                                                               const TrainingLoadOptions &options) {
  if (isArtifact(*file))
    return absl::InvalidArgumentError(absl::StrCat(
        file->path(), ": was compiled to run; train on the GGUF that it was made from"));
  // More would be no batch, and sizes beyond what numbers of bytes hold.
  constexpr int64_t kMostTokens = 1 << 24;
  if (options.batch > kMostTokens / options.import.sequence)
    return absl::InvalidArgumentError(
        absl::StrCat(options.batch, " sequences of ", options.import.sequence,
                     " tokens are too many for a batch; lower batch_size or max_seq_length"));
  Compiler compiler;
  absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> module =
      importGgufForTraining(compiler.context(), *file, options.import);
  if (!module.ok())
    return module.status();
  CompileOptions compile = options.compile;
  compile.maxRows = compile.phases.stepTokens = options.batch * options.import.sequence;
  absl::StatusOr<CompiledModel> compiled = compiler.compile(**module, compile);
  if (!compiled.ok())
    return absl::Status(compiled.status().code(),
                        absl::StrCat(file->path(), ": ", compiled.status().message()));
  Program program;
  absl::Status status = bindCode(
      *compiled, {{"loss", &program.loss}, {"loss.gradient", &program.lossGradient}}, program);
  if (!status.ok())
    return status;
  program.owners.push_back(file);
  status =
      options.splatWeights
          ? splatWeights(program, team)
          : bindSource(
                program, team,
                [&](const std::string &name) { return PackSource{file->findTensor(name)->data}; },
                options.progress);
  if (!status.ok())
    return status;
  return CompiledTraining::create(std::move(program), options.import.sequence, team);
}

} // namespace llmc
