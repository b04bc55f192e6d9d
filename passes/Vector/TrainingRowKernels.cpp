// Adjoints of operations on rows, and dropout.
#include "passes/Vector/RowTiles.h"
#include "passes/Vector/TrainingKernels.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;

namespace llmc::kernel {
namespace {

// Makes and calls a function of the team, a number of units and `pointers`, whose body gets the
// units of the thread one by one.
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

// 1 / (1 + exp(-x))
Value emitSigmoid(Emitter &e, Value x) {
  Value one = e.splatF(x.getType(), 1.0);
  return e.fdiv(one, e.fadd(e.exp(e.create<arith::NegFOp>(x)), one));
}

// dy * s * (1 + x * (1 - s))
Value emitSiluDerivative(Emitter &e, Value adjoint, Value x, Value sigmoid) {
  Value one = e.splatF(x.getType(), 1.0);
  Value slope = e.fma(x, e.fsub(one, sigmoid), one);
  return e.fmul(e.fmul(adjoint, sigmoid), slope);
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

void emitRmsNormAdjoint(OpEmission &emission, RmsNormAdjointOp op) {
  BufferType type = op.getInput().getType();
  const int64_t width = cast<RankedTensorType>(op.getWeight().getType()).getDimSize(0);
  const int64_t heads = type.getWidth() / width;
  // Heads that are no multiple of a vector begin anywhere.
  const unsigned align = width % kLanes ? 4 : 64;
  Values pointers{emission.operand(op.getAdjoint()), emission.operand(op.getInput()),
                  emission.operand(op.getWeight()), emission.operand(op.getOut()),
                  emission.e.cf(op.getEps().convertToFloat())};
  std::string name = "rms_norm_adjoint." + std::to_string(width);
  if (heads > 1)
    name += "." + std::to_string(heads);
  Value units = heads > 1 ? emission.e.mul(emission.rows, emission.e.c64(heads)) : emission.rows;
  emitUnits(
      emission, op.getLoc(), name, units, pointers, [&](Emitter &e, Value unit, ValueRange p) {
        Value offset = e.mul(e.div(unit, e.c64(heads)), e.c64(type.getRowBytes()));
        offset = e.add(offset, e.mul(e.rem(unit, e.c64(heads)), e.c64(4 * width)));
        Value adjoint = e.gep(p[0], offset), input = e.gep(p[1], offset), out = e.gep(p[3], offset);
        // x and dy * weight
        auto both = [&](Value bytes, Value mask) -> std::pair<Value, Value> {
          Value g = e.fmul(loadVector(e, e.gep(adjoint, bytes), mask, align),
                           loadVector(e, e.gep(p[2], bytes), mask, 4));
          return {loadVector(e, e.gep(input, bytes), mask, align), g};
        };
        Value zero = e.splatF(e.vf32, 0);
        Values sums =
            emitRow(e, width, {zero, zero}, [&](Value bytes, Value mask, ValueRange c) -> Values {
              auto [x, g] = both(bytes, mask);
              return {e.fma(x, x, c[0]), e.fma(g, x, c[1])};
            });
        auto mean = [&](Value sum) {
          return e.fdiv(e.reduce(vector::CombiningKind::ADD, sum), e.cf(double(width)));
        };
        Value square = e.fadd(mean(sums[0]), p[4]);
        Value slope = e.broadcast(e.vf32, e.fdiv(mean(sums[1]), square));
        Value root = e.create<LLVM::SqrtOp>(e.f32, square);
        Value factor = e.broadcast(e.vf32, e.fdiv(e.cf(1), root));
        emitRow(e, width, {}, [&](Value bytes, Value mask, ValueRange) {
          auto [x, g] = both(bytes, mask);
          Value y = e.fmul(e.fsub(g, e.fmul(x, slope)), factor);
          // Behind the last element there is the next head, or nothing that counts.
          if (mask && heads > 1)
            e.maskedStore(y, e.gep(out, bytes), mask, 4);
          else
            e.store(y, e.gep(out, bytes), align);
          return Values();
        });
      });
}

void emitSiluAdjoint(OpEmission &emission, SiluAdjointOp op) {
  Values pointers{emission.operand(op.getAdjoint()), emission.operand(op.getInput()),
                  emission.operand(op.getOut())};
  emitUnits(emission, op.getLoc(), "silu_adjoint", vectorsOf(emission, op.getOut().getType()),
            pointers, [&](Emitter &e, Value i, ValueRange p) {
              Value bytes = e.mul(i, e.c64(64));
              Value adjoint = e.load(e.vf32, e.gep(p[0], bytes), 64);
              Value x = e.load(e.vf32, e.gep(p[1], bytes), 64);
              e.store(emitSiluDerivative(e, adjoint, x, emitSigmoid(e, x)), e.gep(p[2], bytes), 64);
            });
}

void emitSwigluAdjoint(OpEmission &emission, SwigluAdjointOp op) {
  Values pointers;
  for (Value v : op->getOperands())
    pointers.push_back(emission.operand(v));
  emitUnits(
      emission, op.getLoc(), "swiglu_adjoint", vectorsOf(emission, op.getGateAdjoint().getType()),
      pointers, [&](Emitter &e, Value i, ValueRange p) {
        Value bytes = e.mul(i, e.c64(64));
        Value adjoint = e.load(e.vf32, e.gep(p[0], bytes), 64);
        Value gate = e.load(e.vf32, e.gep(p[1], bytes), 64);
        Value up = e.load(e.vf32, e.gep(p[2], bytes), 64);
        Value sigmoid = emitSigmoid(e, gate);
        e.store(emitSiluDerivative(e, e.fmul(adjoint, up), gate, sigmoid), e.gep(p[3], bytes), 64);
        e.store(e.fmul(adjoint, e.fmul(gate, sigmoid)), e.gep(p[4], bytes), 64);
      });
}

void emitDropout(OpEmission &emission, DropoutOp op) {
  Emitter &outer = emission.e;
  BufferType type = op.getInput().getType();
  const double rate = op.getRate().convertToFloat();
  // h >= rate * 2^32 for an integer h.
  const auto threshold = static_cast<uint32_t>(std::ceil(rate * 0x1p32));
  Value seed = emission.operand(op.getSeed()), layer = emission.operand(op.getLayer());
  Value key = outer.add(outer.mul(seed, outer.c64(static_cast<int64_t>(0x9E3779B97F4A7C15))),
                        outer.mul(layer, outer.c64(static_cast<int64_t>(0xBF58476D1CE4E5B9))));
  key = emitMix64(outer, outer.add(key, outer.c64(op.getSite())));
  // The vector's elements as what they are multiplied with, and a threshold that none is below.
  Value all = outer.less(seed, outer.c64(0));
  Values operands{emission.operand(op.getInput()), emission.operand(op.getOut()), key,
                  outer.select(all, outer.c32(0), outer.c32(static_cast<int32_t>(threshold))),
                  outer.select(all, outer.cf(1), outer.cf(1 / (1 - rate)))};
  emitUnits(
      emission, op.getLoc(), "dropout." + std::to_string(type.getWidth()), emission.rows, operands,
      [&](Emitter &e, Value token, ValueRange p) {
        auto half = [&](Value bits) {
          return e.broadcast(e.vi32, e.create<arith::TruncIOp>(e.i32, bits));
        };
        Value low = half(p[2]), high = half(e.create<arith::ShRUIOp>(p[2], e.c64(32)));
        Value least = e.broadcast(e.vi32, p[3]), factor = e.broadcast(e.vf32, p[4]);
        Value offset = e.mul(token, e.c64(type.getRowBytes()));
        Value in = e.gep(p[0], offset), out = e.gep(p[1], offset);
        Value first = e.add(half(e.mul(token, e.c64(type.getWidth()))), e.iota());
        e.loop(
            e.c64(0), e.c64(type.getRowBytes() / 64), e.c64(1), {in, out, first},
            [&](Value, ValueRange c) {
              Value h = e.create<arith::XOrIOp>(c[2], low);
              h = emitMix32(e, e.create<arith::XOrIOp>(emitMix32(e, h), high));
              Value kept = e.create<arith::CmpIOp>(arith::CmpIPredicate::uge, h, least);
              Value x = e.fmul(e.load(e.vf32, c[0], 64), factor);
              e.store(e.select(kept, x, e.splatF(e.vf32, 0)), c[1], 64);
              return Values{e.gep(c[0], 64), e.gep(c[1], 64), e.add(c[2], e.splat(e.vi32, kLanes))};
            });
      });
}

void emitEmbedAdjoint(OpEmission &emission, EmbedAdjointOp op) {
  Emitter &outer = emission.e;
  BufferType type = op.getAdjoint().getType();
  ParameterType gradient = op.getGradient().getType();
  // Columns that a thread owns side by side, so that lines have one writer.
  constexpr int64_t kRun = 16;
  Values arguments{emission.team.thread, emission.team.threads, emission.rows};
  for (Value v : op->getOperands())
    arguments.push_back(emission.operand(v));
  SmallVector<Type> types;
  for (Value v : arguments)
    types.push_back(v.getType());
  std::string name = "embed_adjoint." + std::to_string(gradient.getRank()) + "x" +
                     std::to_string(gradient.getWidth());
  func::FuncOp function =
      emission.library.get(name, types, op.getLoc(), [&](Emitter &e, ValueRange p) {
        // All threads look at all tokens.
        e.loop(e.c64(0), p[2], e.c64(1), {p[3], p[4]}, [&](Value, ValueRange c) {
          Value token = e.create<arith::ExtUIOp>(e.i64, e.load(e.i32, c[1], 4));
          Value owner = e.rem(e.div(token, e.c64(kRun)), p[1]);
          e.when(e.equal(owner, p[0]), [&] {
            Value column = e.gep(p[5], e.mul(token, e.c64(4)));
            e.loop(e.c64(0), e.c64(gradient.getRank()), [&](Value i) {
              Value to = e.gep(column, e.mul(i, e.c64(gradient.getRowBytes())));
              Value x = e.load(e.f32, e.gep(c[0], e.mul(i, e.c64(4))), 4);
              e.store(e.fadd(e.load(e.f32, to, 4), x), to, 4);
            });
          });
          return Values{e.gep(c[0], type.getRowBytes()), e.gep(c[1], 4)};
        });
      });
  outer.create<func::CallOp>(function, arguments);
}

bool emitTrainingOp(OpEmission &emission, Operation *op) {
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case([&](RmsNormAdjointOp o) { return emitRmsNormAdjoint(emission, o), true; })
      .Case([&](SiluAdjointOp o) { return emitSiluAdjoint(emission, o), true; })
      .Case([&](SwigluAdjointOp o) { return emitSwigluAdjoint(emission, o), true; })
      .Case([&](DropoutOp o) { return emitDropout(emission, o), true; })
      .Case([&](EmbedAdjointOp o) { return emitEmbedAdjoint(emission, o), true; })
      .Case([&](CausalAttentionOp o) { return emitCausalAttention(emission, o), true; })
      .Case(
          [&](CausalAttentionAdjointOp o) { return emitCausalAttentionAdjoint(emission, o), true; })
      .Default(false);
}

} // namespace llmc::kernel
