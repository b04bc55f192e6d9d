// What the kernels of attention share.
#ifndef LLMC_PASSES_VECTOR_ATTENTION_H
#define LLMC_PASSES_VECTOR_ATTENTION_H

#include "dialects/kernel/IR/AttentionPlan.h"
#include "passes/Vector/Kernels.h"

namespace llmc::kernel {

struct AttentionShape {
  llm::KvCacheType cache;
  int64_t heads;  // of queries
  int64_t window; // 0: none
  int64_t dims;   // rotated elements; 0: queries are taken as they are
  bool halves;    // what pairs are rotated, see llm.rope
  float softcap;  // of the scores; 0: none
  int64_t queryRowBytes, outRowBytes, tableRowBytes;

  int64_t group() const { return heads / cache.getHeads(); } // query heads per key/value head
  std::string name() const;
};

struct AttentionParameter {
  enum {
    kThread,
    kThreads,
    kRows,
    kLayer,
    kStart,
    kCapacity,
    kScale, // of the scores, times log2(e): weights are powers of two
    kScratch,
    kQuery,
    kCache,
    kOut,
    kTable,
    kParts,
    kCount
  };
};
llvm::SmallVector<Type> attentionParameterTypes(Emitter &e);

// What maxima begin with. Scores of positions that are not seen are -infinity, so that their weight
// is 0 also where no score is seen.
inline constexpr double kLeastScore = -1e30;
inline constexpr double kLog2E = 1.4426950408889634;

// How the positions that a token sees are cut into parts: part i begins at begin + i * length.
struct AttentionParts {
  AttentionParts(Emitter &e, Value start, int64_t window);
  Value begin, end, length, count;
};

// The query of `head` of `token`, rotated and scaled, as f32 to `out`.
void emitLoadQuery(Emitter &e, const AttentionShape &shape, ValueRange p, Value token, Value head,
                   Value out);
// The sums of `row` times `factor` (a vector of equal lanes) to the place of `head` of `token`.
void emitStoreOutput(Emitter &e, const AttentionShape &shape, ValueRange p, Value token, Value head,
                     Value row, Value factor);
// What becomes of scores by the softcap, if there is one, both times log2(e).
Value emitSoftcap(Emitter &e, const AttentionShape &shape, Value scores);
// The larger one; y where one is not a number, which is what the CPU's instruction does.
Value emitLarger(Emitter &e, Value x, Value y);
// The largest lane of a vector.
Value emitLargest(Emitter &e, Value v);
// 2^x for x <= 0, to 1.3 ulp; 0 where x is less than -126.5, also -infinity.
Value emitPower(Emitter &e, Value x);

// Functions of AttentionParameter. A step of one token: leaves what each part sums in `parts`.
mlir::func::FuncOp getTokenAttention(KernelLibrary &library, mlir::Location loc,
                                     const AttentionShape &shape);
// Steps of more tokens.
mlir::func::FuncOp getPromptAttention(KernelLibrary &library, mlir::Location loc,
                                      const AttentionShape &shape);
// The same on the matrix unit, of at least kAmxLeastQueries queries per key/value head.
mlir::func::FuncOp getAmxAttention(KernelLibrary &library, mlir::Location loc,
                                   const AttentionShape &shape);

} // namespace llmc::kernel

#endif
