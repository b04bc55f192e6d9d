// Puts together what a program needs to run: code and weights.
#ifndef LLMC_COMPILER_DRIVER_BINDPROGRAM_H
#define LLMC_COMPILER_DRIVER_BINDPROGRAM_H

#include "absl/functional/function_ref.h"
#include "compiler/Driver/Compiler.h"
#include "runtime/core/ThreadTeam.h"
#include "runtime/llm/WeightStore.h"
#include <functional>
#include <string>
#include <utility>

namespace llmc {

// Loads the model's object code, and finds the functions named and the packers of its formats.
// Moves the manifest to the program. FailedPrecondition where the code does not run on this CPU.
absl::Status bindCode(CompiledModel &compiled,
                      std::initializer_list<std::pair<const char *, StepFunction *>> functions,
                      Program &program);

// Packs what the program takes. `source` has each tensor by its name.
// `progress`, where there is one, is told the share that is done.
absl::Status bindSource(Program &program, ThreadTeam &team,
                        absl::FunctionRef<PackSource(const std::string &)> source,
                        const std::function<void(double)> &progress);

} // namespace llmc

#endif
