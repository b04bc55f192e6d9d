// Gradients of a program against central differences of its results.
#ifndef LLMC_TESTS_NUMERICS_GRADIENTS_H
#define LLMC_TESTS_NUMERICS_GRADIENTS_H

#include "passes/Autodiff/AutodiffPasses.h"
#include "tests/numerics/TestProgram.h"

namespace llmc {

// Adds @f.gradient to the module, @f being marked with llm.differentiate. Fails the test if that
// cannot be done.
void differentiate(mlir::ModuleOp module, const SaveActivationsOptions &options = {});

// Sets all parameters to uniform numbers of [-1, 1], which depend on their order only.
void setParameters(Interpreter<double> &interpreter);

// All gradients, one parameter after the other, of the sum of @f's results, each element weighted
// by a number that depends on its place only.
std::vector<double> gradients(Interpreter<double> &interpreter,
                              std::vector<InterpreterValue<double>> arguments);

// Differentiates @f of `program` and compares with central differences, element by element.
void checkGradients(TestProgram &program, std::vector<InterpreterValue<double>> arguments,
                    const SaveActivationsOptions &options = {});

} // namespace llmc

#endif
