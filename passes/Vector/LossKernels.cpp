// The softmax of logits that exist a part of the vocabulary at a time, and the loss.
#include "passes/Vector/Kernels.h"

using namespace mlir;

namespace llmc::kernel {
namespace {

// Columns of the rows of kernel.sum_exponentials.
constexpr int64_t kMaximum = 0, kSum = 4, kTarget = 8; // bytes

// Calls `body` with each of a row's vectors: its address, and a mask for the last one.
void forVectors(Emitter &e, Value row, int64_t width,
                const std::function<Values(Value at, Value mask, ValueRange)> &body,
                Values &carried) {
  carried.push_back(row);
  auto next = [&](ValueRange c, Value mask) {
    Values result = body(c.back(), mask, c.drop_back());
    result.push_back(e.gep(c.back(), 64));
    return result;
  };
  carried = e.loop(e.c64(0), e.c64(width / kLanes), e.c64(1), carried,
                   [&](Value, ValueRange c) { return next(c, Value()); });
  if (width % kLanes)
    carried = next(carried, e.laneMask(e.c64(width % kLanes)));
  carried.pop_back();
}

} // namespace

void emitSumExponentials(OpEmission &emission, SumExponentialsOp op) {
  Emitter &outer = emission.e;
  const int64_t width = op.getLogits().getType().getWidth();
  const int64_t rowBytes = op.getLogits().getType().getRowBytes();
  const int64_t sumsBytes = op.getSums().getType().getRowBytes();
  const bool begins = op.getFirst() == 0;
  // thread, threads, tokens, logits, targets, sums, first
  SmallVector<Type> types{outer.i64, outer.i64, outer.i64, outer.ptr,
                          outer.ptr, outer.ptr, outer.i64};
  func::FuncOp function = emission.library.get(
      "sum_exponentials." + std::to_string(width) + (begins ? ".first" : ""), types, op.getLoc(),
      [&](Emitter &e, ValueRange p) {
        auto [first, last] = e.split(p[2], p[0], p[1]);
        Value lowest = e.splatF(e.vf32, -3.0e38);
        e.loop(first, last, [&](Value token) {
          Value row = e.gep(p[3], e.mul(token, e.c64(rowBytes)));
          Value sums = e.gep(p[5], e.mul(token, e.c64(sumsBytes)));
          auto load = [&](Value at, Value mask) {
            Value x = mask ? e.maskedLoad(e.vf32, at, mask, 64) : e.load(e.vf32, at, 64);
            return mask ? e.select(mask, x, lowest) : x;
          };
          Values maximum{lowest};
          forVectors(
              e, row, width,
              [&](Value at, Value mask, ValueRange c) {
                return Values{e.fmax(c[0], load(at, mask))};
              },
              maximum);
          Value m = e.reduce(vector::CombiningKind::MAXNUMF, maximum[0]);
          if (!begins)
            m = e.fmax(m, e.load(e.f32, e.gep(sums, kMaximum), 4));
          Value all = e.broadcast(e.vf32, m);
          Values sum{e.splatF(e.vf32, 0.0)};
          forVectors(
              e, row, width,
              [&](Value at, Value mask, ValueRange c) {
                Value x = e.exp(e.fsub(load(at, mask), all));
                if (mask)
                  x = e.select(mask, x, e.splatF(e.vf32, 0.0));
                return Values{e.fadd(c[0], x)};
              },
              sum);
          Value s = e.reduce(vector::CombiningKind::ADD, sum[0]);
          if (begins) {
            e.store(e.cf(0), e.gep(sums, kTarget), 4);
          } else {
            Value before = e.load(e.f32, e.gep(sums, kMaximum), 4);
            s = e.fma(e.load(e.f32, e.gep(sums, kSum), 4), e.exp(e.fsub(before, m)), s);
          }
          e.store(m, e.gep(sums, kMaximum), 4);
          e.store(s, e.gep(sums, kSum), 4);
          Value target = e.create<arith::ExtSIOp>(
              e.i64, e.load(e.i32, e.gep(p[4], e.mul(token, e.c64(4))), 4));
          Value place = e.sub(target, p[6]);
          Value here = e.create<arith::CmpIOp>(arith::CmpIPredicate::ult, place, e.c64(width));
          e.when(here, [&] {
            e.store(e.load(e.f32, e.gep(row, e.mul(place, e.c64(4))), 4), e.gep(sums, kTarget), 4);
          });
        });
      });
  outer.create<func::CallOp>(
      function, ValueRange{emission.team.thread, emission.team.threads, emission.rows,
                           emission.operand(op.getLogits()), emission.operand(op.getTargets()),
                           emission.operand(op.getSums()), outer.c64(op.getFirst())});
}

void emitCrossEntropy(OpEmission &emission, CrossEntropyOp op) {
  Emitter &outer = emission.e;
  const int64_t rowBytes = op.getLosses().getType().getRowBytes();
  // thread, threads, tokens, sums, targets, losses, log_sums
  SmallVector<Type> types{outer.i64, outer.i64, outer.i64, outer.ptr,
                          outer.ptr, outer.ptr, outer.ptr};
  func::FuncOp function =
      emission.library.get("cross_entropy", types, op.getLoc(), [&](Emitter &e, ValueRange p) {
        auto [first, last] = e.split(p[2], p[0], p[1]);
        e.loop(first, last, [&](Value token) {
          Value offset = e.mul(token, e.c64(rowBytes));
          Value sums = e.gep(p[3], offset);
          Value logSum = e.fadd(e.load(e.f32, e.gep(sums, kMaximum), 4),
                                e.log(e.load(e.f32, e.gep(sums, kSum), 4)));
          Value target = e.load(e.i32, e.gep(p[4], e.mul(token, e.c64(4))), 4);
          Value loss = e.select(e.less(target, e.c32(0)), e.cf(0),
                                e.fsub(logSum, e.load(e.f32, e.gep(sums, kTarget), 4)));
          e.store(loss, e.gep(p[5], offset), 4);
          e.store(logSum, e.gep(p[6], offset), 4);
        });
      });
  outer.create<func::CallOp>(
      function, ValueRange{emission.team.thread, emission.team.threads, emission.rows,
                           emission.operand(op.getSums()), emission.operand(op.getTargets()),
                           emission.operand(op.getLosses()), emission.operand(op.getLogSums())});
}

void emitCrossEntropyAdjoint(OpEmission &emission, CrossEntropyAdjointOp op) {
  Emitter &outer = emission.e;
  const int64_t width = op.getLogits().getType().getWidth();
  const int64_t rowBytes = op.getLogits().getType().getRowBytes();
  const int64_t lossBytes = op.getAdjoint().getType().getRowBytes();
  // thread, threads, tokens, adjoint, targets, log_sums, logits, first
  SmallVector<Type> types{outer.i64, outer.i64, outer.i64, outer.ptr,
                          outer.ptr, outer.ptr, outer.ptr, outer.i64};
  func::FuncOp function = emission.library.get(
      "cross_entropy_adjoint." + std::to_string(width), types, op.getLoc(),
      [&](Emitter &e, ValueRange p) {
        auto [first, last] = e.split(p[2], p[0], p[1]);
        e.loop(first, last, [&](Value token) {
          Value row = e.gep(p[6], e.mul(token, e.c64(rowBytes)));
          Value lossOffset = e.mul(token, e.c64(lossBytes));
          Value target = e.create<arith::ExtSIOp>(
              e.i64, e.load(e.i32, e.gep(p[4], e.mul(token, e.c64(4))), 4));
          Value weight = e.select(e.less(target, e.c64(0)), e.cf(0),
                                  e.load(e.f32, e.gep(p[3], lossOffset), 4));
          Value factor = e.broadcast(e.vf32, weight);
          Value logSum = e.broadcast(e.vf32, e.load(e.f32, e.gep(p[5], lossOffset), 4));
          Values none;
          forVectors(
              e, row, width,
              [&](Value at, Value, ValueRange) {
                // Padding may become anything.
                Value x = e.exp(e.fsub(e.load(e.vf32, at, 64), logSum));
                e.store(e.fmul(x, factor), at, 64);
                return Values();
              },
              none);
          Value place = e.sub(target, p[7]);
          Value here = e.create<arith::CmpIOp>(arith::CmpIPredicate::ult, place, e.c64(width));
          e.when(here, [&] {
            Value at = e.gep(row, e.mul(place, e.c64(4)));
            e.store(e.fsub(e.load(e.f32, at, 4), weight), at, 4);
          });
        });
      });
  outer.create<func::CallOp>(
      function, ValueRange{emission.team.thread, emission.team.threads, emission.rows,
                           emission.operand(op.getAdjoint()), emission.operand(op.getTargets()),
                           emission.operand(op.getLogSums()), emission.operand(op.getLogits()),
                           outer.c64(op.getFirst())});
}

} // namespace llmc::kernel
