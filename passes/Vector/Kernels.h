// Functions of vector code, made on demand: one per distinct variant, shared by all of its users.
#ifndef LLMC_PASSES_VECTOR_KERNELS_H
#define LLMC_PASSES_VECTOR_KERNELS_H

#include "dialects/kernel/IR/KernelDialect.h"
#include "passes/Vector/Emitter.h"
#include "llvm/ADT/StringMap.h"

namespace llmc::kernel {

// What every kernel function finds in its first three parameters.
struct Team {
  Value context; // StepContext *
  Value thread;  // i64
  Value threads; // i64
};

// What tells one matrix product's code from another's. Each has a function, which splits the work;
// bodies, which do it, end in any epilogue of the module's products that are otherwise alike.
struct MatmulVariant {
  const BlockFormat *format;
  Epilogue epilogue;
  bool bias;

  std::string name() const;
  std::string bodyName() const;
};

class KernelLibrary {
public:
  // While `module` is still all kernel operations.
  KernelLibrary(mlir::ModuleOp module, TargetAttr target);

  mlir::ModuleOp module;
  TargetAttr target;
  std::vector<MatmulVariant> products; // that the module has, each as often

  // The function `name`, made by `body` the first time. The body is called with an emitter in the
  // function's entry block and its parameters, and need not return.
  using Body = std::function<void(Emitter &, ValueRange)>;
  mlir::func::FuncOp get(llvm::StringRef name, llvm::ArrayRef<Type> parameters, mlir::Location loc,
                         const Body &body);

  // This thread's scratch memory, `kernel.scratch_bytes` of the module.
  Value scratch(Emitter &e, const Team &team);
  // A constant array in memory; equal arrays are one.
  Value constantArray(Emitter &e, mlir::DenseElementsAttr values);
  // A runtime entry point: declares it by its C type.
  void callRuntime(Emitter &e, llvm::StringRef name, ValueRange arguments);

private:
  llvm::StringMap<mlir::func::FuncOp> functions_;
  llvm::DenseMap<mlir::Attribute, mlir::LLVM::GlobalOp> arrays_;
};

// One emission per operation: replaces the kernel operation's effect by calls at the emitter's
// place. `operand(v)` is the address, or the index, that stands for a kernel-level value.
using OperandMap = std::function<Value(Value)>;
struct OpEmission {
  Emitter &e;
  KernelLibrary &library;
  const Team &team;
  Value rows; // tokens of the step, i64
  const OperandMap &operand;
};

// Calls `body` for each vector of a row of `width` f32, with its offset in bytes; `mask` is null
// where all lanes are there. What it yields is carried from vector to vector.
Values emitRow(Emitter &e, int64_t width, ValueRange carried,
               const std::function<Values(Value bytes, Value mask, ValueRange carried)> &body);
// 16 f32, of which those that a mask leaves out are 0.
Value loadVector(Emitter &e, Value at, Value mask, unsigned align);
// 1 / sqrt(mean(x^2) + eps) of a row of `width` f32.
Value emitRmsFactor(Emitter &e, Value row, int64_t width, Value eps);
// Of a row that begins at a line: its mean, and 1 / sqrt(variance + eps), each in all lanes.
std::pair<Value, Value> emitMeanAndFactor(Emitter &e, Value row, int64_t width, Value eps);

// A tile of packed activations at address `out`: number `index` of those that `rows` tokens take.
struct PackedTile {
  Value rows, index, out;
};
// Packs rows of `width`, normalized where `norm` is not null; `rowOf` is the address of a token's.
void emitPackTile(Emitter &e, KernelLibrary &library, PackedType packed, int64_t width,
                  const PackedTile &at, Value norm, Value eps,
                  llvm::function_ref<Value(Value token)> rowOf);

void emitPack(OpEmission &, PackOp);
void emitMatmul(OpEmission &, MatmulOp);
void emitPackRows(OpEmission &, PackRowsOp);
void emitEmbed(OpEmission &, EmbedOp);
void emitRmsNorm(OpEmission &, RmsNormOp);
void emitLayerNorm(OpEmission &, LayerNormOp);
void emitMap(OpEmission &, MapOp);
void emitRope(OpEmission &, RopeOp);
void emitSumSquares(OpEmission &, SumSquaresOp);
void emitRopeTable(OpEmission &, RopeTableOp);
void emitCacheWrite(OpEmission &, CacheWriteOp);
void emitAttention(OpEmission &, AttentionOp);
void emitMergeParts(OpEmission &, MergePartsOp);
void emitBarrier(OpEmission &, BarrierOp);
void emitRoute(OpEmission &, RouteOp);
void emitGroupTokens(OpEmission &, GroupTokensOp);
void emitPackRouted(OpEmission &, PackRoutedOp);
void emitExpertMatmul(OpEmission &, ExpertMatmulOp);
void emitExpertSum(OpEmission &, ExpertSumOp);
void emitExpertSumSquares(OpEmission &, ExpertSumSquaresOp);
void emitPackFactor(OpEmission &, PackFactorOp);
void emitProduct(OpEmission &, ProductOp);
void emitAddBias(OpEmission &, AddBiasOp);
void emitDots(OpEmission &, DotsOp);
void emitExpand(OpEmission &, ExpandOp);
void emitOuter(OpEmission &, OuterOp);
void emitSumExponentials(OpEmission &, SumExponentialsOp);
void emitCrossEntropy(OpEmission &, CrossEntropyOp);
void emitCrossEntropyAdjoint(OpEmission &, CrossEntropyAdjointOp);

} // namespace llmc::kernel

#endif
