#include "passes/Vector/BlockEmitter.h"
#include "passes/Vector/DotProduct.h"

using namespace mlir;

namespace llmc::kernel {

Value BlockEmitter::word(int field, uint32_t index, uint32_t step) {
  const BlockField &f = program.fields[field];
  const bool rolled = step && chunkIndex;
  if (form == Form::Row) {
    Value p = e.gep(body, f.offset + 4 * (index + (chunkIndex ? 0 : chunk * step)));
    if (rolled)
      p = e.gep(p, e.create<arith::ExtUIOp>(e.i64, e.mul(chunkIndex, e.c32(4 * step))));
    Value w = e.load(e.i32, p, 1);
    return f.packXor ? Value(e.create<arith::XOrIOp>(w, e.splat(e.i32, int32_t(f.packXor)))) : w;
  }
  const int64_t at =
      layout.fieldOffset[field] + int64_t(64) * (index + (chunkIndex ? 0 : chunk * step));
  if (form == Form::PackedLane) {
    Value p = e.gep(e.gep(body, at), e.mul(lane, e.c64(4)));
    if (rolled)
      p = e.gep(p, e.create<arith::ExtUIOp>(e.i64, e.mul(chunkIndex, e.c32(64 * step))));
    return e.load(e.i32, p, 4);
  }
  Value p = e.gep(rolled ? chunkBody[step] : body, at);
  return e.load(e.vi32, p, 64);
}

Value BlockEmitter::small(int field, uint32_t index) {
  const BlockField &f = program.fields[field];
  Type element = f.elementBytes == 2 ? e.i16 : e.i8;
  if (form == Form::Row)
    return e.create<arith::ExtUIOp>(
        e.i32, e.load(element, e.gep(body, f.offset + f.elementBytes * index), 1));
  Value p = e.gep(header, layout.fieldOffset[field] + int64_t(kLanes) * f.elementBytes * index);
  if (form == Form::PackedLane) {
    p = e.gep(p, e.mul(lane, e.c64(f.elementBytes)));
    return e.create<arith::ExtUIOp>(e.i32, e.load(element, p, f.elementBytes));
  }
  Value v = e.load(VectorType::get(kLanes, element), p, kLanes * f.elementBytes);
  return e.create<arith::ExtUIOp>(e.vi32, v);
}

Value BlockEmitter::andImm(Value a, uint32_t imm) {
  return e.create<arith::AndIOp>(a, e.splat(wordType(), int32_t(imm)));
}
Value BlockEmitter::orWords(Value a, Value b) { return e.create<arith::OrIOp>(a, b); }
Value BlockEmitter::shl(Value a, uint32_t n) {
  return e.create<arith::ShLIOp>(a, e.splat(wordType(), n));
}
Value BlockEmitter::shr(Value a, uint32_t n) {
  return e.create<arith::ShRUIOp>(a, e.splat(wordType(), n));
}

Value BlockEmitter::shrByChunk(Value a, uint32_t base, uint32_t step) {
  if (!chunkIndex)
    return base + chunk * step ? shr(a, base + chunk * step) : a;
  Value n = e.add(e.mul(chunkIndex, e.c32(step)), e.c32(base));
  return e.create<arith::ShRUIOp>(a, e.broadcast(wordType(), n));
}

Value BlockEmitter::mulImm(Value a, uint32_t imm) { return e.mul(a, e.splat(wordType(), imm)); }
Value BlockEmitter::umaxImm(Value a, uint32_t imm) {
  return e.create<arith::MaxUIOp>(a, e.splat(wordType(), int32_t(imm)));
}

Value BlockEmitter::lookup(Value a, const std::array<uint8_t, 16> &table) {
  if (form == Form::PackedRows) {
    Value bytes = e.bitcast(VectorType::get(64, e.i8), a);
    return e.bitcast(e.vi32, emitLookup(e, dot, bytes, table));
  }
  // A scalar shifts the table, as one wide integer, by eight times each byte.
  Type wide = IntegerType::get(e.b.getContext(), 128);
  APInt bits(128, 0);
  for (unsigned i = 0; i < 16; ++i)
    bits |= APInt(128, table[i]).shl(8 * i);
  Value whole = e.create<arith::ConstantOp>(IntegerAttr::get(wide, bits));
  Value result;
  for (unsigned i = 0; i < 4; ++i) {
    Value index = e.mul(andImm(i ? shr(a, 8 * i) : a, 0xff), e.c32(8));
    Value entry = e.create<arith::ShRUIOp>(whole, e.create<arith::ExtUIOp>(wide, index));
    Value byte = andImm(e.create<arith::TruncIOp>(e.i32, entry), 0xff);
    result = result ? orWords(result, shl(byte, 8 * i)) : byte;
  }
  return result;
}

Value BlockEmitter::halfToFloat(Value a) {
  auto shaped = [&](Type element) -> Type {
    return form == Form::PackedRows ? Type(VectorType::get(kLanes, element)) : element;
  };
  Value bits = e.create<arith::TruncIOp>(shaped(e.i16), a);
  return e.create<arith::ExtFOp>(floatType(), e.bitcast(shaped(e.f16), bits));
}
Value BlockEmitter::bitsToFloat(Value a) { return e.bitcast(floatType(), a); }
Value BlockEmitter::signedToFloat(Value a, int32_t bias) {
  return e.toFloat(bias ? e.add(a, e.splat(wordType(), bias)) : a);
}
Value BlockEmitter::mulFloats(Value a, Value b) { return e.fmul(a, b); }
Value BlockEmitter::negate(Value a) { return e.create<arith::NegFOp>(a); }
Value BlockEmitter::halve(Value a) { return e.fmul(a, e.splatF(floatType(), 0.5)); }

} // namespace llmc::kernel
