// The arithmetic of compiled code, for the interpreter: as coarse, and wrong by as much.
#ifndef LLMC_COMPILER_CHECK_COMPILEDARITHMETIC_H
#define LLMC_COMPILER_CHECK_COMPILEDARITHMETIC_H

#include "compiler/Check/RandomData.h"
#include "compiler/Interpreter/Arithmetic.h"
#include "compiler/Target/TargetDescription.h"

namespace llmc {

// How products with block formats are computed: activations rounded to 8 bits, or to bfloat16 in
// steps for the matrix unit, which is for generation; for training, both factors as sums of two
// bfloat16 where there is a matrix unit, or as f32.
enum class Products { Rounded, Split, F32 };

// Rounds factors of products as compiled code does, and moves all results at random by as much as
// its f32 sums may be off. Two interpretations that differ in their seed alone say how much
// compiled code may differ from either: where a value is close to a tie, the one rounds it up and
// the other down, and what follows from that they both show (stochastic arithmetic; Vignes, 1993).
class CompiledArithmetic final : public Arithmetic<double> {
public:
  // `target` outlives this.
  CompiledArithmetic(const TargetDescription &target, Products products, uint32_t seed)
      : target_(target), products_(products), random_(seed) {}

  void roundFactors(mlir::RankedTensorType type, TensorRef<double> &input,
                    TensorRef<double> &weight) override;
  void roundResult(mlir::Operation *op, TensorValue<double> &result) override;

private:
  double errorOf(mlir::Operation *op) const;

  const TargetDescription &target_;
  Products products_;
  Random random_;
  // Weights as the matrix unit takes them. The exact ones are kept, so that no other gets their
  // address.
  std::map<TensorRef<double>, TensorRef<double>> rounded_;
};

} // namespace llmc

#endif
