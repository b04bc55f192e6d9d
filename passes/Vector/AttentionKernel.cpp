// Attention over the KV cache, and the merge of what the parts of a token's positions sum.
#include "passes/Vector/Attention.h"
#include "runtime/abi/StepContext.h"

using namespace mlir;

namespace llmc::kernel {

using P = AttentionParameter;

void emitAttention(OpEmission &emission, AttentionOp op) {
  Emitter &outer = emission.e;
  llm::KvCacheType cache = op.getCache().getType();
  AttentionShape shape{cache, op.getQuery().getType().getWidth() / cache.getKey(),
                       // Positions have 32 bits in vectors; no sequence is longer than the largest.
                       std::min(static_cast<int64_t>(op.getWindow()), int64_t(INT32_MAX)),
                       op.getTable() ? op.getTable().getType().getWidth() : 0, op.getHalves(),
                       op.getSoftcap().convertToFloat(), op.getQuery().getType().getRowBytes(),
                       op.getOut().getType().getRowBytes(),
                       op.getTable() ? op.getTable().getType().getRowBytes() : 0};
  func::FuncOp driver = emission.library.get(
      shape.name(), attentionParameterTypes(outer), op.getLoc(), [&](Emitter &e, ValueRange p) {
        e.when(
            e.equal(p[P::kRows], e.c64(1)),
            [&] {
              e.create<func::CallOp>(getTokenAttention(emission.library, op.getLoc(), shape), p);
            },
            [&] {
              auto prompt = [&] {
                e.create<func::CallOp>(getPromptAttention(emission.library, op.getLoc(), shape), p);
              };
              if (!hasAmxAttention(emission.library.target.getDot(), cache))
                return prompt();
              Value queries = e.mul(p[P::kRows], e.c64(shape.group()));
              e.when(e.less(queries, e.c64(kAmxLeastQueries)), prompt, [&] {
                e.create<func::CallOp>(getAmxAttention(emission.library, op.getLoc(), shape), p);
              });
            });
      });
  Values arguments(P::kCount);
  arguments[P::kThread] = emission.team.thread;
  arguments[P::kThreads] = emission.team.threads;
  arguments[P::kRows] = emission.rows;
  arguments[P::kLayer] = emission.operand(op.getLayer());
  arguments[P::kStart] = emission.operand(op.getStart());
  arguments[P::kCapacity] = outer.load(
      outer.i64, outer.gep(emission.team.context, stepFieldOffset(StepField::capacity)), 8);
  arguments[P::kScale] = outer.cf(op.getScale().convertToFloat() * kLog2E);
  arguments[P::kScratch] = emission.library.scratch(outer, emission.team);
  arguments[P::kQuery] = emission.operand(op.getQuery());
  arguments[P::kCache] = emission.operand(op.getCache());
  arguments[P::kOut] = emission.operand(op.getOut());
  arguments[P::kTable] = op.getTable() ? emission.operand(op.getTable())
                                       : Value(outer.create<LLVM::ZeroOp>(outer.ptr));
  arguments[P::kParts] = emission.operand(op.getParts());
  outer.create<func::CallOp>(driver, arguments);
}

void emitMergeParts(OpEmission &emission, MergePartsOp op) {
  Emitter &outer = emission.e;
  PartsType type = op.getParts().getType();
  const int64_t value = type.getValue(), rowBytes = partsRowBytes(value), group = type.getQueries();
  const int64_t window = std::min(static_cast<int64_t>(op.getWindow()), int64_t(INT32_MAX));
  const int64_t totals = llvm::alignTo(value, kLanes) * 4;
  enum { kThread, kThreads, kRows, kStart, kParts, kOut, kCount };
  SmallVector<Type> types(kCount, outer.i64);
  types[kParts] = types[kOut] = outer.ptr;
  std::string name = "merge_parts." + std::to_string(type.getHeads()) + "." +
                     std::to_string(group) + "." + std::to_string(value) + ".w" +
                     std::to_string(window);
  func::FuncOp function =
      emission.library.get(name, types, op.getLoc(), [&](Emitter &e, ValueRange p) {
        auto mergeHead = [&](Value index) {
          AttentionParts parts(e, p[kStart], window);
          Value head = e.div(index, e.c64(group)), query = e.rem(index, e.c64(group));
          Value row = e.add(e.mul(head, e.c64(kAttentionParts * group)), query);
          row = e.gep(p[kParts], e.mul(row, e.c64(rowBytes)));
          const int64_t step = group * rowBytes;
          auto maximumOf = [&](Value part) { return e.load(e.f32, e.gep(part, totals), 4); };
          Values highest = e.loop(
              e.c64(0), parts.count, e.c64(1), {e.cf(kLeastScore), row}, [&](Value, ValueRange c) {
                return Values{emitLarger(e, maximumOf(c[1]), c[0]), e.gep(c[1], step)};
              });
          // The weight of each part is kept beside its total.
          Values total =
              e.loop(e.c64(0), parts.count, e.c64(1), {e.cf(0), row}, [&](Value, ValueRange c) {
                Value weight = emitPower(e, e.fsub(maximumOf(c[1]), highest[0]));
                e.store(weight, e.gep(c[1], totals + 8), 4);
                Value sum = e.load(e.f32, e.gep(c[1], totals + 4), 4);
                return Values{e.fma(sum, weight, c[0]), e.gep(c[1], step)};
              });
          Value inverse = e.broadcast(e.vf32, e.fdiv(e.cf(1), total[0]));
          Value out = e.gep(p[kOut], e.mul(index, e.c64(4 * value)));
          e.loop(e.c64(0), e.c64(value), e.c64(kLanes), {row, out}, [&](Value lane, ValueRange c) {
            Values sum = e.loop(
                e.c64(0), parts.count, e.c64(1), {e.splatF(e.vf32, 0), row, c[0]},
                [&](Value, ValueRange s) {
                  Value weight = e.broadcastLoad(e.gep(s[1], totals + 8));
                  Value part = e.load(e.vf32, s[2], 64);
                  return Values{e.fma(part, weight, s[0]), e.gep(s[1], step), e.gep(s[2], step)};
                });
            Value v = e.fmul(sum[0], inverse);
            if (value % kLanes)
              e.maskedStore(v, c[1], e.laneMask(e.sub(e.c64(value), lane)), 4);
            else
              e.store(v, c[1], 4);
            return Values{e.gep(c[0], 64), e.gep(c[1], 64)};
          });
        };
        e.when(e.equal(p[kRows], e.c64(1)), [&] {
          auto [first, last] = e.split(e.c64(type.getHeads() * group), p[kThread], p[kThreads]);
          e.loop(first, last, mergeHead);
        });
      });
  Values arguments(kCount);
  arguments[kThread] = emission.team.thread;
  arguments[kThreads] = emission.team.threads;
  arguments[kRows] = emission.rows;
  arguments[kStart] = emission.operand(op.getStart());
  arguments[kParts] = emission.operand(op.getParts());
  arguments[kOut] = emission.operand(op.getOut());
  outer.create<func::CallOp>(function, arguments);
}

} // namespace llmc::kernel
