// Reading compiled model files: `.llmc`, a GGUF 3 with packed weights, the program and its object
// code.
//
// Tensors: weights in the layout of the code, packed ones as plain bytes (I8) under their names,
// the others as in the source; `llmc.object`, the sealed object code (SealedCode.h), as plain
// bytes. Metadata: the source's, and `llmc.version`, `llmc.program` (the module at phase import, as
// text) and `llmc.target`. Everything is data: the program is parsed and checked like any input,
// and the object code runs only when its seal says that this user's llmc made it from this program;
// otherwise it is made again.
#ifndef LLMC_COMPILER_ARTIFACT_ARTIFACTFILE_H
#define LLMC_COMPILER_ARTIFACT_ARTIFACTFILE_H

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/gguf/file/GgufFile.h"
#include "runtime/llm/Program.h"
#include <cstdint>
#include <span>
#include <vector>

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

// The program's text, fit to be parsed (ProgramText.h). Errors, as those below, name the file and
// what to do.
absl::StatusOr<absl::string_view> artifactProgram(const gguf::GgufFile &file);

// The sealed object code; empty when there is none.
std::span<const uint8_t> artifactCode(const gguf::GgufFile &file);

// Where each weight that the program takes lies in the file: with as many bytes as it reads, and
// aligned to 64.
absl::StatusOr<std::vector<const uint8_t *>>
artifactWeights(const gguf::GgufFile &file, std::span<const ProgramWeight> weights);

} // namespace llmc

#endif
