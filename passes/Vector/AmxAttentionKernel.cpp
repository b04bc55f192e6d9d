// Attention on the AMX unit, for steps of many queries.
//
// The unit multiplies bfloat16, which has 8 significant bits; so each factor is split into two, the
// upper bits and the rest, and three of the four products are added: together they are as good as
// 16 bits, more than what an f16 cache has. Keys and values of a block of positions are split once
// for up to kAmxQueries queries; then those pass by in pairs of tiles, 32 at a time. Softmax is
// f32.
#include "passes/Vector/Attention.h"
#include "passes/Vector/CacheGeometry.h"
#include "passes/Vector/MatrixUnit.h"
#include <limits>

using namespace mlir;

namespace llmc::kernel {
namespace {

using P = AttentionParameter;

constexpr int64_t kPair = 32;                           // queries that pass by together
constexpr int64_t kScoreRow = kAttentionBlock * 4;      // bytes
constexpr int64_t kWeightRow = kAttentionBlock * 2;     // bytes, of one of the two parts
constexpr int64_t kWeightPart = kPair * kWeightRow;     // bytes
constexpr int64_t kBlockVectors = kAttentionBlock / 16; // of a row of scores

// A place in scratch memory of split factors: tiles of the upper bits, each followed by one of the
// rest.
constexpr int64_t kSplitTile = 2 * kAmxTileBytes;

class AmxAttention {
public:
  AmxAttention(Emitter &e, KernelLibrary &library, const AttentionShape &shape, ValueRange p)
      : e(e), library(library), shape(shape), p(p), unit(e),
        layout(shape.cache.getKey(), shape.cache.getValue()),
        geometry(e, shape.cache, p[P::kCache], p[P::kLayer], p[P::kCapacity]) {}

  void emit() {
    unit.configure(library);
    if (shape.cache.getKey() % 32)
      clearPadding();
    count = e.mul(p[P::kRows], e.c64(shape.group())); // queries per key/value head
    Value heads = e.c64(shape.cache.getHeads());
    // Several units for each thread, as long as each has a pair of tiles; how queries are shared
    // out does not change results.
    Value share = e.div(e.mul(count, heads), e.mul(p[P::kThreads], e.c64(4)));
    share = e.mul(e.div(e.add(share, e.c64(kPair - 1)), e.c64(kPair)), e.c64(kPair));
    share = e.max(e.min(share, e.c64(kAmxQueries)), e.c64(kPair));
    Value shares = e.div(e.add(count, e.sub(share, e.c64(1))), share);
    Value units = e.mul(shares, heads);
    // Later queries see more positions; taking turns gives all threads the same mix.
    e.loop(p[P::kThread], units, p[P::kThreads], {}, [&](Value number, ValueRange) {
      head = e.rem(number, heads);
      first = e.mul(e.div(number, heads), share);
      present = e.min(share, e.sub(count, first));
      emitUnit();
      return Values();
    });
    unit.release();
  }

private:
  Value at(int64_t offset) { return e.gep(p[P::kScratch], offset); }
  Value at(int64_t offset, Value index, int64_t bytes) {
    return e.gep(at(offset), e.mul(index, e.c64(bytes)));
  }
  // Of query q of the unit; what is not there repeats the step's last.
  Value index(Value q) { return e.min(e.add(first, q), e.sub(count, e.c64(1))); }
  Value token(Value q) { return e.div(index(q), e.c64(shape.group())); }
  Value queryHead(Value q) {
    return e.add(e.mul(head, e.c64(shape.group())), e.rem(index(q), e.c64(shape.group())));
  }
  Value position(Value q) { return e.add(p[P::kStart], token(q)); }

  void clear(Value from, int64_t bytes) {
    e.loop(e.c64(0), e.c64(bytes / 64), e.c64(1), {from}, [&](Value, ValueRange c) {
      e.store(e.splatF(e.vf32, 0), c[0], 64);
      return Values{e.gep(c[0], 64)};
    });
  }
  // Elements of keys beyond their number are never written, and multiply queries' zeros.
  void clearPadding() {
    clear(at(layout.row), layout.keyBlocks * 128);
    clear(at(layout.keys), kAttentionBlock / 16 * layout.keyBlocks * kSplitTile);
  }

  void emitUnit() {
    Value pairs = e.div(e.add(present, e.c64(kPair - 1)), e.c64(kPair));
    Value block = e.c64(kAttentionBlock);
    e.loop(e.c64(0), e.mul(pairs, e.c64(kPair)), [&](Value q) { loadQuery(q); });
    Value begin = e.c64(0), end = e.add(position(e.sub(present, e.c64(1))), e.c64(1));
    if (shape.window) {
      Value lowest = e.sub(position(e.c64(0)), e.c64(shape.window - 1));
      begin = e.mul(e.div(e.max(lowest, e.c64(0)), block), block);
    }
    e.loop(begin, end, block, {}, [&](Value from, ValueRange) {
      Value positions = e.min(e.sub(end, from), block);
      splitKeys(from, positions);
      splitValues(from, positions);
      e.loop(e.c64(0), pairs, [&](Value pair) {
        Value q = e.mul(pair, e.c64(kPair));
        Value last = position(e.add(q, e.c64(kPair - 1)));
        Value seen = e.less(from, e.add(last, e.c64(1)));
        if (shape.window) {
          Value oldest = e.sub(position(q), e.c64(shape.window));
          seen = e.create<arith::AndIOp>(seen, e.less(oldest, e.add(from, block)));
        }
        e.when(seen, [&] {
          // Positions in pairs of 16, and only those that some query of the pair sees.
          Value own = e.min(positions, e.sub(e.add(last, e.c64(1)), from));
          Value steps = e.div(e.add(own, e.c64(31)), e.c64(32));
          emitScores(pair, steps);
          e.loop(e.c64(0), e.c64(kPair), [&](Value i) { emitWeights(e.add(q, i), i, from); });
          emitOutputs(q, steps);
        });
      });
      return Values();
    });
    e.loop(e.c64(0), present, [&](Value q) {
      Value total =
          e.reduce(vector::CombiningKind::ADD, e.load(e.vf32, at(layout.totals, q, 64), 64));
      emitStoreOutput(e, shape, p, token(q), queryHead(q), at(layout.outputs, q, layout.outputRow),
                      e.broadcast(e.vf32, e.fdiv(e.cf(1), total)));
    });
  }

  // x rounded to 8 significant bits, and the rest.
  std::pair<Value, Value> split(Value x) {
    Value bits = e.add(e.bitcast(e.vi32, x), e.splat(e.vi32, 0x8000));
    bits = e.create<arith::AndIOp>(bits, e.splat(e.vi32, int32_t(0xffff0000)));
    Value upper = e.bitcast(e.vf32, bits);
    return {upper, e.fsub(x, upper)};
  }
  Value pack(Value low, Value high) {
    auto type = VectorType::get(2 * kLanes, e.b.getBF16Type());
    return e
        .create<LLVM::CallIntrinsicOp>(
            type, e.b.getStringAttr("llvm.x86.avx512bf16.cvtne2ps2bf16.512"), ValueRange{high, low})
        .getResults();
  }
  // 32 neighbours of a row of the left factor.
  void storeSplit(Value low, Value high, Value to, int64_t restOffset) {
    auto [lowUpper, lowRest] = split(low);
    auto [highUpper, highRest] = split(high);
    e.store(pack(lowUpper, highUpper), to, 64);
    e.store(pack(lowRest, highRest), e.gep(to, restOffset), 64);
  }
  // 16 lanes of two rows of the right factor, as pairs. `exact`: 16 bits hold them, so that the
  // rest needs no rounding.
  void storePairs(Value even, Value odd, bool exact, Value to) {
    auto [evenUpper, evenRest] = split(even);
    auto [oddUpper, oddRest] = split(odd);
    auto join = [&](Value low, Value high, bool round) -> Value {
      low = e.bitcast(e.vi32, low), high = e.bitcast(e.vi32, high);
      if (round) {
        low = e.add(low, e.splat(e.vi32, 0x8000));
        high = e.add(high, e.splat(e.vi32, 0x8000));
      }
      low = e.create<arith::ShRUIOp>(low, e.splat(e.vi32, 16));
      high = e.create<arith::AndIOp>(high, e.splat(e.vi32, int32_t(0xffff0000)));
      return e.create<arith::OrIOp>(low, high);
    };
    e.store(join(evenUpper, oddUpper, false), to, 64);
    e.store(join(evenRest, oddRest, !exact), e.gep(to, kAmxTileBytes), 64);
  }

  void loadQuery(Value q) {
    Value own = e.create<arith::TruncIOp>(e.i32, position(q));
    e.store(own, at(layout.positions, q, 4), 4);
    e.store(e.cf(kLeastScore), at(layout.maxima, q, 4), 4);
    e.store(e.splatF(e.vf32, 0), at(layout.totals, q, 64), 64);
    clear(at(layout.outputs, q, layout.outputRow), layout.outputRow);
    emitLoadQuery(e, shape, p, token(q), queryHead(q), at(layout.row));
    Value tile = at(layout.queries, e.div(q, e.c64(16)), layout.keyBlocks * kSplitTile);
    Value to = e.gep(tile, e.mul(e.rem(q, e.c64(16)), e.c64(64)));
    e.loop(e.c64(0), e.c64(layout.keyBlocks), e.c64(1), {at(layout.row), to},
           [&](Value, ValueRange c) {
             storeSplit(e.load(e.vf32, c[0], 64), e.load(e.vf32, e.gep(c[0], 64), 64), c[1],
                        kAmxTileBytes);
             return Values{e.gep(c[0], 128), e.gep(c[1], kSplitTile)};
           });
  }

  // To tiles [position / 16][key / 32] of pairs of key elements.
  void splitKeys(Value block, Value positions) {
    const int64_t lineBytes = geometry.keyLane(), key = shape.cache.getKey();
    const bool quantized = geometry.quantizedKeys();
    Value tiles = e.mul(e.div(e.add(positions, e.c64(31)), e.c64(32)), e.c64(2));
    e.loop(e.c64(0), tiles, e.c64(1), {geometry.keyTile(head, block), at(layout.keys)},
           [&](Value, ValueRange tile) {
             Value scales; // of the tile's positions, where keys are quantized
             auto line = [&](Value p) {
               Value lane = geometry.loadKey(p);
               return scales ? e.fmul(lane, scales) : lane;
             };
             auto pairs = [&](Value from, Value to, int64_t count) {
               return e.loop(
                   e.c64(0), e.c64(count), e.c64(1), {from, to}, [&](Value, ValueRange c) {
                     storePairs(line(c[0]), line(e.gep(c[0], lineBytes)), !quantized, c[1]);
                     return Values{e.gep(c[0], 2 * lineBytes), e.gep(c[1], 64)};
                   });
             };
             Values rest{tile[0], tile[1]};
             if (key / 32)
               rest = e.loop(e.c64(0), e.c64(key / 32), e.c64(1), rest, [&](Value, ValueRange c) {
                 Value from = c[0];
                 if (quantized) {
                   scales = geometry.loadScales(from);
                   from = e.gep(from, CacheGeometry::kScales);
                 }
                 return Values{pairs(from, c[1], 16)[0], e.gep(c[1], kSplitTile)};
               });
             if (key % 32 / 2)
               rest = pairs(rest[0], rest[1], key % 32 / 2);
             if (key % 2)
               storePairs(line(rest[0]), e.splatF(e.vf32, 0), true, rest[1]);
             return Values{e.gep(tile[0], kLanes * geometry.keyBytes),
                           e.gep(tile[1], layout.keyBlocks * kSplitTile)};
           });
  }

  // To tiles [position / 32][value / 16] of pairs of positions. What lies beyond the positions may
  // be anything, and a weight of 0 would not make it harmless.
  void splitValues(Value block, Value positions) {
    Value base = geometry.valueRow(head, block), half = e.c64(kLanes / 2);
    Value pairs = e.mul(e.div(e.add(positions, e.c64(31)), e.c64(32)), e.c64(16));
    e.loop(e.c64(0), pairs, [&](Value pair) {
      Value to = at(layout.values, e.div(pair, e.c64(16)), layout.valueTiles * kSplitTile);
      to = e.gep(to, e.mul(e.rem(pair, e.c64(16)), e.c64(64)));
      // The tile of 16 positions that the pair belongs to.
      Value tile = e.gep(base, e.mul(e.div(pair, half), e.c64(kLanes * geometry.valueBytes)));
      Value row = e.mul(e.rem(pair, half), e.c64(2)), next = e.mul(e.add(pair, e.c64(1)), e.c64(2));
      auto rows = [&](int64_t count) { splitRows(tile, row, count, to); };
      e.when(
          e.less(positions, next),
          [&] {
            e.when(
                e.equal(positions, e.sub(next, e.c64(1))), [&] { rows(1); }, [&] { rows(0); });
          },
          [&] { rows(2); });
    });
  }

  // Rows `row` and the next of a tile; zeros instead of those from `count` on.
  void splitRows(Value tile, Value row, int64_t count, Value to) {
    const bool quantized = geometry.quantizedValues();
    const int64_t rowBytes = quantized ? shape.cache.getValue() : geometry.valueBytes;
    Value from = e.gep(tile, e.mul(row, e.c64(rowBytes))), scales;
    if (quantized) {
      from = e.gep(from, geometry.valueScales());
      scales = e.gep(tile, e.mul(row, e.c64(2)));
    }
    e.loop(e.c64(0), e.c64(layout.valueTiles), e.c64(1), {from, to}, [&](Value k, ValueRange c) {
      auto line = [&](int64_t i) -> Value {
        if (i >= count)
          return e.splatF(e.vf32, 0);
        Value lane = geometry.loadValue(e.gep(c[0], i * rowBytes));
        if (!quantized)
          return lane;
        Value block = e.div(k, e.c64(llm::kCacheBlock / kLanes));
        Value scale = e.gep(scales, e.mul(block, e.c64(CacheGeometry::kScales)));
        return e.fmul(lane, geometry.loadScale(e.gep(scale, 2 * i)));
      };
      storePairs(line(0), line(1), !quantized, c[1]);
      return Values{e.gep(c[0], geometry.valueLane()), e.gep(c[1], kSplitTile)};
    });
  }

  // Adds the products of two tiles of split rows with one or two tiles of split pairs to tile
  // registers 0 to 3. `x` has rows `rowBytes` apart, the second tile's `secondX` further on, the
  // rest `restX`; `y` has its second tile right behind the first.
  void multiplySplit(Value x, int64_t rowBytes, int64_t secondX, int64_t restX, Value y,
                     int64_t secondY, bool two) {
    const int64_t columns = two ? 2 : 1;
    auto loadX = [&](int64_t offset) {
      for (int64_t i = 0; i < 2; ++i)
        unit.load(4 + i, e.gep(x, i * secondX + offset), rowBytes);
    };
    auto loadY = [&](int64_t offset) {
      for (int64_t j = 0; j < columns; ++j)
        unit.load(6 + j, e.gep(y, j * secondY + offset), 64);
    };
    auto multiply = [&] {
      for (int64_t i = 0; i < 2; ++i)
        for (int64_t j = 0; j < columns; ++j)
          unit.multiply(2 * i + j, 4 + i, 6 + j);
    };
    loadX(restX);
    loadY(0);
    multiply();
    loadX(0);
    multiply();
    loadY(kAmxTileBytes);
    multiply();
  }

  void emitScores(Value pair, Value steps) {
    const int64_t tileBytes = layout.keyBlocks * kSplitTile;
    Value queries = at(layout.queries, pair, 2 * tileBytes);
    e.loop(e.c64(0), steps, e.c64(1), {at(layout.keys), at(layout.scores)},
           [&](Value, ValueRange c) {
             for (int64_t tile = 0; tile < 4; ++tile)
               unit.zero(tile);
             e.loop(e.c64(0), e.c64(layout.keyBlocks), e.c64(1), {queries, c[0]},
                    [&](Value, ValueRange s) {
                      multiplySplit(s[0], 64, tileBytes, kAmxTileBytes, s[1], tileBytes, true);
                      return Values{e.gep(s[0], kSplitTile), e.gep(s[1], kSplitTile)};
                    });
             for (int64_t i = 0; i < 2; ++i)
               for (int64_t j = 0; j < 2; ++j)
                 unit.store(2 * i + j, e.gep(c[1], i * 16 * kScoreRow + j * 64), kScoreRow);
             return Values{e.gep(c[0], 2 * tileBytes), e.gep(c[1], 128)};
           });
  }

  // Row i of the scores, which are query q's, becomes weights relative to the new maximum.
  void emitWeights(Value q, Value i, Value block) {
    Value row = at(layout.scores, i, kScoreRow);
    Value own = e.broadcast(e.vi32, e.load(e.i32, at(layout.positions, q, 4), 4));
    Value from = e.broadcast(e.vi32, e.create<arith::TruncIOp>(e.i32, block).getResult());
    own = e.sub(own, from); // of the block's positions
    Value never = e.splatF(e.vf32, -std::numeric_limits<float>::infinity());
    Values scores;
    for (int64_t j = 0; j < kBlockVectors; ++j) {
      Value here = e.add(e.iota(), e.splat(e.vi32, j * kLanes));
      Value seen = e.create<arith::CmpIOp>(arith::CmpIPredicate::sle, here, own);
      if (shape.window) {
        Value oldest = e.sub(own, e.splat(e.vi32, shape.window));
        seen = e.create<arith::AndIOp>(seen, e.less(oldest, here));
      }
      Value score = emitSoftcap(e, shape, e.load(e.vf32, e.gep(row, 64 * j), 64));
      scores.push_back(e.select(seen, score, never));
    }
    Values tree = scores;
    for (; tree.size() > 1; tree.truncate(tree.size() / 2))
      for (size_t j = 0; j < tree.size() / 2; ++j)
        tree[j] = emitLarger(e, tree[j], tree[j + tree.size() / 2]);
    Value maximum = at(layout.maxima, q, 4), before = e.load(e.f32, maximum, 4);
    Value now = emitLarger(e, emitLargest(e, tree[0]), before);
    Value totals = at(layout.totals, q, 64);
    e.when(e.create<arith::CmpFOp>(arith::CmpFPredicate::ONE, now, before), [&] {
      Value factor = e.broadcast(e.vf32, emitPower(e, e.fsub(before, now)));
      e.store(now, maximum, 4);
      e.store(e.fmul(e.load(e.vf32, totals, 64), factor), totals, 64);
      e.loop(e.c64(0), e.c64(layout.valueTiles), e.c64(1),
             {at(layout.outputs, q, layout.outputRow)}, [&](Value, ValueRange c) {
               e.store(e.fmul(e.load(e.vf32, c[0], 64), factor), c[0], 64);
               return Values{e.gep(c[0], 64)};
             });
    });
    Value shift = e.broadcast(e.vf32, now), sum = e.load(e.vf32, totals, 64);
    Value weights = at(layout.weights, i, kWeightRow);
    for (int64_t j = 0; j < kBlockVectors; j += 2) {
      Value low = emitPower(e, e.fsub(scores[j], shift));
      Value high = emitPower(e, e.fsub(scores[j + 1], shift));
      sum = e.fadd(sum, e.fadd(low, high));
      storeSplit(low, high, e.gep(weights, 32 * j), kWeightPart);
    }
    e.store(sum, totals, 64);
  }

  void emitOutputs(Value q, Value steps) {
    Value outputs = at(layout.outputs, q, layout.outputRow);
    auto tiles = [&](Value values, Value out, bool two) {
      auto each = [&](const std::function<void(int64_t, Value)> &body) {
        for (int64_t i = 0; i < 2; ++i)
          for (int64_t j = 0; j < (two ? 2 : 1); ++j)
            body(2 * i + j, e.gep(out, i * 16 * layout.outputRow + 64 * j));
      };
      each([&](int64_t tile, Value at) { unit.load(tile, at, layout.outputRow); });
      e.loop(e.c64(0), steps, e.c64(1), {at(layout.weights), values}, [&](Value, ValueRange s) {
        multiplySplit(s[0], kWeightRow, 16 * kWeightRow, kWeightPart, s[1], kSplitTile, two);
        return Values{e.gep(s[0], 64), e.gep(s[1], layout.valueTiles * kSplitTile)};
      });
      each([&](int64_t tile, Value at) { unit.store(tile, at, layout.outputRow); });
    };
    Values end{at(layout.values), outputs};
    if (layout.valueTiles / 2)
      end = e.loop(e.c64(0), e.c64(layout.valueTiles / 2), e.c64(1), end, [&](Value, ValueRange c) {
        tiles(c[0], c[1], true);
        return Values{e.gep(c[0], 2 * kSplitTile), e.gep(c[1], 128)};
      });
    if (layout.valueTiles % 2)
      tiles(end[0], end[1], false);
  }

  Emitter &e;
  KernelLibrary &library;
  const AttentionShape &shape;
  ValueRange p;
  MatrixUnit unit;
  AmxAttentionScratch layout;
  CacheGeometry geometry;
  Value count, head, first, present;
};

} // namespace

func::FuncOp getAmxAttention(KernelLibrary &library, Location loc, const AttentionShape &shape) {
  OpBuilder b(library.module.getContext());
  Emitter types(b, loc);
  return library.get(shape.name() + ".amx", attentionParameterTypes(types), loc,
                     [&](Emitter &e, ValueRange p) { AmxAttention(e, library, shape, p).emit(); });
}

} // namespace llmc::kernel
