// Matrix products: 16 rows of a packed weight times a tile of tokens, accumulators in registers.
//
// A body (one block format, one tile width, one epilogue) walks groups of rows: per block it
// unpacks a line of weights once and multiplies it with each token's broadcast activations. A
// driver splits the groups among threads and picks bodies for the step's number of tokens.
#include "passes/Vector/Matmul.h"
#include "llvm/ADT/Twine.h"

using namespace mlir;

namespace llmc::kernel {

std::string MatmulVariant::name() const {
  return (Twine("matmul.") + format->name + "." + stringifyEpilogue(epilogue) +
          (bias ? ".bias" : ""))
      .str();
}

std::string MatmulVariant::bodyName() const {
  return (Twine("matmul.") + format->name + (bias ? ".bias" : "")).str();
}

namespace {

enum DriverParameter {
  kDFirst, // groups of this thread, up to kDLast
  kDLast,
  kDRows,
  kDWeight,
  kDInput,
  kDOut,
  kDOther,
  kDBias,
  kDScratch,
  kDTileBytes,
  kDScale,
  kDCorrection,
  kDSum,
  kDRowBytes,
  kDUnits,
  kDGroupBytes,
  kDMatrixRows,
  kDPanelCount,
  kDriverParameters
};

void emitDriver(Emitter &e, KernelLibrary &library, const MatmulVariant &variant, ValueRange p) {
  ArrayRef<int64_t> tiles = library.target.getTiles();
  Value matrixRows = p[kDMatrixRows];
  Value first = p[kDFirst], last = p[kDLast];
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
    arguments[kEpilogue] = e.c64(int64_t(variant.epilogue));
    e.create<func::CallOp>(getMatmulBody(library, e.loc, variant, tile), arguments);
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
  Value rows = p[kDRows];
  if (usesPanels(library.target.getDot()) && !variant.format->program().isFloat()) {
    // The widest tile of AMX is the matrix unit's alone.
    const bool amx = library.target.getDot() == Dot::Amx;
    if (amx)
      tiles = tiles.drop_back();
    e.when(
        e.less(rows, e.c64(tiles.back() + 1)),
        [&] { narrowest(0, rows, p[kDInput], start, e.sub(last, first)); },
        [&] {
          (amx ? emitAmxMatmul : emitPanelMatmul)(
              e, library, variant,
              {rows, first, last, start.weight, start.out, start.other, start.bias, start.rowsLeft,
               p[kDInput], p[kDScale], p[kDCorrection], p[kDSum], p[kDTileBytes], p[kDRowBytes],
               p[kDUnits], p[kDGroupBytes], p[kDScratch], p[kDPanelCount]});
        });
    return;
  }
  const int64_t widest = tiles.back();
  e.when(
      e.less(rows, e.c64(widest + 1)),
      // A single tile: the weights are one sequential stream.
      [&] { narrowest(0, rows, p[kDInput], start, e.sub(last, first)); },
      // More: each group stays in the cache while all tiles pass by.
      [&] {
        Value whole = e.div(rows, e.c64(widest)), rest = e.rem(rows, e.c64(widest));
        Value tileRowBytes = e.mul(p[kDRowBytes], e.c64(widest));
        e.loop(first, last, e.c64(1),
               {start.weight, start.out, start.other, start.bias, start.rowsLeft},
               [&](Value, ValueRange g) {
                 Values end = e.loop(
                     e.c64(0), whole, e.c64(1), {p[kDInput], g[1], g[2]}, [&](Value, ValueRange t) {
                       call(widest, t[0], {g[0], t[1], t[2], g[3], g[4]}, e.c64(1));
                       return Values{e.gep(t[0], p[kDTileBytes]), e.gep(t[1], tileRowBytes),
                                     e.gep(t[2], tileRowBytes)};
                     });
                 e.when(e.less(e.c64(0), rest), [&] {
                   // A width of 1 is for steps of one token: it may sum in another order.
                   narrowest(tiles.size() > 1 ? 1 : 0, rest, end[0],
                             {g[0], end[1], end[2], g[3], g[4]}, e.c64(1));
                 });
                 return Values{e.gep(g[0], p[kDGroupBytes]), e.gep(g[1], 64), e.gep(g[2], 64),
                               e.gep(g[3], 64), e.sub(g[4], e.c64(kLanes))};
               });
      });
}

} // namespace

// The groups of rows [first, last) that this thread has of `op`, whose groups have `each` bytes.
static std::pair<Value, Value> groupsOfThread(OpEmission &emission, MatmulOp op, int64_t groups,
                                              int64_t each) {
  Emitter &e = emission.e;
  const Value thread = emission.team.thread, threads = emission.team.threads;
  if (!op.getShare())
    return e.split(e.c64(groups), thread, threads);
  const int64_t before = (*op.getShare())[0], total = (*op.getShare())[1];
  // Thread t has the bytes from its place on. A group belongs to who has its first byte.
  auto boundary = [&](Value t) {
    Value place = e.div(e.mul(t, e.c64(total)), threads);
    Value own = e.max(e.sub(place, e.c64(before)), e.c64(0));
    return e.min(e.div(e.add(own, e.c64(each - 1)), e.c64(each)), e.c64(groups));
  };
  return {boundary(thread), boundary(e.add(thread, e.c64(1)))};
}

void emitMatmulCall(OpEmission &emission, mlir::Location loc, const MatmulVariant &variant,
                    const MatmulSizes &sizes, const MatmulOperands &operands) {
  Emitter &e = emission.e;
  const BlockProgram &program = variant.format->program();
  PackedLayout layout(*variant.format);
  SmallVector<Type> types(kDriverParameters, e.i64);
  for (int i = kDWeight; i <= kDScratch; ++i)
    types[i] = e.ptr;
  func::FuncOp driver =
      emission.library.get(variant.name(), types, loc, [&](Emitter &inner, ValueRange parameters) {
        emitDriver(inner, emission.library, variant, parameters);
      });

  Value null = e.create<LLVM::ZeroOp>(e.ptr);
  PackedType input = sizes.input;
  Values arguments(kDriverParameters);
  arguments[kDFirst] = operands.first;
  arguments[kDLast] = operands.last;
  arguments[kDRows] = operands.rows;
  arguments[kDWeight] = operands.weight;
  arguments[kDInput] = operands.input;
  arguments[kDOut] = operands.out;
  arguments[kDOther] = operands.other ? operands.other : null;
  arguments[kDBias] = operands.bias ? operands.bias : null;
  arguments[kDScratch] = emission.library.scratch(e, emission.team);
  arguments[kDTileBytes] = e.c64(input.getTileBytes());
  int64_t scale = 0, correction = 0, sum = 0;
  if (!program.isFloat()) {
    scale = input.getScaleOffset();
    if (program.offset)
      correction =
          input.getCorrectionOffset(input.findCorrection(program.offset, program.subBlockWeights));
    if (program.hasMinimum())
      sum = input.getSumOffset(input.findSum(program.subBlockWeights));
  }
  arguments[kDScale] = e.c64(scale);
  arguments[kDCorrection] = e.c64(correction);
  arguments[kDSum] = e.c64(sum);
  arguments[kDRowBytes] = e.c64(sizes.rowBytes);
  arguments[kDUnits] = e.c64(layout.units(sizes.columns));
  arguments[kDGroupBytes] = e.c64(layout.groupBytes(sizes.columns));
  const int64_t padded = layout.units(sizes.columns) * layout.unitWeights();
  arguments[kDPanelCount] =
      e.c64(program.isFloat() ? 0 : panelCount(padded, emission.library.target.getPanelCache()));
  arguments[kDMatrixRows] = e.c64(sizes.matrixRows);
  e.create<func::CallOp>(driver, arguments);
}

void emitMatmul(OpEmission &emission, MatmulOp op) {
  auto weight = cast<RankedTensorType>(op.getWeight().getType());
  MatmulVariant variant{llm::getBlockFormat(weight.getElementType()), op.getEpilogue(),
                        op.getBias() != nullptr};
  MatmulSizes sizes{op.getInput().getType(), weight.getDimSize(0), weight.getDimSize(1),
                    op.getOut().getType().getRowBytes()};
  auto [first, last] = groupsOfThread(emission, op, PackedLayout::groups(sizes.matrixRows),
                                      PackedLayout(*variant.format).groupBytes(sizes.columns));
  auto operand = [&](Value v) { return v ? emission.operand(v) : Value(); };
  emitMatmulCall(emission, op.getLoc(), variant, sizes,
                 {first, last, emission.rows, operand(op.getWeight()), operand(op.getInput()),
                  operand(op.getOut()), operand(op.getOther()), operand(op.getBias())});
}

} // namespace llmc::kernel
