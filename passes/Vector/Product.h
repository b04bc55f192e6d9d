// The parts of a kernel.product that its files share.
#ifndef LLMC_PASSES_VECTOR_PRODUCT_H
#define LLMC_PASSES_VECTOR_PRODUCT_H

#include "dialects/kernel/IR/ProductPlan.h"
#include "dialects/llm/Formats/BlockProgram.h"
#include "passes/Vector/Kernels.h"

namespace llmc::kernel {

// Parameters of a driver: a function for each block format and kind of product, called by all
// threads.
enum ProductParameter {
  kPThread,
  kPThreads,
  kPTokens,
  kPRows,         // of the weight that take part
  kPColumns,      // of the weight
  kPPanelColumns, // of a panel: paddedColumns, or chunkColumns
  kPPanels,       // panels at a time, or rows of a block
  kPGroupBytes,
  kPInputBytes, // from row to row of the input, or from tile to tile of a factor
  kPOutBytes,   // from row to row of out and addend
  kPWeight,     // at the first row that takes part
  kPInput,
  kPOut,
  kPAddend, // where there is one
  kPScratch,
  kProductParameters
};

// What a driver is made for.
struct ProductVariant {
  const BlockFormat *format;
  bool addend;
};

// Emits the body of a driver.
void emitFloatProduct(Emitter &e, KernelLibrary &library, const ProductVariant &variant,
                      ValueRange p);
void emitFloatProductTransposed(Emitter &e, KernelLibrary &library, const ProductVariant &variant,
                                ValueRange p);
void emitMatrixProduct(Emitter &e, KernelLibrary &library, const ProductVariant &variant,
                       ValueRange p);
void emitMatrixProductTransposed(Emitter &e, KernelLibrary &library, const ProductVariant &variant,
                                 ValueRange p);

// Calls `body` with the pieces of [first, last) that are `step` long, and the length of each, which
// is less for the last.
void forPieces(Emitter &e, Value first, Value last, Value step,
               const std::function<void(Value at, Value size)> &body);

} // namespace llmc::kernel

#endif
