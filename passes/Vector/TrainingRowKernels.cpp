// Adjoints of activations, and dropout.
#include "passes/Vector/RowTiles.h"
#include "passes/Vector/TrainingKernels.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;

namespace llmc::kernel {

void emitUnits(OpEmission &emission, Location loc, StringRef name, Value units, ValueRange pointers,
               const std::function<void(Emitter &, Value unit, ValueRange pointers)> &body) {
  Emitter &outer = emission.e;
  SmallVector<Type> types{outer.i64, outer.i64, outer.i64};
  for (Value p : pointers)
    types.push_back(p.getType());
  func::FuncOp function = emission.library.get(name, types, loc, [&](Emitter &e, ValueRange p) {
    auto [first, last] = e.split(p[2], p[0], p[1]);
    e.loop(first, last, [&](Value unit) { body(e, unit, p.drop_front(3)); });
  });
  Values arguments{emission.team.thread, emission.team.threads, units};
  llvm::append_range(arguments, pointers);
  outer.create<func::CallOp>(function, arguments);
}

namespace {

// 1 / (1 + exp(-x))
Value emitSigmoid(Emitter &e, Value x) {
  Value one = e.splatF(x.getType(), 1.0);
  return e.fdiv(one, e.fadd(e.exp(e.create<arith::NegFOp>(x)), one));
}

Value vectorsOf(OpEmission &emission, BufferType type) {
  return emission.e.mul(emission.rows, emission.e.c64(type.getRowBytes() / 64));
}

// The finalizer of MurmurHash3 for 32 or 64 bits.
Value emitMix(Emitter &e, Value x, ArrayRef<std::pair<int, uint64_t>> steps, int last) {
  auto fold = [&](int shift) {
    Value high = e.create<arith::ShRUIOp>(x, e.splat(x.getType(), shift));
    x = e.create<arith::XOrIOp>(x, high);
  };
  for (auto [shift, factor] : steps) {
    fold(shift);
    x = e.mul(x, e.splat(x.getType(), static_cast<int64_t>(factor)));
  }
  fold(last);
  return x;
}

Value emitMix64(Emitter &e, Value x) {
  return emitMix(e, x, {{33, 0xFF51AFD7ED558CCD}, {33, 0xC4CEB9FE1A85EC53}}, 33);
}
Value emitMix32(Emitter &e, Value x) {
  return emitMix(e, x, {{16, 0x85EBCA6B}, {13, 0xC2B2AE35}}, 16);
}

} // namespace

// An activation x * s, s = 1 / (1 + exp(-u)), whose derivative is s * factor.
struct Activation {
  Value sigmoid; // s
  Value factor;  // 1 + x * (1 - s) * u'
};
using ActivationOf = Activation (*)(Emitter &e, Value x);

// u is x.
static Activation emitSiluParts(Emitter &e, Value x) {
  Value sigmoid = emitSigmoid(e, x), one = e.splatF(x.getType(), 1.0);
  return {sigmoid, e.fma(x, e.fsub(one, sigmoid), one)};
}

// u as in llm.gelu_adjoint.
static Activation emitGeluParts(Emitter &e, Value x) {
  Type t = x.getType();
  constexpr double kSlope = 1.5957691216057308; // 2 sqrt(2 / pi)
  Value square = e.fmul(x, x);
  Value u = e.fmul(x, e.fma(square, e.splatF(t, kSlope * 0.044715), e.splatF(t, kSlope)));
  Value derivative = e.fma(square, e.splatF(t, 3 * kSlope * 0.044715), e.splatF(t, kSlope));
  Value sigmoid = emitSigmoid(e, u), one = e.splatF(t, 1.0);
  return {sigmoid, e.fadd(one, e.fmul(e.fmul(x, e.fsub(one, sigmoid)), derivative))};
}

static Value emitDerivative(Emitter &e, Value adjoint, const Activation &parts) {
  return e.fmul(e.fmul(adjoint, parts.sigmoid), parts.factor);
}

// (adjoint, input, out)
template <class Op>
static void emitActivationAdjoint(OpEmission &emission, Op op, StringRef name, ActivationOf parts) {
  Values pointers;
  for (Value v : op->getOperands())
    pointers.push_back(emission.operand(v));
  emitUnits(emission, op.getLoc(), name, vectorsOf(emission, op.getOut().getType()), pointers,
            [parts](Emitter &e, Value i, ValueRange p) {
              Value bytes = e.mul(i, e.c64(64));
              Value adjoint = e.load(e.vf32, e.gep(p[0], bytes), 64);
              Value x = e.load(e.vf32, e.gep(p[1], bytes), 64);
              e.store(emitDerivative(e, adjoint, parts(e, x)), e.gep(p[2], bytes), 64);
            });
}

// (adjoint, gate, up, gate_adjoint, up_adjoint)
template <class Op>
static void emitGatedAdjoint(OpEmission &emission, Op op, StringRef name, ActivationOf parts) {
  Values pointers;
  for (Value v : op->getOperands())
    pointers.push_back(emission.operand(v));
  emitUnits(emission, op.getLoc(), name, vectorsOf(emission, op.getGateAdjoint().getType()),
            pointers, [parts](Emitter &e, Value i, ValueRange p) {
              Value bytes = e.mul(i, e.c64(64));
              Value adjoint = e.load(e.vf32, e.gep(p[0], bytes), 64);
              Value gate = e.load(e.vf32, e.gep(p[1], bytes), 64);
              Value up = e.load(e.vf32, e.gep(p[2], bytes), 64);
              Activation own = parts(e, gate);
              e.store(emitDerivative(e, e.fmul(adjoint, up), own), e.gep(p[3], bytes), 64);
              e.store(e.fmul(adjoint, e.fmul(gate, own.sigmoid)), e.gep(p[4], bytes), 64);
            });
}

void emitSiluAdjoint(OpEmission &emission, SiluAdjointOp op) {
  emitActivationAdjoint(emission, op, "silu_adjoint", emitSiluParts);
}
void emitGeluAdjoint(OpEmission &emission, GeluAdjointOp op) {
  emitActivationAdjoint(emission, op, "gelu_adjoint", emitGeluParts);
}
void emitSwigluAdjoint(OpEmission &emission, SwigluAdjointOp op) {
  emitGatedAdjoint(emission, op, "swiglu_adjoint", emitSiluParts);
}
void emitGegluAdjoint(OpEmission &emission, GegluAdjointOp op) {
  emitGatedAdjoint(emission, op, "geglu_adjoint", emitGeluParts);
}

// The key of random bits that llm.dropout describes.
static Value emitRandomKey(Emitter &e, Value seed, Value layer, int64_t site) {
  Value key = e.add(e.mul(seed, e.c64(static_cast<int64_t>(0x9E3779B97F4A7C15))),
                    e.mul(layer, e.c64(static_cast<int64_t>(0xBF58476D1CE4E5B9))));
  return emitMix64(e, e.add(key, e.c64(site)));
}

// Goes over the vectors of row `token` of two buffers of `type`: `body` makes of a vector, the
// random bits h of its elements and its number what is stored.
static void emitRandomRow(Emitter &e, BufferType type, Value token, Value key, Value in, Value out,
                          const std::function<Value(Value x, Value h, Value vector)> &body) {
  auto half = [&](Value bits) {
    return e.broadcast(e.vi32, e.create<arith::TruncIOp>(e.i32, bits));
  };
  Value low = half(key), high = half(e.create<arith::ShRUIOp>(key, e.c64(32)));
  Value offset = e.mul(token, e.c64(type.getRowBytes()));
  Value first = e.add(half(e.mul(token, e.c64(type.getWidth()))), e.iota());
  e.loop(e.c64(0), e.c64(type.getRowBytes() / 64), e.c64(1),
         {e.gep(in, offset), e.gep(out, offset), first}, [&](Value vector, ValueRange c) {
           Value h = e.create<arith::XOrIOp>(c[2], low);
           h = emitMix32(e, e.create<arith::XOrIOp>(emitMix32(e, h), high));
           e.store(body(e.load(e.vf32, c[0], 64), h, vector), c[1], 64);
           return Values{e.gep(c[0], 64), e.gep(c[1], 64), e.add(c[2], e.splat(e.vi32, kLanes))};
         });
}

void emitDropout(OpEmission &emission, DropoutOp op) {
  Emitter &outer = emission.e;
  BufferType type = op.getInput().getType();
  const double rate = op.getRate().convertToFloat();
  // h >= rate * 2^32 for an integer h.
  const auto threshold = static_cast<uint32_t>(std::ceil(rate * 0x1p32));
  Value seed = emission.operand(op.getSeed());
  Value key = emitRandomKey(outer, seed, emission.operand(op.getLayer()), op.getSite());
  // The vector's elements as what they are multiplied with, and a threshold that none is below.
  Value all = outer.less(seed, outer.c64(0));
  Values operands{emission.operand(op.getInput()), emission.operand(op.getOut()), key,
                  outer.select(all, outer.c32(0), outer.c32(static_cast<int32_t>(threshold))),
                  outer.select(all, outer.cf(1), outer.cf(1 / (1 - rate)))};
  emitUnits(emission, op.getLoc(), "dropout." + std::to_string(type.getWidth()), emission.rows,
            operands, [&](Emitter &e, Value token, ValueRange p) {
              Value least = e.broadcast(e.vi32, p[3]), factor = e.broadcast(e.vf32, p[4]);
              emitRandomRow(e, type, token, p[2], p[0], p[1], [&](Value x, Value h, Value) {
                Value kept = e.create<arith::CmpIOp>(arith::CmpIPredicate::uge, h, least);
                return e.select(kept, e.fmul(x, factor), e.splatF(e.vf32, 0));
              });
            });
}

void emitNoise(OpEmission &emission, NoiseOp op) {
  Emitter &outer = emission.e;
  BufferType type = op.getInput().getType();
  Value seed = emission.operand(op.getSeed());
  Value key = emitRandomKey(outer, seed, outer.c64(0), op.getSite());
  // Of a signed integer.
  const double scale = op.getAmplitude().convertToFloat() * 0x1p-31;
  Values operands{emission.operand(op.getInput()), emission.operand(op.getOut()), key,
                  outer.select(outer.less(seed, outer.c64(0)), outer.cf(0), outer.cf(scale))};
  emitUnits(emission, op.getLoc(), "noise." + std::to_string(type.getWidth()), emission.rows,
            operands, [&](Emitter &e, Value token, ValueRange p) {
              Value factor = e.broadcast(e.vf32, p[3]);
              emitRandomRow(e, type, token, p[2], p[0], p[1], [&](Value x, Value h, Value vector) {
                Value centered = e.create<arith::XOrIOp>(h, e.splat(e.vi32, INT32_MIN));
                Value y = e.fma(e.toFloat(centered), factor, x);
                if (type.getWidth() % kLanes == 0)
                  return y;
                // What a row is padded with stays zero.
                Value left = e.sub(e.c64(type.getWidth()), e.mul(vector, e.c64(kLanes)));
                return e.select(e.laneMask(left), y, x);
              });
            });
}

bool emitTrainingOp(OpEmission &emission, Operation *op) {
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case([&](RmsNormAdjointOp o) { return emitRmsNormAdjoint(emission, o), true; })
      .Case([&](LayerNormAdjointOp o) { return emitLayerNormAdjoint(emission, o), true; })
      .Case([&](NormTermsOp o) { return emitNormTerms(emission, o), true; })
      .Case([&](RowNormsOp o) { return emitRowNorms(emission, o), true; })
      .Case([&](ScaleColumnsOp o) { return emitScaleColumns(emission, o), true; })
      .Case([&](WeightAdjointOp o) { return emitWeightAdjoint(emission, o), true; })
      .Case([&](SumRowsOp o) { return emitSumRows(emission, o), true; })
      .Case([&](GeluAdjointOp o) { return emitGeluAdjoint(emission, o), true; })
      .Case([&](GegluAdjointOp o) { return emitGegluAdjoint(emission, o), true; })
      .Case([&](SiluAdjointOp o) { return emitSiluAdjoint(emission, o), true; })
      .Case([&](SwigluAdjointOp o) { return emitSwigluAdjoint(emission, o), true; })
      .Case([&](DropoutOp o) { return emitDropout(emission, o), true; })
      .Case([&](NoiseOp o) { return emitNoise(emission, o), true; })
      .Case([&](EmbedAdjointOp o) { return emitEmbedAdjoint(emission, o), true; })
      .Case([&](CausalAttentionOp o) { return emitCausalAttention(emission, o), true; })
      .Case(
          [&](CausalAttentionAdjointOp o) { return emitCausalAttentionAdjoint(emission, o), true; })
      .Default(false);
}

} // namespace llmc::kernel
