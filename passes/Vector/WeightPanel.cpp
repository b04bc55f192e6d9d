#include "passes/Vector/WeightPanel.h"
#include "passes/Vector/SplitFloat.h"
#include "passes/Vector/Transpose.h"
#include "passes/Vector/WeightBlocks.h"
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
        forWeightBlocks(e, layout, p[0], p[1], units, format.weights * panelColumnBytes(form),
                        [&](Value header, Value body, Value panel) {
                          PanelWriter writer(e, form, panel, p[3]);
                          PrefetchStream ahead(e, e.gep(body, p[4]), layout.bodyBytes / 64,
                                               format.weights / 4);
                          forWeightLines(e, layout, library.target.getDot(), header, body, ahead,
                                         [&](const WeightLine &line) {
                                           for (int64_t k = 0; k < 4; ++k)
                                             writer.take(line.weight(e, k));
                                         });
                        });
      });
}

} // namespace llmc::kernel
