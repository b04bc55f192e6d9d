// The `llm` dialect: types, attributes and operations of language models. See LlmOps.td.
#ifndef LLMC_DIALECTS_LLM_IR_LLMDIALECT_H
#define LLMC_DIALECTS_LLM_IR_LLMDIALECT_H

#include "dialects/llm/Formats/BlockFormats.h"
#include "dialects/llm/IR/AdjointBuilder.h"
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

namespace llmc::llm {

// The width of a row: the last dimension of tensor<?xN>.
int64_t getWidth(::mlir::Value rows);

// Whether an activation makes one result of two products, gate and up.
inline bool isGatedActivation(Activation activation) {
  return activation == Activation::Swiglu || activation == Activation::Geglu;
}

} // namespace llmc::llm

#include "dialects/llm/IR/Differentiable.h.inc"

namespace llmc::llm {

// Of operations through which derivatives do not go: what they yield counts as a constant.
template <class Op>
class StopsGradient : public ::mlir::OpTrait::TraitBase<Op, StopsGradient> {};

} // namespace llmc::llm

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

// A weight or a parameter, as llm.layers sees it; `op` is null if the symbol names neither.
struct Family {
  ::mlir::Operation *op = nullptr;
  ::mlir::Type type;
  std::optional<::llvm::ArrayRef<int32_t>> layers;
  bool trained = false; // a parameter
};
Family lookupFamily(::mlir::Operation *from, ::mlir::Attribute symbol,
                    ::mlir::SymbolTableCollection &symbols);

// Attributes of functions and operations.
//
// On a function whose gradient is wanted: llm-build-adjoints makes @<function>.gradient.
inline constexpr ::llvm::StringLiteral kDifferentiateAttrName = "llm.differentiate";
// Functions that llm-build-adjoints makes are named for what they were made from.
inline constexpr ::llvm::StringLiteral kGradientSuffix = ".gradient";
inline constexpr ::llvm::StringLiteral kForwardSuffix = ".forward";
inline constexpr ::llvm::StringLiteral kAdjointSuffix = ".adjoint";
// On an operation or a parameter of a function that carries a derivative.
inline constexpr ::llvm::StringLiteral kActiveAttrName = "llm.active";
// On an operation of an adjoint that computes again what operation number N of the block computed.
inline constexpr ::llvm::StringLiteral kPrimalAttrName = "llm.primal";

} // namespace llmc::llm

#endif
