// Products with parameters, whose rows are few and long, and biases.
#include "passes/Vector/Kernels.h"
#include "llvm/ADT/Twine.h"

using namespace mlir;

namespace llmc::kernel {
namespace {

// Tokens, and rows of a parameter, whose sums are in registers at a time.
constexpr int64_t kTile = 4;

// Goes over [0, count) in pieces of kTile and then one by one. `body` gets the piece's constant
// size.
void byTiles(Emitter &e, Value first, Value last,
             const std::function<void(Value at, int64_t size)> &body) {
  Value whole = e.add(first, e.mul(e.div(e.sub(last, first), e.c64(kTile)), e.c64(kTile)));
  e.loop(first, whole, e.c64(kTile), {}, [&](Value at, ValueRange) {
    body(at, kTile);
    return Values();
  });
  e.loop(whole, last, [&](Value at) { body(at, 1); });
}

// What is constant in a function.
struct Widths {
  int64_t rank, width;          // columns of buffers
  int64_t narrow, wide, matrix; // bytes from row to row of buffers and of the parameter
};

// tokens x rows dot products over all columns; `store` gets each sum.
void emitDotTile(Emitter &e, const Widths &w, Value x, Value matrix, int64_t tokens, int64_t rows,
                 const std::function<void(int64_t, int64_t, Value)> &store) {
  Values carried(tokens * rows, e.splatF(e.vf32, 0.0));
  const int64_t sums = carried.size();
  carried.append({x, matrix});
  auto step = [&](ValueRange c, Value mask) {
    auto load = [&](Value at) {
      return mask ? e.maskedLoad(e.vf32, at, mask, 64) : e.load(e.vf32, at, 64);
    };
    Values next(c.begin(), c.begin() + sums), xs;
    for (int64_t t = 0; t < tokens; ++t)
      xs.push_back(load(e.gep(c[sums], t * w.wide)));
    for (int64_t r = 0; r < rows; ++r) {
      Value m = load(e.gep(c[sums + 1], r * w.matrix));
      for (int64_t t = 0; t < tokens; ++t)
        next[t * rows + r] = e.fma(xs[t], m, c[t * rows + r]);
    }
    next.append({e.gep(c[sums], 64), e.gep(c[sums + 1], 64)});
    return next;
  };
  Values end = e.loop(e.c64(0), e.c64(w.width / kLanes), e.c64(1), carried,
                      [&](Value, ValueRange c) { return step(c, Value()); });
  if (w.width % kLanes)
    end = step(end, e.laneMask(e.c64(w.width % kLanes)));
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t r = 0; r < rows; ++r)
      store(t, r, e.reduce(vector::CombiningKind::ADD, end[t * rows + r]));
}

Widths widthsOf(ParameterType matrix, BufferType narrow, BufferType wide) {
  return {narrow.getWidth(), wide.getWidth(), narrow.getRowBytes(), wide.getRowBytes(),
          matrix.getRowBytes()};
}

std::string nameOf(const char *kind, const Widths &w, bool addend) {
  return (llvm::Twine(kind) + "." + llvm::Twine(w.rank) + "x" + llvm::Twine(w.width) + "." +
          llvm::Twine(w.matrix) + (addend ? ".add" : ""))
      .str();
}

// thread, threads, rows, input, matrix, out, addend, scale
template <class Op>
void call(OpEmission &emission, Op op, const char *kind, const Widths &w,
          const std::function<void(Emitter &, const Widths &, ValueRange)> &body) {
  Emitter &e = emission.e;
  SmallVector<Type> types{e.i64, e.i64, e.i64, e.ptr, e.ptr, e.ptr, e.ptr, e.f32};
  func::FuncOp function =
      emission.library.get(nameOf(kind, w, op.getAddend() != nullptr), types, op.getLoc(),
                           [&](Emitter &inner, ValueRange p) { body(inner, w, p); });
  Value null = e.create<LLVM::ZeroOp>(e.ptr);
  Values arguments{emission.team.thread,
                   emission.team.threads,
                   emission.rows,
                   emission.operand(op.getInput()),
                   e.gep(emission.operand(op.getMatrix()), 4 * int64_t(op.getFirstColumn())),
                   emission.operand(op.getOut()),
                   op.getAddend() ? emission.operand(op.getAddend()) : null,
                   e.cf(op.getScale().convertToFloat())};
  e.create<func::CallOp>(function, arguments);
}

} // namespace

void emitDots(OpEmission &emission, DotsOp op) {
  Widths widths =
      widthsOf(op.getMatrix().getType(), op.getOut().getType(), op.getInput().getType());
  call(emission, op, "dots", widths, [&](Emitter &e, const Widths &w, ValueRange p) {
    auto [first, last] = e.split(p[2], p[0], p[1]);
    byTiles(e, first, last, [&](Value token, int64_t tokens) {
      Value x = e.gep(p[3], e.mul(token, e.c64(w.wide)));
      byTiles(e, e.c64(0), e.c64(w.rank), [&](Value row, int64_t rows) {
        Value matrix = e.gep(p[4], e.mul(row, e.c64(w.matrix)));
        Value offset = e.add(e.mul(token, e.c64(w.narrow)), e.mul(row, e.c64(4)));
        emitDotTile(e, w, x, matrix, tokens, rows, [&](int64_t t, int64_t r, Value sum) {
          Value at = e.add(offset, e.c64(t * w.narrow + 4 * r));
          sum = e.fmul(sum, p[7]);
          if (op.getAddend())
            sum = e.fadd(sum, e.load(e.f32, e.gep(p[6], at), 4));
          e.store(sum, e.gep(p[5], at), 4);
        });
      });
    });
  });
}

void emitExpand(OpEmission &emission, ExpandOp op) {
  Widths widths =
      widthsOf(op.getMatrix().getType(), op.getInput().getType(), op.getOut().getType());
  call(emission, op, "expand", widths, [&](Emitter &e, const Widths &w, ValueRange p) {
    Value scale = e.broadcast(e.vf32, p[7]);
    // Few vectors of columns at a time: a thread keeps the parameter's columns in the first-level
    // cache while all tokens pass by.
    const int64_t vectors = llvm::divideCeil(w.width, kLanes);
    auto [first, last] = e.split(e.c64(vectors), p[0], p[1]);
    byTiles(e, first, last, [&](Value vector, int64_t columns) {
      Value column = e.mul(vector, e.c64(64));
      byTiles(e, e.c64(0), p[2], [&](Value token, int64_t tokens) {
        Value from = e.gep(p[3], e.mul(token, e.c64(w.narrow)));
        Value offset = e.add(e.mul(token, e.c64(w.wide)), column);
        Values carried(tokens * columns, e.splatF(e.vf32, 0.0));
        const int64_t sums = carried.size();
        carried.append({from, e.gep(p[4], column)});
        Values end = e.loop(e.c64(0), e.c64(w.rank), e.c64(1), carried, [&](Value, ValueRange c) {
          Values next(c.begin(), c.begin() + sums), rows;
          for (int64_t v = 0; v < columns; ++v)
            rows.push_back(e.load(e.vf32, e.gep(c[sums + 1], 64 * v), 64));
          for (int64_t t = 0; t < tokens; ++t) {
            Value x = e.broadcastLoad(e.gep(c[sums], t * w.narrow));
            for (int64_t v = 0; v < columns; ++v)
              next[t * columns + v] = e.fma(x, rows[v], c[t * columns + v]);
          }
          next.append({e.gep(c[sums], 4), e.gep(c[sums + 1], w.matrix)});
          return next;
        });
        for (int64_t t = 0; t < tokens; ++t)
          for (int64_t v = 0; v < columns; ++v) {
            Value at = e.gep(e.gep(p[5], offset), t * w.wide + 64 * v);
            Value sum = e.fmul(end[t * columns + v], scale);
            if (op.getAddend())
              sum =
                  e.fadd(sum, e.load(e.vf32, e.gep(e.gep(p[6], offset), t * w.wide + 64 * v), 64));
            e.store(sum, at, 64);
          }
      });
    });
  });
}

void emitOuter(OpEmission &emission, OuterOp op) {
  Emitter &outer = emission.e;
  const Widths w =
      widthsOf(op.getGradient().getType(), op.getNarrow().getType(), op.getWide().getType());
  // thread, threads, rows, narrow, wide, gradient, scale
  SmallVector<Type> types{outer.i64, outer.i64, outer.i64, outer.ptr,
                          outer.ptr, outer.ptr, outer.f32};
  func::FuncOp function = emission.library.get(
      nameOf("outer", w, false), types, op.getLoc(), [&](Emitter &e, ValueRange p) {
        Value scale = e.broadcast(e.vf32, p[6]);
        const int64_t vectors = llvm::divideCeil(w.width, kLanes);
        auto [first, last] = e.split(e.c64(vectors), p[0], p[1]);
        byTiles(e, first, last, [&](Value vector, int64_t columns) {
          Value column = e.mul(vector, e.c64(64));
          byTiles(e, e.c64(0), e.c64(w.rank), [&](Value row, int64_t rows) {
            Values carried(rows * columns, e.splatF(e.vf32, 0.0));
            const int64_t sums = carried.size();
            carried.append({e.gep(p[3], e.mul(row, e.c64(4))), e.gep(p[4], column)});
            Values end = e.loop(e.c64(0), p[2], e.c64(1), carried, [&](Value, ValueRange c) {
              Values next(c.begin(), c.begin() + sums), xs;
              for (int64_t v = 0; v < columns; ++v)
                xs.push_back(e.load(e.vf32, e.gep(c[sums + 1], 64 * v), 64));
              for (int64_t r = 0; r < rows; ++r) {
                Value u = e.broadcastLoad(e.gep(c[sums], 4 * r));
                for (int64_t v = 0; v < columns; ++v)
                  next[r * columns + v] = e.fma(u, xs[v], c[r * columns + v]);
              }
              next.append({e.gep(c[sums], w.narrow), e.gep(c[sums + 1], w.wide)});
              return next;
            });
            Value to = e.gep(p[5], e.add(e.mul(row, e.c64(w.matrix)), column));
            for (int64_t r = 0; r < rows; ++r)
              for (int64_t v = 0; v < columns; ++v) {
                Value at = e.gep(to, r * w.matrix + 64 * v);
                Value sum = e.fma(end[r * columns + v], scale, e.load(e.vf32, at, 64));
                if (w.width % kLanes == 0) {
                  e.store(sum, at, 64);
                  continue;
                }
                // What stands behind the last column of a row is no number, and the optimizer sees
                // all of the gradient's.
                Value left = e.sub(e.c64(w.width), e.mul(e.add(vector, e.c64(v)), e.c64(kLanes)));
                e.maskedStore(sum, at, e.laneMask(left), 64);
              }
          });
        });
      });
  Values arguments{emission.team.thread,
                   emission.team.threads,
                   emission.rows,
                   emission.operand(op.getNarrow()),
                   emission.operand(op.getWide()),
                   outer.gep(emission.operand(op.getGradient()), 4 * int64_t(op.getFirstColumn())),
                   outer.cf(op.getScale().convertToFloat())};
  outer.create<func::CallOp>(function, arguments);
}

void emitAddBias(OpEmission &emission, AddBiasOp op) {
  Emitter &outer = emission.e;
  BufferType type = op.getRows().getType();
  const int64_t width = type.getWidth();
  // thread, threads, tokens, bias, rows
  SmallVector<Type> types{outer.i64, outer.i64, outer.i64, outer.ptr, outer.ptr};
  func::FuncOp function = emission.library.get(
      "add_bias." + std::to_string(width), types, op.getLoc(), [&](Emitter &e, ValueRange p) {
        auto [first, last] = e.split(p[2], p[0], p[1]);
        e.loop(first, last, [&](Value token) {
          Value row = e.gep(p[4], e.mul(token, e.c64(type.getRowBytes())));
          auto add = [&](Value bytes, Value mask) {
            Value from = e.gep(p[3], bytes), at = e.gep(row, bytes);
            Value bias = mask ? e.maskedLoad(e.vf32, from, mask, 4) : e.load(e.vf32, from, 4);
            e.store(e.fadd(e.load(e.vf32, at, 64), bias), at, 64);
          };
          e.loop(e.c64(0), e.c64(width / kLanes),
                 [&](Value i) { add(e.mul(i, e.c64(64)), Value()); });
          if (width % kLanes)
            add(e.c64(width / kLanes * 64), e.laneMask(e.c64(width % kLanes)));
        });
      });
  outer.create<func::CallOp>(function, ValueRange{emission.team.thread, emission.team.threads,
                                                  emission.rows, emission.operand(op.getBias()),
                                                  emission.operand(op.getRows())});
}

} // namespace llmc::kernel
