#include "passes/Vector/DotProduct.h"
#include "dialects/kernel/IR/DotTable.h"
#include "llvm/ADT/Twine.h"

using namespace mlir;

namespace llmc::kernel {
namespace {

Value callIntrinsic(Emitter &e, const Twine &name, Type result, ValueRange operands) {
  return e.create<LLVM::CallIntrinsicOp>(result, e.b.getStringAttr(name), operands).getResult(0);
}

Value partOf(Emitter &e, Value vector, int64_t at, int64_t count) {
  return e.create<vector::ExtractStridedSliceOp>(vector, ArrayRef<int64_t>{at},
                                                 ArrayRef<int64_t>{count}, ArrayRef<int64_t>{1});
}

// Parts of vectors that fill a register of the CPU, each given to `f`, put together again.
Value byRegisters(Emitter &e, Dot dot, ArrayRef<Value> operands,
                  function_ref<Value(ArrayRef<Value>)> f) {
  auto type = cast<VectorType>(operands[0].getType());
  const int64_t parts = 512 / dotRow(dot).fit.bits, count = type.getNumElements() / parts;
  if (parts == 1)
    return f(operands);
  Value result = operands[0];
  for (int64_t at = 0; at < parts * count; at += count) {
    Values some;
    for (Value operand : operands)
      some.push_back(partOf(e, operand, at, count));
    result = e.create<vector::InsertStridedSliceOp>(f(some), result, ArrayRef<int64_t>{at},
                                                    ArrayRef<int64_t>{1});
  }
  return result;
}

// An instruction that adds dot products of four bytes to words: acc, weights, activations.
Value dotOfBytes(Emitter &e, const Twine &intrinsic, ArrayRef<Value> v) {
  auto words = cast<VectorType>(v[0].getType());
  auto bytes = VectorType::get(4 * words.getNumElements(), e.i8);
  return callIntrinsic(e, intrinsic, words,
                       ValueRange{v[0], e.bitcast(bytes, v[1]), e.bitcast(bytes, v[2])});
}

Value dotAvx2(Emitter &e, Value acc, Value weights, Value activations, uint32_t maxByte) {
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

// Products of signed bytes fit 16 bits, and so do sums of two of them, because activations are not
// below -127.
Value dotNeon(Emitter &e, Value acc, Value weights, Value activations) {
  auto words = VectorType::get(4, e.i32);
  auto shorts = VectorType::get(8, e.i16);
  auto bytes = VectorType::get(16, e.i8);
  Value w = e.bitcast(bytes, weights), x = e.bitcast(bytes, activations);
  Value products[2];
  for (int64_t half = 0; half < 2; ++half)
    products[half] =
        callIntrinsic(e, "llvm.aarch64.neon.smull.v8i16", shorts,
                      ValueRange{partOf(e, w, 8 * half, 8), partOf(e, x, 8 * half, 8)});
  Value pairs = callIntrinsic(e, "llvm.aarch64.neon.addp.v8i16", shorts,
                              ValueRange{products[0], products[1]});
  return e.add(acc, callIntrinsic(e, "llvm.aarch64.neon.saddlp.v4i32.v8i16", words, pairs));
}

Value dotPlain(Emitter &e, Value acc, Value weights, Value activations) {
  for (int64_t i = 0; i < 4; ++i) {
    Value w = e.create<arith::ShRUIOp>(weights, e.splat(e.vi32, 8 * i));
    w = e.create<arith::AndIOp>(w, e.splat(e.vi32, 0xff));
    Value x = e.create<arith::ShLIOp>(activations, e.splat(e.vi32, 24 - 8 * i));
    x = e.create<arith::ShRSIOp>(x, e.splat(e.vi32, 24));
    acc = e.add(acc, e.mul(w, x));
  }
  return acc;
}

bool centersBytes(Dot dot, const BlockProgram &program) {
  return dotRow(dot).signedBytes && program.maxByte > 127;
}

} // namespace

bool takesCorrection(Dot dot, const BlockProgram &program) {
  return program.offset != 0 && !centersBytes(dot, program);
}

Value emitDotFactor(Emitter &e, Dot dot, const BlockProgram &program, Value bytes) {
  if (!centersBytes(dot, program))
    return bytes;
  return e.create<arith::XOrIOp>(bytes, e.splat(e.vi32, static_cast<int32_t>(0x80808080)));
}

Value emitDot(Emitter &e, Dot dot, Value acc, Value factor, Value activations, uint32_t maxByte) {
  auto parts = [&](function_ref<Value(ArrayRef<Value>)> f) {
    return byRegisters(e, dot, {acc, factor, activations}, f);
  };
  auto instruction = [&](StringRef intrinsic) {
    return parts([&](ArrayRef<Value> v) { return dotOfBytes(e, intrinsic, v); });
  };
  switch (dot) {
  case Dot::Amx: // narrow tiles
  case Dot::Vnni512:
    return instruction("llvm.x86.avx512.vpdpbusd.512");
  case Dot::Vnni256:
    return instruction("llvm.x86.avx512.vpdpbusd.256");
  case Dot::Avx2:
    return parts([&](ArrayRef<Value> v) { return dotAvx2(e, v[0], v[1], v[2], maxByte); });
  case Dot::I8mm:
    return instruction("llvm.aarch64.neon.usdot.v4i32.v16i8");
  case Dot::DotProd:
    return instruction("llvm.aarch64.neon.sdot.v4i32.v16i8");
  case Dot::Neon:
    return parts([&](ArrayRef<Value> v) { return dotNeon(e, v[0], v[1], v[2]); });
  case Dot::Plain:
    return dotPlain(e, acc, factor, activations);
  }
  llvm_unreachable("covered above");
}

Value emitLookup(Emitter &e, Dot dot, Value bytes, const std::array<uint8_t, 16> &table) {
  auto entries = [&](VectorType type) {
    SmallVector<int8_t> values(type.getNumElements());
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<int8_t>(table[i % 16]);
    return e.create<arith::ConstantOp>(DenseElementsAttr::get(type, ArrayRef<int8_t>(values)));
  };
  auto instruction = [&](StringRef intrinsic) {
    return byRegisters(e, dot, bytes, [&](ArrayRef<Value> v) {
      auto type = cast<VectorType>(v[0].getType());
      return callIntrinsic(e, intrinsic, type, ValueRange{entries(type), v[0]});
    });
  };
  switch (dot) {
  case Dot::Amx:
  case Dot::Vnni512:
    return instruction("llvm.x86.avx512.pshuf.b.512");
  case Dot::Vnni256:
  case Dot::Avx2:
    return instruction("llvm.x86.avx2.pshuf.b");
  case Dot::I8mm:
  case Dot::DotProd:
  case Dot::Neon:
    return instruction("llvm.aarch64.neon.tbl1.v16i8");
  case Dot::Plain:
    break;
  }
  Type type = bytes.getType();
  Value result = e.splat(type, table[0]);
  for (int64_t i = 1; i < 16; ++i)
    result = e.select(e.equal(bytes, e.splat(type, i)), e.splat(type, int8_t(table[i])), result);
  return result;
}

} // namespace llmc::kernel
