// The body of a matrix product: groups of 16 rows times one tile of tokens.
#include "dialects/kernel/IR/DotTable.h"
#include "passes/Vector/BlockEmitter.h"
#include "passes/Vector/DotProduct.h"
#include "passes/Vector/Matmul.h"
#include "passes/Vector/PrefetchStream.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace llmc::kernel {

namespace {

SmallVector<Type> bodyTypes(Emitter &e) {
  SmallVector<Type> types(kBodyParameters, e.ptr);
  for (int i = kRowBytes; i < kBodyParameters; ++i)
    types[i] = e.i64;
  return types;
}

class MatmulBody {
public:
  MatmulBody(Emitter &e, const KernelLibrary &library, const MatmulVariant &variant, int64_t tile,
             ValueRange parameters)
      : e(e), library(library), variant(variant), program(variant.format->program()),
        layout(*variant.format), tile(tile), dot(library.target.getDot()), parameters(parameters) {}

  void emit() {
    if (rolledChunks())
      scratch = e.stack(int64_t(program.subBlocks.size()) * 64 * (program.hasMinimum() ? 2 : 1));
    Values streams{parameters[kWeight], parameters[kOut], parameters[kOther], parameters[kBias],
                   parameters[kRowsLeft]};
    e.loop(e.c64(0), parameters[kGroups], e.c64(1), streams, [&](Value, ValueRange s) {
      auto [sums, weight] = program.isFloat() ? emitFloatGroup(s) : emitIntegerGroup(s);
      forEpilogue(
          e, library, parameters[kEpilogue],
          [&](const MatmulVariant &other) { return other.bodyName() == variant.bodyName(); },
          [&, sums = sums](Epilogue epilogue) {
            emitEpilogue(e, epilogue, sums, s[1], s[2], parameters[kRowBytes]);
          });
      return Values{weight, e.gep(s[1], 64), e.gep(s[2], 64), e.gep(s[3], 64),
                    e.sub(s[4], e.c64(kLanes))};
    });
  }

private:
  // With one token, a block is straight-line code and scales are used as they are computed. With
  // more, chunks are a loop, so that code stays small and registers suffice; scales wait in memory.
  bool rolledChunks() const { return tile > 1 && program.chunks > 1; }

  int64_t bodyLines() const { return layout.bodyBytes / 64; }

  Values initialSums(ValueRange s) { return Values(tile, initialSum(e, variant, s[3], s[4])); }

  std::pair<Values, Value> emitIntegerGroup(ValueRange s) {
    Values carried = initialSums(s);
    carried.append(
        {s[0], parameters[kInput], parameters[kScale], parameters[kCorrection], parameters[kSum]});
    Values result = e.loop(e.c64(0), parameters[kUnits], e.c64(1), carried,
                           [&](Value, ValueRange unit) { return emitUnit(unit); });
    return {Values(result.begin(), result.begin() + tile), result[tile]};
  }

  // Carries: sums, weights, activations, scales, corrections, sums of activations.
  Values emitUnit(ValueRange c) {
    Value unit = c[tile];
    Value body = e.gep(unit, layout.unitBlocks * layout.headerBytes);
    Values carried(c.begin(), c.begin() + tile);
    carried.append({unit, body});
    carried.append(c.begin() + tile + 1, c.end());
    Values next;
    if (layout.unitBlocks == 1) {
      next = emitBlock(carried);
    } else {
      if (layout.headerBytes) // One line of small fields serves the whole unit.
        e.prefetch(unit);
      next = e.loop(e.c64(0), e.c64(layout.unitBlocks), e.c64(1), carried,
                    [&](Value, ValueRange block) { return emitBlock(block); });
    }
    Values result(next.begin(), next.begin() + tile);
    result.push_back(next[tile + 1]); // the body's end is the next unit
    result.append(next.begin() + tile + 2, next.end());
    return result;
  }

  // Carries: sums, header, body, activations, scales, corrections, sums of activations.
  Values emitBlock(ValueRange c) {
    Values sums(c.begin(), c.begin() + tile);
    BlockEmitter block(e, layout, BlockEmitter::Form::PackedRows, dot);
    block.header = c[tile];
    block.body = c[tile + 1];
    Streams x{c[tile + 2], c[tile + 3], c[tile + 4], c[tile + 5]};
    BlockEvaluator<BlockEmitter> scales(program, block);
    if (layout.unitBlocks == 1 && layout.headerBytes)
      e.prefetch(block.header);

    if (rolledChunks()) {
      for (auto [i, sub] : llvm::enumerate(program.subBlocks)) {
        e.store(scales.number(sub.scale), e.gep(scratch, 64 * i), 64);
        if (sub.minimum >= 0)
          e.store(e.create<arith::NegFOp>(scales.number(sub.minimum)),
                  e.gep(scratch, 64 * (i + program.subBlocks.size())), 64);
      }
      sums = emitChunkLoop(block, x, sums);
    } else {
      PrefetchStream ahead(e, block.body, bodyLines(), program.weights() / 4);
      for (uint32_t chunk = 0; chunk < program.chunks; ++chunk) {
        block.chunk = chunk;
        uint32_t firstSub = chunk * program.chunkWeights / program.subBlockWeights;
        emitChunk(
            block, ahead, x, chunk * program.chunkWeights, sums,
            [&](uint32_t s) { return scales.number(program.subBlocks[firstSub + s].scale); },
            [&](uint32_t s) -> Value {
              return e.create<arith::NegFOp>(
                  scales.number(program.subBlocks[firstSub + s].minimum));
            });
      }
    }
    x = x.advanced(*this, program.weights());
    Values result = sums;
    result.append({e.gep(c[tile], layout.headerBytes), e.gep(c[tile + 1], layout.bodyBytes),
                   x.input, x.scale, x.correction, x.sum});
    return result;
  }

  // The four streams of packed activations.
  struct Streams {
    Value input, scale, correction, sum;
    Streams advanced(MatmulBody &m, int64_t weights) const {
      int64_t sub = m.program.subBlockWeights;
      return {m.e.gep(input, weights * m.tile),
              m.e.gep(scale, weights / kActivationBlock * m.tile * 4),
              m.e.gep(correction, weights / sub * m.tile * 4),
              m.e.gep(sum, weights / sub * m.tile * 4)};
    }
  };

  Values emitChunkLoop(BlockEmitter &block, const Streams &x, Values sums) {
    SmallVector<uint32_t> steps;
    for (const BlockNode &n : program.nodes)
      if (n.op == BlockOp::Word && n.step && !llvm::is_contained(steps, n.step))
        steps.push_back(n.step);
    Values carried = sums;
    carried.append({x.input, x.scale, x.correction, x.sum, scratch, block.body});
    carried.append(steps.size(), block.body);
    const int64_t chunkLines = llvm::divideCeil(bodyLines(), program.chunks);
    int64_t subs = program.chunkWeights / program.subBlockWeights;
    Values result =
        e.loop(e.c64(0), e.c64(program.chunks), e.c64(1), carried, [&](Value iv, ValueRange c) {
          block.chunkIndex = e.create<arith::TruncIOp>(e.i32, iv);
          for (auto [i, step] : llvm::enumerate(steps))
            block.chunkBody[step] = c[tile + 6 + i];
          Values now(c.begin(), c.begin() + tile);
          Streams at{c[tile], c[tile + 1], c[tile + 2], c[tile + 3]};
          Value scales = c[tile + 4];
          int64_t minimums = 64 * program.subBlocks.size();
          PrefetchStream ahead(e, c[tile + 5], chunkLines, program.chunkWeights / 4);
          emitChunk(
              block, ahead, at, 0, now,
              [&](uint32_t s) { return e.load(e.vf32, e.gep(scales, 64 * s), 64); },
              [&](uint32_t s) { return e.load(e.vf32, e.gep(scales, minimums + 64 * s), 64); });
          at = at.advanced(*this, program.chunkWeights);
          now.append({at.input, at.scale, at.correction, at.sum, e.gep(scales, 64 * subs),
                      e.gep(c[tile + 5], 64 * chunkLines)});
          for (auto [i, step] : llvm::enumerate(steps))
            now.push_back(e.gep(c[tile + 6 + i], 64 * int64_t(step)));
          return now;
        });
    block.chunkIndex = Value();
    result.truncate(tile);
    return result;
  }

  // Adds the products of one chunk, whose first weight is `at` weights after the streams.
  void emitChunk(BlockEmitter &block, PrefetchStream &ahead, const Streams &x, int64_t at,
                 Values &sums, function_ref<Value(uint32_t)> scale,
                 function_ref<Value(uint32_t)> negativeMinimum) {
    const int64_t sub = program.subBlockWeights;
    BlockEvaluator<BlockEmitter> lines(program, block);
    for (int64_t s = 0; s < program.chunkWeights / sub; ++s) {
      const int64_t subBlock = (at + s * sub) / sub;
      // A single token has one chain of dependent products; two accumulators make it two. Where a
      // line is two registers, it has two already.
      const bool whole = dotRow(dot).fit.bits == 512;
      const int64_t chains = tile == 1 && whole ? 2 : 1;
      Values acc(tile * chains, e.splat(e.vi32, 0));
      if (takesCorrection(dot, program))
        for (int64_t t = 0; t < tile; ++t)
          acc[t] =
              e.broadcast(e.vi32, e.load(e.i32, e.gep(x.correction, (subBlock * tile + t) * 4), 4));
      lines.clear();
      for (auto [i, line] : llvm::enumerate(linesInOrder(s))) {
        ahead.step();
        Value w = emitDotFactor(e, dot, program, lines.word(program.lines[line]));
        for (int64_t t = 0; t < tile; ++t) {
          int64_t word = at / 4 + line;
          Value q = e.broadcast(e.vi32, e.load(e.i32, e.gep(x.input, (word * tile + t) * 4), 4));
          Value &a = acc[t + (i % chains) * tile];
          a = emitDot(e, dot, a, w, q, program.maxByte);
        }
      }
      if (chains == 2)
        acc[0] = e.add(acc[0], acc[1]);
      Value d = scale(s);
      Value m = program.hasMinimum() ? negativeMinimum(s) : Value();
      for (int64_t t = 0; t < tile; ++t) {
        int64_t activationBlock = (at + s * sub) / kActivationBlock;
        Value dx = e.broadcastLoad(e.gep(x.scale, (activationBlock * tile + t) * 4));
        sums[t] = e.fma(e.toFloat(acc[t]), e.fmul(d, dx), sums[t]);
        if (m)
          sums[t] = e.fma(m, e.broadcastLoad(e.gep(x.sum, (subBlock * tile + t) * 4)), sums[t]);
      }
    }
  }

  // The lines of a sub-block, those that come from the same bytes next to each other.
  SmallVector<int64_t> linesInOrder(int64_t subBlock) {
    int64_t count = program.subBlockWeights / 4;
    SmallVector<int64_t> order;
    for (int64_t i = 0; i < count; ++i)
      order.push_back(subBlock * count + i);
    llvm::stable_sort(order, [&](int64_t a, int64_t b) { return firstWord(a) < firstWord(b); });
    return order;
  }
  uint32_t firstWord(int64_t line) {
    int node = program.lines[line];
    while (program.nodes[node].op != BlockOp::Word && program.nodes[node].a >= 0)
      node = program.nodes[node].a;
    return program.nodes[node].index;
  }

  std::pair<Values, Value> emitFloatGroup(ValueRange s) {
    // Eight columns at a time, then the rest one by one. A single token has four chains of
    // products.
    constexpr int64_t kUnroll = 8;
    const int64_t chains = tile == 1 ? 4 : 1;
    Values carried = initialSums(s);
    carried.append((chains - 1) * tile, e.splatF(e.vf32, 0.0));
    const int64_t sums = carried.size();
    carried.append({s[0], parameters[kInput]});
    auto columns = [&](int64_t count) {
      return [this, count, chains, sums](Value, ValueRange c) {
        Values now(c.begin(), c.begin() + sums);
        for (int64_t k = 0; k < count; ++k) {
          BlockEmitter block(e, layout, BlockEmitter::Form::PackedRows, dot);
          block.header = block.body = e.gep(c[sums], k * layout.unitBytes);
          if (k * layout.unitBytes % 64 == 0 && count > 1)
            e.prefetch(block.body);
          BlockEvaluator<BlockEmitter> value(program, block);
          Value w = value.number(program.floatValue);
          for (int64_t t = 0; t < tile; ++t) {
            Value &sum = now[t + (k % chains) * tile];
            sum = e.fma(w, e.broadcastLoad(e.gep(c[sums + 1], (k * tile + t) * 4)), sum);
          }
        }
        now.push_back(e.gep(c[sums], count * layout.unitBytes));
        now.push_back(e.gep(c[sums + 1], count * tile * 4));
        return now;
      };
    };
    Value whole = e.mul(e.div(parameters[kUnits], e.c64(kUnroll)), e.c64(kUnroll));
    Values result = e.loop(e.c64(0), whole, e.c64(kUnroll), carried, columns(kUnroll));
    result = e.loop(whole, parameters[kUnits], e.c64(1), result, columns(1));
    Value weight = result[sums];
    for (int64_t chain = chains; chain > 1; chain /= 2)
      for (int64_t i = 0; i < chain / 2; ++i)
        result[i] = e.fadd(result[i], result[i + chain / 2]);
    result.truncate(tile);
    return {result, weight};
  }

  Emitter &e;
  const KernelLibrary &library;
  const MatmulVariant &variant;
  const BlockProgram &program;
  PackedLayout layout;
  int64_t tile;
  Dot dot;
  ValueRange parameters;
  Value scratch;
};

} // namespace

func::FuncOp getMatmulBody(KernelLibrary &library, Location loc, const MatmulVariant &variant,
                           int64_t tile) {
  OpBuilder b(library.module.getContext());
  Emitter types(b, loc);
  return library.get((variant.bodyName() + Twine(".t") + Twine(tile)).str(), bodyTypes(types), loc,
                     [&](Emitter &e, ValueRange parameters) {
                       MatmulBody(e, library, variant, tile, parameters).emit();
                     });
}

Value initialSum(Emitter &e, const MatmulVariant &variant, Value bias, Value rowsLeft) {
  return variant.bias ? e.maskedLoad(e.vf32, bias, e.laneMask(rowsLeft), 4) : e.splatF(e.vf32, 0.0);
}

void forEpilogue(Emitter &e, const KernelLibrary &library, Value which,
                 llvm::function_ref<bool(const MatmulVariant &)> shared,
                 const std::function<void(Epilogue)> &emit) {
  SmallVector<Epilogue> epilogues;
  for (const MatmulVariant &product : library.products)
    if (shared(product))
      epilogues.push_back(product.epilogue);
  llvm::sort(epilogues);
  epilogues.erase(llvm::unique(epilogues), epilogues.end());
  std::function<void(size_t)> from = [&](size_t i) {
    if (i + 1 == epilogues.size())
      return emit(epilogues[i]);
    e.when(
        e.equal(which, e.c64(int64_t(epilogues[i]))), [&] { emit(epilogues[i]); },
        [&] { from(i + 1); });
  };
  from(0);
}

void emitEpilogue(Emitter &e, Epilogue epilogue, ArrayRef<Value> sums, Value out, Value other,
                  Value rowBytes) {
  for (Value v : sums) {
    if (epilogue == Epilogue::Add)
      v = e.fadd(v, e.load(e.vf32, other, 64));
    if (epilogue == Epilogue::Swiglu)
      v = e.fmul(e.silu(e.load(e.vf32, other, 64)), v);
    if (epilogue == Epilogue::Geglu)
      v = e.fmul(e.gelu(e.load(e.vf32, other, 64)), v);
    if (epilogue == Epilogue::Gelu)
      v = e.gelu(v);
    e.store(v, out, 64);
    out = e.gep(out, rowBytes);
    other = e.gep(other, rowBytes);
  }
}

} // namespace llmc::kernel
