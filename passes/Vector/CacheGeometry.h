// Where keys and values of the KV cache lie (see !llm.kv_cache): all keys of all layers, then all
// values. `capacity` positions, a multiple of 16, are known when the program runs.
#ifndef LLMC_PASSES_VECTOR_CACHEGEOMETRY_H
#define LLMC_PASSES_VECTOR_CACHEGEOMETRY_H

#include "dialects/llm/IR/LlmDialect.h"
#include "passes/Vector/Emitter.h"

namespace llmc::kernel {

struct CacheGeometry {
  CacheGeometry(Emitter &e, llm::KvCacheType type, Value base, Value layer, Value capacity)
      : e(e), type(type), keyBytes(type.getKeyBytes()), valueBytes(type.getValueBytes()),
        capacity(capacity) {
    Value perHead = e.mul(capacity, e.c64(type.getHeads()));
    Value allKeys = e.mul(perHead, e.c64(keyBytes * type.getLayers()));
    keys = e.gep(base, e.mul(e.mul(perHead, e.c64(keyBytes)), layer));
    values = e.gep(e.gep(base, allKeys), e.mul(e.mul(perHead, e.c64(valueBytes)), layer));
  }

  // The tile of 16 positions that begins at position `position` of a head.
  Value keyTile(Value head, Value position) {
    return e.gep(keys, e.mul(e.add(e.mul(head, capacity), position), e.c64(keyBytes)));
  }
  // The values of one position; in q8_0, of the tile of 16 that begins there.
  Value valueRow(Value head, Value position) {
    return e.gep(values, e.mul(e.add(e.mul(head, capacity), position), e.c64(valueBytes)));
  }

  bool quantizedKeys() const { return llm::isQ8(type.getKeyType()); }
  bool quantizedValues() const { return llm::isQ8(type.getValueType()); }
  // Bytes of 16 elements of the same type.
  static int64_t laneBytes(Type element) {
    return llm::isQ8(element) ? kLanes : kLanes * element.getIntOrFloatBitWidth() / 8;
  }
  int64_t keyLane() const { return laneBytes(type.getKeyType()); }
  int64_t valueLane() const { return laneBytes(type.getValueType()); }
  // Bytes of the scales of a tile's values, in front of its rows.
  int64_t valueScales() const { return type.getValue() / llm::kCacheBlock * kScales; }

  // 16 elements at `p` as f32; in q8_0 to be scaled.
  Value load(Type element, Value p) {
    const int64_t align = laneBytes(element);
    if (llm::isQ8(element))
      return e.toFloat(e.load(mlir::VectorType::get(kLanes, e.i8), p, align));
    if (!element.isBF16())
      return e.loadAsF32(element, p, align);
    Value half = e.load(mlir::VectorType::get(kLanes, e.i16), p, align);
    half = e.create<mlir::arith::ExtUIOp>(e.vi32, half);
    return e.bitcast(e.vf32, e.create<mlir::arith::ShLIOp>(half, e.splat(e.vi32, 16)).getResult());
  }
  Value loadKey(Value p) { return load(type.getKeyType(), p); }
  Value loadValue(Value p) { return load(type.getValueType(), p); }
  // The scales of 16 positions.
  Value loadScales(Value p) { return e.loadAsF32(e.f16, p, kScales); }
  // That of one position, in all lanes.
  Value loadScale(Value p) {
    return e.broadcast(e.vf32, e.create<mlir::arith::ExtFOp>(e.f32, e.load(e.f16, p, 2)));
  }

  static constexpr int64_t kScales = 2 * kLanes; // bytes of the scales of 16 positions

  Emitter &e;
  llm::KvCacheType type;
  int64_t keyBytes, valueBytes; // of a position
  Value capacity, keys, values;
};

} // namespace llmc::kernel

#endif
