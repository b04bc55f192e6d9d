#include "passes/Vector/BlockEmitter.h"

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
    return e.bitcast(e.vi32, lookupBytes(bytes, table));
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

Value BlockEmitter::lookupBytes(Value bytes, const std::array<uint8_t, 16> &table) {
  auto tableOf = [&](int64_t lanes) {
    SmallVector<int8_t> values(lanes);
    for (int64_t i = 0; i < lanes; ++i)
      values[i] = static_cast<int8_t>(table[i % 16]);
    auto type = VectorType::get(lanes, e.i8);
    return e.create<arith::ConstantOp>(DenseElementsAttr::get(type, ArrayRef<int8_t>(values)));
  };
  auto call = [&](StringRef intrinsic, int64_t lanes, Value v) -> Value {
    return e
        .create<LLVM::CallIntrinsicOp>(VectorType::get(lanes, e.i8), e.b.getStringAttr(intrinsic),
                                       ValueRange{tableOf(lanes), v})
        .getResult(0);
  };
  if (dot == Dot::Vnni512 || dot == Dot::Amx)
    return call("llvm.x86.avx512.pshuf.b.512", 64, bytes);
  auto type = cast<VectorType>(bytes.getType());
  if (dot != Dot::Plain) {
    Value result = e.splat(type, 0);
    for (int64_t half = 0; half < 2; ++half) {
      Value part = e.create<vector::ExtractStridedSliceOp>(
          bytes, ArrayRef<int64_t>{32 * half}, ArrayRef<int64_t>{32}, ArrayRef<int64_t>{1});
      part = call("llvm.x86.avx2.pshuf.b", 32, part);
      result = e.create<vector::InsertStridedSliceOp>(part, result, ArrayRef<int64_t>{32 * half},
                                                      ArrayRef<int64_t>{1});
    }
    return result;
  }
  Value result = e.splat(type, table[0]);
  for (int64_t i = 1; i < 16; ++i)
    result = e.select(e.equal(bytes, e.splat(type, i)), e.splat(type, int8_t(table[i])), result);
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

// The halves of a vector of 16 words, each given to `f` as 8 words.
static Value byHalves(Emitter &e, Value acc, Value weights, Value activations,
                      function_ref<Value(Value, Value, Value)> f) {
  Value result = acc;
  for (int64_t at : {0, 8}) {
    auto half = [&](Value v) -> Value {
      return e.create<vector::ExtractStridedSliceOp>(v, ArrayRef<int64_t>{at}, ArrayRef<int64_t>{8},
                                                     ArrayRef<int64_t>{1});
    };
    Value part = f(half(acc), half(weights), half(activations));
    result = e.create<vector::InsertStridedSliceOp>(part, result, ArrayRef<int64_t>{at},
                                                    ArrayRef<int64_t>{1});
  }
  return result;
}

static Value callIntrinsic(Emitter &e, StringRef name, Type result, ValueRange operands) {
  return e.create<LLVM::CallIntrinsicOp>(result, e.b.getStringAttr(name), operands).getResult(0);
}

static Value dotAvx2(Emitter &e, Value acc, Value weights, Value activations, uint32_t maxByte) {
  auto words = VectorType::get(8, e.i32);
  auto shorts = VectorType::get(16, e.i16);
  auto bytes = VectorType::get(32, e.i8);
  auto pairs = [&](Value a, Value b) {
    return callIntrinsic(e, "llvm.x86.avx2.pmadd.wd", words, ValueRange{a, b});
  };
  // The sum of two products saturates at 16 bits when weights use all 8 bits.
  if (2 * maxByte * 127 <= 32767) {
    Value sums =
        callIntrinsic(e, "llvm.x86.avx2.pmadd.ub.sw", shorts,
                      ValueRange{e.bitcast(bytes, weights), e.bitcast(bytes, activations)});
    return e.add(acc, pairs(sums, e.splat(shorts, 1)));
  }
  Value w = e.bitcast(shorts, weights), x = e.bitcast(shorts, activations);
  Value eight = e.splat(shorts, 8);
  Value wLow = e.create<arith::AndIOp>(w, e.splat(shorts, 0xff));
  Value wHigh = e.create<arith::ShRUIOp>(w, eight);
  Value xLow = e.create<arith::ShRSIOp>(e.create<arith::ShLIOp>(x, eight), eight);
  Value xHigh = e.create<arith::ShRSIOp>(x, eight);
  return e.add(acc, e.add(pairs(wLow, xLow), pairs(wHigh, xHigh)));
}

static Value dotPlain(Emitter &e, Value acc, Value weights, Value activations) {
  for (int64_t i = 0; i < 4; ++i) {
    Value w = e.create<arith::ShRUIOp>(weights, e.splat(e.vi32, 8 * i));
    w = e.create<arith::AndIOp>(w, e.splat(e.vi32, 0xff));
    Value x = e.create<arith::ShLIOp>(activations, e.splat(e.vi32, 24 - 8 * i));
    x = e.create<arith::ShRSIOp>(x, e.splat(e.vi32, 24));
    acc = e.add(acc, e.mul(w, x));
  }
  return acc;
}

Value emitDot(Emitter &e, Dot dot, Value acc, Value weights, Value activations, uint32_t maxByte) {
  switch (dot) {
  case Dot::Amx: // narrow tiles
  case Dot::Vnni512: {
    auto bytes = VectorType::get(64, e.i8);
    return callIntrinsic(e, "llvm.x86.avx512.vpdpbusd.512", e.vi32,
                         ValueRange{acc, e.bitcast(bytes, weights), e.bitcast(bytes, activations)});
  }
  case Dot::Vnni256:
    return byHalves(e, acc, weights, activations, [&](Value a, Value w, Value x) {
      auto bytes = VectorType::get(32, e.i8);
      return callIntrinsic(e, "llvm.x86.avx512.vpdpbusd.256", a.getType(),
                           ValueRange{a, e.bitcast(bytes, w), e.bitcast(bytes, x)});
    });
  case Dot::Avx2:
    return byHalves(e, acc, weights, activations,
                    [&](Value a, Value w, Value x) { return dotAvx2(e, a, w, x, maxByte); });
  case Dot::Plain:
    return dotPlain(e, acc, weights, activations);
  }
  llvm_unreachable("covered above");
}

} // namespace llmc::kernel
