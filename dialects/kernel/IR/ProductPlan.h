// How a kernel.product goes about its work: the sizes that memory planning and code generation must
// agree on.
#ifndef LLMC_DIALECTS_KERNEL_IR_PRODUCTPLAN_H
#define LLMC_DIALECTS_KERNEL_IR_PRODUCTPLAN_H

#include "dialects/kernel/IR/KernelDialect.h"
#include "dialects/llm/Formats/PackedLayout.h"

namespace llmc::kernel {

// Tokens whose sums a transposed product keeps in scratch memory at a time.
inline constexpr int64_t kProductTokens = 512;

struct ProductPlan {
  // `cache`: see #kernel.memory.
  ProductPlan(ProductOp product, int64_t cache);

  const BlockFormat *format;
  PackedLayout layout;
  bool transposed, matrixUnit;
  int64_t rows;    // of the weight that take part
  int64_t columns; // of the weight, without padding
  // The columns of an unpacked panel: whole units, and whole tiles of 32.
  int64_t paddedColumns;

  // Not transposed: panels of 16 rows with all columns, `panels` at a time.
  int64_t panelBytes, panels;
  // Transposed: panels of `blockRows` rows with `chunkColumns` columns.
  int64_t chunkColumns, blockRows;
  // Of each thread's scratch memory.
  int64_t panelsBytes, sumsBytes;
};

} // namespace llmc::kernel

#endif
