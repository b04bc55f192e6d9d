// The `llm` dialect: types, attributes and operations of language models. See LlmOps.td.
#ifndef LLMC_DIALECTS_LLM_IR_LLMDIALECT_H
#define LLMC_DIALECTS_LLM_IR_LLMDIALECT_H

#include "dialects/llm/Formats/BlockFormats.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/llm/IR/LlmDialect.h.inc"

#include "dialects/llm/IR/LlmEnums.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/llm/IR/LlmTypes.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/llm/IR/LlmAttrs.h.inc"

#define GET_OP_CLASSES
#include "dialects/llm/IR/LlmOps.h.inc"

namespace llmc::llm {

// The block format of a weight's element type: f32, f16, bf16 or !llm.block. nullptr for other
// types.
const BlockFormat *getBlockFormat(::mlir::Type elementType);

// The element type of weights in `format`: a builtin float type or !llm.block.
::mlir::Type getWeightElementType(::mlir::MLIRContext *context, const BlockFormat &format);

// Elements that share a scale in a KV cache of q8_0.
inline constexpr int64_t kCacheBlock = 32;
// Whether a type of elements of a KV cache is !llm.block<q8_0>.
bool isQ8(::mlir::Type cacheElement);

// The width of a row: the last dimension of tensor<?xN>.
int64_t getWidth(::mlir::Value rows);

} // namespace llmc::llm

#endif
