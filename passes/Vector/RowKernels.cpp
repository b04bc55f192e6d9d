// Operations on rows: norm, elementwise functions, rotary positions, the rotary table.
#include "passes/Vector/Kernels.h"
#include "runtime/abi/StepContext.h"

using namespace mlir;

namespace llmc::kernel {

Value emitRmsFactor(Emitter &e, Value row, int64_t width, Value eps) {
  // Four chains of sums, so that they need not wait for each other.
  constexpr int64_t kChains = 4;
  constexpr int64_t kStep = kChains * kLanes;
  Values zero(kChains, e.splatF(e.vf32, 0.0));
  auto square = [&](Value p, Value sum, Value mask) {
    Value x = mask ? e.maskedLoad(e.vf32, p, mask, 64) : e.load(e.vf32, p, 64);
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
  Value total = e.reduce(vector::CombiningKind::ADD, sum);
  Value root = e.create<LLVM::SqrtOp>(e.f32, e.fadd(e.fdiv(total, e.cf(double(width))), eps));
  return e.fdiv(e.cf(1), root);
}

void emitRmsNorm(OpEmission &emission, RmsNormOp op) {
  Emitter &outer = emission.e;
  BufferType type = op.getInput().getType();
  const int64_t width = type.getWidth();
  // thread, threads, rows, input, weight, out, eps
  SmallVector<Type> types{outer.i64, outer.i64, outer.i64, outer.ptr,
                          outer.ptr, outer.ptr, outer.f32};
  func::FuncOp function = emission.library.get(
      "rms_norm." + std::to_string(width), types, op.getLoc(), [&](Emitter &e, ValueRange p) {
        auto [first, last] = e.split(p[2], p[0], p[1]);
        e.loop(first, last, [&](Value token) {
          Value offset = e.mul(token, e.c64(type.getRowBytes()));
          Value row = e.gep(p[3], offset), out = e.gep(p[5], offset);
          Value factor = e.broadcast(e.vf32, emitRmsFactor(e, row, width, p[6]));
          auto vector = [&](Value bytes, Value mask) {
            Value w = mask ? e.maskedLoad(e.vf32, e.gep(p[4], bytes), mask, 4)
                           : e.load(e.vf32, e.gep(p[4], bytes), 4);
            Value x = e.load(e.vf32, e.gep(row, bytes), 64);
            e.store(e.fmul(e.fmul(x, factor), w), e.gep(out, bytes), 64);
          };
          e.loop(e.c64(0), e.c64(width / kLanes),
                 [&](Value i) { vector(e.mul(i, e.c64(64)), Value()); });
          if (width % kLanes)
            vector(e.c64(width / kLanes * 64), e.laneMask(e.c64(width % kLanes)));
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

static Value emitMapFunction(Emitter &e, Map function, Value x, Value y) {
  switch (function) {
  case Map::Copy:
    return x;
  case Map::Silu:
    return e.silu(x);
  case Map::Add:
    return e.fadd(x, y);
  case Map::Mul:
    return e.fmul(x, y);
  case Map::Swiglu:
    return e.fmul(e.silu(x), y);
  }
  llvm_unreachable("covered above");
}

void emitMap(OpEmission &emission, MapOp op) {
  Emitter &outer = emission.e;
  // thread, threads, number of vectors, first input, second input, out
  SmallVector<Type> types{outer.i64, outer.i64, outer.i64, outer.ptr, outer.ptr, outer.ptr};
  func::FuncOp function = emission.library.get(
      ("map." + stringifyMap(op.getFunction())).str(), types, op.getLoc(),
      [&](Emitter &e, ValueRange p) {
        auto [first, last] = e.split(p[2], p[0], p[1]);
        e.loop(first, last, [&](Value i) {
          Value bytes = e.mul(i, e.c64(64));
          Value x = e.load(e.vf32, e.gep(p[3], bytes), 64);
          Value y = op.getInputs().size() > 1 ? e.load(e.vf32, e.gep(p[4], bytes), 64) : x;
          e.store(emitMapFunction(e, op.getFunction(), x, y), e.gep(p[5], bytes), 64);
        });
      });
  Value vectors = outer.mul(emission.rows, outer.c64(op.getOut().getType().getRowBytes() / 64));
  Values arguments{emission.team.thread,
                   emission.team.threads,
                   vectors,
                   emission.operand(op.getInputs().front()),
                   emission.operand(op.getInputs().back()),
                   emission.operand(op.getOut())};
  outer.create<func::CallOp>(function, arguments);
}

void emitRope(OpEmission &emission, RopeOp op) {
  Emitter &outer = emission.e;
  BufferType type = op.getInput().getType(), tableType = op.getTable().getType();
  const int64_t dim = op.getHeadDim(), dims = tableType.getWidth();
  // thread, threads, rows, input, table, out
  SmallVector<Type> types{outer.i64, outer.i64, outer.i64, outer.ptr, outer.ptr, outer.ptr};
  std::string name = "rope." + std::to_string(type.getWidth()) + "." + std::to_string(dim) + "." +
                     std::to_string(dims) + (op.getInverse() ? ".inverse" : "");
  func::FuncOp function =
      emission.library.get(name, types, op.getLoc(), [&](Emitter &e, ValueRange p) {
        auto [first, last] = e.split(p[2], p[0], p[1]);
        e.loop(first, last, [&](Value token) {
          Value table = e.gep(p[4], e.mul(token, e.c64(tableType.getRowBytes())));
          Value offset = e.mul(token, e.c64(type.getRowBytes()));
          e.loop(e.c64(0), e.c64(type.getWidth() / dim), [&](Value head) {
            Value from = e.add(offset, e.mul(head, e.c64(4 * dim)));
            Value in = e.gep(p[3], from), out = e.gep(p[5], from);
            e.loop(e.c64(0), e.c64(dims / 2), [&](Value pair) {
              Value bytes = e.mul(pair, e.c64(8));
              Value x = e.load(e.f32, e.gep(in, bytes), 4);
              Value y = e.load(e.f32, e.gep(e.gep(in, bytes), 4), 4);
              Value c = e.load(e.f32, e.gep(table, bytes), 4);
              Value s = e.load(e.f32, e.gep(e.gep(table, bytes), 4), 4);
              if (op.getInverse())
                s = e.create<arith::NegFOp>(s);
              e.store(e.fsub(e.fmul(x, c), e.fmul(y, s)), e.gep(out, bytes), 4);
              e.store(e.fadd(e.fmul(x, s), e.fmul(y, c)), e.gep(e.gep(out, bytes), 4), 4);
            });
            if (dims < dim)
              e.loop(e.c64(dims), e.c64(dim), [&](Value i) {
                Value bytes = e.mul(i, e.c64(4));
                e.store(e.load(e.f32, e.gep(in, bytes), 4), e.gep(out, bytes), 4);
              });
          });
        });
      });
  Values arguments{emission.team.thread,
                   emission.team.threads,
                   emission.rows,
                   emission.operand(op.getInput()),
                   emission.operand(op.getTable()),
                   emission.operand(op.getOut())};
  outer.create<func::CallOp>(function, arguments);
}

void emitRopeTable(OpEmission &emission, RopeTableOp op) {
  Emitter &e = emission.e;
  auto [first, last] = e.split(emission.rows, emission.team.thread, emission.team.threads);
  ArrayRef<double> frequencies = op.getFrequencies();
  auto type = RankedTensorType::get({int64_t(frequencies.size())}, e.b.getF64Type());
  Value table = emission.library.constantArray(e, DenseElementsAttr::get(type, frequencies));
  Value factors =
      op.getFactors() ? emission.operand(op.getFactors()) : Value(e.create<LLVM::ZeroOp>(e.ptr));
  Value magnitude = e.create<arith::ConstantOp>(op.getMagnitudeAttr());
  const int64_t rowBytes = op.getOut().getType().getRowBytes();
  auto fill = [&](Value out, Value from, Value to) {
    Values arguments{out,      e.c64(rowBytes), emission.operand(op.getStart()), from,
                     to,       table,           e.c64(frequencies.size()),       factors,
                     magnitude};
    emission.library.callRuntime(e, "llmc_rope_table", arguments);
  };
  Value out = emission.operand(op.getOut());
  if (int64_t(op.getSequence()) <= 0)
    return fill(out, first, last);
  // Of each sequence the rows that are the thread's.
  Value sequence = e.c64(op.getSequence());
  Value end = e.div(e.add(last, e.sub(sequence, e.c64(1))), sequence);
  e.loop(e.div(first, sequence), end, [&, first = first, last = last](Value index) {
    Value begin = e.mul(index, sequence);
    fill(e.gep(out, e.mul(begin, e.c64(rowBytes))), e.max(e.sub(first, begin), e.c64(0)),
         e.min(e.sub(last, begin), sequence));
  });
}

} // namespace llmc::kernel
