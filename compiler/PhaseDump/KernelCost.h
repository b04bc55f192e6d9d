// What the operations of the `kernel` dialect move and multiply, counted from their types.
#ifndef LLMC_COMPILER_PHASEDUMP_KERNELCOST_H
#define LLMC_COMPILER_PHASEDUMP_KERNELCOST_H

#include "dialects/kernel/IR/KernelDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include <string>
#include <vector>

namespace llmc {

// What multiplies: int8 dot products of vectors, f32 vectors, or bf16 tiles of the matrix unit.
enum class Arithmetic { None, Int8Dot, F32, Bf16Tiles };
const char *arithmeticName(Arithmetic arithmetic);

struct KernelWork {
  // Bytes that must come from memory or go there if each is moved once.
  double weightBytes = 0, activationBytes = 0, cacheBytes = 0;
  double multiplyAdds = 0; // those that the arithmetic makes, which are 3 for 1 in split bf16
  Arithmetic arithmetic = Arithmetic::None;

  double bytes() const { return weightBytes + activationBytes + cacheBytes; }
};

struct KernelCost {
  unsigned line;        // where the operation is printed
  std::string function; // "block.0"
  std::string label;    // "matmul attn_q"
  int64_t calls;        // per step: one, or one per layer
  KernelWork token;     // of one call in a step of one token
  KernelWork prompt;    // in a step of a prompt
};

struct CostSteps {
  int64_t position = 512;   // of the one token: so many are in the cache before it
  int64_t promptRows = 512; // tokens of the prompt, which begins at 0
};

// Of a module after phase `kernel` and snapshot(). Functions that only run when a model is loaded
// are left out. Logits are made for one token, in a prompt, too.
std::vector<KernelCost> kernelCosts(mlir::ModuleOp module, const CostSteps &steps);

} // namespace llmc

#endif
