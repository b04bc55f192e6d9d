// What stands around products of experts: the routing, packing in its order, and sums.
#include "passes/Vector/Experts.h"

using namespace mlir;

namespace llmc::kernel {

void emitRoute(OpEmission &emission, RouteOp op) {
  Emitter &e = emission.e;
  RoutingType type = op.getRouting().getType();
  auto [first, last] = e.split(emission.rows, emission.team.thread, emission.team.threads);
  Values arguments{emission.operand(op.getRouting()),
                   emission.operand(op.getLogits()),
                   e.c64(op.getLogits().getType().getRowBytes()),
                   first,
                   last,
                   e.c64(type.getExperts()),
                   e.c64(type.getTopK()),
                   e.c64(type.getTile()),
                   e.c64(emission.library.target.getMaxRows()),
                   e.c64(op.getNormalize())};
  emission.library.callRuntime(e, "llmc_route", arguments);
}

void emitGroupTokens(OpEmission &emission, GroupTokensOp op) {
  Emitter &e = emission.e;
  RoutingType type = op.getRouting().getType();
  e.when(e.equal(emission.team.thread, e.c64(0)), [&] {
    Values arguments{emission.operand(op.getRouting()),
                     emission.rows,
                     e.c64(type.getExperts()),
                     e.c64(type.getTopK()),
                     e.c64(type.getTile()),
                     e.c64(emission.library.target.getMaxRows())};
    emission.library.callRuntime(e, "llmc_group_tokens", arguments);
  });
}

// What names a function for rows of a type in the order of a routing.
static std::string nameOf(StringRef kernel, Type rows, RoutingType routing) {
  std::string name;
  llvm::raw_string_ostream(name) << kernel << '.' << rows << '.' << routing;
  return name;
}

void emitPackRouted(OpEmission &emission, PackRoutedOp op) {
  Emitter &outer = emission.e;
  RoutingType routing = op.getRouting().getType();
  PackedType packed = op.getOut().getType().getPacked();
  auto routed = dyn_cast<RoutedType>(op.getInput().getType());
  BufferType input = routed ? routed.getBuffer() : cast<BufferType>(op.getInput().getType());
  std::string name = nameOf("pack_routed", packed, routing) + "." +
                     std::to_string(input.getWidth()) + (routed ? ".routed" : "") +
                     (op.getShared() ? ".shared" : "");
  // thread, threads, rows, input, out, routing
  SmallVector<Type> types{outer.i64, outer.i64, outer.i64, outer.ptr, outer.ptr, outer.ptr};
  func::FuncOp function =
      emission.library.get(name, types, op.getLoc(), [&](Emitter &e, ValueRange p) {
        RoutingTable table(e, routing, p[5], emission.library.target.getMaxRows());
        Value tiles = table.tiles();
        if (op.getShared())
          tiles = e.select(e.equal(p[2], e.c64(1)), e.c64(1), tiles);
        auto [first, last] = e.split(tiles, p[0], p[1]);
        e.loop(first, last, [&](Value tile) {
          RoutingTable::Run run = table.runOfTile(tile);
          Value firstPlace = e.mul(run.firstTile, e.c64(routing.getTile()));
          emitPackTile(e, emission.library, packed, input.getWidth(),
                       {run.tokens, e.sub(tile, run.firstTile),
                        e.gep(p[4], e.mul(tile, e.c64(packed.getTileBytes())))},
                       Value(), Value(), [&](Value token) {
                         Value place = e.add(firstPlace, token);
                         Value row = routed ? place : table.token(place);
                         return e.gep(p[3], e.mul(row, e.c64(input.getRowBytes())));
                       });
        });
      });
  Values arguments{emission.team.thread,
                   emission.team.threads,
                   emission.rows,
                   emission.operand(op.getInput()),
                   emission.operand(op.getOut()),
                   emission.operand(op.getRouting())};
  outer.create<func::CallOp>(function, arguments);
}

void emitExpertSum(OpEmission &emission, ExpertSumOp op) {
  Emitter &outer = emission.e;
  RoutingType routing = op.getRouting().getType();
  BufferType type = op.getOut().getType();
  const int64_t vectors = type.getRowBytes() / 64;
  const bool residual = op.getResidual() != nullptr;
  // thread, threads, rows, input, out, routing, residual
  SmallVector<Type> types{outer.i64, outer.i64, outer.i64, outer.ptr,
                          outer.ptr, outer.ptr, outer.ptr};
  func::FuncOp function = emission.library.get(
      nameOf(residual ? "expert_sum.residual" : "expert_sum", type, routing), types, op.getLoc(),
      [&](Emitter &e, ValueRange p) {
        RoutingTable table(e, routing, p[5], emission.library.target.getMaxRows());
        auto [first, last] = e.split(e.mul(p[2], e.c64(vectors)), p[0], p[1]);
        e.loop(first, last, [&](Value vector) {
          Value pair = e.mul(e.div(vector, e.c64(vectors)), e.c64(routing.getTopK()));
          Value column = e.mul(e.rem(vector, e.c64(vectors)), e.c64(64));
          Value at = e.mul(vector, e.c64(64));
          Value start = residual ? e.load(e.vf32, e.gep(p[6], at), 64) : e.splatF(e.vf32, 0.0);
          Values sum = e.loop(
              e.c64(0), e.c64(routing.getTopK()), e.c64(1), {start}, [&](Value slot, ValueRange c) {
                Value own = e.add(pair, slot);
                Value row = e.gep(p[3], e.mul(table.place(own), e.c64(type.getRowBytes())));
                Value x = e.load(e.vf32, e.gep(row, column), 64);
                return Values{e.fma(table.weight(own), x, c[0])};
              });
          e.store(sum[0], e.gep(p[4], at), 64);
        });
      });
  Value other =
      residual ? emission.operand(op.getResidual()) : Value(outer.create<LLVM::ZeroOp>(outer.ptr));
  Values arguments{emission.team.thread,
                   emission.team.threads,
                   emission.rows,
                   emission.operand(op.getInput()),
                   emission.operand(op.getOut()),
                   emission.operand(op.getRouting()),
                   other};
  outer.create<func::CallOp>(function, arguments);
}

void emitExpertSumSquares(OpEmission &emission, ExpertSumSquaresOp op) {
  Emitter &outer = emission.e;
  RoutingType routing = op.getRouting().getType();
  auto routed = dyn_cast<RoutedType>(op.getInput().getType());
  BufferType input = routed ? routed.getBuffer() : cast<BufferType>(op.getInput().getType());
  const int64_t width = input.getWidth(), whole = width / kLanes, rest = width % kLanes;
  const int64_t stride = (width + 1 + kLanes - 1) / kLanes * 64; // of a row of sums
  // thread, threads, input, sums of the layer, routing
  SmallVector<Type> types{outer.i64, outer.i64, outer.ptr, outer.ptr, outer.ptr};
  func::FuncOp function = emission.library.get(
      nameOf(routed ? "expert_sum_squares.routed" : "expert_sum_squares", input, routing), types,
      op.getLoc(), [&](Emitter &e, ValueRange p) {
        RoutingTable table(e, routing, p[4], emission.library.target.getMaxRows());
        auto [first, last] = e.split(e.c64(whole + (rest > 0)), p[0], p[1]);
        e.loop(e.c64(0), table.runs(), [&, first = first, last = last](Value index) {
          RoutingTable::Run run = table.run(index);
          Value sums = e.gep(p[3], e.mul(run.expert, e.c64(stride)));
          Value firstPlace = e.mul(run.firstTile, e.c64(routing.getTile()));
          auto vector = [&](Value column, Value mask) {
            Value at = e.mul(column, e.c64(64));
            auto load = [&](Value from) {
              return mask ? e.maskedLoad(e.vf32, from, mask, 64) : e.load(e.vf32, from, 64);
            };
            Values squares =
                e.loop(e.c64(0), run.tokens, e.c64(1), {e.splatF(e.vf32, 0.0)},
                       [&](Value token, ValueRange c) {
                         Value place = e.add(firstPlace, token);
                         Value row = routed ? place : table.token(place);
                         Value x =
                             load(e.gep(e.gep(p[2], e.mul(row, e.c64(input.getRowBytes()))), at));
                         return Values{e.fma(x, x, c[0])};
                       });
            Value to = e.gep(sums, at);
            Value sum = e.fadd(load(to), squares[0]);
            if (mask)
              e.maskedStore(sum, to, mask, 64);
            else
              e.store(sum, to, 64);
          };
          e.loop(first, e.min(last, e.c64(whole)), [&](Value column) { vector(column, Value()); });
          if (rest)
            e.when(e.less(e.c64(whole), last),
                   [&] { vector(e.c64(whole), e.laneMask(e.c64(rest))); });
          // One thread counts.
          e.when(e.equal(p[0], e.c64(0)), [&] {
            Value count = e.gep(sums, 4 * width);
            Value tokens = e.create<arith::UIToFPOp>(e.f32, run.tokens);
            e.store(e.fadd(e.load(e.f32, count, 4), tokens), count, 4);
          });
        });
      });
  Value layer =
      outer.mul(emission.operand(op.getLayer()), outer.c64(routing.getExperts() * stride));
  Values arguments{emission.team.thread, emission.team.threads, emission.operand(op.getInput()),
                   outer.gep(emission.operand(op.getSums()), layer),
                   emission.operand(op.getRouting())};
  outer.create<func::CallOp>(function, arguments);
}

} // namespace llmc::kernel
