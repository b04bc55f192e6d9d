// Gradients against differences of losses.
#ifndef LLMC_TOOLS_LLMC_SMITH_DERIVATIVES_H
#define LLMC_TOOLS_LLMC_SMITH_DERIVATIVES_H

#include "tools/llmc-smith/Inputs.h"

namespace llmc::smith {

// For each function @f of a differentiated module that has an @f.gradient: the derivative of its
// weighted losses along a random direction of all parameters, from the gradient and from central
// differences, in f64.
absl::Status checkDerivatives(mlir::ModuleOp module, const Numbers &numbers, const Step &step,
                              uint32_t seed);

} // namespace llmc::smith

#endif
