// Puts together what a program needs to run: code and weights.
#ifndef LLMC_COMPILER_DRIVER_BINDPROGRAM_H
#define LLMC_COMPILER_DRIVER_BINDPROGRAM_H

#include "compiler/Driver/Compiler.h"
#include "frontends/gguf/file/GgufFile.h"
#include "runtime/core/ThreadTeam.h"
#include <functional>
#include <span>
#include <utility>

namespace llmc {

// Loads the model's object code, and finds the functions named and the packers of its formats.
// Moves the manifest to the program. FailedPrecondition where the code does not run on this CPU.
absl::Status bindCode(CompiledModel &compiled,
                      std::initializer_list<std::pair<const char *, StepFunction *>> functions,
                      Program &program);

// Packs the tensors of the file that the program takes. `progress`, where there is one, is told the
// share that is done.
absl::Status bindSource(const gguf::GgufFile &file, Program &program, ThreadTeam &team,
                        const std::function<void(double)> &progress);

} // namespace llmc

#endif
