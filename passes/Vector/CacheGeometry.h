// Where keys and values of the KV cache lie (see !llm.kv_cache): all keys of all layers, then all
// values. `capacity` positions, a multiple of 16, are known when the program runs.
#ifndef LLMC_PASSES_VECTOR_CACHEGEOMETRY_H
#define LLMC_PASSES_VECTOR_CACHEGEOMETRY_H

#include "dialects/llm/IR/LlmDialect.h"
#include "passes/Vector/Emitter.h"
#include "llvm/Support/MathExtras.h"

namespace llmc::kernel {

struct CacheGeometry {
  CacheGeometry(Emitter &e, llm::KvCacheType type, Value base, Value layer, Value capacity)
      : e(e), type(type), elementBytes(type.getElementType().getIntOrFloatBitWidth() / 8),
        keyBytes(elementBytes * type.getKey()),
        valueBytes(elementBytes * int64_t(llvm::alignTo(type.getValue(), kLanes))),
        capacity(capacity) {
    Value perHead = e.mul(capacity, e.c64(type.getHeads()));
    Value allKeys = e.mul(perHead, e.c64(keyBytes * type.getLayers()));
    keys = e.gep(base, e.mul(e.mul(perHead, e.c64(keyBytes)), layer));
    values = e.gep(e.gep(base, allKeys), e.mul(e.mul(perHead, e.c64(valueBytes)), layer));
  }

  // The tile of 16 positions that begins at position `position` of a head: [key][16].
  Value keyTile(Value head, Value position) {
    return e.gep(keys, e.mul(e.add(e.mul(head, capacity), position), e.c64(keyBytes)));
  }
  // The values of one position: [value], padded to 16 elements.
  Value valueRow(Value head, Value position) {
    return e.gep(values, e.mul(e.add(e.mul(head, capacity), position), e.c64(valueBytes)));
  }

  Emitter &e;
  llm::KvCacheType type;
  int64_t elementBytes, keyBytes, valueBytes;
  Value capacity, keys, values;
};

} // namespace llmc::kernel

#endif
