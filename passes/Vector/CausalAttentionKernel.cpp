// Attention of sequences to themselves. Lanes are queries, so that maxima, sums and weights need
// nothing across lanes: queries are transposed on their way in, results on their way out.
#include "passes/Vector/Attention.h"
#include "passes/Vector/CausalAttention.h"
#include "llvm/Support/raw_ostream.h"
#include <limits>

using namespace mlir;

namespace llmc::kernel {

std::string CausalShape::name() const {
  std::string text;
  llvm::raw_string_ostream(text) << heads << '.' << kvHeads << '.' << key << '.' << value << ".s"
                                 << sequence << ".w" << window;
  return text;
}

CausalKernel::CausalKernel(Emitter &e, const CausalShape &shape, Value rows)
    : e(e), shape(shape), rows(rows) {
  sequences = ceilDiv(rows, shape.sequence);
  longest = e.min(rows, e.c64(shape.sequence));
}

CausalSequence CausalKernel::sequence(Value index) {
  Value first = e.mul(index, e.c64(shape.sequence));
  return {first, e.min(e.sub(rows, first), e.c64(shape.sequence))};
}

RowPart CausalKernel::head(Value buffer, int64_t rowBytes, Value row, Value head, int64_t width) {
  Value place = e.gep(buffer, e.mul(row, e.c64(rowBytes)));
  // Rows begin at lines; heads of whole lines do, too.
  const unsigned align = width % kLanes ? 4 : 64;
  return {e.gep(place, e.mul(head, e.c64(4 * width))), rowBytes, align};
}

Value CausalKernel::sees(Value query, Value key) {
  Value seen = e.create<arith::CmpIOp>(arith::CmpIPredicate::sle, key, query);
  if (!shape.window)
    return seen;
  Value oldest = e.sub(query, e.splat(e.vi32, shape.window));
  return e.create<arith::AndIOp>(seen, e.less(oldest, key));
}

namespace {

enum Parameter {
  kThread,
  kThreads,
  kRows,
  kScale, // of the scores, times log2(e): weights are powers of two
  kScratch,
  kQuery,
  kKeys,
  kValues,
  kOut,
  kLogSums
};

class CausalForward : CausalKernel {
public:
  CausalForward(Emitter &e, const CausalShape &shape, Dot dot, ValueRange p)
      : CausalKernel(e, shape, p[kRows]), p(p), layout(dot, shape.key, shape.value),
        tile(layout.tile), lanes(tile.lanes()) {}

  // Units are a few tiles of queries of a key/value head, each with all the keys that they see.
  void emit() {
    Value chunks = ceilDiv(e.mul(ceilDiv(longest, lanes), e.c64(shape.group())), kCausalTiles);
    Value heads = e.mul(sequences, e.c64(shape.kvHeads)), units = e.mul(chunks, heads);
    // Later tiles see more keys. Threads take turns, in every other round in reverse, so that all
    // get the same mix.
    Value threads = p[kThreads], last = e.sub(threads, e.c64(1));
    e.loop(e.c64(0), e.div(e.add(units, last), threads), [&](Value round) {
      Value forth = e.equal(e.rem(round, e.c64(2)), e.c64(0));
      Value turn = e.select(forth, p[kThread], e.sub(last, p[kThread]));
      Value unit = e.add(e.mul(round, threads), turn);
      e.when(e.less(unit, units), [&] { emitUnit(e.rem(unit, heads), e.div(unit, heads)); });
    });
  }

private:
  void emitUnit(Value which, Value chunk) {
    kvHead = e.rem(which, e.c64(shape.kvHeads));
    now = sequence(e.div(which, e.c64(shape.kvHeads)));
    Value tiles = e.mul(ceilDiv(now.length, lanes), e.c64(shape.group()));
    first = e.mul(chunk, e.c64(kCausalTiles));
    Value last = e.min(e.add(first, e.c64(kCausalTiles)), tiles);
    e.when(e.less(first, last), [&] { emitChunk(last); });
  }

  Value at(int64_t offset) { return e.gep(p[kScratch], offset); }
  // Of the tile that `select` chose.
  Value at(int64_t offset, int64_t bytes) {
    return e.gep(at(offset), e.mul(slot, e.c64(bytes * lanes * 4)));
  }
  Value queries() { return at(layout.queries, layout.keyLines); }
  Value outputs() { return at(layout.outputs, layout.valueLines); }
  Value maxima() { return at(layout.maxima, 1); }
  Value totals() { return at(layout.totals, 1); }

  // Tiles of all heads of the same tokens follow each other.
  Value firstToken(Value index) { return e.mul(e.div(index, e.c64(shape.group())), e.c64(lanes)); }
  void select(Value index) {
    slot = e.sub(index, first);
    token = firstToken(index);
    head_ = e.add(e.mul(kvHead, e.c64(shape.group())), e.rem(index, e.c64(shape.group())));
    count = e.min(e.sub(now.length, token), e.c64(lanes));
  }

  void emitChunk(Value last) {
    auto eachTile = [&](const std::function<void()> &body) {
      e.loop(first, last, [&](Value index) {
        select(index);
        body();
      });
    };
    eachTile([&] { emitBegin(); });
    Value begin = e.c64(0), block = e.c64(kCausalKeys);
    if (shape.window) {
      Value oldest = e.sub(firstToken(first), e.c64(shape.window - 1));
      begin = e.mul(e.div(e.max(oldest, begin), block), block);
    }
    Value end = e.add(firstToken(e.sub(last, e.c64(1))), e.c64(lanes));
    end = e.min(end, now.length);
    e.loop(begin, end, block, {}, [&](Value from, ValueRange) {
      Value there = e.min(e.sub(end, from), block), row = e.add(now.first, from);
      emitCopyRows(e, head(p[kKeys], shape.keyRow, row, kvHead, shape.key),
                   {at(layout.keys), layout.keyRow, 64}, shape.key, there, Value());
      emitCopyRows(e, head(p[kValues], shape.valueRow, row, kvHead, shape.value),
                   {at(layout.values), layout.valueRow, 64}, shape.value, there, Value());
      eachTile([&] {
        Value seen = e.min(there, e.sub(e.add(token, e.c64(lanes)), from));
        e.when(e.less(e.c64(0), seen), [&] { emitBlock(from, seen); });
      });
      return Values();
    });
    eachTile([&] { emitEnd(); });
  }

  // Lanes of queries that are not there keep to themselves whatever they have.
  void emitBegin() {
    RowPart rows{at(layout.rows), layout.keyRow, 64};
    emitCopyRows(e, head(p[kQuery], shape.queryRow, e.add(now.first, token), head_, shape.key),
                 rows, shape.key, count, e.broadcast(e.vf32, p[kScale]));
    emitTranspose(e, rows, {queries(), lanes * 4, 64}, lanes, layout.keyLines);
    for (int64_t j = 0; j < tile.vectors; ++j) {
      e.store(e.splatF(e.vf32, kLeastScore), e.gep(maxima(), 64 * j), 64);
      e.store(e.splatF(e.vf32, 0), e.gep(totals(), 64 * j), 64);
    }
    emitZeroRows(e, {outputs(), lanes * 4, 64}, lanes, e.c64(0), e.c64(layout.valueLines), true);
  }

  // The `seen` keys from position `from` on, of which the last may be seen by no query.
  void emitBlock(Value from, Value seen) {
    Values highest = emitScores(from, seen), factors, shifts;
    for (int64_t j = 0; j < tile.vectors; ++j) {
      Value place = e.gep(maxima(), 64 * j), before = e.load(e.vf32, place, 64);
      shifts.push_back(emitLarger(e, highest[j], before));
      factors.push_back(emitPower(e, e.fsub(before, shifts[j])));
      e.store(shifts[j], place, 64);
    }
    emitWeights(seen, shifts, factors);
    // outputs = outputs * factor + weights * values
    BroadcastProduct product{.a = Value(),
                             .aRow = 4,
                             .aStep = layout.valueRow,
                             .b = at(layout.scores),
                             .bStep = lanes * 4,
                             .count = seen};
    e.loop(e.c64(0), e.c64(llvm::divideCeil(shape.value, tile.rows)), e.c64(1),
           {at(layout.values), outputs()}, [&](Value, ValueRange c) {
             product.a = c[0];
             Values sums = emitLoadTile(e, tile, c[1], lanes * 4);
             for (size_t i = 0; i < sums.size(); ++i)
               sums[i] = e.fmul(sums[i], factors[i % tile.vectors]);
             emitStoreTile(e, tile, emitBroadcastTile(e, tile, product, sums), c[1], lanes * 4);
             return Values{e.gep(c[0], 4 * tile.rows), e.gep(c[1], tile.rows * lanes * 4)};
           });
  }

  // scores[p][lanes], and the highest of each lane.
  Values emitScores(Value from, Value seen) {
    Value never = e.splatF(e.vf32, -std::numeric_limits<float>::infinity());
    Values own, carried(tile.vectors, never);
    for (int64_t j = 0; j < tile.vectors; ++j)
      own.push_back(e.add(e.iota(), e.broadcast(e.vi32, i32(e.add(token, e.c64(j * kLanes))))));
    carried.append({at(layout.keys), at(layout.scores)});
    Values end = e.loop(e.c64(0), seen, e.c64(tile.rows), carried, [&](Value key, ValueRange c) {
      BroadcastProduct product{.a = c[tile.vectors],
                               .aRow = layout.keyRow,
                               .aStep = 4,
                               .b = queries(),
                               .bStep = lanes * 4,
                               .count = shape.key};
      Values scores = emitBroadcastTile(e, tile, product, emitZeros(e, tile));
      Values next(c.begin(), c.end());
      Value position = e.broadcast(e.vi32, i32(e.add(from, key)));
      for (int64_t i = 0; i < tile.rows; ++i)
        for (int64_t j = 0; j < tile.vectors; ++j) {
          Value here = i ? e.add(position, e.splat(e.vi32, i)) : position;
          Value &score = scores[i * tile.vectors + j];
          score = e.select(sees(own[j], here), score, never);
          next[j] = emitLarger(e, score, next[j]);
        }
      emitStoreTile(e, tile, scores, c[tile.vectors + 1], lanes * 4);
      next[tile.vectors] = e.gep(c[tile.vectors], tile.rows * layout.keyRow);
      next[tile.vectors + 1] = e.gep(c[tile.vectors + 1], tile.rows * lanes * 4);
      return next;
    });
    end.truncate(tile.vectors);
    return end;
  }

  // Scores become weights relative to the new maximum.
  void emitWeights(Value seen, ValueRange shifts, ValueRange factors) {
    Values carried;
    for (int64_t j = 0; j < tile.vectors; ++j)
      carried.push_back(e.fmul(e.load(e.vf32, e.gep(totals(), 64 * j), 64), factors[j]));
    carried.push_back(at(layout.scores));
    Values end = e.loop(e.c64(0), seen, e.c64(1), carried, [&](Value, ValueRange c) {
      Values next(c.begin(), c.end());
      for (int64_t j = 0; j < tile.vectors; ++j) {
        Value place = e.gep(c[tile.vectors], 64 * j);
        Value weight = emitPower(e, e.fsub(e.load(e.vf32, place, 64), shifts[j]));
        e.store(weight, place, 64);
        next[j] = e.fadd(c[j], weight);
      }
      next[tile.vectors] = e.gep(c[tile.vectors], lanes * 4);
      return next;
    });
    for (int64_t j = 0; j < tile.vectors; ++j)
      e.store(end[j], e.gep(totals(), 64 * j), 64);
  }

  void emitEnd() {
    Values inverses;
    for (int64_t j = 0; j < tile.vectors; ++j) {
      Value total = e.load(e.vf32, e.gep(totals(), 64 * j), 64);
      inverses.push_back(e.fdiv(e.splatF(e.vf32, 1), total));
      Value place = e.gep(maxima(), 64 * j);
      Value logSum = e.fma(e.load(e.vf32, place, 64), e.splatF(e.vf32, kLn2), e.log(total));
      e.store(logSum, place, 64);
    }
    e.loop(e.c64(0), e.c64(layout.valueLines), e.c64(1), {outputs()}, [&](Value, ValueRange c) {
      for (int64_t j = 0; j < tile.vectors; ++j) {
        Value place = e.gep(c[0], 64 * j);
        e.store(e.fmul(e.load(e.vf32, place, 64), inverses[j]), place, 64);
      }
      return Values{e.gep(c[0], lanes * 4)};
    });
    RowPart rows{at(layout.rows), layout.valueRow, 64};
    emitTranspose(e, {outputs(), lanes * 4, 64}, rows, layout.valueLines, lanes);
    Value row = e.add(now.first, token);
    emitWriteRows(e, rows, head(p[kOut], shape.outRow, row, head_, shape.value), shape.value, count,
                  false);
    e.loop(e.c64(0), count, e.c64(1),
           {maxima(), head(p[kLogSums], shape.logSumRow, row, head_, 1).place},
           [&](Value, ValueRange c) {
             e.store(e.load(e.f32, c[0], 4), c[1], 4);
             return Values{e.gep(c[0], 4), e.gep(c[1], shape.logSumRow)};
           });
  }

  ValueRange p;
  CausalScratch layout;
  BroadcastTile tile;
  int64_t lanes;
  CausalSequence now;
  Value kvHead, first;             // of the unit
  Value slot, token, head_, count; // of the tile
};

} // namespace

void emitCausalAttention(OpEmission &emission, CausalAttentionOp op) {
  Emitter &outer = emission.e;
  const CausalShape shape(op);
  const Dot dot = emission.library.target.getDot();
  Values arguments{emission.team.thread, emission.team.threads, emission.rows,
                   outer.cf(op.getScale().convertToFloat() * kLog2e),
                   emission.library.scratch(outer, emission.team)};
  for (Value v : op->getOperands())
    arguments.push_back(emission.operand(v));
  SmallVector<Type> types;
  for (Value v : arguments)
    types.push_back(v.getType());
  func::FuncOp function = emission.library.get(
      "causal_attention." + shape.name(), types, op.getLoc(),
      [&](Emitter &e, ValueRange p) { CausalForward(e, shape, dot, p).emit(); });
  outer.create<func::CallOp>(function, arguments);
}

} // namespace llmc::kernel
