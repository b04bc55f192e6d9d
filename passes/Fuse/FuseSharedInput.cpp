#include "passes/Fuse/FusePasses.h"
#include "passes/Fuse/FuseRemarks.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace llmc::llm;

namespace llmc {
#define GEN_PASS_DEF_FUSESHAREDINPUT
#include "passes/Fuse/FusePasses.h.inc"

namespace {

using Group = SmallVector<LinearOp>;

// Whether `value` is known before `op`, an operation of the block in which `value` is used.
bool isKnownBefore(Value value, Operation *op) {
  Operation *definition = value.getDefiningOp();
  return !definition || definition->getBlock() != op->getBlock() || definition->isBeforeInBlock(op);
}

// Makes the operands of `linear` other than its input known before `first`. False if it cannot.
bool makeKnownBefore(LinearOp linear, LinearOp first) {
  SmallVector<Operation *> toMove;
  for (Value operand : linear->getOperands().drop_front()) {
    if (isKnownBefore(operand, first))
      continue;
    if (!operand.getDefiningOp<GetWeightOp>())
      return false;
    toMove.push_back(operand.getDefiningOp());
  }
  for (Operation *op : toMove)
    op->moveBefore(first);
  return true;
}

void replace(const Group &group) {
  LinearOp first = group.front();
  IRRewriter rewriter(first);
  SmallVector<Value> weights, biases;
  SmallVector<Type> types;
  SmallVector<Location> locations;
  SmallVector<bool> biased;
  for (LinearOp linear : group) {
    weights.push_back(linear.getWeight());
    biased.push_back(bool(linear.getBias()));
    if (linear.getBias())
      biases.push_back(linear.getBias());
    types.push_back(linear.getType());
    locations.push_back(linear.getLoc());
  }
  auto fused = FusedLinearOp::create(
      rewriter, rewriter.getFusedLoc(locations), types, first.getInput(),
      /*norm=*/Value(), weights, biases, /*residual=*/Value(), llvm::APFloat(0.0f),
      biases.empty() ? DenseBoolArrayAttr() : rewriter.getDenseBoolArrayAttr(biased));
  for (auto [linear, product] : llvm::zip(group, fused.getProducts()))
    rewriter.replaceOp(linear, product);
}

struct FuseSharedInput : impl::FuseSharedInputBase<FuseSharedInput> {
  void runOnOperation() override {
    getOperation()->walk([&](Block *block) { fuse(*block); });
  }

  void fuse(Block &block) {
    SmallVector<Group> groups;
    // The last group of each input; earlier ones are complete.
    DenseMap<Value, size_t> open;
    for (LinearOp linear : block.getOps<LinearOp>()) {
      auto [entry, isNew] = open.try_emplace(linear.getInput(), groups.size());
      if (!isNew && makeKnownBefore(linear, groups[entry->second].front())) {
        groups[entry->second].push_back(linear);
        continue;
      }
      if (!isNew)
        remarkMissed(*this, linear,
                     "a weight or bias is computed after the first linear of its input");
      entry->second = groups.size();
      groups.push_back({linear});
    }
    for (const Group &group : groups) {
      if (group.size() > 1)
        remarkFused(*this, group.front(), llvm::Twine(group.size()) + " linears share their input");
      replace(group);
    }
  }
};

} // namespace
} // namespace llmc
