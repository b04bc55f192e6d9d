// Made-up weights and activations, and what quantization makes of activations.
#ifndef LLMC_TESTS_NUMERICS_TESTDATA_H
#define LLMC_TESTS_NUMERICS_TESTDATA_H

#include "compiler/Check/ActivationRounding.h"
#include "compiler/Check/RandomData.h"
#include "tests/numerics/JitProgram.h"

namespace llmc {

// Of the weights' type in a program, "f16" or "!llm.block<q4_0>".
std::string elementType(const BlockFormat &format);

std::vector<float> roundWeights(std::vector<float> weights);

// Whether products with block formats are the matrix unit's in steps of `rows` tokens.
bool usesMatrixUnit(int64_t rows);

// How far a row stays from ties of the rounding that products apply to it, as a multiple of the
// relative error that activations may have which compiled code computed itself: only above 1 do
// they round as the exact ones do.
double distanceToTie(std::span<const double> row, bool matrixUnit);

} // namespace llmc

#endif
