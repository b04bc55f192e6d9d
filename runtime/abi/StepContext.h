// The border between the runtime and compiled code.
//
// An entry function is `void f(const StepContext *, int64_t thread, int64_t threads)`, run by all
// threads of a team at once.
#ifndef LLMC_RUNTIME_ABI_STEPCONTEXT_H
#define LLMC_RUNTIME_ABI_STEPCONTEXT_H

#include <cstdint>

namespace llmc {

struct StepContext {
#define LLMC_STEP_FIELD(type, name) type name;
#include "runtime/abi/StepContext.def"
#undef LLMC_STEP_FIELD
};

enum class StepField {
#define LLMC_STEP_FIELD(type, name) name,
#include "runtime/abi/StepContext.def"
#undef LLMC_STEP_FIELD
};

constexpr int64_t stepFieldOffset(StepField field) { return 8 * static_cast<int64_t>(field); }

using StepFunction = void (*)(const StepContext *, int64_t thread, int64_t threads);

// Rows that result buffers have beyond the rows of the step.
inline constexpr int64_t kResultRowPadding = 7;

} // namespace llmc

#endif
