#include "dialects/kernel/IR/DotTable.h"
#include "passes/Vector/Emitter.h"
#include "passes/Vector/VectorPasses.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace llmc::kernel {

#define GEN_PASS_DEF_VECTOREXPANDFLOATS
#include "passes/Vector/VectorPasses.h.inc"

namespace {

constexpr uint32_t kInfinity = 0x7f800000;

// `element` as a scalar or a vector, as `like` is.
Type withShape(Type like, Type element) {
  auto vector = dyn_cast<VectorType>(like);
  return vector ? Type(VectorType::get(vector.getShape(), element)) : element;
}

// Bits as f32 operations see them, with constants that read as such.
struct Bits {
  Emitter &e;
  Type words, floats;

  Value c(uint32_t v) { return e.splat(words, static_cast<int32_t>(v)); }
  Value f(double v) { return e.splatF(floats, v); }
  Value asFloat(Value v) { return e.bitcast(floats, v); }
  Value asWord(Value v) { return e.bitcast(words, v); }
  Value band(Value v, uint32_t mask) { return e.create<arith::AndIOp>(v, c(mask)); }
  Value bor(Value a, Value b) { return e.create<arith::OrIOp>(a, b); }
  Value shl(Value v, uint32_t n) { return e.create<arith::ShLIOp>(v, c(n)); }
  Value shr(Value v, uint32_t n) { return e.create<arith::ShRUIOp>(v, c(n)); }
};

Value expandHalfToFloat(Emitter &e, arith::ExtFOp op) {
  Bits b{e, withShape(op.getType(), e.i32), op.getType()};
  Value bits = e.bitcast(withShape(op.getType(), e.i16), op.getIn());
  bits = e.create<arith::ExtUIOp>(b.words, bits);
  // The fields in their places make a float that is 2^-112 times the number, subnormal or not.
  Value fields = b.shl(b.band(bits, 0x7fff), 13);
  Value number = b.asWord(e.fmul(b.asFloat(fields), b.f(0x1p112)));
  Value isFinite = e.less(fields, b.c(31u << 23));
  number = e.select(isFinite, number, b.bor(fields, b.c(kInfinity)));
  return b.asFloat(b.bor(number, b.shl(b.band(bits, 0x8000), 16)));
}

Value expandFloatToHalf(Emitter &e, arith::TruncFOp op) {
  Bits b{e, withShape(op.getType(), e.i32), op.getIn().getType()};
  Value bits = b.asWord(op.getIn()), size = b.band(bits, 0x7fffffff);
  // Rounding to even: half a unit in the last place, less one bit where the last bit is 0.
  Value odd = b.band(b.shr(size, 13), 1);
  Value rounded = e.add(e.add(size, b.c(0xfff - (112u << 23))), odd);
  Value half = b.shr(rounded, 13);
  // Below 2^-14, adding 0.5 leaves the rounded multiple of 2^-24 in the low bits.
  Value small = e.sub(b.asWord(e.fadd(b.asFloat(size), b.f(0.5))), b.c(126u << 23));
  half = e.select(e.less(size, b.c(113u << 23)), small, half);
  Value isNumber = e.less(size, b.c(kInfinity + 1));
  Value large = e.select(isNumber, b.c(0x7c00), b.c(0x7e00));
  half = e.select(e.less(size, b.c(143u << 23)), half, large);
  half = b.bor(half, b.shr(b.band(bits, 0x80000000), 16));
  return e.bitcast(op.getType(), e.create<arith::TruncIOp>(withShape(op.getType(), e.i16), half));
}

class VectorExpandFloats : public impl::VectorExpandFloatsBase<VectorExpandFloats> {
  void runOnOperation() override {
    TargetAttr target = getTarget(getOperation());
    if (!target) {
      getOperation().emitError() << "needs the attribute " << kTargetAttrName;
      return signalPassFailure();
    }
    if (dotRow(target.getDot()).fusedFloats)
      return;
    getOperation().walk([](Operation *op) {
      OpBuilder builder(op);
      Emitter e(builder, op->getLoc());
      Value expanded =
          llvm::TypeSwitch<Operation *, Value>(op)
              .Case([&](LLVM::FMAOp o) { return e.fadd(e.fmul(o.getA(), o.getB()), o.getC()); })
              .Case([&](arith::ExtFOp o) {
                return getElementTypeOrSelf(o.getIn()).isF16() ? expandHalfToFloat(e, o) : Value();
              })
              .Case([&](arith::TruncFOp o) {
                return getElementTypeOrSelf(o.getType()).isF16() ? expandFloatToHalf(e, o)
                                                                 : Value();
              })
              .Default(Value());
      if (!expanded)
        return;
      op->getResult(0).replaceAllUsesWith(expanded);
      op->erase();
    });
  }
};

} // namespace
} // namespace llmc::kernel
