// DoRA: the norms of adapted rows, and the scaling by them.
#include "dialects/kernel/IR/DotTable.h"
#include "dialects/llm/Formats/PackedLayout.h"
#include "passes/Vector/BroadcastTile.h"
#include "passes/Vector/TrainingKernels.h"
#include "passes/Vector/WeightPanel.h"

using namespace mlir;

namespace llmc::kernel {

void emitRowNorms(OpEmission &emission, RowNormsOp op) {
  auto weight = cast<RankedTensorType>(op.getWeight().getType());
  const BlockFormat &format = *llm::getBlockFormat(weight.getElementType());
  const PackedLayout layout(format);
  const int64_t columns = weight.getDimSize(1);
  const int64_t padded = layout.units(columns) * layout.unitWeights();
  const ParameterType a = op.getA().getType(), b = op.getB().getType();
  const int64_t tileColumns = dotRow(emission.library.target.getDot()).fit.training.rows;
  std::string name = std::string("row_norms.") + format.name + "." + std::to_string(columns) + "." +
                     std::to_string(b.getWidth()) + "." + std::to_string(a.getRank());
  Emitter &outer = emission.e;
  Values operands{emission.operand(op.getWeight()), emission.operand(op.getA()),
                  emission.operand(op.getB()),      emission.operand(op.getOut()),
                  outer.cf(op.getScale().convertToFloat()),
                  emission.library.scratch(outer, emission.team)};
  emitUnits(
      emission, op.getLoc(), name, outer.c64(PackedLayout::groups(weight.getDimSize(0))), operands,
      [&](Emitter &e, Value group, ValueRange p) {
        func::FuncOp unpack = getPanelUnpack(emission.library, e.loc, format, PanelForm::Columns);
        Value from = e.gep(p[0], e.mul(group, e.c64(layout.groupBytes(columns))));
        e.create<func::CallOp>(unpack, ValueRange{from, p[5],
                                                  e.c64(format.weights == 1 ? columns : padded),
                                                  e.c64(0), e.c64(0)});
        Value scale = e.broadcast(e.vf32, p[4]);
        Value rows = e.mul(group, e.c64(64));
        Value sum = e.splatF(e.vf32, 0), done = e.c64(0);
        for (int64_t size : {tileColumns, int64_t(1)}) {
          const int64_t end = columns / size * size;
          Values carried = e.loop(done, e.c64(end), e.c64(size), {sum}, [&](Value k, ValueRange c) {
            const BroadcastTile tile{size, 1};
            BroadcastProduct product{.a = e.gep(p[1], e.mul(k, e.c64(4))),
                                     .aRow = 4,
                                     .aStep = a.getRowBytes(),
                                     .b = e.gep(p[2], rows),
                                     .bStep = b.getRowBytes(),
                                     .count = a.getRank()};
            Values deltas = emitBroadcastTile(e, tile, product, emitZeros(e, tile));
            Value squares = c[0], panel = e.gep(p[5], e.mul(k, e.c64(64)));
            for (int64_t i = 0; i < size; ++i) {
              Value w = e.fma(deltas[i], scale, e.load(e.vf32, e.gep(panel, 64 * i), 64));
              squares = e.fma(w, w, squares);
            }
            return Values{squares};
          });
          sum = carried[0];
          done = e.c64(end);
        }
        e.store(e.create<LLVM::SqrtOp>(e.vf32, sum), e.gep(p[3], rows), 64);
      });
}

void emitScaleColumns(OpEmission &emission, ScaleColumnsOp op) {
  BufferType type = op.getInput().getType();
  const bool biased = bool(op.getBias());
  std::string name =
      "scale_columns." + std::to_string(type.getWidth()) + (biased ? ".bias" : "");
  Values operands{emission.operand(op.getInput()), emission.operand(op.getMagnitude()),
                  emission.operand(op.getNorms()), emission.operand(op.getOut())};
  if (biased)
    operands.push_back(emission.operand(op.getBias()));
  emitUnits(emission, op.getLoc(), name, emission.rows, operands,
            [&](Emitter &e, Value token, ValueRange p) {
              Value offset = e.mul(token, e.c64(type.getRowBytes()));
              Value in = e.gep(p[0], offset), out = e.gep(p[3], offset);
              emitRow(e, type.getWidth(), {}, [&](Value bytes, Value mask, ValueRange) {
                auto load = [&](Value base, unsigned align) {
                  return loadVector(e, e.gep(base, bytes), mask, align);
                };
                Value y = e.fdiv(e.fmul(load(in, 64), load(p[1], 4)), load(p[2], 64));
                if (biased)
                  y = e.fadd(y, load(p[4], 4));
                // Behind the last element there is nothing that counts.
                e.store(y, e.gep(out, bytes), 64);
                return Values();
              });
            });
}

} // namespace llmc::kernel
