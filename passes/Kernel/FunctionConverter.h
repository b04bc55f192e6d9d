// Rewrites one function of the `llm` dialect as operations on buffers. The conversions of inference
// are in LlmToKernel.cpp and LlmExpertsToKernel.cpp, those of training in LlmTrainingToKernel.cpp
// and LlmProductsToKernel.cpp.
#ifndef LLMC_PASSES_KERNEL_FUNCTIONCONVERTER_H
#define LLMC_PASSES_KERNEL_FUNCTIONCONVERTER_H

#include "dialects/kernel/IR/KernelDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringMap.h"
#include <map>
#include <tuple>

namespace llmc::kernel {

// What the operation that runs a block's layers says of it.
struct BlockUse {
  unsigned shared = 0;      // operands that all layers share
  unsigned saved = 0;       // values that it keeps for its adjoint, or takes as one
  mlir::ArrayAttr families; // of its weights
};
using BlockUses = llvm::StringMap<BlockUse>;

// How products with frozen weights are computed in programs that train.
enum class Compute { Auto, F32 };

class FunctionConverter {
public:
  FunctionConverter(mlir::func::FuncOp from, TargetAttr target, const BlockUses &blocks,
                    Compute compute);

  mlir::LogicalResult convert();

private:
  using Operation = mlir::Operation;
  using Value = mlir::Value;

  void addParameters(mlir::Block *entry);
  mlir::LogicalResult convertOp(Operation *op);

  Value alloc(mlir::Location loc, mlir::Type type) {
    return AllocOp::create(b, loc, type, b.getI64IntegerAttr(-1));
  }
  // The buffer that a result is written to.
  Value outputFor(mlir::OpResult result);
  // What stands for a value; null for null.
  Value get(Value v) { return v ? values.lookup(v) : Value(); }

  struct Packings {
    Value ofFloat, of8Bit;
  };
  // The layout of rows of `width` that are multiplied with `weights`.
  PackedType packedTypeFor(int64_t width, mlir::ValueRange weights, bool isFloat);
  Value pack(Operation *op, Value input, Value norm, mlir::FloatAttr eps, mlir::ValueRange weights,
             bool isFloat);
  Packings packFor(Operation *op, Value input, Value norm, mlir::FloatAttr eps,
                   mlir::ValueRange weights);
  void matmul(Operation *op, const Packings &packings, Value weight, Value out, Value bias,
              Value other, Epilogue epilogue);
  void convertFusedLinear(llm::FusedLinearOp op);
  void map(Operation *op, Map function, mlir::FloatAttr constant = {});
  void convertRopeTable(llm::RopeTableOp op);
  template <class Op>
  void convertAttention(Op op, Value table, mlir::UnitAttr halves);
  void convertLayers(llm::LayersOp op);

  // Mixtures of experts. True where the operation is one of those that LlmExpertsToKernel.cpp
  // knows.
  bool convertExperts(Operation *op, mlir::LogicalResult &result);
  mlir::LogicalResult convertRoute(llm::RouteOp op);
  mlir::LogicalResult convertExpertProducts(Operation *op, Value input, Value ids,
                                            mlir::ValueRange weights);
  mlir::LogicalResult convertExpertSum(llm::ExpertSumOp op);
  mlir::LogicalResult convertExpertSumSquares(llm::ExpertSumSquaresOp op);

  // Training. True where the operation is one of those that LlmTrainingToKernel.cpp, or
  // LlmProductsToKernel.cpp, knows.
  bool convertTrainingOp(Operation *op);
  bool convertNormWeightAdjoint(Operation *op, Value adjoint, Value input, mlir::FloatAttr eps,
                                mlir::UnitAttr centered);
  bool convertProducts(Operation *op, mlir::LogicalResult &result);
  void convertLinear(Operation *op, Value input, Value norm, mlir::FloatAttr eps,
                     mlir::ValueRange weights, llvm::function_ref<Value(unsigned)> bias,
                     Value residual, llm::Activation activation);
  void product(Operation *op, Value input, Value weight, Value out, Value addend, bool transposed,
               int64_t firstRow = 0);
  Value factorOf(Operation *op, Value rows, int64_t columns, FactorForm form);
  mlir::LogicalResult convertMatmul(llm::MatmulOp op);
  mlir::LogicalResult convertOuter(llm::OuterOp op);
  // Adds an adapter's part to the logits from number `first` on.
  void addAdapter(Operation *op, mlir::ValueRange adapter, Value logits, int64_t first);
  void convertLoss(llm::LinearCrossEntropyOp op);
  mlir::LogicalResult convertLossAdjoint(llm::LinearCrossEntropyAdjointOp op);
  void convertLayersAdjoint(llm::LayersAdjointOp op);
  // The gradient that a result is added to, and nothing else; null where there is none.
  Value gradientOf(mlir::OpResult result);
  // The gradient that `add` adds to.
  Value gradientOf(llm::AccumulateGradientOp add);
  // A buffer with the value of `hidden` that layers may write to.
  Value ownBuffer(Operation *op, Value hidden);

  mlir::func::FuncOp from, to;
  TargetAttr target;
  const BlockUses &blocks;
  const BlockUse *use; // null for a function that is no block
  bool trains;         // the module has parameters
  bool matrixUnit;     // and multiplies with its frozen weights by it
  mlir::OpBuilder b;
  llvm::DenseMap<Value, Value> values;
  llvm::SmallVector<Value> outputs;
  Value weightIndex;
  std::map<std::tuple<void *, int64_t, FactorForm>, Value> factors;
};

// What stands for a parameter: an adapter's matrix, which may lie transposed, or a weight.
mlir::Type trainedTypeOf(mlir::RankedTensorType type);
bool liesTransposed(mlir::RankedTensorType type);

// The buffer that holds a tensor's rows.
mlir::Type bufferTypeOf(mlir::Type type);

} // namespace llmc::kernel

#endif
