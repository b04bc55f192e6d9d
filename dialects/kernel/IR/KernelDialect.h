// The `kernel` dialect: what the threads of a team do with buffers. See KernelOps.td.
#ifndef LLMC_DIALECTS_KERNEL_IR_KERNELDIALECT_H
#define LLMC_DIALECTS_KERNEL_IR_KERNELDIALECT_H

#include "dialects/llm/IR/LlmDialect.h"
#include "runtime/abi/ExpertRouting.h"

#include "dialects/kernel/IR/KernelDialect.h.inc"

namespace llmc::kernel {
// What #kernel.memory says where there is none.
inline constexpr int64_t kPrefetchFar = 4096, kPrefetchNear = 2048, kPanelCache = 1 << 20;
// Rows, and columns of f32, of a register of the matrix unit.
inline constexpr int64_t kMatrixTile = 16;
} // namespace llmc::kernel

#include "dialects/kernel/IR/KernelEnums.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/kernel/IR/KernelTypes.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/kernel/IR/KernelAttrs.h.inc"

#define GET_OP_CLASSES
#include "dialects/kernel/IR/KernelOps.h.inc"

namespace llmc::kernel {

// The module's attribute that holds the #kernel.target.
inline constexpr llvm::StringLiteral kTargetAttrName = "kernel.target";
// Bytes of the arena that the module's functions need, set by kernel-plan-memory.
inline constexpr llvm::StringLiteral kArenaBytesAttrName = "kernel.arena_bytes";

// Bytes of scratch memory that each thread needs, set by kernel-plan-memory.
inline constexpr llvm::StringLiteral kScratchBytesAttrName = "kernel.scratch_bytes";

// Rows that a buffer has beyond max_rows: so many tokens of a token tile may not be there.
inline constexpr int64_t kRowPadding = 7;
// The token tile that AMX multiplies; its rows are the matrix unit's.
inline constexpr int64_t kAmxTile = 16;
// Activations share a scale over this many elements.
inline constexpr int64_t kActivationBlock = 32;

// Whether products of many tokens unpack groups of weight rows, see DotTable.h.
bool usesPanels(Dot dot);
// Bytes of a panel of 16 rows of `columns` weights: bf16 for AMX, in tiles of 32 columns. Panels of
// bytes and scales take less.
constexpr int64_t panelBytes(int64_t columns) { return columns / 32 * 1024; }
// Products of many tokens unpack groups of weight rows to panels: an even number of panels, at
// least two, that together take about `cache` bytes.
constexpr int64_t panelCount(int64_t columns, int64_t cache) {
  int64_t pairs = cache / 2 / panelBytes(columns);
  return 2 * (pairs > 1 ? pairs : 1);
}

// Whether a function of kernel.map has one input, and whether it needs the constant.
constexpr bool isUnary(Map map) {
  return map != Map::Add && map != Map::Mul && map != Map::Swiglu && map != Map::Geglu;
}
constexpr bool takesConstant(Map map) { return map == Map::Scale || map == Map::Softcap; }
// Whether an epilogue of kernel.matmul takes another buffer.
constexpr bool takesOther(Epilogue epilogue) {
  return epilogue != Epilogue::Store && epilogue != Epilogue::Gelu;
}

// Bytes of a buffer, or of another thing that kernel.alloc makes, in steps of up to `maxRows`
// tokens.
int64_t bufferBytes(::mlir::Type type, int64_t maxRows);

// The target of the module around `op`; null when there is none.
TargetAttr getTarget(::mlir::Operation *op);

} // namespace llmc::kernel

#endif
