#include "passes/Vector/WeightBlocks.h"

using namespace mlir;

namespace llmc::kernel {

void forWeightBlocks(Emitter &e, const PackedLayout &layout, Value group, Value panel, Value units,
                     int64_t panelBytes, function_ref<void(Value, Value, Value)> body) {
  e.loop(e.c64(0), units, e.c64(1), {group, panel}, [&](Value, ValueRange unit) {
    Value first = e.gep(unit[0], layout.unitBlocks * layout.headerBytes);
    Values end = e.loop(e.c64(0), e.c64(layout.unitBlocks), e.c64(1), {unit[0], first, unit[1]},
                        [&](Value, ValueRange c) {
                          body(c[0], c[1], c[2]);
                          return Values{e.gep(c[0], layout.headerBytes),
                                        e.gep(c[1], layout.bodyBytes), e.gep(c[2], panelBytes)};
                        });
    return Values{end[1], end[2]};
  });
}

Value WeightLine::weight(Emitter &e, int64_t i) const {
  Value byte = i ? e.create<arith::ShRUIOp>(word, e.splat(e.vi32, 8 * i)).getResult() : word;
  if (i < 3)
    byte = e.create<arith::AndIOp>(byte, e.splat(e.vi32, 0xff));
  return e.fma(e.toFloat(byte), scale, shift);
}

void forWeightLines(Emitter &e, const PackedLayout &layout, Dot dot, Value header, Value blockBody,
                    PrefetchStream &ahead, function_ref<void(const WeightLine &)> body) {
  const BlockProgram &program = layout.format->program();
  BlockEmitter block(e, layout, BlockEmitter::Form::PackedRows, dot);
  block.header = header;
  block.body = blockBody;
  BlockEvaluator<BlockEmitter> scales(program, block);
  const int64_t linesPerSub = program.subBlockWeights / 4;
  WeightLine line{};
  for (uint32_t chunk = 0; chunk < program.chunks; ++chunk) {
    block.chunk = chunk;
    BlockEvaluator<BlockEmitter> lines(program, block);
    for (int node : program.lines) {
      if (line.index % linesPerSub == 0) {
        lines.clear(); // Words that sub-blocks share are loaded again: registers are few.
        const BlockProgram::SubBlock &sub = program.subBlocks[line.index / linesPerSub];
        line.scale = scales.number(sub.scale);
        line.shift = e.fmul(line.scale, e.splatF(e.vf32, -double(program.offset)));
        if (sub.minimum >= 0)
          line.shift = e.fsub(line.shift, scales.number(sub.minimum));
      }
      ahead.step();
      line.word = lines.word(node);
      body(line);
      ++line.index;
    }
  }
}

} // namespace llmc::kernel
