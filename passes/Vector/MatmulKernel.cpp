// Matrix products: 16 rows of a packed weight times a tile of tokens, accumulators in registers.
//
// A body (one block format, one tile width, one epilogue) walks groups of rows: per block it unpacks a
// line of weights once and multiplies it with each token's broadcast activations. A driver splits the
// groups among threads and picks bodies for the step's number of tokens.
#include "passes/Vector/BlockEmitter.h"
#include "passes/Vector/Kernels.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

using namespace mlir;

namespace llmc::kernel {
namespace {

struct Variant {
  const BlockFormat *format;
  Epilogue epilogue;
  bool bias;

  std::string name() const {
    return (Twine("matmul.") + format->name + "." + stringifyEpilogue(epilogue) + (bias ? ".bias" : "")).str();
  }
};

// Parameters of a body; `scale` to `sum` are null for float formats.
enum BodyParameter {
  kWeight, kInput, kScale, kCorrection, kSum, kOut, kOther, kBias,
  kRowBytes, kUnits, kGroups, kRowsLeft, kBodyParameters
};

SmallVector<Type> bodyTypes(Emitter &e) {
  SmallVector<Type> types(kBodyParameters, e.ptr);
  for (int i = kRowBytes; i < kBodyParameters; ++i)
    types[i] = e.i64;
  return types;
}

class MatmulBody {
public:
  MatmulBody(Emitter &e, const Variant &variant, int64_t tile, Dot dot, ValueRange parameters)
      : e(e), variant(variant), program(variant.format->program()), layout(*variant.format),
        tile(tile), dot(dot), parameters(parameters) {}

  void emit() {
    if (rolledChunks())
      scratch = e.stack(int64_t(program.subBlocks.size()) * 64 * (program.hasMinimum() ? 2 : 1));
    Values streams{parameters[kWeight], parameters[kOut], parameters[kOther], parameters[kBias],
                   parameters[kRowsLeft]};
    e.loop(e.c64(0), parameters[kGroups], e.c64(1), streams, [&](Value, ValueRange s) {
      auto [sums, weight] = program.isFloat() ? emitFloatGroup(s) : emitIntegerGroup(s);
      emitEpilogue(sums, s[1], s[2]);
      return Values{weight, e.gep(s[1], 64), e.gep(s[2], 64), e.gep(s[3], 64),
                    e.sub(s[4], e.c64(kLanes))};
    });
  }

private:
  // With one token, a block is straight-line code and scales are used as they are computed. With
  // more, chunks are a loop, so that code stays small and registers suffice; scales wait in memory.
  bool rolledChunks() const { return tile > 1 && program.chunks > 1; }

  Values initialSums(ValueRange s) {
    Value first = variant.bias ? e.maskedLoad(e.vf32, s[3], e.laneMask(s[4]), 4)
                               : e.splatF(e.vf32, 0.0);
    return Values(tile, first);
  }

  std::pair<Values, Value> emitIntegerGroup(ValueRange s) {
    Values carried = initialSums(s);
    carried.append({s[0], parameters[kInput], parameters[kScale], parameters[kCorrection],
                    parameters[kSum]});
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
    block.prefetching = true;
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
      for (uint32_t chunk = 0; chunk < program.chunks; ++chunk) {
        block.chunk = chunk;
        uint32_t firstSub = chunk * program.chunkWeights / program.subBlockWeights;
        emitChunk(block, x, chunk * program.chunkWeights, sums,
                  [&](uint32_t s) { return scales.number(program.subBlocks[firstSub + s].scale); },
                  [&](uint32_t s) -> Value {
                    return e.create<arith::NegFOp>(
                        scales.number(program.subBlocks[firstSub + s].minimum));
                  });
      }
    }
    x = x.advanced(*this, program.weights());
    Values result = sums;
    result.append({e.gep(c[tile], layout.headerBytes), e.gep(c[tile + 1], layout.bodyBytes), x.input,
                   x.scale, x.correction, x.sum});
    return result;
  }

  // The four streams of packed activations.
  struct Streams {
    Value input, scale, correction, sum;
    Streams advanced(MatmulBody &m, int64_t weights) const {
      int64_t sub = m.program.subBlockWeights;
      return {m.e.gep(input, weights * m.tile), m.e.gep(scale, weights / kActivationBlock * m.tile * 4),
              m.e.gep(correction, weights / sub * m.tile * 4), m.e.gep(sum, weights / sub * m.tile * 4)};
    }
  };

  Values emitChunkLoop(BlockEmitter &block, const Streams &x, Values sums) {
    SmallVector<uint32_t> steps;
    for (const BlockNode &n : program.nodes)
      if (n.op == BlockOp::Word && n.step && !llvm::is_contained(steps, n.step))
        steps.push_back(n.step);
    Values carried = sums;
    carried.append({x.input, x.scale, x.correction, x.sum, scratch});
    carried.append(steps.size(), block.body);
    int64_t subs = program.chunkWeights / program.subBlockWeights;
    Values result = e.loop(
        e.c64(0), e.c64(program.chunks), e.c64(1), carried, [&](Value iv, ValueRange c) {
          block.chunkIndex = e.create<arith::TruncIOp>(e.i32, iv);
          block.prefetched.clear();
          for (auto [i, step] : llvm::enumerate(steps))
            block.chunkBody[step] = c[tile + 5 + i];
          Values now(c.begin(), c.begin() + tile);
          Streams at{c[tile], c[tile + 1], c[tile + 2], c[tile + 3]};
          Value scales = c[tile + 4];
          int64_t minimums = 64 * program.subBlocks.size();
          emitChunk(block, at, 0, now, [&](uint32_t s) { return e.load(e.vf32, e.gep(scales, 64 * s), 64); },
                    [&](uint32_t s) { return e.load(e.vf32, e.gep(scales, minimums + 64 * s), 64); });
          at = at.advanced(*this, program.chunkWeights);
          now.append({at.input, at.scale, at.correction, at.sum, e.gep(scales, 64 * subs)});
          for (auto [i, step] : llvm::enumerate(steps))
            now.push_back(e.gep(c[tile + 5 + i], 64 * int64_t(step)));
          return now;
        });
    block.chunkIndex = Value();
    result.truncate(tile);
    return result;
  }

  // Adds the products of one chunk, whose first weight is `at` weights after the streams.
  void emitChunk(BlockEmitter &block, const Streams &x, int64_t at, Values &sums,
                 function_ref<Value(uint32_t)> scale, function_ref<Value(uint32_t)> negativeMinimum) {
    const int64_t sub = program.subBlockWeights;
    BlockEvaluator<BlockEmitter> lines(program, block);
    for (int64_t s = 0; s < program.chunkWeights / sub; ++s) {
      const int64_t subBlock = (at + s * sub) / sub;
      // A single token has one chain of dependent products; two accumulators make it two.
      const int64_t chains = tile == 1 ? 2 : 1;
      Values acc(tile * chains, e.splat(e.vi32, 0));
      if (program.offset)
        for (int64_t t = 0; t < tile; ++t)
          acc[t] = e.broadcast(e.vi32, e.load(e.i32, e.gep(x.correction, (subBlock * tile + t) * 4), 4));
      lines.clear();
      for (auto [i, line] : llvm::enumerate(linesInOrder(s))) {
        Value w = lines.word(program.lines[line]);
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
    // Eight columns at a time, then the rest one by one. A single token has four chains of products.
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

  void emitEpilogue(const Values &sums, Value out, Value other) {
    for (int64_t t = 0; t < tile; ++t) {
      Value v = sums[t];
      if (variant.epilogue == Epilogue::Add)
        v = e.fadd(v, e.load(e.vf32, other, 64));
      if (variant.epilogue == Epilogue::Swiglu)
        v = e.fmul(e.silu(e.load(e.vf32, other, 64)), v);
      e.store(v, out, 64);
      out = e.gep(out, parameters[kRowBytes]);
      other = e.gep(other, parameters[kRowBytes]);
    }
  }

  Emitter &e;
  const Variant &variant;
  const BlockProgram &program;
  PackedLayout layout;
  int64_t tile;
  Dot dot;
  ValueRange parameters;
  Value scratch;
};

func::FuncOp getBody(KernelLibrary &library, Location loc, const Variant &variant, int64_t tile) {
  OpBuilder b(library.module.getContext());
  Emitter types(b, loc);
  return library.get((variant.name() + Twine(".t") + Twine(tile)).str(), bodyTypes(types), loc,
                     [&](Emitter &e, ValueRange parameters) {
                       MatmulBody(e, variant, tile, library.target.getDot(), parameters).emit();
                     });
}

// Parameters of a driver after thread, threads and rows.
enum DriverParameter {
  kDThread, kDThreads, kDRows, kDWeight, kDInput, kDOut, kDOther, kDBias,
  kDTileBytes, kDScale, kDCorrection, kDSum, kDRowBytes, kDUnits, kDGroupBytes, kDMatrixRows,
  kDriverParameters
};

void emitDriver(Emitter &e, KernelLibrary &library, const Variant &variant, ValueRange p) {
  ArrayRef<int64_t> tiles = library.target.getTiles();
  Value matrixRows = p[kDMatrixRows];
  Value groups = e.div(e.add(matrixRows, e.c64(kLanes - 1)), e.c64(kLanes));
  auto [first, last] = e.split(groups, p[kDThread], p[kDThreads]);
  Value lineOffset = e.mul(first, e.c64(64));

  // One call of a body: `count` groups from the given pointers.
  struct Place {
    Value weight, out, other, bias, rowsLeft;
  };
  auto call = [&](int64_t tile, Value input, const Place &at, Value count) {
    Values arguments(kBodyParameters);
    arguments[kWeight] = at.weight;
    arguments[kInput] = input;
    arguments[kScale] = e.gep(input, p[kDScale]);
    arguments[kCorrection] = e.gep(input, p[kDCorrection]);
    arguments[kSum] = e.gep(input, p[kDSum]);
    arguments[kOut] = at.out;
    arguments[kOther] = at.other;
    arguments[kBias] = at.bias;
    arguments[kRowBytes] = p[kDRowBytes];
    arguments[kUnits] = p[kDUnits];
    arguments[kGroups] = count;
    arguments[kRowsLeft] = at.rowsLeft;
    e.create<func::CallOp>(getBody(library, e.loc, variant, tile), arguments);
  };
  // The narrowest tile that holds `rows` (at least 1, at most the widest tile).
  std::function<void(size_t, Value, Value, const Place &, Value)> narrowest =
      [&](size_t i, Value rows, Value input, const Place &at, Value count) {
        if (i + 1 == tiles.size())
          return call(tiles[i], input, at, count);
        e.when(
            e.less(rows, e.c64(tiles[i] + 1)), [&] { call(tiles[i], input, at, count); },
            [&] { narrowest(i + 1, rows, input, at, count); });
      };

  Place start{e.gep(p[kDWeight], e.mul(first, p[kDGroupBytes])), e.gep(p[kDOut], lineOffset),
              e.gep(p[kDOther], lineOffset), e.gep(p[kDBias], lineOffset),
              e.sub(matrixRows, e.mul(first, e.c64(kLanes)))};
  const int64_t widest = tiles.back();
  Value rows = p[kDRows];
  e.when(
      e.less(rows, e.c64(widest + 1)),
      // A single tile: the weights are one sequential stream.
      [&] { narrowest(0, rows, p[kDInput], start, e.sub(last, first)); },
      // More: each group stays in the cache while all tiles pass by.
      [&] {
        Value whole = e.div(rows, e.c64(widest)), rest = e.rem(rows, e.c64(widest));
        Value tileRowBytes = e.mul(p[kDRowBytes], e.c64(widest));
        e.loop(first, last, e.c64(1), {start.weight, start.out, start.other, start.bias, start.rowsLeft},
               [&](Value, ValueRange g) {
                 Values end = e.loop(e.c64(0), whole, e.c64(1), {p[kDInput], g[1], g[2]},
                                     [&](Value, ValueRange t) {
                                       call(widest, t[0], {g[0], t[1], t[2], g[3], g[4]}, e.c64(1));
                                       return Values{e.gep(t[0], p[kDTileBytes]),
                                                     e.gep(t[1], tileRowBytes),
                                                     e.gep(t[2], tileRowBytes)};
                                     });
                 e.when(e.less(e.c64(0), rest), [&] {
                   narrowest(0, rest, end[0], {g[0], end[1], end[2], g[3], g[4]}, e.c64(1));
                 });
                 return Values{e.gep(g[0], p[kDGroupBytes]), e.gep(g[1], 64), e.gep(g[2], 64),
                               e.gep(g[3], 64), e.sub(g[4], e.c64(kLanes))};
               });
      });
}

} // namespace

void emitMatmul(OpEmission &emission, MatmulOp op) {
  Emitter &e = emission.e;
  auto weightType = cast<RankedTensorType>(op.getWeight().getType());
  Variant variant{llm::getBlockFormat(weightType.getElementType()), op.getEpilogue(),
                  op.getBias() != nullptr};
  const BlockProgram &program = variant.format->program();
  PackedLayout layout(*variant.format);
  PackedType input = op.getInput().getType();
  const int64_t columns = weightType.getDimSize(1);

  SmallVector<Type> types(kDriverParameters, e.i64);
  for (int i = kDWeight; i <= kDBias; ++i)
    types[i] = e.ptr;
  func::FuncOp driver = emission.library.get(
      variant.name(), types, op.getLoc(), [&](Emitter &inner, ValueRange parameters) {
        emitDriver(inner, emission.library, variant, parameters);
      });

  Value null = e.create<LLVM::ZeroOp>(e.ptr);
  Values arguments(kDriverParameters);
  arguments[kDThread] = emission.team.thread;
  arguments[kDThreads] = emission.team.threads;
  arguments[kDRows] = emission.rows;
  arguments[kDWeight] = emission.operand(op.getWeight());
  arguments[kDInput] = emission.operand(op.getInput());
  arguments[kDOut] = emission.operand(op.getOut());
  arguments[kDOther] = op.getOther() ? emission.operand(op.getOther()) : null;
  arguments[kDBias] = op.getBias() ? emission.operand(op.getBias()) : null;
  arguments[kDTileBytes] = e.c64(input.getTileBytes());
  int64_t scale = 0, correction = 0, sum = 0;
  if (!program.isFloat()) {
    scale = input.getScaleOffset();
    if (program.offset)
      correction = input.getCorrectionOffset(input.findCorrection(program.offset, program.subBlockWeights));
    if (program.hasMinimum())
      sum = input.getSumOffset(input.findSum(program.subBlockWeights));
  }
  arguments[kDScale] = e.c64(scale);
  arguments[kDCorrection] = e.c64(correction);
  arguments[kDSum] = e.c64(sum);
  arguments[kDRowBytes] = e.c64(op.getOut().getType().getRowBytes());
  arguments[kDUnits] = e.c64(layout.units(columns));
  arguments[kDGroupBytes] = e.c64(layout.groupBytes(columns));
  arguments[kDMatrixRows] = e.c64(weightType.getDimSize(0));
  e.create<func::CallOp>(driver, arguments);
}

} // namespace llmc::kernel
