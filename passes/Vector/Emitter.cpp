#include "passes/Vector/Emitter.h"
#include <cmath>

using namespace mlir;

namespace llmc::kernel {

Emitter::Emitter(OpBuilder &builder, Location loc) : b(builder), loc(loc) {
  i1 = b.getI1Type();
  i8 = b.getI8Type();
  i16 = b.getI16Type();
  i32 = b.getI32Type();
  i64 = b.getI64Type();
  f16 = b.getF16Type();
  f32 = b.getF32Type();
  ptr = LLVM::LLVMPointerType::get(b.getContext());
  vf32 = VectorType::get(kLanes, f32);
  vi32 = VectorType::get(kLanes, i32);
}

Value Emitter::c64(int64_t v) { return create<arith::ConstantOp>(b.getI64IntegerAttr(v)); }
Value Emitter::c32(int64_t v) { return splat(i32, v); }
Value Emitter::cf(double v) { return create<arith::ConstantOp>(b.getF32FloatAttr(v)); }
Value Emitter::add(Value x, Value y) { return create<arith::AddIOp>(x, y); }
Value Emitter::sub(Value x, Value y) { return create<arith::SubIOp>(x, y); }
Value Emitter::mul(Value x, Value y) { return create<arith::MulIOp>(x, y); }
Value Emitter::div(Value x, Value y) { return create<arith::DivUIOp>(x, y); }
Value Emitter::rem(Value x, Value y) { return create<arith::RemUIOp>(x, y); }
Value Emitter::min(Value x, Value y) { return create<arith::MinSIOp>(x, y); }
Value Emitter::max(Value x, Value y) { return create<arith::MaxSIOp>(x, y); }
Value Emitter::less(Value x, Value y) {
  return create<arith::CmpIOp>(arith::CmpIPredicate::slt, x, y);
}
Value Emitter::equal(Value x, Value y) {
  return create<arith::CmpIOp>(arith::CmpIPredicate::eq, x, y);
}
Value Emitter::select(Value c, Value x, Value y) { return create<arith::SelectOp>(c, x, y); }

Value Emitter::splat(Type t, int64_t v) {
  Type element = getElementTypeOrSelf(t);
  auto scalar = IntegerAttr::get(element, APInt(element.getIntOrFloatBitWidth(), v, false, true));
  if (auto vector = dyn_cast<VectorType>(t))
    return create<arith::ConstantOp>(DenseElementsAttr::get(vector, Attribute(scalar)));
  return create<arith::ConstantOp>(scalar);
}

Value Emitter::splatF(Type t, double v) {
  auto scalar = FloatAttr::get(getElementTypeOrSelf(t), v);
  if (auto vector = dyn_cast<VectorType>(t))
    return create<arith::ConstantOp>(DenseElementsAttr::get(vector, Attribute(scalar)));
  return create<arith::ConstantOp>(scalar);
}

Value Emitter::broadcast(Type t, Value scalar) {
  return isa<VectorType>(t) ? Value(create<vector::BroadcastOp>(t, scalar)) : scalar;
}
Value Emitter::fadd(Value x, Value y) { return create<arith::AddFOp>(x, y); }
Value Emitter::fsub(Value x, Value y) { return create<arith::SubFOp>(x, y); }
Value Emitter::fmul(Value x, Value y) { return create<arith::MulFOp>(x, y); }
Value Emitter::fdiv(Value x, Value y) { return create<arith::DivFOp>(x, y); }
Value Emitter::fmax(Value x, Value y) { return create<arith::MaxNumFOp>(x, y); }

Value Emitter::fma(Value x, Value y, Value z) { return create<LLVM::FMAOp>(z.getType(), x, y, z); }

Value Emitter::toFloat(Value ints) {
  Type t = f32;
  if (auto vector = dyn_cast<VectorType>(ints.getType()))
    t = VectorType::get(vector.getShape(), f32);
  return create<arith::SIToFPOp>(t, ints);
}

Value Emitter::bitcast(Type t, Value v) {
  if (isa<VectorType>(t) && isa<VectorType>(v.getType()))
    return create<vector::BitCastOp>(cast<VectorType>(t), v);
  return create<LLVM::BitcastOp>(t, v);
}

Value Emitter::reduce(vector::CombiningKind kind, Value v) {
  auto type = cast<VectorType>(v.getType());
  if (kind != vector::CombiningKind::ADD || !isa<FloatType>(type.getElementType()))
    return create<vector::ReductionOp>(kind, v);
  // Floating-point sums are taken as a tree, so that they need not wait for each other; the upper
  // half is added to the lower one, so that all CPUs round alike.
  for (int64_t half = type.getNumElements() / 2; half > 0; half /= 2) {
    auto part = [&](int64_t at) {
      return create<vector::ExtractStridedSliceOp>(v, ArrayRef<int64_t>{at},
                                                   ArrayRef<int64_t>{half}, ArrayRef<int64_t>{1});
    };
    v = fadd(part(0), part(half));
  }
  return create<vector::ExtractOp>(v, 0);
}

std::pair<Value, Value> Emitter::round(Value x) {
  // Adding 1.5 * 2^23 leaves the rounded integer in the low bits of the float, on every CPU.
  constexpr double kMagic = 12582912.0;
  Type t = x.getType();
  Type ti = i32;
  if (auto vector = dyn_cast<VectorType>(t))
    ti = VectorType::get(vector.getShape(), i32);
  Value shifted = fadd(x, splatF(t, kMagic));
  Value integer = sub(bitcast(ti, shifted), splat(ti, 0x4b400000));
  return {integer, fsub(shifted, splatF(t, kMagic))};
}

std::pair<Value, Value> Emitter::expParts(Value x) {
  // e^x = 2^n * e^r with |r| <= ln(2)/2, ln(2) in two parts, e^r by a polynomial of degree 6 (Cephes).
  Type t = x.getType();
  auto c = [&](double v) { return splatF(t, v); };
  x = create<arith::MinNumFOp>(fmax(x, c(-87.33654f)), c(88.3762626f));
  auto [exponent, n] = round(fmul(x, c(1.44269504088896341)));
  Value r = fma(n, c(-0.693359375), x);
  r = fma(n, c(2.12194440e-4), r);
  Value p = c(1.9875691500e-4);
  for (double k :
       {1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1})
    p = fma(p, r, c(k));
  Type ti = exponent.getType();
  Value power = create<arith::ShLIOp>(add(exponent, splat(ti, 127)), splat(ti, 23));
  return {fma(p, fmul(r, r), r), bitcast(t, power)};
}

Value Emitter::exp(Value x) {
  auto [fraction, power] = expParts(x);
  return fmul(fadd(fraction, splatF(x.getType(), 1.0)), power);
}

Value Emitter::log(Value x) {
  // x = 2^n * (1 + r) with 1 + r from sqrt(1/2) to sqrt(2), log(1 + r) by a polynomial, ln(2) in
  // two parts (Cephes).
  Type t = x.getType(), ti = i32;
  if (auto vector = dyn_cast<VectorType>(t))
    ti = VectorType::get(vector.getShape(), i32);
  auto c = [&](double v) { return splatF(t, v); };
  constexpr int32_t kRoot = 0x3f3504f3; // the bits of sqrt(1/2)
  Value shifted = sub(bitcast(ti, x), splat(ti, kRoot));
  Value n = toFloat(create<arith::ShRSIOp>(shifted, splat(ti, 23)));
  Value fraction = create<arith::AndIOp>(shifted, splat(ti, 0x007fffff));
  Value r = fsub(bitcast(t, add(fraction, splat(ti, kRoot))), c(1.0));
  Value p = c(7.0376836292e-2);
  for (double k : {-1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
                   -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1})
    p = fma(p, r, c(k));
  Value square = fmul(r, r);
  p = fma(n, c(-2.12194440e-4), fmul(fmul(p, r), square));
  p = fma(square, c(-0.5), p);
  return fma(n, c(0.693359375), fadd(r, p));
}

Value Emitter::silu(Value x) {
  Type t = x.getType();
  Value minus = create<arith::NegFOp>(x);
  return fdiv(x, fadd(exp(minus), splatF(t, 1.0)));
}

Value Emitter::tanh(Value x) {
  // u / (u + 2) of u = exp(2 x) - 1, whose small values never met the 1.
  Type t = x.getType();
  auto [fraction, power] = expParts(fadd(x, x));
  Value u = fma(fraction, power, fsub(power, splatF(t, 1.0)));
  return fdiv(u, fadd(u, splatF(t, 2.0)));
}

Value Emitter::gelu(Value x) {
  // 1 + tanh(u) is 2 / (1 + exp(-2 u)), without the digits that 1 - 1 would lose.
  Type t = x.getType();
  constexpr double kSlope = -1.5957691216057308; // -2 sqrt(2 / pi)
  Value cubic = fma(fmul(x, x), splatF(t, kSlope * 0.044715), splatF(t, kSlope));
  return fdiv(x, fadd(exp(fmul(x, cubic)), splatF(t, 1.0)));
}

Value Emitter::iota() {
  SmallVector<int32_t> lanes(kLanes);
  for (int64_t i = 0; i < kLanes; ++i)
    lanes[i] = i;
  return create<arith::ConstantOp>(DenseElementsAttr::get(vi32, ArrayRef<int32_t>(lanes)));
}

Value Emitter::laneMask(Value count) {
  Value clamped = create<arith::TruncIOp>(i32, min(count, c64(kLanes)));
  return create<arith::CmpIOp>(arith::CmpIPredicate::slt, iota(), broadcast(vi32, clamped));
}

Value Emitter::gep(Value p, int64_t bytes) {
  if (bytes == 0)
    return p;
  return create<LLVM::GEPOp>(ptr, i8, p, ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(bytes)});
}
Value Emitter::gep(Value p, Value bytes) {
  return create<LLVM::GEPOp>(ptr, i8, p, ArrayRef<LLVM::GEPArg>{bytes});
}
Value Emitter::load(Type t, Value p, unsigned align) { return create<LLVM::LoadOp>(t, p, align); }
void Emitter::store(Value v, Value p, unsigned align) { create<LLVM::StoreOp>(v, p, align); }

Value Emitter::maskedLoad(VectorType t, Value p, Value mask, unsigned align) {
  Value zero = isa<FloatType>(t.getElementType()) ? splatF(t, 0.0) : splat(t, 0);
  return create<LLVM::MaskedLoadOp>(t, p, mask, zero, align);
}
Value Emitter::gather(Value p, Value offsets, Value mask, Value otherwise) {
  auto pointers = VectorType::get(kLanes, ptr);
  Value places = create<LLVM::GEPOp>(pointers, i8, p, ArrayRef<LLVM::GEPArg>{offsets});
  return create<LLVM::masked_gather>(vi32, places, mask, ValueRange{otherwise}, 1u);
}
void Emitter::maskedStore(Value v, Value p, Value mask, unsigned align) {
  create<LLVM::MaskedStoreOp>(v, p, mask, align);
}
Value Emitter::broadcastLoad(Value p) { return broadcast(vf32, load(f32, p, 4)); }

Value Emitter::loadAsF32(Type element, Value p, unsigned align) {
  if (element == f32)
    return load(vf32, p, align);
  return create<arith::ExtFOp>(vf32, load(VectorType::get(kLanes, element), p, align));
}

void Emitter::prefetch(Value p) {
  // Two levels: one alone leaves the miss queue half empty.
  create<LLVM::Prefetch>(gep(p, prefetchFar), 0, 2, 1);
  create<LLVM::Prefetch>(gep(p, prefetchNear), 0, 3, 1);
}

void Emitter::prefetchLine(Value p) { create<LLVM::Prefetch>(p, 0, 3, 1); }

Value Emitter::stack(int64_t bytes) { return create<LLVM::AllocaOp>(ptr, i8, c64(bytes), 64); }

Values Emitter::loop(Value from, Value to, Value step, ValueRange inits, const LoopBody &body) {
  auto op = create<scf::ForOp>(from, to, step, inits);
  OpBuilder::InsertionGuard guard(b);
  Block *block = op.getBody();
  // An empty terminator is only there when nothing is carried.
  if (!block->empty() && block->back().hasTrait<OpTrait::IsTerminator>())
    block->back().erase();
  b.setInsertionPointToEnd(block);
  Values yields = body(op.getInductionVar(), op.getRegionIterArgs());
  create<scf::YieldOp>(yields);
  return Values(op.getResults().begin(), op.getResults().end());
}

void Emitter::loop(Value from, Value to, const std::function<void(Value)> &body) {
  loop(from, to, c64(1), {}, [&](Value iv, ValueRange) {
    body(iv);
    return Values();
  });
}

void Emitter::when(Value condition, const std::function<void()> &then,
                   const std::function<void()> &otherwise) {
  auto op = create<scf::IfOp>(TypeRange(), condition, otherwise != nullptr);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(op.thenYield());
  then();
  if (otherwise) {
    b.setInsertionPoint(op.elseYield());
    otherwise();
  }
}

std::pair<Value, Value> Emitter::split(Value count, Value thread, Value threads) {
  Value first = div(mul(count, thread), threads);
  Value last = div(mul(count, add(thread, c64(1))), threads);
  return {first, last};
}

} // namespace llmc::kernel
