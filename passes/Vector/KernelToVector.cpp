#include "passes/Vector/TrainingKernels.h"
#include "passes/Vector/VectorPasses.h"
#include "runtime/abi/StepContext.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace llmc::kernel {

#define GEN_PASS_DEF_KERNELTOVECTOR
#include "passes/Vector/VectorPasses.h.inc"

namespace {

// Places in the context's tables.
struct Tables {
  llvm::StringMap<int64_t> weights, states, parameters;

  explicit Tables(ModuleOp module) {
    int64_t next = 0;
    for (auto weight : module.getOps<llm::WeightOp>()) {
      weights[weight.getSymName()] = next;
      next += weight.getCount();
    }
    next = 0;
    for (auto parameter : module.getOps<llm::ParameterOp>()) {
      parameters[parameter.getSymName()] = next;
      next += parameter.getCount();
    }
    // As the runtime's manifest has them: caches first.
    for (bool caches : {true, false})
      for (auto state : module.getOps<llm::StateOp>())
        if (isa<llm::KvCacheType>(state.getType()) == caches)
          states[state.getSymName()] = states.size();
  }
};

class FunctionLowering {
public:
  FunctionLowering(func::FuncOp from, KernelLibrary &library, const Tables &tables)
      : from(from), library(library), tables(tables), maxRows(library.target.getMaxRows()), b(from),
        e(b, from.getLoc()) {}

  LogicalResult run() {
    SmallVector<Type> types{e.ptr, e.i64, e.i64};
    if (from.isPrivate())
      for (Type type : from.getArgumentTypes())
        types.push_back(type.isIndex() ? e.i64 : e.ptr);
    auto to = func::FuncOp::create(b, from.getLoc(), from.getName(), b.getFunctionType(types, {}));
    to.setVisibility(from.getVisibility());
    Block *entry = to.addEntryBlock();
    b.setInsertionPointToStart(entry);
    team = {entry->getArgument(0), entry->getArgument(1), entry->getArgument(2)};
    rows = field(StepField::rows, e.i64);
    arena = field(StepField::arena, e.ptr);
    bindArguments(entry);
    for (Operation &op : from.front().without_terminator()) {
      e.loc = op.getLoc();
      if (failed(lower(&op)))
        return failure();
    }
    func::ReturnOp::create(b, from.getLoc());
    from.erase();
    return success();
  }

private:
  Value field(StepField which, Type type) {
    return e.load(type, e.gep(team.context, stepFieldOffset(which)), 8);
  }

  void bindArguments(Block *entry) {
    Value table = from.isPrivate() ? Value() : field(StepField::arguments, e.ptr);
    for (auto [i, argument] : llvm::enumerate(from.getArguments()))
      values[argument] = table ? e.load(argument.getType().isIndex() ? e.i64 : e.ptr,
                                        e.gep(table, 8 * int64_t(i)), 8)
                               : entry->getArgument(3 + i);
  }

  Value weightAddress(GetWeightOp op) {
    Value table = field(StepField::weights, e.ptr);
    Value place = e.gep(table, 8 * tables.weights.lookup(op.getWeight()));
    if (op.getIndex())
      place = e.gep(place, e.mul(values.lookup(op.getIndex()), e.c64(8)));
    return e.load(e.ptr, place, 8);
  }

  // A parameter's matrix, or its gradient, which follows in the table.
  Value parameterAddress(StringRef symbol, Value index, bool gradient) {
    Value place = e.gep(field(StepField::parameters, e.ptr),
                        16 * tables.parameters.lookup(symbol) + (gradient ? 8 : 0));
    if (index)
      place = e.gep(place, e.mul(values.lookup(index), e.c64(16)));
    return e.load(e.ptr, place, 8);
  }

  // Calls the blocks of layers [first, last) of the schedule, in ascending order or in descending.
  // What a layer saved comes behind the shared operands, what it saves behind the next hidden
  // state.
  template <class Op>
  void lowerLayers(Op op, Value hidden, Value other, int64_t first, bool descending,
                   function_ref<int64_t(unsigned)> savedCount) {
    ArrayRef<int32_t> schedule = op.getSchedule();
    // Of each layer: its block, and which of that block's layers it is.
    SmallVector<int32_t> plan, seen(op.getBlocks().size());
    for (int32_t block : schedule)
      plan.append({block, seen[block]++});
    auto type = RankedTensorType::get({int64_t(plan.size())}, e.i32);
    Value table = library.constantArray(e, DenseElementsAttr::get(type, ArrayRef<int32_t>(plan)));
    Values shared;
    for (Value v : op.getShared())
      shared.push_back(values.lookup(v));
    const int64_t last = schedule.size();
    e.loop(e.c64(first), e.c64(last), e.c64(1), {hidden, other}, [&](Value i, ValueRange hidden) {
      Value layer = descending ? e.sub(e.c64(first + last - 1), i) : i;
      Value row = e.gep(table, e.mul(layer, e.c64(8)));
      Value block = e.load(e.i32, row, 4);
      Value index = e.create<arith::ExtUIOp>(e.i64, e.load(e.i32, e.gep(row, 4), 4));
      unsigned nextSaved = 0;
      for (auto [number, symbol] : llvm::enumerate(op.getBlocks())) {
        Values arguments{team.context, team.thread, team.threads, hidden[0], layer, index};
        arguments.append(shared);
        const unsigned count = savedCount(number);
        auto saved = op.getSaved().slice(nextSaved, count);
        nextSaved += count;
        auto call = [&, name = cast<FlatSymbolRefAttr>(symbol)] {
          Values slices;
          for (Value v : saved) {
            BufferType slice = cast<SavedType>(v.getType()).getSlice();
            slices.push_back(
                e.gep(values.lookup(v), e.mul(index, e.c64(bufferBytes(slice, maxRows)))));
          }
          if (descending)
            arguments.append(slices);
          arguments.push_back(hidden[1]);
          if (!descending)
            arguments.append(slices);
          e.create<func::CallOp>(name, TypeRange(), arguments);
        };
        if (op.getBlocks().size() == 1)
          call();
        else
          e.when(e.equal(block, e.c32(number)), call);
      }
      // Blocks end with a barrier, so all threads have done with the layer.
      if (descending)
        e.when(e.equal(team.thread, e.c64(0)), [&] {
          library.callRuntime(e, "llmc_layer_adjoint_done",
                              {field(StepField::progress, e.ptr), layer});
        });
      return Values{hidden[1], hidden[0]};
    });
  }

  LogicalResult lower(Operation *op) {
    OperandMap operand = [this](Value v) { return values.lookup(v); };
    OpEmission emission{e, library, team, rows, operand};
    return llvm::TypeSwitch<Operation *, LogicalResult>(op)
        .Case([&](AllocOp o) {
          if (int64_t(o.getOffset()) < 0)
            return o.emitError() << "has no place in the arena; run kernel-plan-memory first",
                   failure();
          values[o.getResult()] = e.gep(arena, e.c64(o.getOffset()));
          return success();
        })
        .Case([&](GetWeightOp o) { return values[o.getResult()] = weightAddress(o), success(); })
        .Case([&](GetStateOp o) {
          Value table = field(StepField::states, e.ptr);
          values[o.getResult()] =
              e.load(e.ptr, e.gep(table, 8 * tables.states.lookup(o.getState())), 8);
          return success();
        })
        .Case([&](arith::ConstantOp o) {
          auto integer = dyn_cast<IntegerAttr>(o.getValue());
          if (!integer || !o.getType().isIndex())
            return o.emitError() << "only index constants are known here", failure();
          return values[o.getResult()] = e.c64(integer.getInt()), success();
        })
        .Case([&](GetParameterOp o) {
          values[o.getResult()] = parameterAddress(o.getParameter(), o.getIndex(), false);
          return success();
        })
        .Case([&](GetGradientOp o) {
          values[o.getResult()] = parameterAddress(o.getParameter(), o.getIndex(), true);
          return success();
        })
        .Case([&](LayersOp o) {
          lowerLayers(o, values.lookup(o.getHidden()), values.lookup(o.getOther()), 0, false,
                      [&](unsigned i) { return o.getSavedCount(i); });
          return success();
        })
        .Case([&](LayersAdjointOp o) {
          lowerLayers(o, values.lookup(o.getAdjoint()), values.lookup(o.getOther()), o.getFirst(),
                      true, [&](unsigned i) { return o.getCounts()[i]; });
          return success();
        })
        .Case([&](BarrierOp o) { return emitBarrier(emission, o), success(); })
        .Case([&](PackOp o) { return emitPack(emission, o), success(); })
        .Case([&](EmbedOp o) { return emitEmbed(emission, o), success(); })
        .Case([&](RopeTableOp o) { return emitRopeTable(emission, o), success(); })
        .Case([&](RmsNormOp o) { return emitRmsNorm(emission, o), success(); })
        .Case([&](LayerNormOp o) { return emitLayerNorm(emission, o), success(); })
        .Case([&](PackRowsOp o) { return emitPackRows(emission, o), success(); })
        .Case([&](MatmulOp o) { return emitMatmul(emission, o), success(); })
        .Case([&](MapOp o) { return emitMap(emission, o), success(); })
        .Case([&](RopeOp o) { return emitRope(emission, o), success(); })
        .Case([&](SumSquaresOp o) { return emitSumSquares(emission, o), success(); })
        .Case([&](CacheWriteOp o) { return emitCacheWrite(emission, o), success(); })
        .Case([&](AttentionOp o) { return emitAttention(emission, o), success(); })
        .Case([&](MergePartsOp o) { return emitMergeParts(emission, o), success(); })
        .Case([&](RouteOp o) { return emitRoute(emission, o), success(); })
        .Case([&](GroupTokensOp o) { return emitGroupTokens(emission, o), success(); })
        .Case([&](PackRoutedOp o) { return emitPackRouted(emission, o), success(); })
        .Case([&](ExpertMatmulOp o) { return emitExpertMatmul(emission, o), success(); })
        .Case([&](ExpertSumOp o) { return emitExpertSum(emission, o), success(); })
        .Case([&](ExpertSumSquaresOp o) { return emitExpertSumSquares(emission, o), success(); })
        .Case([&](PackFactorOp o) { return emitPackFactor(emission, o), success(); })
        .Case([&](ProductOp o) { return emitProduct(emission, o), success(); })
        .Case([&](AddBiasOp o) { return emitAddBias(emission, o), success(); })
        .Case([&](DotsOp o) { return emitDots(emission, o), success(); })
        .Case([&](ExpandOp o) { return emitExpand(emission, o), success(); })
        .Case([&](OuterOp o) { return emitOuter(emission, o), success(); })
        .Case([&](SumExponentialsOp o) { return emitSumExponentials(emission, o), success(); })
        .Case([&](CrossEntropyOp o) { return emitCrossEntropy(emission, o), success(); })
        .Case([&](CrossEntropyAdjointOp o) {
          return emitCrossEntropyAdjoint(emission, o), success();
        })
        .Default([&](Operation *o) -> LogicalResult {
          if (emitTrainingOp(emission, o))
            return success();
          return o->emitError() << "cannot become vector code";
        });
  }

  func::FuncOp from;
  KernelLibrary &library;
  const Tables &tables;
  int64_t maxRows;
  OpBuilder b;
  Emitter e;
  Team team;
  Value rows, arena;
  DenseMap<Value, Value> values;
};

class KernelToVector : public impl::KernelToVectorBase<KernelToVector> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    TargetAttr target = getTarget(module);
    if (!target) {
      module.emitError() << "needs the attribute " << kTargetAttrName;
      return signalPassFailure();
    }
    Tables tables(module);
    KernelLibrary library(module, target);
    SmallVector<func::FuncOp> functions;
    for (auto function : module.getOps<func::FuncOp>())
      if (!function.isExternal())
        functions.push_back(function);
    for (func::FuncOp function : functions)
      if (failed(FunctionLowering(function, library, tables).run()))
        return signalPassFailure();
    for (Operation &op : llvm::make_early_inc_range(*module.getBody()))
      if (isa<llm::WeightOp, llm::StateOp, llm::ParameterOp>(op))
        op.erase();
  }
};

} // namespace
} // namespace llmc::kernel
