// What compiled products make of activations and weights before they multiply.
#ifndef LLMC_COMPILER_CHECK_ACTIVATIONROUNDING_H
#define LLMC_COMPILER_CHECK_ACTIVATIONROUNDING_H

#include "compiler/Interpreter/InterpreterValue.h"
#include "compiler/Target/TargetDescription.h"

namespace llmc {

// Of a block of activations.
struct ActivationScale {
  float scale, inverse;
};
ActivationScale activationScale(std::span<const double> block);

// What products with block formats see of activations: blocks of 32 share the scale max|x| / 127,
// each element is rounded to the nearest integer of -127 to 127, ties to even. `exact` are float
// values, for which this computes as compiled code does, in f32.
TensorValue<double> quantizeActivations(const TensorValue<double> &exact);

// The matrix unit takes bfloat16: activations rounded to even, weights away from zero in a tie.
TensorValue<double> roundActivations(const TensorValue<double> &exact);
float roundWeight(float weight);

// Whether products with block formats are the matrix unit's in steps of `rows` tokens.
bool usesMatrixUnit(const TargetDescription &target, int64_t rows);

} // namespace llmc

#endif
