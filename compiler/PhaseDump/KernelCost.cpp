#include "compiler/PhaseDump/KernelCost.h"
#include "compiler/PhaseDump/PhaseText.h"
#include "compiler/PhaseDump/WeightNames.h"
#include "dialects/kernel/IR/AttentionPlan.h"
#include "dialects/llm/Formats/BlockProgram.h"
#include "dialects/llm/Formats/PackedLayout.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace llmc {
namespace {

using namespace kernel;

// A step of `rows` tokens from position `start` on.
struct Step {
  double rows, start;
};

// Bytes of `count` elements of a key or a value.
double cacheBytes(Type element, double count) {
  return count * (llm::isQ8(element) ? findBlockFormat("q8_0")->bitsPerWeight() / 8
                                     : element.getIntOrFloatBitWidth() / 8.0);
}

// All rows of a matrix, or of the matrices of experts.
double rowsOf(RankedTensorType weight) {
  double rows = 1;
  for (int64_t size : weight.getShape().drop_back())
    rows *= size;
  return rows;
}

double weightBytes(RankedTensorType weight) {
  const BlockFormat *format = llm::getBlockFormat(weight.getElementType());
  if (!format)
    return 0;
  const int64_t columns = weight.getShape().back();
  if (isa_and_nonnull<llm::PackedAttr>(weight.getEncoding())) {
    const int64_t rows = weight.getShape()[weight.getRank() - 2];
    return rowsOf(weight) / rows * PackedLayout(*format).bytes(rows, columns);
  }
  return rowsOf(weight) * format->rowBytes(columns);
}

double rowBytes(Type type) {
  return llvm::TypeSwitch<Type, double>(type)
      .Case([](BufferType t) { return t.getRowBytes(); })
      .Case([](PackedType t) { return double(t.getTileBytes()) / t.getMaxTile(); })
      .Case([](FactorType t) { return double(t.getTileBytes()) / kMatrixTile; })
      .Case([](RoutedType t) { return t.getRouting().getTopK() * rowBytes(t.getContent()); })
      .Default([](Type) { return 0; });
}

// All positions that the tokens of a step see, together.
double seenPositions(const Step &step, int64_t window) {
  double seen = 0;
  for (double t = 0; t < step.rows; ++t) {
    const double all = step.start + t + 1;
    seen += window > 0 ? std::min(all, double(window)) : all;
  }
  return seen;
}

class WorkCounter {
public:
  WorkCounter(TargetAttr target, const Step &step) : target(target), step(step) {}

  KernelWork operator()(Operation *op) {
    work = {};
    for (Value operand : op->getOperands()) {
      if (auto weight = dyn_cast<RankedTensorType>(operand.getType()))
        work.weightBytes += weightBytes(weight);
      else
        work.activationBytes += step.rows * rowBytes(operand.getType());
    }
    llvm::TypeSwitch<Operation *>(op)
        .Case([&](MatmulOp o) { countMatmul(o); })
        .Case([&](ExpertMatmulOp o) { countExpertMatmul(o); })
        .Case([&](AttentionOp o) { countAttention(o); })
        .Case([&](MergePartsOp o) {
          // Longer steps have no parts.
          work.activationBytes =
              step.rows == 1 ? work.activationBytes + partsBytes(o.getParts()) : 0;
        })
        .Case([&](EmbedOp o) {
          auto type = cast<RankedTensorType>(o.getWeight().getType());
          work.weightBytes *= std::min(1.0, step.rows / type.getDimSize(0));
        })
        .Case([&](CacheWriteOp o) { countCacheWrite(o); });
    return work;
  }

private:
  void countMatmul(MatmulOp op) {
    auto type = cast<RankedTensorType>(op.getWeight().getType());
    work.multiplyAdds = step.rows * type.getDimSize(0) * type.getDimSize(1);
    setArithmetic(op.getInput().getType().isInteger8(), step.rows);
  }

  // As if tokens chose experts evenly and without regard for each other.
  void countExpertMatmul(ExpertMatmulOp op) {
    auto type = cast<RankedTensorType>(op.getWeight().getType());
    RoutingType routing = op.getRouting().getType();
    const double chosen = double(routing.getTopK()) / routing.getExperts();
    work.weightBytes *= 1 - std::pow(1 - chosen, step.rows);
    const double runs = step.rows * chosen; // tokens of an expert
    work.multiplyAdds = runs * rowsOf(type) * type.getShape().back();
    setArithmetic(isPackedInt8(cast<RoutedType>(op.getInput().getType()).getContent()), runs);
  }

  static bool isPackedInt8(Type type) {
    auto packed = dyn_cast<PackedType>(type);
    return packed && packed.isInteger8();
  }

  void setArithmetic(bool int8, double rows) {
    const bool tiles = target.getDot() == Dot::Amx && rows >= kAmxTile;
    work.arithmetic = !int8 ? Arithmetic::F32 : tiles ? Arithmetic::Bf16Tiles : Arithmetic::Int8Dot;
  }

  void countAttention(AttentionOp op) {
    auto cache = cast<llm::KvCacheType>(op.getCache().getType());
    const double queryHeads = double(op.getQuery().getType().getWidth()) / cache.getKey();
    const double seen = seenPositions(step, op.getWindow());
    work.multiplyAdds = queryHeads * seen * (cache.getKey() + cache.getValue());
    work.arithmetic = Arithmetic::F32;
    const double queries = step.rows * queryHeads / cache.getHeads();
    if (step.rows > 1 && queries >= kAmxLeastQueries && hasAmxAttention(target.getDot(), cache)) {
      work.arithmetic = Arithmetic::Bf16Tiles;
      work.multiplyAdds *= 3; // each factor is the sum of two numbers
    }
    double positions = step.start + step.rows;
    if (op.getWindow() > 0)
      positions = std::min(positions, op.getWindow() + step.rows - 1);
    work.cacheBytes = cache.getHeads() * positions *
                      (cacheBytes(cache.getKeyType(), cache.getKey()) +
                       cacheBytes(cache.getValueType(), cache.getValue()));
    if (step.rows == 1)
      work.activationBytes += partsBytes(op.getParts());
  }

  // Of the parts that one token's positions are cut into.
  double partsBytes(Value parts) {
    const double used = std::ceil((step.start + 1) / kAttentionBlock);
    return cast<PartsType>(parts.getType()).getBytes() *
           std::min(1.0, used / double(kAttentionParts));
  }

  void countCacheWrite(CacheWriteOp op) {
    auto cache = cast<llm::KvCacheType>(op.getCache().getType());
    work.cacheBytes = step.rows * cache.getHeads() *
                      (cacheBytes(cache.getKeyType(), cache.getKey()) +
                       cacheBytes(cache.getValueType(), cache.getValue()));
  }

  TargetAttr target;
  Step step;
  KernelWork work;
};

bool isKernel(Operation *op) {
  return isa<KernelDialect>(op->getDialect()) && op->getNumOperands() > 0 &&
         !isa<GetWeightOp, LayersOp>(op);
}

} // namespace

const char *arithmeticName(Arithmetic arithmetic) {
  switch (arithmetic) {
  case Arithmetic::Int8Dot:
    return "int8 dot";
  case Arithmetic::F32:
    return "f32";
  case Arithmetic::Bf16Tiles:
    return "bf16 tiles";
  case Arithmetic::None:
    break;
  }
  return "";
}

std::vector<KernelCost> kernelCosts(ModuleOp module, const CostSteps &steps) {
  TargetAttr target = kernel::getTarget(module);
  if (!target)
    return {};
  llvm::StringMap<int64_t> calls;
  module.walk([&](LayersOp layers) {
    for (int32_t block : layers.getSchedule())
      ++calls[cast<FlatSymbolRefAttr>(layers.getBlocks()[block]).getValue()];
  });
  WeightNames names(module);
  std::vector<KernelCost> costs;
  for (auto function : module.getOps<func::FuncOp>()) {
    auto packs = function.getOps<PackOp>();
    if (function.isExternal() || packs.begin() != packs.end())
      continue;
    const int64_t count = function.isPublic() ? 1 : calls.lookup(function.getName());
    const bool isLogits = function.getName() == "logits";
    WorkCounter token(target, {1, double(steps.position)});
    WorkCounter prompt(target, {isLogits ? 1.0 : double(steps.promptRows), 0});
    for (Operation &op : function.front())
      if (isKernel(&op))
        costs.push_back({lineOf(&op), function.getName().str(), names.describe(&op), count,
                         token(&op), prompt(&op)});
  }
  return costs;
}

} // namespace llmc
