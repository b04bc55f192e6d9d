// Attention over the KV cache in tiles: a few queries that share a key/value head against blocks of
// 64 positions. Lanes are positions while scores are computed and elements of the value while
// outputs are; in both a line of the cache is loaded once for all queries of the tile.
#include "passes/Vector/CacheGeometry.h"
#include "passes/Vector/Kernels.h"
#include "runtime/abi/StepContext.h"

using namespace mlir;

namespace llmc::kernel {
namespace {

constexpr int64_t kBlock = 64; // positions
constexpr double kNever = -1e30;

struct Shape {
  llm::KvCacheType cache;
  int64_t heads;  // of queries
  int64_t window; // 0: none
  int64_t dims;   // rotated elements; 0: queries are taken as they are
  int64_t queryRowBytes, outRowBytes, tableRowBytes;

  int64_t group() const { return heads / cache.getHeads(); } // query heads per key/value head
  std::string name() const {
    std::string text;
    llvm::raw_string_ostream(text)
        << "attention." << heads << '.' << cache << ".w" << window << ".rope" << dims;
    return text;
  }
};

enum Parameter {
  kThread,
  kThreads,
  kRows,
  kLayer,
  kStart,
  kCapacity,
  kScale,
  kQuery,
  kCache,
  kOut,
  kTable,
  kParameters
};

SmallVector<Type> parameterTypes(Emitter &e) {
  SmallVector<Type> types(kParameters, e.i64);
  types[kScale] = e.f32;
  for (int i = kQuery; i < kParameters; ++i)
    types[i] = e.ptr;
  return types;
}

// The body for tiles of `tile` queries.
class AttentionBody {
public:
  AttentionBody(Emitter &e, const Shape &shape, int64_t tile, ValueRange p)
      : e(e), shape(shape), tile(tile), p(p), key(shape.cache.getKey()),
        valueLanes(llvm::alignTo(shape.cache.getValue(), kLanes)),
        element(shape.cache.getElementType()),
        geometry(e, shape.cache, p[kCache], p[kLayer], p[kCapacity]) {}

  void emit() {
    queries = e.stack(key * tile * 4);
    scores = e.stack(tile * kBlock * 4);
    outputs = e.stack(tile * valueLanes * 4);
    maxima = e.stack(tile * 4);
    totals = e.stack(tile * 4);
    factors = e.stack(tile * 4);
    Value count = e.mul(p[kRows], e.c64(shape.group())); // queries per key/value head
    Value tiles = e.div(e.add(count, e.c64(tile - 1)), e.c64(tile));
    Value units = e.mul(tiles, e.c64(shape.cache.getHeads()));
    // Later tiles see more positions; taking turns gives all threads the same mix.
    e.loop(p[kThread], units, p[kThreads], {}, [&](Value unit, ValueRange) {
      head = e.div(unit, tiles);
      first = e.mul(e.rem(unit, tiles), e.c64(tile));
      emitTile(count);
      return Values();
    });
  }

private:
  struct Query {
    Value token, head, position;
  };

  void emitTile(Value count) {
    std::vector<Query> query(tile);
    for (int64_t q = 0; q < tile; ++q) {
      // Queries that are not there repeat the last one.
      Value index = e.min(e.add(first, e.c64(q)), e.sub(count, e.c64(1)));
      query[q].token = e.div(index, e.c64(shape.group()));
      query[q].head = e.add(e.mul(head, e.c64(shape.group())), e.rem(index, e.c64(shape.group())));
      query[q].position = e.add(p[kStart], query[q].token);
      loadQuery(query[q], q);
      e.store(e.cf(kNever), e.gep(maxima, 4 * q), 4);
      e.store(e.cf(0), e.gep(totals, 4 * q), 4);
      for (int64_t lane = 0; lane < valueLanes; lane += kLanes)
        e.store(e.splatF(e.vf32, 0), e.gep(outputs, (q * valueLanes + lane) * 4), 64);
    }
    Value end = e.add(query.back().position, e.c64(1));
    Value begin = e.c64(0);
    if (shape.window) {
      Value lowest = e.max(e.sub(query.front().position, e.c64(shape.window - 1)), e.c64(0));
      begin = e.mul(e.div(lowest, e.c64(kBlock)), e.c64(kBlock));
    }
    e.loop(begin, end, e.c64(kBlock), {}, [&](Value block, ValueRange) {
      emitScores(query, block, end);
      for (int64_t q = 0; q < tile; ++q)
        emitSoftmax(q);
      emitOutputs(block, e.min(e.sub(end, block), e.c64(kBlock)));
      return Values();
    });
    for (int64_t q = 0; q < tile; ++q)
      e.when(e.less(e.add(first, e.c64(q)), count), [&] { storeOutput(query[q], q); });
  }

  // Query q goes to queries[i][q], rotated and scaled.
  void loadQuery(const Query &query, int64_t q) {
    Value row = e.gep(p[kQuery], e.mul(query.token, e.c64(shape.queryRowBytes)));
    row = e.gep(row, e.mul(query.head, e.c64(4 * key)));
    Value table = e.gep(p[kTable], e.mul(query.token, e.c64(shape.tableRowBytes)));
    auto at = [&](Value base, Value i) {
      return e.load(e.f32, e.gep(base, e.mul(i, e.c64(4))), 4);
    };
    auto put = [&](Value x, Value i) {
      e.store(e.fmul(x, p[kScale]), e.gep(e.gep(queries, 4 * q), e.mul(i, e.c64(4 * tile))), 4);
    };
    if (shape.dims)
      e.loop(e.c64(0), e.c64(shape.dims / 2), [&](Value pair) {
        Value even = e.mul(pair, e.c64(2)), odd = e.add(even, e.c64(1));
        Value x = at(row, even), y = at(row, odd), c = at(table, even), s = at(table, odd);
        put(e.fsub(e.fmul(x, c), e.fmul(y, s)), even);
        put(e.fadd(e.fmul(x, s), e.fmul(y, c)), odd);
      });
    if (shape.dims < key)
      e.loop(e.c64(shape.dims), e.c64(key), [&](Value i) { put(at(row, i), i); });
  }

  // scores[q][n] of the 64 positions of a block; kNever where a query does not see the position.
  void emitScores(ArrayRef<Query> query, Value block, Value end) {
    e.loop(e.c64(0), e.c64(kBlock / kLanes), [&](Value part) {
      Value position = e.add(block, e.mul(part, e.c64(kLanes)));
      Value out = e.gep(scores, e.mul(part, e.c64(64)));
      e.when(
          e.less(position, end), [&] { emitScoreTile(query, position, out); },
          [&] {
            for (int64_t q = 0; q < tile; ++q)
              e.store(e.splatF(e.vf32, kNever), e.gep(out, q * kBlock * 4), 64);
          });
    });
  }

  void emitScoreTile(ArrayRef<Query> query, Value position, Value out) {
    const int64_t unroll = key % 4 == 0 ? 4 : 1;
    const int64_t lineBytes = kLanes * geometry.elementBytes;
    Values carried(tile, e.splatF(e.vf32, 0));
    carried.append({geometry.keyTile(head, position), queries});
    Values sums = e.loop(e.c64(0), e.c64(key), e.c64(unroll), carried, [&](Value, ValueRange c) {
      Values next(c.begin(), c.end());
      for (int64_t i = 0; i < unroll; ++i) {
        Value k = e.loadAsF32(element, e.gep(c[tile], i * lineBytes), lineBytes);
        for (int64_t q = 0; q < tile; ++q)
          next[q] = e.fma(k, e.broadcastLoad(e.gep(c[tile + 1], (i * tile + q) * 4)), next[q]);
      }
      next[tile] = e.gep(c[tile], unroll * lineBytes);
      next[tile + 1] = e.gep(c[tile + 1], unroll * tile * 4);
      return next;
    });
    auto narrow = [&](Value v) { return e.create<arith::TruncIOp>(e.i32, v); };
    Value positions = e.add(e.iota(), e.broadcast(e.vi32, narrow(position)));
    for (int64_t q = 0; q < tile; ++q) {
      Value own = e.broadcast(e.vi32, narrow(query[q].position));
      Value seen = e.create<arith::CmpIOp>(arith::CmpIPredicate::sle, positions, own);
      if (shape.window) {
        Value oldest = e.sub(own, e.splat(e.vi32, shape.window));
        seen = e.create<arith::AndIOp>(seen, e.less(oldest, positions));
      }
      e.store(e.select(seen, sums[q], e.splatF(e.vf32, kNever)), e.gep(out, q * kBlock * 4), 64);
    }
  }

  // Turns a query's scores into weights relative to the new maximum.
  void emitSoftmax(int64_t q) {
    constexpr int64_t kParts = kBlock / kLanes;
    Value s[kParts];
    for (int64_t i = 0; i < kParts; ++i)
      s[i] = e.load(e.vf32, e.gep(scores, (q * kBlock + i * kLanes) * 4), 64);
    Value highest =
        e.reduce(vector::CombiningKind::MAXNUMF, e.fmax(e.fmax(s[0], s[1]), e.fmax(s[2], s[3])));
    Value before = e.load(e.f32, e.gep(maxima, 4 * q), 4);
    Value now = e.fmax(before, highest);
    Value factor = e.exp(e.fsub(before, now));
    Value shift = e.broadcast(e.vf32, now), sum;
    for (int64_t i = 0; i < kParts; ++i) {
      Value w = e.exp(e.fsub(s[i], shift));
      e.store(w, e.gep(scores, (q * kBlock + i * kLanes) * 4), 64);
      sum = i ? e.fadd(sum, w) : w;
    }
    Value total = e.load(e.f32, e.gep(totals, 4 * q), 4);
    e.store(e.fma(total, factor, e.reduce(vector::CombiningKind::ADD, sum)), e.gep(totals, 4 * q),
            4);
    e.store(now, e.gep(maxima, 4 * q), 4);
    e.store(factor, e.gep(factors, 4 * q), 4);
  }

  // outputs = outputs * factor + weights * values, for `count` positions.
  void emitOutputs(Value block, Value count) {
    const int64_t laneBytes = kLanes * geometry.elementBytes;
    Value rows = geometry.valueRow(head, block);
    e.loop(e.c64(0), e.c64(valueLanes / kLanes), e.c64(1), {rows, outputs},
           [&](Value, ValueRange c) {
             Values carried;
             for (int64_t q = 0; q < tile; ++q) {
               Value old = e.load(e.vf32, e.gep(c[1], q * valueLanes * 4), 64);
               carried.push_back(e.fmul(old, e.broadcastLoad(e.gep(factors, 4 * q))));
             }
             carried.append({c[0], scores});
             Values sums = e.loop(e.c64(0), count, e.c64(1), carried, [&](Value, ValueRange s) {
               Values next(s.begin(), s.end());
               Value v = e.loadAsF32(element, s[tile], laneBytes);
               for (int64_t q = 0; q < tile; ++q)
                 next[q] = e.fma(v, e.broadcastLoad(e.gep(s[tile + 1], q * kBlock * 4)), s[q]);
               next[tile] = e.gep(s[tile], geometry.valueBytes);
               next[tile + 1] = e.gep(s[tile + 1], 4);
               return next;
             });
             for (int64_t q = 0; q < tile; ++q)
               e.store(sums[q], e.gep(c[1], q * valueLanes * 4), 64);
             return Values{e.gep(c[0], laneBytes), e.gep(c[1], 64)};
           });
  }

  void storeOutput(const Query &query, int64_t q) {
    const int64_t value = shape.cache.getValue();
    Value out = e.gep(p[kOut], e.mul(query.token, e.c64(shape.outRowBytes)));
    out = e.gep(out, e.mul(query.head, e.c64(4 * value)));
    Value inverse = e.broadcast(e.vf32, e.fdiv(e.cf(1), e.load(e.f32, e.gep(totals, 4 * q), 4)));
    for (int64_t lane = 0; lane < value; lane += kLanes) {
      Value v = e.load(e.vf32, e.gep(outputs, (q * valueLanes + lane) * 4), 64);
      v = e.fmul(v, inverse);
      if (value - lane < kLanes)
        e.maskedStore(v, e.gep(out, 4 * lane), e.laneMask(e.c64(value - lane)), 4);
      else
        e.store(v, e.gep(out, 4 * lane), 4);
    }
  }

  Emitter &e;
  const Shape &shape;
  int64_t tile;
  ValueRange p;
  int64_t key, valueLanes;
  Type element;
  CacheGeometry geometry;
  Value queries, scores, outputs, maxima, totals, factors;
  Value head, first;
};

} // namespace

void emitAttention(OpEmission &emission, AttentionOp op) {
  Emitter &outer = emission.e;
  Shape shape{op.getCache().getType(),
              op.getQuery().getType().getWidth() / op.getCache().getType().getKey(),
              // Positions have 32 bits in vectors; no sequence is longer than the largest.
              std::min(static_cast<int64_t>(op.getWindow()), int64_t(INT32_MAX)),
              op.getTable() ? op.getTable().getType().getWidth() : 0,
              op.getQuery().getType().getRowBytes(), op.getOut().getType().getRowBytes(),
              op.getTable() ? op.getTable().getType().getRowBytes() : 0};
  // Tiles whose accumulators and operands stay in registers.
  const Dot dot = emission.library.target.getDot();
  const bool wide = dot == Dot::Vnni512 || dot == Dot::Amx;
  SmallVector<int64_t> tiles = wide ? SmallVector<int64_t>{1, 4, 8} : SmallVector<int64_t>{1, 4};

  func::FuncOp driver = emission.library.get(
      shape.name(), parameterTypes(outer), op.getLoc(), [&](Emitter &e, ValueRange p) {
        Value count = e.mul(p[kRows], e.c64(shape.group()));
        std::function<void(size_t)> choose = [&](size_t i) {
          auto call = [&] {
            func::FuncOp body = emission.library.get(
                shape.name() + ".t" + std::to_string(tiles[i]), parameterTypes(e), op.getLoc(),
                [&](Emitter &inner, ValueRange q) {
                  AttentionBody(inner, shape, tiles[i], q).emit();
                });
            e.create<func::CallOp>(body, p);
          };
          if (i + 1 == tiles.size())
            return call();
          e.when(e.less(count, e.c64(tiles[i] + 1)), call, [&] { choose(i + 1); });
        };
        choose(0);
      });
  Values arguments(kParameters);
  arguments[kThread] = emission.team.thread;
  arguments[kThreads] = emission.team.threads;
  arguments[kRows] = emission.rows;
  arguments[kLayer] = emission.operand(op.getLayer());
  arguments[kStart] = emission.operand(op.getStart());
  arguments[kCapacity] = outer.load(
      outer.i64, outer.gep(emission.team.context, stepFieldOffset(StepField::capacity)), 8);
  arguments[kScale] = outer.cf(op.getScale().convertToFloat());
  arguments[kQuery] = emission.operand(op.getQuery());
  arguments[kCache] = emission.operand(op.getCache());
  arguments[kOut] = emission.operand(op.getOut());
  arguments[kTable] = op.getTable() ? emission.operand(op.getTable())
                                    : Value(outer.create<LLVM::ZeroOp>(outer.ptr));
  outer.create<func::CallOp>(driver, arguments);
}

} // namespace llmc::kernel
