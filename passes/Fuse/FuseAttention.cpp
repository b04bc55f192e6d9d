#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "passes/Fuse/FusePasses.h"
#include "passes/Fuse/FuseRemarks.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace llmc::llm;

namespace llmc {
#define GEN_PASS_DEF_FUSEATTENTION
#include "passes/Fuse/FusePasses.h.inc"

namespace {

// The last operation before `op` in its block that reads or writes memory, or null.
Operation *findMemoryAccessBefore(Operation *op) {
  for (Operation *it = op->getPrevNode(); it; it = it->getPrevNode())
    if (!isMemoryEffectFree(it))
      return it;
  return nullptr;
}

// What a fused attention is made of.
struct Match {
  CacheWriteOp write;
  RopeOp query, keys;
};

// Fills `match`, or says why it cannot.
std::string findMatch(AttentionOp attention, Match &match) {
  Operation *access = findMemoryAccessBefore(attention);
  if (!access)
    return "no cache_write precedes the attention in its block";
  match.write = dyn_cast<CacheWriteOp>(access);
  if (!match.write)
    return (access->getName().getStringRef() + " stands between the cache_write and the attention")
        .str();
  CacheWriteOp write = match.write;
  if (write.getCache() != attention.getCache())
    return "cache_write is to another cache";
  if (write.getLayer() != attention.getLayer())
    return "cache_write is to another layer";
  if (write.getStart() != attention.getStart())
    return "cache_write is at another position";

  match.query = attention.getQuery().getDefiningOp<RopeOp>();
  if (!match.query)
    return "query is not rotated";
  match.keys = write.getKeys().getDefiningOp<RopeOp>();
  if (!match.keys)
    return "keys are not rotated";
  if (match.query.getTable() != match.keys.getTable())
    return "query and keys are rotated by different tables";
  if (match.query.getHalves() != match.keys.getHalves())
    return "query and keys are rotated in different pairs";
  int64_t width = attention.getCache().getType().getKey();
  for (RopeOp rope : {match.query, match.keys})
    if (static_cast<int64_t>(rope.getHeadDim()) != width)
      return llvm::formatv("heads of {0} are rotated, the cache's keys have {1} elements",
                           rope.getHeadDim(), width);
  if (!match.query->hasOneUse())
    return describeUses("rotation of the query", match.query.getResult());
  if (!match.keys->hasOneUse())
    return describeUses("rotation of the keys", match.keys.getResult());
  return "";
}

struct FuseAttention : impl::FuseAttentionBase<FuseAttention> {
  void runOnOperation() override {
    getOperation()->walk([&](AttentionOp attention) { fuse(attention); });
  }

  void fuse(AttentionOp attention) {
    Match match;
    std::string obstacle = findMatch(attention, match);
    if (!obstacle.empty())
      return remarkMissed(*this, attention, obstacle);
    remarkFused(*this, attention, "rope, cache_write and attention");

    IRRewriter rewriter(attention);
    auto fused = FusedAttentionOp::create(
        rewriter,
        rewriter.getFusedLoc(
            {attention.getLoc(), match.write.getLoc(), match.query.getLoc(), match.keys.getLoc()}),
        attention.getType(), match.query.getInput(), match.keys.getInput(), match.write.getValues(),
        match.query.getTable(), attention.getCache(), attention.getLayer(), attention.getStart(),
        attention.getScaleAttr(), attention.getWindowAttr(), attention.getSoftcapAttr(),
        match.query.getHalvesAttr());
    rewriter.replaceOp(attention, fused);
    rewriter.eraseOp(match.write);
    rewriter.eraseOp(match.query);
    rewriter.eraseOp(match.keys);
  }
};

} // namespace
} // namespace llmc
