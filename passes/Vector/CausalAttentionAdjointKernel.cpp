// The adjoint of attention of sequences to themselves. Lanes are keys: what is summed over keys
// takes rows of keys as they are, what is summed over queries takes elements of queries as they
// are, so that only keys, values and their adjoints are transposed, once for a block.
#include "passes/Vector/Attention.h"
#include "passes/Vector/CausalAttention.h"
#include <limits>

using namespace mlir;

namespace llmc::kernel {
namespace {

enum Parameter {
  kThread,
  kThreads,
  kRows,
  kScale,
  kScratch,
  kAdjoint,
  kQuery,
  kKeys,
  kValues,
  kOutput,
  kLogSums,
  kQueryAdjoint,
  kKeysAdjoint,
  kValuesAdjoint
};

class CausalBackward : CausalKernel {
public:
  CausalBackward(Emitter &e, const CausalShape &shape, Dot dot, ValueRange p)
      : CausalKernel(e, shape, p[kRows]), p(p), layout(dot, shape.key, shape.value),
        tile(layout.tile), lanes(tile.lanes()), line(layout.kLine) {}

  void emit() {
    Value units = e.mul(sequences, e.c64(shape.kvHeads));
    e.loop(p[kThread], units, p[kThreads], {}, [&](Value unit, ValueRange) {
      kvHead = e.rem(unit, e.c64(shape.kvHeads));
      now = sequence(e.div(unit, e.c64(shape.kvHeads)));
      // The heads of a group lie side by side.
      RowPart queries =
          head(p[kQueryAdjoint], shape.queryRow, now.first, kvHead, shape.group() * shape.key);
      emitZeroRows(e, queries, shape.group() * shape.key, e.c64(0), now.length, false);
      e.loop(e.c64(0), now.length, e.c64(kCausalKeys), {}, [&](Value from, ValueRange) {
        emitBlock(from);
        return Values();
      });
      return Values();
    });
  }

private:
  Value at(int64_t offset) { return e.gep(p[kScratch], offset); }

  // A block of keys with all the queries that see some of it.
  void emitBlock(Value from) {
    block = from;
    Value there = e.min(e.sub(now.length, from), e.c64(kCausalKeys));
    Value row = e.add(now.first, from);
    load(head(p[kKeys], shape.keyRow, row, kvHead, shape.key), {at(layout.keys), layout.keyRow, 64},
         shape.key, there, e.broadcast(e.vf32, p[kScale]), layout.keyColumns, layout.keyLines);
    load(head(p[kValues], shape.valueRow, row, kvHead, shape.value),
         {at(layout.rows), layout.valueRow, 64}, shape.value, there, Value(), layout.valueColumns,
         layout.valueLines);
    clear(layout.keySums, layout.keyLines);
    clear(layout.valueSums, layout.valueLines);
    Value end = now.length;
    if (shape.window)
      end = e.min(end, e.add(from, e.c64(kCausalKeys - 1 + shape.window)));
    e.loop(from, end, e.c64(layout.queryCount), {}, [&](Value at, ValueRange) {
      token = at;
      count = e.min(e.sub(end, at), e.c64(layout.queryCount));
      seen = e.min(e.add(e.sub(at, from), count), e.c64(kCausalKeys));
      e.loop(e.c64(0), e.c64(shape.group()), [&](Value index) {
        head_ = e.add(e.mul(kvHead, e.c64(shape.group())), index);
        emitTile();
      });
      return Values();
    });
    // Queries were times log2(e), derivatives of scores lack the scale.
    Value factor = e.broadcast(e.vf32, e.fmul(p[kScale], e.cf(kLn2)));
    store(layout.keySums, layout.keyLines, layout.keyRow, factor,
          head(p[kKeysAdjoint], shape.keyRow, row, kvHead, shape.key), shape.key, there);
    store(layout.valueSums, layout.valueLines, layout.valueRow, Value(),
          head(p[kValuesAdjoint], shape.valueRow, row, kvHead, shape.value), shape.value, there);
  }

  // Copies rows of keys, zeros where there are none, and transposes them.
  void load(RowPart from, RowPart to, int64_t width, Value there, Value factor, int64_t columns,
            int64_t lines) {
    emitCopyRows(e, from, to, width, there, factor);
    emitZeroRows(e, to, width, there, e.c64(kCausalKeys), true);
    emitTranspose(e, to, {at(columns), line, 64}, kCausalKeys, lines);
  }
  void clear(int64_t sums, int64_t lines) {
    emitZeroRows(e, {at(sums), line, 64}, kCausalKeys, e.c64(0), e.c64(lines), true);
  }
  void store(int64_t sums, int64_t lines, int64_t rowBytes, Value factor, RowPart to, int64_t width,
             Value there) {
    RowPart rows{at(layout.rows), rowBytes, 64};
    emitTranspose(e, {at(sums), line, 64}, rows, lines, kCausalKeys);
    if (factor)
      emitCopyRows(e, rows, rows, width, there, factor);
    emitWriteRows(e, rows, to, width, there, false);
  }

  // A tile of queries of a head.
  void emitTile() {
    Value row = e.add(now.first, token);
    emitCopyRows(e, head(p[kQuery], shape.queryRow, row, head_, shape.key),
                 {at(layout.queries), layout.keyRow, 64}, shape.key, count,
                 e.splatF(e.vf32, kLog2e));
    emitMeans(row);
    eachPart(lanes, seen, [&](Value lane) {
      eachPart(tile.rows, count, [&](Value query) {
        emitWeights(query, lane);
        emitSlopes(query, lane);
      });
    });
    emitQueries(row);
    eachPart(lanes, seen, [&](Value lane) {
      emitSums(layout.queries, layout.keyRow, shape.key, layout.slopes, layout.keySums, lane);
      emitSums(layout.adjoints, layout.valueRow, shape.value, layout.weights, layout.valueSums,
               lane);
    });
  }

  void eachPart(int64_t step, Value end, const std::function<void(Value)> &body) {
    e.loop(e.c64(0), end, e.c64(step), {}, [&](Value i, ValueRange) {
      body(i);
      return Values();
    });
  }
  Value place(int64_t offset, Value row, int64_t rowBytes, Value column) {
    return e.gep(e.gep(at(offset), e.mul(row, e.c64(rowBytes))), e.mul(column, e.c64(4)));
  }
  Value place(int64_t offset, Value index) { return e.gep(at(offset), e.mul(index, e.c64(4))); }

  // Copies the adjoints of a tile; of each row the sum of adjoint times output, and the logarithm
  // to base 2.
  void emitMeans(Value row) {
    RowPart output = head(p[kOutput], shape.outRow, row, head_, shape.value);
    RowPart adjoint = head(p[kAdjoint], shape.outRow, row, head_, shape.value);
    RowPart logSum = head(p[kLogSums], shape.logSumRow, row, head_, 1);
    e.loop(e.c64(0), count, e.c64(1),
           {adjoint.place, output.place, logSum.place, at(layout.adjoints), at(layout.means),
            at(layout.logSums)},
           [&](Value, ValueRange c) {
             Value mean = emitMean(c[0], c[1], c[3], output.align);
             e.store(mean, c[4], 4);
             e.store(e.fmul(e.load(e.f32, c[2], 4), e.cf(kLog2e)), c[5], 4);
             return Values{e.gep(c[0], adjoint.stride),
                           e.gep(c[1], output.stride),
                           e.gep(c[2], logSum.stride),
                           e.gep(c[3], layout.valueRow),
                           e.gep(c[4], 4),
                           e.gep(c[5], 4)};
           });
  }
  Value emitMean(Value adjoint, Value output, Value copy, unsigned align) {
    auto step = [&](ValueRange c, Value mask) {
      auto load = [&](Value at) {
        return mask ? e.maskedLoad(e.vf32, at, mask, align) : e.load(e.vf32, at, align);
      };
      Value x = load(c[1]);
      e.store(x, c[3], 64);
      return Values{e.fma(x, load(c[2]), c[0]), e.gep(c[1], 64), e.gep(c[2], 64), e.gep(c[3], 64)};
    };
    Values sums{e.splatF(e.vf32, 0), adjoint, output, copy};
    sums = e.loop(e.c64(0), e.c64(shape.value / kLanes), e.c64(1), sums,
                  [&](Value, ValueRange c) { return step(c, Value()); });
    if (shape.value % kLanes)
      sums = step(sums, e.laneMask(e.c64(shape.value % kLanes)));
    return e.reduce(vector::CombiningKind::ADD, sums[0]);
  }

  // The weights of a tile of queries by keys. Queries that are not there have rows of their own.
  void emitWeights(Value query, Value lane) {
    BroadcastProduct product{.a = place(layout.queries, query, layout.keyRow, e.c64(0)),
                             .aRow = layout.keyRow,
                             .aStep = 4,
                             .b = place(layout.keyColumns, lane),
                             .bStep = line,
                             .count = shape.key};
    Values scores = emitBroadcastTile(e, tile, product, emitZeros(e, tile));
    Value never = e.splatF(e.vf32, -std::numeric_limits<float>::infinity());
    Values keys;
    for (int64_t j = 0; j < tile.vectors; ++j) {
      Value first = e.add(e.add(block, lane), e.c64(j * kLanes));
      keys.push_back(e.add(e.iota(), e.broadcast(e.vi32, i32(first))));
    }
    Value position = e.broadcast(e.vi32, i32(e.add(token, query)));
    Value logSums = place(layout.logSums, query);
    for (int64_t i = 0; i < tile.rows; ++i) {
      Value own = i ? e.add(position, e.splat(e.vi32, i)) : position;
      Value logSum = e.broadcastLoad(e.gep(logSums, 4 * i));
      for (int64_t j = 0; j < tile.vectors; ++j) {
        Value &score = scores[i * tile.vectors + j];
        score = e.select(sees(own, keys[j]), e.fsub(score, logSum), never);
        score = emitPower(e, score);
      }
    }
    emitStoreTile(e, tile, scores, place(layout.weights, query, line, lane), line);
  }

  // The derivatives by the scores.
  void emitSlopes(Value query, Value lane) {
    BroadcastProduct product{.a = place(layout.adjoints, query, layout.valueRow, e.c64(0)),
                             .aRow = layout.valueRow,
                             .aStep = 4,
                             .b = place(layout.valueColumns, lane),
                             .bStep = line,
                             .count = shape.value};
    Values slopes = emitBroadcastTile(e, tile, product, emitZeros(e, tile));
    Values weights = emitLoadTile(e, tile, place(layout.weights, query, line, lane), line);
    Value means = place(layout.means, query);
    for (int64_t i = 0; i < tile.rows; ++i) {
      Value mean = e.broadcastLoad(e.gep(means, 4 * i));
      for (int64_t j = 0; j < tile.vectors; ++j) {
        Value &slope = slopes[i * tile.vectors + j];
        slope = e.fmul(weights[i * tile.vectors + j], e.fsub(slope, mean));
      }
    }
    emitStoreTile(e, tile, slopes, place(layout.slopes, query, line, lane), line);
  }

  // Adds slopes times keys to the adjoints of the queries.
  void emitQueries(Value row) {
    const int64_t vectors = llvm::divideCeil(shape.key, kLanes);
    eachPart(tile.rows, count, [&](Value query) {
      BroadcastProduct product{.a = place(layout.slopes, query, line, e.c64(0)),
                               .aRow = line,
                               .aStep = 4,
                               .b = at(layout.keys),
                               .bStep = layout.keyRow,
                               .count = seen};
      Value out = place(layout.rows, query, layout.keyRow, e.c64(0));
      auto part = [&](BroadcastTile some, Value column) {
        product.b = e.gep(at(layout.keys), column);
        Values sums = emitBroadcastTile(e, some, product, emitZeros(e, some));
        emitStoreTile(e, some, sums, e.gep(out, column), layout.keyRow);
      };
      const int64_t whole = vectors / tile.vectors * tile.vectors;
      e.loop(e.c64(0), e.c64(whole * 64), e.c64(tile.vectors * 64), {},
             [&](Value column, ValueRange) { return part(tile, column), Values(); });
      if (whole < vectors)
        part({tile.rows, vectors - whole}, e.c64(whole * 64));
    });
    emitWriteRows(e, {at(layout.rows), layout.keyRow, 64},
                  head(p[kQueryAdjoint], shape.queryRow, row, head_, shape.key), shape.key, count,
                  true);
  }

  // sums[d][lanes] += sum over the tile's queries of rows[query][d] * factors[query][lanes]
  void emitSums(int64_t rows, int64_t rowBytes, int64_t width, int64_t factors, int64_t sums,
                Value lane) {
    Value b = place(factors, lane);
    e.loop(e.c64(0), e.c64(llvm::divideCeil(width, tile.rows)), e.c64(1),
           {at(rows), place(sums, lane)}, [&](Value, ValueRange c) {
             BroadcastProduct product{
                 .a = c[0], .aRow = 4, .aStep = rowBytes, .b = b, .bStep = line, .count = count};
             Values before = emitLoadTile(e, tile, c[1], line);
             emitStoreTile(e, tile, emitBroadcastTile(e, tile, product, before), c[1], line);
             return Values{e.gep(c[0], 4 * tile.rows), e.gep(c[1], tile.rows * line)};
           });
  }

  ValueRange p;
  CausalAdjointScratch layout;
  BroadcastTile tile;
  int64_t lanes, line;
  CausalSequence now;
  Value kvHead;                    // of the unit
  Value block;                     // the position of the first key
  Value token, count, seen, head_; // of the tile: the first query's position, queries, keys
};

} // namespace

void emitCausalAttentionAdjoint(OpEmission &emission, CausalAttentionAdjointOp op) {
  Emitter &outer = emission.e;
  const CausalShape shape(op);
  const Dot dot = emission.library.target.getDot();
  Values arguments{emission.team.thread, emission.team.threads, emission.rows,
                   outer.cf(op.getScale().convertToFloat()),
                   emission.library.scratch(outer, emission.team)};
  for (Value v : op->getOperands())
    arguments.push_back(emission.operand(v));
  SmallVector<Type> types;
  for (Value v : arguments)
    types.push_back(v.getType());
  func::FuncOp function = emission.library.get(
      "causal_attention_adjoint." + shape.name(), types, op.getLoc(),
      [&](Emitter &e, ValueRange p) { CausalBackward(e, shape, dot, p).emit(); });
  outer.create<func::CallOp>(function, arguments);
}

} // namespace llmc::kernel
