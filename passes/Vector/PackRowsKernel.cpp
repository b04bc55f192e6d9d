// Packing of activations into token tiles (see !kernel.packed), with the norm before and the
// quantization to signed bytes on the way.
#include "passes/Vector/Kernels.h"
#include "llvm/ADT/Twine.h"

using namespace mlir;

namespace llmc::kernel {
namespace {

// Writes one token of a tile. `slot` is the token's place in the tile, `tile` the tile's width
// (i64).
class PackOneRow {
public:
  PackOneRow(Emitter &e, PackedType type, int64_t width, Value row, Value norm, Value factor,
             Value out, Value slot, Value tile)
      : e(e), type(type), width(width), row(row), norm(norm), factor(factor), out(out),
        slotBytes(e.mul(slot, e.c64(4))), stepBytes(e.mul(tile, e.c64(4))) {}

  void quantize() {
    forBlocks([&](Value block, int64_t count) { quantizeBlock(block, count); });
  }

  // bfloat16 for AMX: [columns / 32][16 tokens][32].
  void round() {
    auto half = VectorType::get(kLanes, e.b.getBF16Type());
    auto block = [&](Value index, int64_t count) {
      Value column = e.mul(index, e.c64(kActivationBlock));
      Value to = e.gep(e.gep(out, e.mul(index, e.c64(kAmxTile * 64))), e.mul(slotBytes, e.c64(16)));
      for (int64_t i = 0; i < 2; ++i) {
        Value x = source(e.add(column, e.c64(kLanes * i)), std::min(count - kLanes * i, kLanes));
        e.store(e.create<arith::TruncFOp>(half, x), e.gep(to, 32 * i), 32);
      }
    };
    forBlocks(block);
  }

  void copy() {
    int64_t whole = width / kLanes;
    e.loop(e.c64(0), e.c64(whole), [&](Value i) {
      Value columns = e.mul(i, e.c64(kLanes));
      scatter(source(columns, kLanes), columns, kLanes);
    });
    if (width % kLanes)
      scatter(source(e.c64(whole * kLanes), width % kLanes), e.c64(whole * kLanes), width % kLanes);
    Value zero = e.cf(0);
    if (width < type.getColumns())
      e.loop(e.c64(width), e.c64(type.getColumns()),
             [&](Value k) { e.store(zero, element(e.c64(0), k), 4); });
  }

private:
  // Blocks of 32; the last one may be cut short, the padding after it holds no block at all.
  void forBlocks(function_ref<void(Value block, int64_t count)> emit) {
    int64_t whole = width / kActivationBlock;
    e.loop(e.c64(0), e.c64(whole), [&](Value block) { emit(block, kActivationBlock); });
    if (width % kActivationBlock)
      emit(e.c64(whole), width % kActivationBlock);
    int64_t used = (width + kActivationBlock - 1) / kActivationBlock;
    if (used < type.getColumns() / kActivationBlock)
      e.loop(e.c64(used), e.c64(type.getColumns() / kActivationBlock),
             [&](Value block) { emit(block, 0); });
  }

  // `count` (up to 16) columns, normalized.
  Value source(Value column, int64_t count) {
    if (count <= 0)
      return e.splatF(e.vf32, 0.0);
    Value bytes = e.mul(column, e.c64(4));
    // Rows are padded to whole vectors, the norm weight is not.
    Value mask = count < kLanes ? e.laneMask(e.c64(count)) : Value();
    auto read = [&](Value base, unsigned align) {
      Value p = e.gep(base, bytes);
      return mask ? e.maskedLoad(e.vf32, p, mask, align) : e.load(e.vf32, p, align);
    };
    Value x = read(row, 64);
    return norm ? e.fmul(e.fmul(x, factor), read(norm, 4)) : x;
  }

  // Element `index` of this token in the array that begins `offset` bytes into the tile.
  Value element(Value offset, Value index) {
    return e.gep(e.gep(e.gep(out, offset), e.mul(index, stepBytes)), slotBytes);
  }
  Value element(int64_t offset, Value index) { return element(e.c64(offset), index); }

  void scatter(Value values, Value column, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      Value x = e.create<vector::ExtractOp>(values, i);
      e.store(x, element(e.c64(0), e.add(column, e.c64(i))), 4);
    }
  }

  void quantizeBlock(Value block, int64_t count) {
    Value column = e.mul(block, e.c64(kActivationBlock));
    Value x[2] = {source(column, std::min(count, kLanes)),
                  source(e.add(column, e.c64(kLanes)), count - kLanes)};
    auto magnitude = [&](Value v) -> Value { return e.create<LLVM::FAbsOp>(e.vf32, v); };
    Value largest =
        e.reduce(vector::CombiningKind::MAXNUMF, e.fmax(magnitude(x[0]), magnitude(x[1])));
    Value isZero = e.create<arith::CmpFOp>(arith::CmpFPredicate::OEQ, largest, e.cf(0));
    Value scale = e.fdiv(largest, e.cf(127));
    Value inverse = e.select(isZero, e.cf(0), e.fdiv(e.cf(127), largest));
    e.store(scale, element(type.getScaleOffset(), block), 4);

    Value sums[2];
    for (int64_t half = 0; half < 2; ++half) {
      Value q = e.round(e.fmul(x[half], e.broadcast(e.vf32, inverse))).first;
      sums[half] = e.reduce(vector::CombiningKind::ADD, q);
      Value bytes = e.create<arith::TruncIOp>(VectorType::get(kLanes, e.i8), q);
      Value words = e.bitcast(VectorType::get(4, e.i32), bytes);
      Value firstWord = e.add(e.mul(block, e.c64(kActivationBlock / 4)), e.c64(4 * half));
      for (int64_t i = 0; i < 4; ++i)
        e.store(e.create<vector::ExtractOp>(words, i),
                element(e.c64(0), e.add(firstWord, e.c64(i))), 4);
    }
    // An array with one entry per 16 elements has two per block, one per 32 has one.
    auto perLength = [&](int64_t offset, int64_t length, function_ref<Value(Value)> value) {
      if (length == kActivationBlock) {
        e.store(value(e.add(sums[0], sums[1])), element(offset, block), 4);
        return;
      }
      for (int64_t half = 0; half < 2; ++half)
        e.store(value(sums[half]), element(offset, e.add(e.mul(block, e.c64(2)), e.c64(half))), 4);
    };
    ArrayRef<int64_t> corrections = type.getCorrections();
    for (size_t i = 0; i < corrections.size() / 2; ++i)
      perLength(type.getCorrectionOffset(i), corrections[2 * i + 1],
                [&](Value sum) { return e.mul(sum, e.c32(-corrections[2 * i])); });
    for (size_t i = 0; i < type.getSums().size(); ++i)
      perLength(type.getSumOffset(i), type.getSums()[i],
                [&](Value sum) { return e.fmul(scale, e.toFloat(sum)); });
  }

  Emitter &e;
  PackedType type;
  int64_t width;
  Value row, norm, factor, out, slotBytes, stepBytes;
};

} // namespace

void emitPackTile(Emitter &e, KernelLibrary &library, PackedType packed, int64_t width,
                  const PackedTile &at, Value norm, Value eps,
                  llvm::function_ref<Value(Value token)> rowOf) {
  const int64_t widest = packed.getMaxTile();
  Value firstRow = e.mul(at.index, e.c64(widest));
  Value present = e.min(e.sub(at.rows, firstRow), e.c64(widest));
  Value tile = e.c64(widest);
  // A width of 1 is for steps of one token.
  for (int64_t narrower : llvm::reverse(packed.getTiles().drop_back()))
    tile = e.select(e.less(narrower == 1 ? at.rows : present, e.c64(narrower + 1)), e.c64(narrower),
                    tile);
  // Products by panels take all of a step's tokens, so that the last tile is no narrower one.
  const Dot dot = library.target.getDot();
  if (packed.isInteger8() && usesPanels(dot))
    tile = e.select(e.less(at.rows, e.c64(widest)), tile, e.c64(widest));
  const bool matrixUnit = packed.isInteger8() && dot == Dot::Amx;
  e.loop(e.c64(0), tile, [&](Value slot) {
    // Tokens that are not there repeat the last one; nobody reads their products.
    Value row = rowOf(e.add(firstRow, e.min(slot, e.sub(present, e.c64(1)))));
    Value factor;
    if (norm)
      factor = e.broadcast(e.vf32, emitRmsFactor(e, row, width, eps));
    PackOneRow one(e, packed, width, row, norm, factor, at.out, slot, tile);
    if (!packed.isInteger8())
      one.copy();
    else if (!matrixUnit)
      one.quantize();
    else
      e.when(
          e.equal(tile, e.c64(kAmxTile)), [&] { one.round(); }, [&] { one.quantize(); });
  });
}

void emitPackRows(OpEmission &emission, PackRowsOp op) {
  Emitter &outer = emission.e;
  BufferType input = op.getInput().getType();
  PackedType packed = op.getOut().getType();
  const bool normed = op.getNorm() != nullptr;
  std::string name;
  llvm::raw_string_ostream(name) << "pack_rows." << (normed ? "norm." : "") << input.getWidth()
                                 << '.' << packed;
  // thread, threads, rows, input, out, norm, eps
  SmallVector<Type> types{outer.i64, outer.i64, outer.i64, outer.ptr,
                          outer.ptr, outer.ptr, outer.f32};
  func::FuncOp function =
      emission.library.get(name, types, op.getLoc(), [&](Emitter &e, ValueRange p) {
        Value rows = p[2];
        const int64_t widest = packed.getMaxTile();
        Value tiles = e.div(e.add(rows, e.c64(widest - 1)), e.c64(widest));
        auto [first, last] = e.split(tiles, p[0], p[1]);
        e.loop(first, last, [&](Value index) {
          Value out = e.gep(p[4], e.mul(index, e.c64(packed.getTileBytes())));
          emitPackTile(e, emission.library, packed, input.getWidth(), {rows, index, out},
                       normed ? p[5] : Value(), p[6], [&](Value token) {
                         return e.gep(p[3], e.mul(token, e.c64(input.getRowBytes())));
                       });
        });
      });
  Value norm =
      normed ? emission.operand(op.getNorm()) : Value(outer.create<LLVM::ZeroOp>(outer.ptr));
  Values arguments{emission.team.thread,
                   emission.team.threads,
                   emission.rows,
                   emission.operand(op.getInput()),
                   emission.operand(op.getOut()),
                   norm,
                   outer.cf(op.getEps().convertToFloat())};
  outer.create<func::CallOp>(function, arguments);
}

} // namespace llmc::kernel
