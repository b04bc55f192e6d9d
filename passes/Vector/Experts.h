// What kernels read of a routing's table, see runtime/abi/ExpertRouting.h.
#ifndef LLMC_PASSES_VECTOR_EXPERTS_H
#define LLMC_PASSES_VECTOR_EXPERTS_H

#include "passes/Vector/Kernels.h"

namespace llmc::kernel {

class RoutingTable {
public:
  RoutingTable(Emitter &e, RoutingType type, Value table, int64_t maxRows)
      : layout(type.getLayout(maxRows)), e(e), table(table) {}

  const RoutingLayout layout;

  Value runs() { return field(offsetof(RoutingHeader, runs)); }
  Value tiles() { return field(offsetof(RoutingHeader, tiles)); }
  Value work() { return field(offsetof(RoutingHeader, work)); }

  struct Run {
    Value expert, tokens, firstTile, work;
  };
  Run run(Value index) {
    Value at = e.gep(e.gep(table, layout.runs), e.mul(index, e.c64(sizeof(ExpertRun))));
    auto member = [&](size_t offset) { return e.load(e.i64, e.gep(at, offset), 8); };
    return {member(offsetof(ExpertRun, expert)), member(offsetof(ExpertRun, tokens)),
            member(offsetof(ExpertRun, firstTile)), member(offsetof(ExpertRun, work))};
  }
  Run runOfTile(Value tile) { return run(number(layout.runOfTile, tile)); }
  // The token at a place.
  Value token(Value place) { return number(layout.tokens, place); }
  // The place of a pair, and its weight in all lanes.
  Value place(Value pair) { return number(layout.places, pair); }
  Value weight(Value pair) {
    return e.broadcastLoad(e.gep(e.gep(table, layout.weights), e.mul(pair, e.c64(4))));
  }

private:
  Value field(size_t offset) { return e.load(e.i64, e.gep(table, offset), 8); }
  // Number `index` of the int32_t at an offset.
  Value number(int64_t offset, Value index) {
    Value at = e.gep(e.gep(table, offset), e.mul(index, e.c64(4)));
    return e.create<mlir::arith::ExtUIOp>(e.i64, e.load(e.i32, at, 4));
  }

  Emitter &e;
  Value table;
};

} // namespace llmc::kernel

#endif
