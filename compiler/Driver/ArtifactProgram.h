// The program in a compiled model file, which may come from anybody.
#ifndef LLMC_COMPILER_DRIVER_ARTIFACTPROGRAM_H
#define LLMC_COMPILER_DRIVER_ARTIFACTPROGRAM_H

#include "absl/status/statusor.h"
#include "compiler/Driver/Compiler.h"
#include "frontends/gguf/file/GgufFile.h"

namespace llmc {

// Parses it and checks that compiling and running it touches nothing but its weights, its states
// and its own memory: beyond what verifiers say of each operation, that it has the form that
// importing a model gives it. Errors name the file and what is wrong.
absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> parseArtifactProgram(Compiler &compiler,
                                                                       const gguf::GgufFile &file);

// The check alone. InvalidArgument, without a file.
absl::Status checkArtifactProgram(mlir::ModuleOp module);

} // namespace llmc

#endif
