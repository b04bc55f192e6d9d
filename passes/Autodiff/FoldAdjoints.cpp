#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/Autodiff/AutodiffPasses.h"

using namespace mlir;
using namespace llmc::llm;

namespace llmc {
#define GEN_PASS_DEF_FOLDADJOINTS
#include "passes/Autodiff/AutodiffPasses.h.inc"

namespace {

// An operation that can add its product to something, but does not yet.
Operation *findProduct(Value addend, AddOp sum) {
  Operation *op = addend.getDefiningOp();
  if (!op || !addend.hasOneUse() || op->getBlock() != sum->getBlock())
    return nullptr;
  auto matmul = dyn_cast<MatmulOp>(op);
  auto linear = dyn_cast<LinearTransposedOp>(op);
  bool isFree = (matmul && !matmul.getAddend()) || (linear && !linear.getAddend());
  return isFree ? op : nullptr;
}

struct AddToProduct : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AddOp sum, PatternRewriter &rewriter) const override {
    Operation *left = findProduct(sum.getLhs(), sum), *right = findProduct(sum.getRhs(), sum);
    Operation *product = right && (!left || left->isBeforeInBlock(right)) ? right : left;
    if (!product)
      return failure();
    Value other = product == right ? sum.getLhs() : sum.getRhs();
    Location loc = rewriter.getFusedLoc({product->getLoc(), sum.getLoc()});
    if (auto op = dyn_cast<MatmulOp>(product))
      rewriter.replaceOp(sum, MatmulOp::create(rewriter, loc, op.getType(), op.getInput(),
                                               op.getMatrix(), other, op.getTransposedAttr(),
                                               op.getScaleAttr()));
    else
      rewriter.replaceOp(
          sum, LinearTransposedOp::create(rewriter, loc, product->getResult(0).getType(),
                                          product->getOperand(0), product->getOperand(1), other));
    rewriter.eraseOp(product);
    return success();
  }
};

// What nothing is added to is its addend.
struct SkipZeroProduct : OpRewritePattern<MatmulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MatmulOp op, PatternRewriter &rewriter) const override {
    if (!op.getScale().isZero() || !op.getAddend())
      return failure();
    rewriter.replaceOp(op, op.getAddend());
    return success();
  }
};

struct SkipZeroGradient : OpRewritePattern<AccumulateGradientOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AccumulateGradientOp op, PatternRewriter &rewriter) const override {
    auto outer = op.getValue().getDefiningOp<OuterOp>();
    if (!outer || !outer.getScale().isZero())
      return failure();
    rewriter.eraseOp(op);
    return success();
  }
};

struct FoldAdjoints : impl::FoldAdjointsBase<FoldAdjoints> {
  void runOnOperation() override {
    if (getOperation().getOps<ParameterOp>().empty())
      return;
    RewritePatternSet patterns(&getContext());
    patterns.add<AddToProduct, SkipZeroProduct, SkipZeroGradient>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace llmc
