// Compiled model files: `.llmc`, a GGUF 3 with packed weights, the program and its object code.
//
// Tensors: weights in the layout of the code, packed ones as plain bytes (I8) under their names,
// the others as in the source; `llmc.object`, the object code, as plain bytes. Metadata: the
// source's, and `llmc.version`, `llmc.program` (the module at phase import, as text) and
// `llmc.target`. Everything is data: the program is parsed and checked like any input, and the
// object code runs only when the user's own cache says that this llmc made it from this program;
// otherwise it is made again.
#ifndef LLMC_COMPILER_DRIVER_ARTIFACT_H
#define LLMC_COMPILER_DRIVER_ARTIFACT_H

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "compiler/Driver/AdapterWeights.h"
#include "compiler/Driver/Compiler.h"
#include "frontends/gguf/file/GgufFile.h"
#include "runtime/core/ThreadTeam.h"

namespace llmc {

inline constexpr absl::string_view kArtifactVersionKey = "llmc.version";
inline constexpr absl::string_view kArtifactProgramKey = "llmc.program";
inline constexpr absl::string_view kArtifactTargetKey = "llmc.target";
inline constexpr absl::string_view kArtifactObjectName = "llmc.object";
// Changes when files of another llmc can no longer be read.
inline constexpr uint32_t kArtifactVersion = 1;
// Of tensors in the file: a page, so that pieces can be mapped by themselves.
inline constexpr uint32_t kArtifactAlignment = 4096;

bool isArtifact(const gguf::GgufFile &file);

// Writes the artifact of `source`, which is no artifact itself, with `adapters` to `path`.
// `programText` is the module at phase import. `progress` is told the share that is done; an error
// that it returns ends the work, and nothing is left behind.
absl::Status writeArtifact(const std::string &path, const gguf::GgufFile &source,
                           const AdapterWeights &adapters, absl::string_view programText,
                           const CompiledModel &model, ThreadTeam &team,
                           absl::FunctionRef<absl::Status(double)> progress);

} // namespace llmc

#endif
