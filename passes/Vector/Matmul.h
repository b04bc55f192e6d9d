// The parts of a matrix product that its files share.
#ifndef LLMC_PASSES_VECTOR_MATMUL_H
#define LLMC_PASSES_VECTOR_MATMUL_H

#include "dialects/llm/Formats/BlockProgram.h"
#include "dialects/llm/Formats/PackedLayout.h"
#include "passes/Vector/Kernels.h"

namespace llmc::kernel {

// The sizes of a product: of packed activations, of the weight matrix, and the bytes from one row
// of the output to the next.
struct MatmulSizes {
  PackedType input;
  int64_t matrixRows, columns, rowBytes;
};
// `rows` tokens times groups [first, last) of the matrix at `weight`. `other` and `bias` may be
// null.
struct MatmulOperands {
  Value first, last, rows, weight, input, out, other, bias;
};
// Calls the product's function, which a variant has once.
void emitMatmulCall(OpEmission &emission, mlir::Location loc, const MatmulVariant &variant,
                    const MatmulSizes &sizes, const MatmulOperands &operands);

// Parameters of a body; `scale` to `sum` are null for float formats.
enum MatmulBodyParameter {
  kWeight,
  kInput,
  kScale,
  kCorrection,
  kSum,
  kOut,
  kOther,
  kBias,
  kRowBytes,
  kUnits,
  kGroups,
  kRowsLeft,
  kEpilogue,
  kBodyParameters
};

// The body for tiles of `tile` tokens: walks `kGroups` groups of rows from the given pointers.
mlir::func::FuncOp getMatmulBody(KernelLibrary &library, mlir::Location loc,
                                 const MatmulVariant &variant, int64_t tile);

// The sums of a tile before the first product: the bias of the group's rows, or zero.
Value initialSum(Emitter &e, const MatmulVariant &variant, Value bias, Value rowsLeft);
// Calls `emit` for each epilogue of the library's products for which `shared` holds, where `which`
// is that epilogue.
void forEpilogue(Emitter &e, const KernelLibrary &library, Value which,
                 llvm::function_ref<bool(const MatmulVariant &)> shared,
                 const std::function<void(Epilogue)> &emit);
// What becomes of the sums of a tile: one row of `out` per token, `rowBytes` apart.
void emitEpilogue(Emitter &e, Epilogue epilogue, llvm::ArrayRef<Value> sums, Value out, Value other,
                  Value rowBytes);

// What the parts of a step's product need to know, as values of the driver.
struct MatmulPlace {
  Value rows;                                     // tokens
  Value firstGroup, lastGroup;                    // of this thread
  Value weight, out, other, bias;                 // at the first group
  Value rowsLeft;                                 // of the matrix, from the first group on
  Value input;                                    // packed activations
  Value scaleOffset, correctionOffset, sumOffset; // from the start of a tile of `input`
  Value tileBytes, rowBytes, units, groupBytes;
  Value scratch, panelCount; // room for unpacked weights, see #kernel.memory
};

// The product of all of the step's tokens by AMX, in tiles of 16. Integer formats only.
void emitAmxMatmul(Emitter &e, KernelLibrary &library, const MatmulVariant &variant,
                   const MatmulPlace &place);
// The same by 8-bit dot products of 512 bits, in halves of the widest tile.
void emitPanelMatmul(Emitter &e, KernelLibrary &library, const MatmulVariant &variant,
                     const MatmulPlace &place);

} // namespace llmc::kernel

#endif
