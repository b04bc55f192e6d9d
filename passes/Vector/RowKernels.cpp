// Operations on rows: elementwise functions, rotary positions, the rotary table.
#include "passes/Vector/Kernels.h"
#include "runtime/abi/StepContext.h"

using namespace mlir;

namespace llmc::kernel {

// `y` is the second input, or the constant in all lanes.
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
  case Map::Gelu:
    return e.gelu(x);
  case Map::Geglu:
    return e.fmul(e.gelu(x), y);
  case Map::Scale:
    return e.fmul(x, y);
  case Map::Softcap:
    return e.fmul(e.tanh(e.fdiv(x, y)), y);
  }
  llvm_unreachable("covered above");
}

void emitMap(OpEmission &emission, MapOp op) {
  Emitter &outer = emission.e;
  // thread, threads, number of vectors, first input, second input, out, constant
  SmallVector<Type> types{outer.i64, outer.i64, outer.i64, outer.ptr,
                          outer.ptr, outer.ptr, outer.f32};
  func::FuncOp function = emission.library.get(
      ("map." + stringifyMap(op.getFunction())).str(), types, op.getLoc(),
      [&](Emitter &e, ValueRange p) {
        auto [first, last] = e.split(p[2], p[0], p[1]);
        e.loop(first, last, [&](Value i) {
          Value bytes = e.mul(i, e.c64(64));
          Value x = e.load(e.vf32, e.gep(p[3], bytes), 64);
          Value y = op.getInputs().size() > 1 ? e.load(e.vf32, e.gep(p[4], bytes), 64)
                                              : e.broadcast(e.vf32, p[6]);
          e.store(emitMapFunction(e, op.getFunction(), x, y), e.gep(p[5], bytes), 64);
        });
      });
  Value vectors = outer.mul(emission.rows, outer.c64(op.getOut().getType().getRowBytes() / 64));
  Values arguments{emission.team.thread,
                   emission.team.threads,
                   vectors,
                   emission.operand(op.getInputs().front()),
                   emission.operand(op.getInputs().back()),
                   emission.operand(op.getOut()),
                   outer.cf(op.getConstant() ? op.getConstant()->convertToFloat() : 0)};
  outer.create<func::CallOp>(function, arguments);
}

void emitRope(OpEmission &emission, RopeOp op) {
  Emitter &outer = emission.e;
  BufferType type = op.getInput().getType(), tableType = op.getTable().getType();
  const int64_t dim = op.getHeadDim(), dims = tableType.getWidth();
  // thread, threads, rows, input, table, out
  SmallVector<Type> types{outer.i64, outer.i64, outer.i64, outer.ptr, outer.ptr, outer.ptr};
  std::string name = "rope." + std::to_string(type.getWidth()) + "." + std::to_string(dim) + "." +
                     std::to_string(dims) + (op.getHalves() ? ".halves" : "") +
                     (op.getInverse() ? ".inverse" : "");
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
              Value c = e.load(e.f32, e.gep(table, bytes), 4);
              Value s = e.load(e.f32, e.gep(e.gep(table, bytes), 4), 4);
              if (op.getInverse())
                s = e.create<arith::NegFOp>(s);
              // The bytes of the pair's first element, and from there to the second.
              Value first = op.getHalves() ? e.mul(pair, e.c64(4)) : bytes;
              const int64_t second = op.getHalves() ? 2 * dims : 4;
              Value x = e.load(e.f32, e.gep(in, first), 4);
              Value y = e.load(e.f32, e.gep(e.gep(in, first), second), 4);
              e.store(e.fsub(e.fmul(x, c), e.fmul(y, s)), e.gep(out, first), 4);
              e.store(e.fadd(e.fmul(x, s), e.fmul(y, c)), e.gep(e.gep(out, first), second), 4);
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
