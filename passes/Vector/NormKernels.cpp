// Norms: of each row, or of each of its heads.
#include "passes/Vector/Kernels.h"

using namespace mlir;

namespace llmc::kernel {
namespace {

Value sumOf(Emitter &e, Value v) { return e.reduce(vector::CombiningKind::ADD, v); }

// 1 / sqrt(sum / count + eps)
Value inverseRoot(Emitter &e, Value sum, int64_t count, Value eps) {
  Value square = e.fadd(e.fdiv(sum, e.cf(double(count))), eps);
  return e.fdiv(e.cf(1), e.create<LLVM::SqrtOp>(e.f32, square));
}

} // namespace

Values emitRow(Emitter &e, int64_t width, ValueRange carried,
               const std::function<Values(Value bytes, Value mask, ValueRange carried)> &body) {
  Values end = e.loop(e.c64(0), e.c64(width / kLanes * 64), e.c64(64), carried,
                      [&](Value bytes, ValueRange c) { return body(bytes, Value(), c); });
  if (width % kLanes)
    end = body(e.c64(width / kLanes * 64), e.laneMask(e.c64(width % kLanes)), end);
  return end;
}

Value loadVector(Emitter &e, Value at, Value mask, unsigned align) {
  return mask ? e.maskedLoad(e.vf32, at, mask, align) : e.load(e.vf32, at, align);
}

Value emitRmsFactor(Emitter &e, Value row, int64_t width, Value eps) {
  // Four chains of sums, so that they need not wait for each other.
  constexpr int64_t kChains = 4;
  constexpr int64_t kStep = kChains * kLanes;
  // Heads that are no multiple of a vector begin anywhere.
  const unsigned align = width % kLanes ? 4 : 64;
  Values zero(kChains, e.splatF(e.vf32, 0.0));
  auto square = [&](Value p, Value sum, Value mask) {
    Value x = loadVector(e, p, mask, align);
    return e.fma(x, x, sum);
  };
  Values carried = zero;
  carried.push_back(row);
  Values sums = e.loop(e.c64(0), e.c64(width / kStep), e.c64(1), carried, [&](Value, ValueRange c) {
    Values next(c.begin(), c.end());
    for (int64_t i = 0; i < kChains; ++i)
      next[i] = square(e.gep(c[kChains], 64 * i), c[i], Value());
    next[kChains] = e.gep(c[kChains], 4 * kStep);
    return next;
  });
  Value rest = sums[kChains];
  for (int64_t i = 0, left = width % kStep; left > 0; ++i, left -= kLanes)
    sums[i] =
        square(e.gep(rest, 64 * i), sums[i], left < kLanes ? e.laneMask(e.c64(left)) : Value());
  Value sum = e.fadd(e.fadd(sums[0], sums[1]), e.fadd(sums[2], sums[3]));
  return inverseRoot(e, sumOf(e, sum), width, eps);
}

std::pair<Value, Value> emitMeanAndFactor(Emitter &e, Value row, int64_t width, Value eps) {
  Value zero = e.splatF(e.vf32, 0);
  auto load = [&](Value bytes, Value mask) { return loadVector(e, e.gep(row, bytes), mask, 64); };
  Values sum = emitRow(e, width, zero, [&](Value bytes, Value mask, ValueRange c) {
    return Values{e.fadd(c[0], load(bytes, mask))};
  });
  Value mean = e.broadcast(e.vf32, e.fdiv(sumOf(e, sum[0]), e.cf(double(width))));
  Values squares = emitRow(e, width, zero, [&](Value bytes, Value mask, ValueRange c) {
    Value d = e.fsub(load(bytes, mask), mean);
    // Lanes that are not there have no difference.
    if (mask)
      d = e.select(mask, d, zero);
    return Values{e.fma(d, d, c[0])};
  });
  return {mean, e.broadcast(e.vf32, inverseRoot(e, sumOf(e, squares[0]), width, eps))};
}

void emitRmsNorm(OpEmission &emission, RmsNormOp op) {
  Emitter &outer = emission.e;
  BufferType type = op.getInput().getType();
  const int64_t width = cast<RankedTensorType>(op.getWeight().getType()).getDimSize(0);
  const int64_t heads = type.getWidth() / width;
  // thread, threads, rows, input, weight, out, eps
  SmallVector<Type> types{outer.i64, outer.i64, outer.i64, outer.ptr,
                          outer.ptr, outer.ptr, outer.f32};
  std::string name = "rms_norm." + std::to_string(width);
  if (heads > 1)
    name += "." + std::to_string(heads);
  func::FuncOp function =
      emission.library.get(name, types, op.getLoc(), [&](Emitter &e, ValueRange p) {
        auto [first, last] = e.split(e.mul(p[2], e.c64(heads)), p[0], p[1]);
        e.loop(first, last, [&](Value unit) {
          Value offset = e.mul(e.div(unit, e.c64(heads)), e.c64(type.getRowBytes()));
          offset = e.add(offset, e.mul(e.rem(unit, e.c64(heads)), e.c64(4 * width)));
          Value row = e.gep(p[3], offset), out = e.gep(p[5], offset);
          const unsigned align = width % kLanes ? 4 : 64;
          Value factor = e.broadcast(e.vf32, emitRmsFactor(e, row, width, p[6]));
          emitRow(e, width, {}, [&](Value bytes, Value mask, ValueRange) {
            Value x = loadVector(e, e.gep(row, bytes), mask, align);
            Value y = e.fmul(e.fmul(x, factor), loadVector(e, e.gep(p[4], bytes), mask, 4));
            // Behind the last element there is the next head, or nothing that counts.
            if (mask && heads > 1)
              e.maskedStore(y, e.gep(out, bytes), mask, 4);
            else
              e.store(y, e.gep(out, bytes), align);
            return Values();
          });
        });
      });
  Values arguments{emission.team.thread,
                   emission.team.threads,
                   emission.rows,
                   emission.operand(op.getInput()),
                   emission.operand(op.getWeight()),
                   emission.operand(op.getOut()),
                   outer.cf(op.getEps().convertToFloat())};
  outer.create<func::CallOp>(function, arguments);
}

void emitLayerNorm(OpEmission &emission, LayerNormOp op) {
  Emitter &outer = emission.e;
  BufferType type = op.getInput().getType();
  const int64_t width = type.getWidth();
  // thread, threads, rows, input, weight, bias, out, eps
  SmallVector<Type> types{outer.i64, outer.i64, outer.i64, outer.ptr,
                          outer.ptr, outer.ptr, outer.ptr, outer.f32};
  func::FuncOp function = emission.library.get(
      "layer_norm." + std::to_string(width), types, op.getLoc(), [&](Emitter &e, ValueRange p) {
        auto [first, last] = e.split(p[2], p[0], p[1]);
        e.loop(first, last, [&](Value token) {
          Value offset = e.mul(token, e.c64(type.getRowBytes()));
          Value row = e.gep(p[3], offset), out = e.gep(p[6], offset);
          auto [mean, factor] = emitMeanAndFactor(e, row, width, p[7]);
          emitRow(e, width, {}, [&, mean = mean, factor = factor](Value bytes, Value mask, ValueRange) {
            Value w = loadVector(e, e.gep(p[4], bytes), mask, 4);
            Value b = loadVector(e, e.gep(p[5], bytes), mask, 4);
            Value d = e.fsub(loadVector(e, e.gep(row, bytes), mask, 64), mean);
            e.store(e.fma(e.fmul(d, factor), w, b), e.gep(out, bytes), 64);
            return Values();
          });
        });
      });
  Values arguments{emission.team.thread,
                   emission.team.threads,
                   emission.rows,
                   emission.operand(op.getInput()),
                   emission.operand(op.getWeight()),
                   emission.operand(op.getBias()),
                   emission.operand(op.getOut()),
                   outer.cf(op.getEps().convertToFloat())};
  outer.create<func::CallOp>(function, arguments);
}

} // namespace llmc::kernel
