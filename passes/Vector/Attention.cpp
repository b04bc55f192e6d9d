#include "passes/Vector/Attention.h"
#include <limits>

using namespace mlir;

namespace llmc::kernel {

using P = AttentionParameter;

std::string AttentionShape::name() const {
  std::string text;
  llvm::raw_string_ostream(text) << "attention." << heads << '.' << cache << ".w" << window
                                 << ".rope" << dims << (halves ? ".halves" : "");
  if (softcap > 0)
    llvm::raw_string_ostream(text) << ".softcap" << softcap;
  return text;
}

SmallVector<Type> attentionParameterTypes(Emitter &e) {
  SmallVector<Type> types(P::kCount, e.i64);
  types[P::kScale] = e.f32;
  for (int i = P::kScratch; i < P::kCount; ++i)
    types[i] = e.ptr;
  return types;
}

AttentionParts::AttentionParts(Emitter &e, Value start, int64_t window) {
  Value block = e.c64(kAttentionBlock);
  begin = e.c64(0);
  end = e.add(start, e.c64(1));
  if (window)
    begin = e.mul(e.div(e.max(e.sub(end, e.c64(window)), e.c64(0)), block), block);
  Value positions = e.sub(end, begin);
  constexpr int64_t kWhole = kAttentionBlock * kAttentionParts;
  length = e.mul(e.div(e.add(positions, e.c64(kWhole - 1)), e.c64(kWhole)), block);
  count = e.div(e.add(positions, e.sub(length, e.c64(1))), length);
}

namespace {

// Rotates the pairs (i, i + dims / 2) of the query at `row`, scales it and stores it to `out`.
void rotateHalves(Emitter &e, const AttentionShape &shape, Value row, Value table, Value scale,
                  Value out) {
  const int64_t half = shape.dims / 2;
  auto rotate = [&](Value x, Value y, Value c, Value s, Value factor) -> std::pair<Value, Value> {
    return {e.fmul(e.fsub(e.fmul(x, c), e.fmul(y, s)), factor),
            e.fmul(e.fadd(e.fmul(x, s), e.fmul(y, c)), factor)};
  };
  // 16 pairs at a time: their cosines and sines take turns in the table.
  auto turns = [&](Value low, Value high, int64_t first) {
    SmallVector<int64_t> lanes(kLanes);
    for (int64_t i = 0; i < kLanes; ++i)
      lanes[i] = 2 * i + first;
    return e.create<vector::ShuffleOp>(low, high, lanes).getResult();
  };
  const int64_t whole = half / kLanes * kLanes;
  e.loop(e.c64(0), e.c64(whole), e.c64(kLanes), {}, [&](Value i, ValueRange) {
    Value first = e.mul(i, e.c64(4)), pairs = e.gep(table, e.mul(i, e.c64(8)));
    Value low = e.load(e.vf32, pairs, 4), high = e.load(e.vf32, e.gep(pairs, 64), 4);
    Value from = e.gep(row, first), to = e.gep(out, first);
    auto [x, y] = rotate(e.load(e.vf32, from, 4), e.load(e.vf32, e.gep(from, 4 * half), 4),
                         turns(low, high, 0), turns(low, high, 1), e.broadcast(e.vf32, scale));
    e.store(x, to, 4);
    e.store(y, e.gep(to, 4 * half), 4);
    return Values();
  });
  if (whole < half)
    e.loop(e.c64(whole), e.c64(half), [&](Value i) {
      Value first = e.mul(i, e.c64(4)), pair = e.gep(table, e.mul(i, e.c64(8)));
      Value from = e.gep(row, first), to = e.gep(out, first);
      auto [x, y] = rotate(e.load(e.f32, from, 4), e.load(e.f32, e.gep(from, 4 * half), 4),
                           e.load(e.f32, pair, 4), e.load(e.f32, e.gep(pair, 4), 4), scale);
      e.store(x, to, 4);
      e.store(y, e.gep(to, 4 * half), 4);
    });
}

} // namespace

void emitLoadQuery(Emitter &e, const AttentionShape &shape, ValueRange p, Value token, Value head,
                   Value out) {
  const int64_t key = shape.cache.getKey();
  Value row = e.gep(p[P::kQuery], e.mul(token, e.c64(shape.queryRowBytes)));
  row = e.gep(row, e.mul(head, e.c64(4 * key)));
  Value table = e.gep(p[P::kTable], e.mul(token, e.c64(shape.tableRowBytes)));
  Value scale = e.broadcast(e.vf32, p[P::kScale]);
  // Lanes are pairs of neighbours; the table has a cosine and a sine for each.
  auto shuffle = [&](Value v, auto lane) {
    SmallVector<int64_t> lanes(kLanes);
    for (int64_t i = 0; i < kLanes; ++i)
      lanes[i] = lane(i);
    return e.create<vector::ShuffleOp>(v, v, lanes).getResult();
  };
  auto pattern = [&](float even, float odd) {
    SmallVector<float> lanes(kLanes);
    for (int64_t i = 0; i < kLanes; ++i)
      lanes[i] = i % 2 ? odd : even;
    return e.create<arith::ConstantOp>(DenseElementsAttr::get(e.vf32, ArrayRef<float>(lanes)))
        .getResult();
  };
  auto load = [&](Value from, Value at, int64_t width) -> std::pair<Value, Value> {
    Value place = e.gep(from, e.mul(at, e.c64(4)));
    if (width % kLanes == 0)
      return {e.load(e.vf32, place, 4), Value()};
    Value mask = e.laneMask(e.sub(e.c64(width), at));
    return {e.maskedLoad(e.vf32, place, mask, 4), mask};
  };
  auto copy = [&](int64_t from, int64_t to, bool rotate) {
    if (from >= to)
      return;
    e.loop(e.c64(from), e.c64(to), e.c64(kLanes), {}, [&](Value i, ValueRange) {
      Value x = load(row, i, key).first;
      if (rotate) {
        auto [t, mask] = load(table, i, shape.dims);
        if (mask)
          t = e.select(mask, t, pattern(1, 0)); // the rest is not rotated
        Value cosine = shuffle(t, [](int64_t i) { return i & ~1; });
        Value sine = e.fmul(shuffle(t, [](int64_t i) { return i | 1; }), pattern(-1, 1));
        Value other = shuffle(x, [](int64_t i) { return i ^ 1; });
        x = e.fadd(e.fmul(x, cosine), e.fmul(other, sine));
      }
      e.store(e.fmul(x, scale), e.gep(out, e.mul(i, e.c64(4))), 64);
      return Values();
    });
  };
  if (shape.halves) {
    // First what is not rotated, and with it the end of the last vector.
    copy(shape.dims / kLanes * kLanes, key, false);
    return rotateHalves(e, shape, row, table, p[P::kScale], out);
  }
  const int64_t rotated = llvm::alignTo(shape.dims, kLanes);
  copy(0, std::min(rotated, key), true);
  copy(rotated, key, false);
}

Value emitSoftcap(Emitter &e, const AttentionShape &shape, Value scores) {
  if (shape.softcap <= 0)
    return scores;
  const double cap = shape.softcap * kLog2E;
  return e.fmul(e.tanh(e.fmul(scores, e.splatF(scores.getType(), 1 / cap))),
                e.splatF(scores.getType(), cap));
}

void emitStoreOutput(Emitter &e, const AttentionShape &shape, ValueRange p, Value token, Value head,
                     Value row, Value factor) {
  const int64_t value = shape.cache.getValue();
  Value out = e.gep(p[P::kOut], e.mul(token, e.c64(shape.outRowBytes)));
  out = e.gep(out, e.mul(head, e.c64(4 * value)));
  e.loop(e.c64(0), e.c64(value), e.c64(kLanes), {row, out}, [&](Value i, ValueRange c) {
    Value v = e.fmul(e.load(e.vf32, c[0], 64), factor);
    if (value % kLanes)
      e.maskedStore(v, c[1], e.laneMask(e.sub(e.c64(value), i)), 4);
    else
      e.store(v, c[1], 4);
    return Values{e.gep(c[0], 64), e.gep(c[1], 64)};
  });
}

Value emitLarger(Emitter &e, Value x, Value y) {
  return e.select(e.create<arith::CmpFOp>(arith::CmpFPredicate::OGT, x, y), x, y);
}

Value emitLargest(Emitter &e, Value v) {
  // The upper half on the lower half until one is left.
  for (int64_t width = kLanes / 2; width; width /= 2) {
    SmallVector<int64_t> low(width), high(width);
    for (int64_t i = 0; i < width; ++i) {
      low[i] = i;
      high[i] = i + width;
    }
    v = emitLarger(e, e.create<vector::ShuffleOp>(v, v, low),
                   e.create<vector::ShuffleOp>(v, v, high));
  }
  return e.create<vector::ExtractOp>(v, 0);
}

Value emitPower(Emitter &e, Value x) {
  // 2^n * 2^f with |f| <= 1/2; 2^f by a polynomial that is exact at 0. Adding kShift leaves n + 127
  // in the low bits, which shifted left are 2^n, and 0 for n = -127.
  constexpr double kShift = 12582912.0 + 127; // 1.5 * 2^23
  Type t = x.getType(), ti = e.i32;
  if (isa<VectorType>(t))
    ti = e.vi32;
  auto c = [&](double v) { return e.splatF(t, v); };
  x = emitLarger(e, x, c(-127));
  Value shifted = e.fadd(x, c(kShift));
  Value power =
      e.bitcast(t, e.create<arith::ShLIOp>(e.bitcast(ti, shifted), e.splat(ti, 23)).getResult());
  Value f = e.fsub(x, e.fsub(shifted, c(kShift)));
  Value sum = c(1.5353362e-4);
  for (double k : {1.3398875e-3, 9.6184369e-3, 5.5503324e-2, 0.24022648, 0.69314718, 1.0})
    sum = e.fma(sum, f, c(k));
  return e.fmul(sum, power);
}

} // namespace llmc::kernel
