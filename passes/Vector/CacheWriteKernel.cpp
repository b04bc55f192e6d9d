// The write of a step's keys and values to the KV cache.
#include "dialects/kernel/IR/AttentionPlan.h"
#include "passes/Vector/Attention.h"
#include "passes/Vector/CacheGeometry.h"
#include "passes/Vector/Kernels.h"
#include "runtime/abi/StepContext.h"

using namespace mlir;

namespace llmc::kernel {
namespace {

// x, f32 or a vector of it, as `element`; bf16 as i16, rounded to nearest, ties to even.
Value narrow(Emitter &e, Type element, Value x) {
  if (element.isF32())
    return x;
  auto like = [&](Type t) -> Type {
    return isa<VectorType>(x.getType()) ? Type(VectorType::get(kLanes, t)) : t;
  };
  if (!element.isBF16())
    return e.create<arith::TruncFOp>(like(element), x);
  Type words = like(e.i32);
  Value bits = e.bitcast(words, x), half = e.splat(words, 16);
  Value odd = e.create<arith::AndIOp>(e.create<arith::ShRUIOp>(bits, half), e.splat(words, 1));
  bits = e.add(e.add(bits, e.splat(words, 0x7fff)), odd);
  return e.create<arith::TruncIOp>(like(e.i16), e.create<arith::ShRUIOp>(bits, half));
}

// Element i of the key at `key` goes to `out` + i * stride; pairs below `dims` are rotated.
void writeKey(Emitter &e, Type element, int64_t length, Value key, Value table, int64_t dims,
              bool halves, Value out, int64_t stride) {
  auto put = [&](Value x, Value i) {
    e.store(narrow(e, element, x), e.gep(out, e.mul(i, e.c64(stride))),
            element.getIntOrFloatBitWidth() / 8);
  };
  auto at = [&](Value base, Value i) { return e.load(e.f32, e.gep(base, e.mul(i, e.c64(4))), 4); };
  if (dims)
    e.loop(e.c64(0), e.c64(dims / 2), [&](Value pair) {
      Value even = e.mul(pair, e.c64(2)), odd = e.add(even, e.c64(1));
      Value c = at(table, even), s = at(table, odd);
      Value first = halves ? pair : even, second = halves ? e.add(pair, e.c64(dims / 2)) : odd;
      Value x = at(key, first), y = at(key, second);
      put(e.fsub(e.fmul(x, c), e.fmul(y, s)), first);
      put(e.fadd(e.fmul(x, s), e.fmul(y, c)), second);
    });
  if (dims < length)
    e.loop(e.c64(dims), e.c64(length), [&](Value i) { put(at(key, i), i); });
}

// 32 elements at `x` as integers of 8 bits, in two vectors of i32; their scale goes to `scale`.
std::pair<Value, Value> quantize(Emitter &e, Value x, Value scale) {
  Value low = e.load(e.vf32, x, 4), high = e.load(e.vf32, e.gep(x, 64), 4);
  auto size = [&](Value v) {
    Value bits = e.create<arith::AndIOp>(e.bitcast(e.vi32, v), e.splat(e.vi32, 0x7fffffff));
    return e.bitcast(e.vf32, bits);
  };
  Value largest = emitLargest(e, emitLarger(e, size(low), size(high)));
  Value factor = e.fdiv(largest, e.cf(127));
  e.store(e.create<arith::TruncFOp>(e.f16, factor), scale, 2);
  Value isZero = e.create<arith::CmpFOp>(arith::CmpFPredicate::OEQ, factor, e.cf(0));
  Value inverse = e.select(isZero, e.cf(0), e.fdiv(e.cf(1), factor));
  inverse = e.broadcast(e.vf32, inverse);
  return {e.round(e.fmul(low, inverse)).first, e.round(e.fmul(high, inverse)).first};
}

// The rotated key at `row` to its place in a tile of quantized keys. `block`: 32 i32 of scratch.
void quantizeKey(Emitter &e, int64_t length, Value row, Value block, Value tile, Value inTile) {
  const int64_t blockBytes = CacheGeometry::kScales + llm::kCacheBlock * kLanes;
  e.loop(
      e.c64(0), e.c64(length / llm::kCacheBlock), e.c64(1), {row, tile}, [&](Value, ValueRange c) {
        auto [low, high] = quantize(e, c[0], e.gep(c[1], e.mul(inTile, e.c64(2))));
        e.store(low, block, 64);
        e.store(high, e.gep(block, 64), 64);
        Value to = e.gep(e.gep(c[1], CacheGeometry::kScales), inTile);
        e.loop(e.c64(0), e.c64(llm::kCacheBlock), e.c64(1), {block, to}, [&](Value, ValueRange s) {
          Value q = e.create<arith::TruncIOp>(e.i8, e.load(e.i32, s[0], 4));
          e.store(q, s[1], 1);
          return Values{e.gep(s[0], 4), e.gep(s[1], kLanes)};
        });
        return Values{e.gep(c[0], llm::kCacheBlock * 4), e.gep(c[1], blockBytes)};
      });
}

void quantizeValue(Emitter &e, CacheGeometry &geometry, Value value, Value tile, Value inTile) {
  const int64_t width = geometry.type.getValue();
  Value scale = e.gep(tile, e.mul(inTile, e.c64(2)));
  Value row = e.gep(e.gep(tile, geometry.valueScales()), e.mul(inTile, e.c64(width)));
  e.loop(e.c64(0), e.c64(width / llm::kCacheBlock), e.c64(1), {value, scale, row},
         [&](Value, ValueRange c) {
           auto [low, high] = quantize(e, c[0], c[1]);
           auto bytes = VectorType::get(kLanes, e.i8);
           e.store(e.create<arith::TruncIOp>(bytes, low), c[2], kLanes);
           e.store(e.create<arith::TruncIOp>(bytes, high), e.gep(c[2], kLanes), kLanes);
           return Values{e.gep(c[0], llm::kCacheBlock * 4), e.gep(c[1], CacheGeometry::kScales),
                         e.gep(c[2], llm::kCacheBlock)};
         });
}

void writeValue(Emitter &e, CacheGeometry &geometry, Value value, Value out) {
  Type element = geometry.type.getValueType();
  const int64_t bytes = geometry.valueLane() / kLanes, width = geometry.type.getValue();
  auto vector = [&](Value from, Value to, Value mask) {
    Value x = mask ? e.maskedLoad(e.vf32, from, mask, 4) : e.load(e.vf32, from, 4);
    e.store(narrow(e, element, x), to, kLanes * bytes);
  };
  e.loop(e.c64(0), e.c64(width / kLanes), [&](Value i) {
    vector(e.gep(value, e.mul(i, e.c64(64))), e.gep(out, e.mul(i, e.c64(kLanes * bytes))), Value());
  });
  if (int64_t rest = width % kLanes)
    vector(e.gep(value, (width - rest) * 4), e.gep(out, (width - rest) * bytes),
           e.laneMask(e.c64(rest)));
}

} // namespace

void emitCacheWrite(OpEmission &emission, CacheWriteOp op) {
  Emitter &outer = emission.e;
  llm::KvCacheType cache = op.getCache().getType();
  const int64_t dims = op.getTable() ? op.getTable().getType().getWidth() : 0;
  const int64_t tableBytes = op.getTable() ? op.getTable().getType().getRowBytes() : 0;
  std::string name;
  llvm::raw_string_ostream(name) << "cache_write." << cache << ".rope" << dims
                                 << (op.getHalves() ? ".halves" : "");
  enum {
    kThread,
    kThreads,
    kRows,
    kLayer,
    kStart,
    kCapacity,
    kScratch,
    kKeys,
    kValues,
    kCache,
    kTable,
    kCount
  };
  SmallVector<Type> types(kCount, outer.i64);
  for (int i = kScratch; i < kCount; ++i)
    types[i] = outer.ptr;
  func::FuncOp function =
      emission.library.get(name, types, op.getLoc(), [&](Emitter &e, ValueRange p) {
        CacheGeometry geometry(e, cache, p[kCache], p[kLayer], p[kCapacity]);
        Value heads = e.c64(cache.getHeads());
        auto [first, last] = e.split(e.mul(p[kRows], heads), p[kThread], p[kThreads]);
        e.loop(first, last, [&](Value unit) {
          Value token = e.div(unit, heads), head = e.rem(unit, heads);
          Value position = e.add(p[kStart], token);
          Value inTile = e.rem(position, e.c64(kLanes));
          Value tile = geometry.keyTile(head, e.sub(position, inTile));
          auto source = [&](Value base, BufferType type, int64_t width) {
            Value row = e.gep(base, e.mul(token, e.c64(type.getRowBytes())));
            return e.gep(row, e.mul(head, e.c64(4 * width)));
          };
          Value table = e.gep(p[kTable], e.mul(token, e.c64(tableBytes)));
          Value key = source(p[kKeys], op.getKeys().getType(), cache.getKey());
          if (geometry.quantizedKeys()) {
            CacheWriteScratch scratch(cache);
            Value row = e.gep(p[kScratch], scratch.row);
            writeKey(e, e.f32, cache.getKey(), key, table, dims, op.getHalves(), row, 4);
            quantizeKey(e, cache.getKey(), row, e.gep(p[kScratch], scratch.block), tile, inTile);
          } else {
            const int64_t lane = geometry.keyLane();
            writeKey(e, cache.getKeyType(), cache.getKey(), key, table, dims, op.getHalves(),
                     e.gep(tile, e.mul(inTile, e.c64(lane / kLanes))), lane);
          }
          Value value = source(p[kValues], op.getValues().getType(), cache.getValue());
          if (geometry.quantizedValues())
            quantizeValue(e, geometry, value, geometry.valueRow(head, e.sub(position, inTile)),
                          inTile);
          else
            writeValue(e, geometry, value, geometry.valueRow(head, position));
        });
      });
  Values arguments(kCount);
  arguments[kThread] = emission.team.thread;
  arguments[kThreads] = emission.team.threads;
  arguments[kRows] = emission.rows;
  arguments[kLayer] = emission.operand(op.getLayer());
  arguments[kStart] = emission.operand(op.getStart());
  arguments[kCapacity] = outer.load(
      outer.i64, outer.gep(emission.team.context, stepFieldOffset(StepField::capacity)), 8);
  arguments[kScratch] = emission.library.scratch(outer, emission.team);
  arguments[kKeys] = emission.operand(op.getKeys());
  arguments[kValues] = emission.operand(op.getValues());
  arguments[kCache] = emission.operand(op.getCache());
  arguments[kTable] = op.getTable() ? emission.operand(op.getTable())
                                    : Value(outer.create<LLVM::ZeroOp>(outer.ptr));
  outer.create<func::CallOp>(function, arguments);
}

} // namespace llmc::kernel
