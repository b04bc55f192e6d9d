#include "passes/Vector/WeightPanel.h"
#include "passes/Vector/BlockEmitter.h"
#include "passes/Vector/PrefetchStream.h"
#include "passes/Vector/SplitFloat.h"
#include "passes/Vector/Transpose.h"
#include "llvm/ADT/Twine.h"

using namespace mlir;

namespace llmc::kernel {
namespace {

// Float formats are unpacked so many columns at a time.
constexpr int64_t kStep = 32;

StringRef nameOf(PanelForm form) {
  switch (form) {
  case PanelForm::Columns:
    return "columns";
  case PanelForm::Rows:
    return "rows";
  case PanelForm::SplitPairs:
    return "split_pairs";
  case PanelForm::SplitRows:
    return "split_rows";
  }
  llvm_unreachable("covered above");
}

// Takes the 16 weights of one column after the other and stores them from `panel` on.
class PanelWriter {
public:
  PanelWriter(Emitter &e, PanelForm form, Value panel, Value rowBytes)
      : e(e), form(form), panel(panel), rowBytes(rowBytes) {}

  void take(Value weights) {
    const int64_t k = column++;
    switch (form) {
    case PanelForm::Columns:
      return e.store(weights, e.gep(panel, 64 * k), 64);
    case PanelForm::Rows:
      waiting.push_back(weights);
      if (waiting.size() == kLanes)
        storeRows(k + 1 - kLanes);
      return;
    case PanelForm::SplitPairs:
      waiting.push_back(weights);
      if (waiting.size() == 2)
        storePair(k / 2);
      return;
    case PanelForm::SplitRows: {
      SplitFloat x = emitSplit(e, weights);
      Value to = e.gep(panel, k / 16 * 2048 + k % 16 * 64);
      e.store(emitToBfloat16(e, x.high), to, 32);
      e.store(emitToBfloat16(e, x.low), e.gep(to, 1024), 32);
      return;
    }
    }
  }

private:
  void storeRows(int64_t firstColumn) {
    Value to = e.gep(panel, 4 * firstColumn);
    for (Value row : emitTranspose(e, waiting)) {
      e.store(row, to, 64);
      to = e.gep(to, rowBytes);
    }
    waiting.clear();
  }

  void storePair(int64_t pair) {
    SplitFloat x = emitSplit(e, waiting[0]), y = emitSplit(e, waiting[1]);
    Value to = e.gep(panel, pair / 16 * 2048 + pair % 16 * 64);
    // The high parts are bfloat16 already, so rounding leaves them.
    Value high = e.create<arith::OrIOp>(
        e.create<arith::ShRUIOp>(e.bitcast(e.vi32, x.high), e.splat(e.vi32, 16)),
        e.bitcast(e.vi32, y.high));
    e.store(high, to, 64);
    e.store(emitInterleavedBfloat16(e, x.low, y.low), e.gep(to, 1024), 64);
    waiting.clear();
  }

  Emitter &e;
  PanelForm form;
  Value panel, rowBytes;
  int64_t column = 0;
  Values waiting;
};

// One block of an integer format.
void emitBlock(Emitter &e, Dot dot, const PackedLayout &layout, Value header, Value body,
               Value ahead, PanelWriter &writer) {
  const BlockProgram &program = layout.format->program();
  BlockEmitter block(e, layout, BlockEmitter::Form::PackedRows, dot);
  block.header = header;
  block.body = body;
  PrefetchStream stream(e, e.gep(body, ahead), layout.bodyBytes / 64, layout.format->weights / 4);
  BlockEvaluator<BlockEmitter> scales(program, block);
  const int64_t linesPerSub = program.subBlockWeights / 4;
  int64_t line = 0;
  for (uint32_t chunk = 0; chunk < program.chunks; ++chunk) {
    block.chunk = chunk;
    BlockEvaluator<BlockEmitter> lines(program, block);
    Value scale, shift;
    for (int node : program.lines) {
      if (line % linesPerSub == 0) {
        lines.clear(); // Words that sub-blocks share are loaded again: registers are few.
        const BlockProgram::SubBlock &sub = program.subBlocks[line / linesPerSub];
        scale = scales.number(sub.scale);
        shift = e.fmul(scale, e.splatF(e.vf32, -double(program.offset)));
        if (sub.minimum >= 0)
          shift = e.fsub(shift, scales.number(sub.minimum));
      }
      stream.step();
      Value word = lines.word(node);
      for (int64_t i = 0; i < 4; ++i) {
        Value byte = i ? e.create<arith::ShRUIOp>(word, e.splat(e.vi32, 8 * i)).getResult() : word;
        if (i < 3)
          byte = e.create<arith::AndIOp>(byte, e.splat(e.vi32, 0xff));
        writer.take(e.fma(e.toFloat(byte), scale, shift));
      }
      ++line;
    }
  }
}

void emitFloats(Emitter &e, KernelLibrary &library, const PackedLayout &layout, PanelForm form,
                ValueRange p) {
  const BlockProgram &program = layout.format->program();
  auto type = RankedTensorType::get({64}, e.i8);
  Value zeros = library.constantArray(
      e, DenseElementsAttr::get(type, ArrayRef<int8_t>(SmallVector<int8_t>(64, 0))));
  auto emit = [&](Value from, Value panel, Value left) {
    PanelWriter writer(e, form, panel, p[3]);
    for (int64_t k = 0; k < kStep; ++k) {
      BlockEmitter block(e, layout, BlockEmitter::Form::PackedRows, library.target.getDot());
      Value at = e.gep(from, k * int64_t(layout.unitBytes));
      if (left)
        at = e.select(e.less(e.c64(k), left), at, zeros);
      block.header = block.body = at;
      if (k * layout.unitBytes % 64 == 0 && !left)
        e.prefetch(e.gep(at, p[4]));
      BlockEvaluator<BlockEmitter> value(program, block);
      writer.take(value.number(program.floatValue));
    }
  };
  Values end =
      e.loop(e.c64(0), e.div(p[2], e.c64(kStep)), e.c64(1), {p[0], p[1]}, [&](Value, ValueRange c) {
        emit(c[0], c[1], Value());
        return Values{e.gep(c[0], kStep * int64_t(layout.unitBytes)),
                      e.gep(c[1], kStep * panelColumnBytes(form))};
      });
  Value left = e.rem(p[2], e.c64(kStep));
  e.when(e.less(e.c64(0), left), [&] { emit(end[0], end[1], left); });
}

} // namespace

func::FuncOp getPanelUnpack(KernelLibrary &library, Location loc, const BlockFormat &format,
                            PanelForm form) {
  OpBuilder b(library.module.getContext());
  Emitter types(b, loc);
  return library.get(
      (Twine("panel.") + nameOf(form) + "." + format.name).str(),
      {types.ptr, types.ptr, types.i64, types.i64, types.i64}, loc, [&](Emitter &e, ValueRange p) {
        e.prefetchFar = e.prefetchNear = 0;
        PackedLayout layout(format);
        if (format.program().isFloat())
          return emitFloats(e, library, layout, form, p);
        Value units = e.div(p[2], e.c64(layout.unitWeights()));
        e.loop(e.c64(0), units, e.c64(1), {p[0], p[1]}, [&](Value, ValueRange unit) {
          Value body = e.gep(unit[0], layout.unitBlocks * layout.headerBytes);
          Values end =
              e.loop(e.c64(0), e.c64(layout.unitBlocks), e.c64(1), {unit[0], body, unit[1]},
                     [&](Value, ValueRange c) {
                       PanelWriter writer(e, form, c[2], p[3]);
                       emitBlock(e, library.target.getDot(), layout, c[0], c[1], p[4], writer);
                       return Values{e.gep(c[0], layout.headerBytes), e.gep(c[1], layout.bodyBytes),
                                     e.gep(c[2], format.weights * panelColumnBytes(form))};
                     });
          return Values{end[1], end[2]};
        });
      });
}

} // namespace llmc::kernel
