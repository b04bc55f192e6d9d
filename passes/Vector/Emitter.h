// A thin builder for vector code in pointer form: addresses are !llvm.ptr values with constant
// offsets, loops carry pointers. Index arithmetic in addresses costs 4-8 % in products, because
// indexed memory operands are split again in the back end.
#ifndef LLMC_PASSES_VECTOR_EMITTER_H
#define LLMC_PASSES_VECTOR_EMITTER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include <functional>

namespace llmc::kernel {

using mlir::Type;
using mlir::Value;
using mlir::ValueRange;
using Values = llvm::SmallVector<Value>;

// Lanes of a vector of f32 or i32: one row of a packed weight group each.
inline constexpr int64_t kLanes = 16;

class Emitter {
public:
  Emitter(mlir::OpBuilder &builder, mlir::Location loc);

  mlir::OpBuilder &b;
  mlir::Location loc;
  Type i1, i8, i16, i32, i64, f16, f32, ptr;
  mlir::VectorType vf32, vi32; // 16 lanes
  // Bytes that prefetch() looks ahead, see #kernel.memory.
  int64_t prefetchFar = 0, prefetchNear = 0;

  template <class Op, class... Args>
  auto create(Args &&...args) {
    return Op::create(b, loc, std::forward<Args>(args)...);
  }

  // Scalars.
  Value c64(int64_t v);
  Value c32(int64_t v);
  Value cf(double v);
  Value add(Value x, Value y); // integers of any width, scalars or vectors
  Value sub(Value x, Value y);
  Value mul(Value x, Value y);
  Value div(Value x, Value y);  // unsigned
  Value rem(Value x, Value y);  // unsigned
  Value min(Value x, Value y);  // signed
  Value max(Value x, Value y);  // signed
  Value less(Value x, Value y); // signed
  Value equal(Value x, Value y);
  Value select(Value c, Value x, Value y);

  // Vectors. A constant of type `t`, splat where `t` is a vector.
  Value splat(Type t, int64_t v);
  Value splatF(Type t, double v);
  Value broadcast(Type t, Value scalar);
  Value fadd(Value x, Value y);
  Value fsub(Value x, Value y);
  Value fmul(Value x, Value y);
  Value fdiv(Value x, Value y);
  Value fmax(Value x, Value y);
  Value fma(Value x, Value y, Value z); // x * y + z
  Value toFloat(Value signedInts);
  Value bitcast(Type t, Value v);
  // The horizontal sum or maximum of a vector.
  Value reduce(mlir::vector::CombiningKind kind, Value v);
  // x rounded to nearest, ties to even, as i32 and as f32; |x| must be below 2^22.
  std::pair<Value, Value> round(Value x);
  // (f, 2^n) with exp(x) = (1 + f) 2^n and |f| below 0.42, f to about 2 ulp; x is clamped to where
  // exp(x) is finite in f32.
  std::pair<Value, Value> expParts(Value x);
  // exp(x), to about 2 ulp, clamped to the finite range of f32.
  Value exp(Value x);
  // log(x) of a positive normal number, to about 2 ulp of it or of 1.
  Value log(Value x);
  // x / (1 + exp(-x))
  Value silu(Value x);
  // tanh(x), to about 4 ulp.
  Value tanh(Value x);
  // x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))
  Value gelu(Value x);
  // [0, 1, ..., 15]
  Value iota();
  // Lanes below `count` (i64).
  Value laneMask(Value count);

  // Memory. Alignment in bytes.
  Value gep(Value p, int64_t bytes);
  Value gep(Value p, Value bytes);
  Value load(Type t, Value p, unsigned align);
  void store(Value v, Value p, unsigned align);
  Value maskedLoad(mlir::VectorType t, Value p, Value mask, unsigned align); // zero elsewhere
  // The i32 at `p` + each of 16 byte offsets (i32), `otherwise` where the mask is false.
  Value gather(Value p, Value offsets, Value mask, Value otherwise);
  void maskedStore(Value v, Value p, Value mask, unsigned align);
  // The f32 at `p` in all lanes; folds to a broadcast memory operand.
  Value broadcastLoad(Value p);
  // 16 f32 or f16 at `p` as f32.
  Value loadAsF32(Type element, Value p, unsigned align);
  // Asks for lines some way after `p` to be in the second and in the first level cache.
  void prefetch(Value p);
  // Asks for exactly the line at `p` to be in the first level cache.
  void prefetchLine(Value p);
  // `bytes` on the stack of the enclosing function, 64-byte aligned; emit it in the entry block.
  Value stack(int64_t bytes);

  // Control flow. The body returns the values carried to the next iteration.
  using LoopBody = std::function<Values(Value iv, ValueRange carried)>;
  Values loop(Value from, Value to, Value step, ValueRange inits, const LoopBody &body);
  void loop(Value from, Value to, const std::function<void(Value iv)> &body);
  void when(Value condition, const std::function<void()> &then,
            const std::function<void()> &otherwise = nullptr);

  // Splits [0, count) among threads: [first, last).
  std::pair<Value, Value> split(Value count, Value thread, Value threads);
};

} // namespace llmc::kernel

#endif
