// The write of a step's keys and values to the KV cache.
#include "passes/Vector/CacheGeometry.h"
#include "passes/Vector/Kernels.h"
#include "runtime/abi/StepContext.h"

using namespace mlir;

namespace llmc::kernel {
namespace {

void storeElement(Emitter &e, Type element, Value x, Value p) {
  if (element != e.f32)
    x = e.create<arith::TruncFOp>(element, x);
  e.store(x, p, element.getIntOrFloatBitWidth() / 8);
}

// Element i of the key at `key` goes to `out` + i * 16 elements; pairs below `dims` are rotated.
void writeKey(Emitter &e, llm::KvCacheType cache, Value key, Value table, int64_t dims, Value out) {
  Type element = cache.getElementType();
  const int64_t stride = kLanes * element.getIntOrFloatBitWidth() / 8;
  auto place = [&](Value i) { return e.gep(out, e.mul(i, e.c64(stride))); };
  auto at = [&](Value base, Value i) { return e.load(e.f32, e.gep(base, e.mul(i, e.c64(4))), 4); };
  if (dims)
    e.loop(e.c64(0), e.c64(dims / 2), [&](Value pair) {
      Value even = e.mul(pair, e.c64(2)), odd = e.add(even, e.c64(1));
      Value x = at(key, even), y = at(key, odd), c = at(table, even), s = at(table, odd);
      storeElement(e, element, e.fsub(e.fmul(x, c), e.fmul(y, s)), place(even));
      storeElement(e, element, e.fadd(e.fmul(x, s), e.fmul(y, c)), place(odd));
    });
  if (dims < cache.getKey())
    e.loop(e.c64(dims), e.c64(cache.getKey()),
           [&](Value i) { storeElement(e, element, at(key, i), place(i)); });
}

void writeValue(Emitter &e, llm::KvCacheType cache, Value value, Value out) {
  Type element = cache.getElementType();
  const int64_t bytes = element.getIntOrFloatBitWidth() / 8, width = cache.getValue();
  auto vector = [&](Value from, Value to, Value mask) {
    Value x = mask ? e.maskedLoad(e.vf32, from, mask, 4) : e.load(e.vf32, from, 4);
    if (element != e.f32)
      x = e.create<arith::TruncFOp>(VectorType::get(kLanes, element), x);
    e.store(x, to, kLanes * bytes);
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
  llvm::raw_string_ostream(name) << "cache_write." << cache << ".rope" << dims;
  enum {
    kThread,
    kThreads,
    kRows,
    kLayer,
    kStart,
    kCapacity,
    kKeys,
    kValues,
    kCache,
    kTable,
    kCount
  };
  SmallVector<Type> types(kCount, outer.i64);
  for (int i = kKeys; i < kCount; ++i)
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
          writeKey(e, cache, source(p[kKeys], op.getKeys().getType(), cache.getKey()), table, dims,
                   e.gep(tile, e.mul(inTile, e.c64(geometry.elementBytes))));
          writeValue(e, cache, source(p[kValues], op.getValues().getType(), cache.getValue()),
                     geometry.valueRow(head, position));
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
  arguments[kKeys] = emission.operand(op.getKeys());
  arguments[kValues] = emission.operand(op.getValues());
  arguments[kCache] = emission.operand(op.getCache());
  arguments[kTable] = op.getTable() ? emission.operand(op.getTable())
                                    : Value(outer.create<LLVM::ZeroOp>(outer.ptr));
  outer.create<func::CallOp>(function, arguments);
}

} // namespace llmc::kernel
