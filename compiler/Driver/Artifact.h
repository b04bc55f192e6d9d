// Writing compiled model files; ArtifactFile.h has the format and reads them.
#ifndef LLMC_COMPILER_DRIVER_ARTIFACT_H
#define LLMC_COMPILER_DRIVER_ARTIFACT_H

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "compiler/Artifact/ArtifactFile.h"
#include "compiler/Driver/AdapterWeights.h"
#include "compiler/Driver/Compiler.h"
#include "frontends/gguf/file/GgufFile.h"
#include "runtime/core/ThreadTeam.h"

namespace llmc {

// Writes the artifact of `source`, which is no artifact itself, with `adapters` to `path`.
// `programText` is the module at phase import. `progress` is told the share that is done; an error
// that it returns ends the work, and nothing is left behind.
absl::Status writeArtifact(const std::string &path, const gguf::GgufFile &source,
                           const AdapterWeights &adapters, absl::string_view programText,
                           const CompiledModel &model, ThreadTeam &team,
                           absl::FunctionRef<absl::Status(double)> progress);

} // namespace llmc

#endif
