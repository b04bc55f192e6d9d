// Products of experts: one matrix product for each run of the routing, by the functions of
// MatmulKernel.cpp, split so that every thread has an equal part of all runs together.
#include "passes/Vector/Experts.h"
#include "passes/Vector/Matmul.h"

using namespace mlir;

namespace llmc::kernel {

void emitExpertMatmul(OpEmission &emission, ExpertMatmulOp op) {
  Emitter &e = emission.e;
  auto weight = cast<RankedTensorType>(op.getWeight().getType());
  MatmulVariant variant{llm::getBlockFormat(weight.getElementType()), op.getEpilogue(), false};
  MatmulSizes sizes{op.getInput().getType().getPacked(), weight.getDimSize(1), weight.getDimSize(2),
                    op.getOut().getType().getBuffer().getRowBytes()};
  const int64_t groups = PackedLayout::groups(sizes.matrixRows);
  const int64_t matrixBytes = PackedLayout(*variant.format).bytes(sizes.matrixRows, sizes.columns);
  RoutingTable table(e, op.getRouting().getType(), emission.operand(op.getRouting()),
                     emission.library.target.getMaxRows());

  // Thread t has the work from its place on. A group belongs to who has its first part.
  Value total = e.mul(table.work(), e.c64(groups));
  auto place = [&](Value t) { return e.div(e.mul(t, total), emission.team.threads); };
  Value begin = place(emission.team.thread);
  Value end = place(e.add(emission.team.thread, e.c64(1)));
  // In a step of one token all runs have the same input.
  Value step =
      op.getShared() ? e.select(e.equal(emission.rows, e.c64(1)), e.c64(0), e.c64(1)) : e.c64(1);
  e.loop(e.c64(0), table.runs(), [&](Value index) {
    RoutingTable::Run run = table.run(index);
    Value before = e.mul(run.work, e.c64(groups));
    Value each = e.add(run.tokens, e.c64(kUnpackWork));
    auto boundary = [&](Value place) {
      Value own = e.max(e.sub(place, before), e.c64(0));
      return e.min(e.div(e.add(own, e.sub(each, e.c64(1))), each), e.c64(groups));
    };
    Value first = boundary(begin), last = boundary(end);
    e.when(e.less(first, last), [&] {
      Value rowOffset =
          e.mul(run.firstTile, e.c64(op.getRouting().getType().getTile() * sizes.rowBytes));
      Value inputOffset = e.mul(e.mul(run.firstTile, step), e.c64(sizes.input.getTileBytes()));
      emitMatmulCall(
          emission, op.getLoc(), variant, sizes,
          {first, last, run.tokens,
           e.gep(emission.operand(op.getWeight()), e.mul(run.expert, e.c64(matrixBytes))),
           e.gep(emission.operand(op.getInput()), inputOffset),
           e.gep(emission.operand(op.getOut()), rowOffset),
           op.getOther() ? e.gep(emission.operand(op.getOther()), rowOffset) : Value(), Value()});
    });
  });
}

} // namespace llmc::kernel
