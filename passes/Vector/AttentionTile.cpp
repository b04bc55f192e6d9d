// Attention of a tile of queries that share a key/value head, in fused multiply-adds. Lanes are
// positions while scores are computed and elements of the value while outputs are; in both a line
// of the cache is loaded and widened once for all queries of the tile.
#include "passes/Vector/Attention.h"
#include "passes/Vector/CacheGeometry.h"
#include <limits>

using namespace mlir;

namespace llmc::kernel {
namespace {

using P = AttentionParameter;

int64_t largestDivisor(int64_t n, int64_t most) {
  int64_t divisor = std::clamp<int64_t>(most, 1, n);
  while (n % divisor)
    --divisor;
  return divisor;
}

class AttentionTile {
public:
  AttentionTile(Emitter &e, const AttentionShape &shape, int64_t tile, int64_t sums, ValueRange p)
      : e(e), shape(shape), tile(tile), sums(sums), p(p),
        layout(tile, shape.cache.getKey(), shape.cache.getValue()),
        geometry(e, shape.cache, p[P::kCache], p[P::kLayer], p[P::kCapacity]) {
    // Blocks are whole in the cache, so that tiles may be read in pairs or fours.
    positionTiles = sums / tile >= 4 ? 4 : sums / tile >= 2 ? 2 : 1;
  }

  // One token: units are parts of a head's positions, each with all of its query heads.
  void emitToken() {
    const int64_t tiles = llvm::divideCeil(shape.group(), tile);
    AttentionParts parts(e, p[P::kStart], shape.window);
    Value units = e.mul(parts.count, e.c64(shape.cache.getHeads() * tiles));
    auto [begin, end] = e.split(units, p[P::kThread], p[P::kThreads]);
    count = e.c64(shape.group());
    e.loop(begin, end, [&, begin = begin](Value unit) {
      Value part = e.div(unit, e.c64(tiles));
      first = e.mul(e.rem(unit, e.c64(tiles)), e.c64(tile));
      head = e.div(part, parts.count);
      part = e.rem(part, parts.count);
      if (tiles > 1)
        loadQueries();
      else
        e.when(e.create<arith::OrIOp>(e.equal(part, e.c64(0)), e.equal(unit, begin)),
               [&] { loadQueries(); });
      resetSums();
      Value from = e.add(parts.begin, e.mul(part, parts.length));
      emitBlocks(from, e.min(e.add(from, parts.length), parts.end));
      Value row = e.add(e.mul(head, e.c64(kAttentionParts)), part);
      row = e.add(e.mul(row, e.c64(shape.group())), first);
      eachQuery([&](Value q) {
        Value to =
            e.gep(p[P::kParts], e.mul(e.add(row, q), e.c64(partsRowBytes(shape.cache.getValue()))));
        Value from = e.gep(outputs(), e.mul(q, e.c64(layout.outputRow)));
        e.loop(e.c64(0), e.c64(layout.outputRow / 64), e.c64(1), {from, to},
               [&](Value, ValueRange c) {
                 e.store(e.load(e.vf32, c[0], 64), c[1], 64);
                 return Values{e.gep(c[0], 64), e.gep(c[1], 64)};
               });
        Value last = e.gep(to, layout.outputRow);
        e.store(e.load(e.f32, scalar(layout.maxima, q), 4), last, 4);
        e.store(total(q), e.gep(last, 4), 4);
      });
    });
  }

  // Units are tiles of a head's queries, each with all the positions that they see.
  void emitPrompt() {
    count = e.mul(p[P::kRows], e.c64(shape.group())); // queries per key/value head
    Value tiles = e.div(e.add(count, e.c64(tile - 1)), e.c64(tile));
    Value units = e.mul(tiles, e.c64(shape.cache.getHeads()));
    // Later tiles see more positions; taking turns gives all threads the same mix.
    e.loop(p[P::kThread], units, p[P::kThreads], {}, [&](Value unit, ValueRange) {
      head = e.div(unit, tiles);
      first = e.mul(e.rem(unit, tiles), e.c64(tile));
      loadQueries();
      resetSums();
      Value begin = e.c64(0);
      if (shape.window) {
        Value lowest = e.sub(position(e.c64(0)), e.c64(shape.window - 1));
        Value block = e.c64(kAttentionBlock);
        begin = e.mul(e.div(e.max(lowest, e.c64(0)), block), block);
      }
      emitBlocks(begin, e.add(position(e.c64(tile - 1)), e.c64(1)));
      eachQuery([&](Value q) {
        Value row = e.gep(outputs(), e.mul(q, e.c64(layout.outputRow)));
        Value inverse = e.broadcast(e.vf32, e.fdiv(e.cf(1), total(q)));
        emitStoreOutput(e, shape, p, token(q), queryHead(q), row, inverse);
      });
      return Values();
    });
  }

private:
  Value at(int64_t offset) { return e.gep(p[P::kScratch], offset); }
  Value outputs() { return at(layout.outputs); }
  Value scalar(int64_t offset, Value q) { return e.gep(at(offset), e.mul(q, e.c64(4))); }
  Value vector(int64_t offset, Value q) { return e.gep(at(offset), e.mul(q, e.c64(64))); }

  // Queries that are not there repeat the last one.
  Value index(Value q) { return e.min(e.add(first, q), e.sub(count, e.c64(1))); }
  Value token(Value q) { return e.div(index(q), e.c64(shape.group())); }
  Value queryHead(Value q) {
    return e.add(e.mul(head, e.c64(shape.group())), e.rem(index(q), e.c64(shape.group())));
  }
  Value position(Value q) { return e.add(p[P::kStart], token(q)); }
  Value total(Value q) {
    return e.reduce(vector::CombiningKind::ADD, e.load(e.vf32, vector(layout.totals, q), 64));
  }
  // Queries that are there.
  void eachQuery(const std::function<void(Value)> &body) {
    e.loop(e.c64(0), e.min(e.c64(tile), e.sub(count, first)), body);
  }

  void loadQueries() {
    e.loop(e.c64(0), e.c64(tile), [&](Value q) {
      Value own = e.create<arith::TruncIOp>(e.i32, position(q));
      e.store(own, scalar(layout.positions, q), 4);
      emitLoadQuery(e, shape, p, token(q), queryHead(q),
                    e.gep(at(layout.queries), e.mul(q, e.c64(layout.queryRow))));
    });
  }

  void resetSums() {
    Value least = e.splatF(e.vf32, kLeastScore), zero = e.splatF(e.vf32, 0);
    e.loop(e.c64(0), e.c64(tile), [&](Value q) {
      e.store(e.cf(kLeastScore), scalar(layout.maxima, q), 4);
      e.store(least, vector(layout.highest, q), 64);
      e.store(zero, vector(layout.totals, q), 64);
    });
    e.loop(e.c64(0), e.c64(tile * layout.outputRow / 64), e.c64(1), {outputs()},
           [&](Value, ValueRange c) {
             e.store(zero, c[0], 64);
             return Values{e.gep(c[0], 64)};
           });
  }

  void emitBlocks(Value begin, Value end) {
    e.loop(begin, end, e.c64(kAttentionBlock), {}, [&](Value block, ValueRange) {
      Value positions = e.min(e.sub(end, block), e.c64(kAttentionBlock));
      emitScores(block, positions);
      e.loop(e.c64(0), e.c64(tile), [&](Value q) { emitWeights(q, positions); });
      emitOutputs(block, positions);
      return Values();
    });
  }

  // scores[q][n] for the positions of a block, and the highest of each lane.
  void emitScores(Value block, Value positions) {
    const int64_t tileBytes = kLanes * geometry.keyBytes;
    e.loop(e.c64(0), positions, e.c64(positionTiles * kLanes),
           {geometry.keyTile(head, block), at(layout.scores)}, [&](Value n, ValueRange c) {
             Values products = emitProducts(c[0], tileBytes);
             storeScores(products, e.add(block, n), c[1]);
             return Values{e.gep(c[0], positionTiles * tileBytes), e.gep(c[1], positionTiles * 64)};
           });
  }

  // The products of all queries with `positionTiles` tiles of keys, [tile][positionTiles].
  Values emitProducts(Value keys, int64_t tileBytes) {
    const int64_t key = shape.cache.getKey(), count = tile * positionTiles;
    Values sums(count, e.splatF(e.vf32, 0));
    sums.append({keys, at(layout.queries)});
    if (geometry.quantizedKeys())
      sums =
          e.loop(e.c64(0), e.c64(key / llm::kCacheBlock), e.c64(1), sums, [&](Value, ValueRange c) {
            Values scales, carried(c.begin(), c.end());
            for (int64_t j = 0; j < positionTiles; ++j)
              scales.push_back(geometry.loadScales(e.gep(c[count], j * tileBytes)));
            carried[count] = e.gep(c[count], CacheGeometry::kScales);
            return emitProductsOf(llm::kCacheBlock, tileBytes, scales, carried);
          });
    else
      sums = emitProductsOf(key, tileBytes, {}, sums);
    sums.truncate(count);
    return sums;
  }

  // Adds those of `elements` elements to the sums, which keys and queries follow in `carried`.
  Values emitProductsOf(int64_t elements, int64_t tileBytes, ValueRange scales,
                        ValueRange carried) {
    const int64_t unroll = elements % 4 == 0 ? 4 : 1, count = tile * positionTiles;
    const int64_t lineBytes = geometry.keyLane(), near = positionTiles * tileBytes;
    return e.loop(e.c64(0), e.c64(elements), e.c64(unroll), carried, [&](Value, ValueRange c) {
      Values next(c.begin(), c.end());
      for (int64_t i = 0; i < unroll; ++i) {
        Values k;
        for (int64_t j = 0; j < positionTiles; ++j) {
          Value line = e.gep(c[count], j * tileBytes + i * lineBytes);
          Value lane = geometry.loadKey(line);
          k.push_back(scales.empty() ? lane : e.fmul(lane, scales[j]));
          if (i * lineBytes % 64 == 0)
            prefetch(line, near, kAttentionBlock * geometry.keyBytes);
        }
        for (int64_t q = 0; q < tile; ++q) {
          Value x = e.broadcastLoad(e.gep(c[count + 1], q * layout.queryRow + 4 * i));
          for (int64_t j = 0; j < positionTiles; ++j) {
            Value &sum = next[q * positionTiles + j];
            sum = e.fma(k[j], x, sum);
          }
        }
      }
      next[count] = e.gep(c[count], unroll * lineBytes);
      next[count + 1] = e.gep(c[count + 1], unroll * 4);
      return next;
    });
  }

  void prefetch(Value line, int64_t near, int64_t far) {
    e.create<LLVM::Prefetch>(e.gep(line, near), 0, 3, 1);
    e.create<LLVM::Prefetch>(e.gep(line, far), 0, 2, 1);
  }

  void storeScores(ArrayRef<Value> products, Value position, Value out) {
    Value narrow = e.create<arith::TruncIOp>(e.i32, position);
    Value positions = e.add(e.iota(), e.broadcast(e.vi32, narrow));
    Value never = e.splatF(e.vf32, -std::numeric_limits<float>::infinity());
    for (int64_t q = 0; q < tile; ++q) {
      Value own = e.broadcast(e.vi32, e.load(e.i32, at(layout.positions + 4 * q), 4));
      Value place = at(layout.highest + 64 * q), highest = e.load(e.vf32, place, 64);
      for (int64_t j = 0; j < positionTiles; ++j) {
        Value here = j ? e.add(positions, e.splat(e.vi32, j * kLanes)) : positions;
        Value seen = e.create<arith::CmpIOp>(arith::CmpIPredicate::sle, here, own);
        if (shape.window) {
          Value oldest = e.sub(own, e.splat(e.vi32, shape.window));
          seen = e.create<arith::AndIOp>(seen, e.less(oldest, here));
        }
        Value score = emitSoftcap(e, shape, products[q * positionTiles + j]);
        score = e.select(seen, score, never);
        e.store(score, e.gep(out, q * kAttentionBlock * 4 + 64 * j), 64);
        highest = emitLarger(e, score, highest);
      }
      e.store(highest, place, 64);
    }
  }

  // Turns a query's scores into weights relative to the new maximum.
  void emitWeights(Value q, Value positions) {
    Value place = vector(layout.highest, q);
    Value highest = emitLargest(e, e.load(e.vf32, place, 64));
    e.store(e.splatF(e.vf32, kLeastScore), place, 64);
    Value before = e.load(e.f32, scalar(layout.maxima, q), 4);
    Value now = emitLarger(e, highest, before);
    Value factor = emitPower(e, e.fsub(before, now));
    e.store(now, scalar(layout.maxima, q), 4);
    e.store(factor, scalar(layout.factors, q), 4);
    Value shift = e.broadcast(e.vf32, now);
    Value row = e.gep(at(layout.scores), e.mul(q, e.c64(kAttentionBlock * 4)));
    Value totals = vector(layout.totals, q);
    Value sum = e.fmul(e.load(e.vf32, totals, 64), e.broadcast(e.vf32, factor));
    Values end = e.loop(e.c64(0), positions, e.c64(positionTiles * kLanes), {sum, row},
                        [&](Value, ValueRange c) {
                          Value sum = c[0];
                          for (int64_t j = 0; j < positionTiles; ++j) {
                            Value score = e.load(e.vf32, e.gep(c[1], 64 * j), 64);
                            Value weight = emitPower(e, e.fsub(score, shift));
                            e.store(weight, e.gep(c[1], 64 * j), 64);
                            sum = e.fadd(sum, weight);
                          }
                          return Values{sum, e.gep(c[1], 64 * positionTiles)};
                        });
    e.store(end[0], totals, 64);
  }

  // outputs = outputs * factor + weights * values.
  void emitOutputs(Value block, Value positions) {
    const int64_t vectors = layout.outputRow / 64;
    const bool quantized = geometry.quantizedValues();
    // No vectors cross the blocks of quantized values.
    const int64_t most = quantized ? llm::kCacheBlock / kLanes : vectors;
    const int64_t width = largestDivisor(vectors, std::min(most, sums / tile));
    Value values = geometry.valueRow(head, block);
    Value rows = quantized ? e.gep(values, geometry.valueScales()) : values;
    e.loop(e.c64(0), e.c64(vectors), e.c64(width), {rows, outputs()},
           [&](Value lane, ValueRange c) {
             if (quantized)
               scaleWeights(values, lane, positions);
             Values carried;
             for (int64_t q = 0; q < tile; ++q) {
               Value factor = e.broadcastLoad(at(layout.factors + 4 * q));
               for (int64_t j = 0; j < width; ++j)
                 carried.push_back(e.fmul(output(c[1], q, j), factor));
             }
             carried.append({c[0], at(quantized ? layout.scaled : layout.scores)});
             Values sums = quantized ? sumTiles(positions, width, carried)
                                     : sumRows(positions, width, geometry.valueBytes, carried);
             for (int64_t q = 0; q < tile; ++q)
               for (int64_t j = 0; j < width; ++j)
                 e.store(sums[q * width + j], e.gep(c[1], q * layout.outputRow + 64 * j), 64);
             return Values{e.gep(c[0], width * geometry.valueLane()), e.gep(c[1], 64 * width)};
           });
  }

  // Weights times the scales of the block of values that vector `lane` of a row belongs to.
  void scaleWeights(Value values, Value lane, Value positions) {
    Value block = e.div(lane, e.c64(llm::kCacheBlock / kLanes));
    Value scales = e.gep(values, e.mul(block, e.c64(CacheGeometry::kScales)));
    e.loop(e.c64(0), positions, e.c64(kLanes), {scales, at(layout.scores), at(layout.scaled)},
           [&](Value, ValueRange c) {
             Value scale = geometry.loadScales(c[0]);
             for (int64_t q = 0; q < tile; ++q) {
               Value weight = e.load(e.vf32, e.gep(c[1], q * kAttentionBlock * 4), 64);
               e.store(e.fmul(weight, scale), e.gep(c[2], q * kAttentionBlock * 4), 64);
             }
             return Values{e.gep(c[0], kLanes * geometry.valueBytes), e.gep(c[1], 64),
                           e.gep(c[2], 64)};
           });
  }

  // Adds tiles of quantized rows; the weight of a position that is not there is 0.
  Values sumTiles(Value positions, int64_t width, ValueRange carried) {
    const int64_t count = tile * width;
    return e.loop(e.c64(0), positions, e.c64(kLanes), carried, [&](Value, ValueRange c) {
      Values next = sumRows(e.c64(kLanes), width, shape.cache.getValue(), c);
      next[count] = e.gep(c[count], kLanes * geometry.valueBytes);
      return next;
    });
  }

  // Adds weights times rows to the sums, which rows and weights follow in `carried`.
  Values sumRows(Value positions, int64_t width, int64_t rowBytes, ValueRange carried) {
    const int64_t count = tile * width, laneBytes = geometry.valueLane();
    return e.loop(e.c64(0), positions, e.c64(1), carried, [&](Value, ValueRange s) {
      Values next(s.begin(), s.end()), v;
      for (int64_t j = 0; j < width; ++j) {
        Value line = e.gep(s[count], j * laneBytes);
        v.push_back(geometry.loadValue(line));
        if (j * laneBytes % 64 == 0)
          prefetch(line, 16 * geometry.valueBytes, kAttentionBlock * geometry.valueBytes);
      }
      for (int64_t q = 0; q < tile; ++q) {
        Value w = e.broadcastLoad(e.gep(s[count + 1], q * kAttentionBlock * 4));
        for (int64_t j = 0; j < width; ++j)
          next[q * width + j] = e.fma(v[j], w, s[q * width + j]);
      }
      next[count] = e.gep(s[count], rowBytes);
      next[count + 1] = e.gep(s[count + 1], 4);
      return next;
    });
  }

  Value output(Value base, int64_t q, int64_t j) {
    return e.load(e.vf32, e.gep(base, q * layout.outputRow + 64 * j), 64);
  }

  Emitter &e;
  const AttentionShape &shape;
  int64_t tile, sums, positionTiles;
  ValueRange p;
  AttentionScratch layout;
  CacheGeometry geometry;
  Value count, head, first;
};

} // namespace

func::FuncOp getTokenAttention(KernelLibrary &library, Location loc, const AttentionShape &shape) {
  OpBuilder b(library.module.getContext());
  Emitter types(b, loc);
  AttentionTiles tiles = attentionTiles(library.target.getDot(), shape.group());
  return library.get(shape.name() + ".token", attentionParameterTypes(types), loc,
                     [&](Emitter &e, ValueRange p) {
                       AttentionTile(e, shape, tiles.token, tiles.sums, p).emitToken();
                     });
}

func::FuncOp getPromptAttention(KernelLibrary &library, Location loc, const AttentionShape &shape) {
  OpBuilder b(library.module.getContext());
  Emitter types(b, loc);
  AttentionTiles tiles = attentionTiles(library.target.getDot(), shape.group());
  return library.get(shape.name() + ".prompt", attentionParameterTypes(types), loc,
                     [&](Emitter &e, ValueRange p) {
                       AttentionTile(e, shape, tiles.prompt, tiles.sums, p).emitPrompt();
                     });
}

} // namespace llmc::kernel
