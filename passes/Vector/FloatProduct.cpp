// Products of training in f32: tokens times one or two vectors of sums in registers. Weights are
// panels, so that each step of a sum is a vector of them times a number of the input, for all
// tokens of a tile.
#include "dialects/kernel/IR/DotTable.h"
#include "passes/Vector/Product.h"
#include "passes/Vector/WeightPanel.h"
#include "llvm/ADT/Twine.h"

using namespace mlir;

namespace llmc::kernel {
namespace {

// A tile's body: (panel, input, first, out, panelStep, panelStride, inputBytes, outBytes, steps).
// The second vector's panel and sums lie panelStride and 64 bytes behind the first's. Sums begin
// with those at `first`, laid out like `out`.
enum {
  kTPanel,
  kTInput,
  kTFirst,
  kTOut,
  kTPanelStep,
  kTPanelStride,
  kTInputBytes,
  kTOutBytes,
  kTSteps,
  kTileParameters
};

func::FuncOp getTile(KernelLibrary &library, Location loc, BroadcastTile tile, bool continues) {
  OpBuilder b(library.module.getContext());
  Emitter t(b, loc);
  SmallVector<Type> types(kTileParameters, t.i64);
  for (int i : {kTPanel, kTInput, kTFirst, kTOut})
    types[i] = t.ptr;
  std::string name = (Twine("product.tile.") + Twine(tile.rows) + "x" + Twine(tile.vectors) +
                      (continues ? ".add" : ""))
                         .str();
  return library.get(name, types, loc, [&](Emitter &e, ValueRange p) {
    auto each = [&](Value base, const std::function<void(int64_t, Value)> &body) {
      for (int64_t token = 0; token < tile.rows; ++token) {
        for (int64_t v = 0; v < tile.vectors; ++v)
          body(token * tile.vectors + v, e.gep(base, 64 * v));
        base = e.gep(base, p[kTOutBytes]);
      }
    };
    Values carried(tile.rows * tile.vectors, e.splatF(e.vf32, 0.0));
    if (continues)
      each(p[kTFirst], [&](int64_t i, Value at) { carried[i] = e.load(e.vf32, at, 64); });
    const int64_t sums = carried.size();
    carried.push_back(p[kTPanel]);
    Value row = p[kTInput];
    for (int64_t token = 0; token < tile.rows; ++token) {
      carried.push_back(row);
      row = e.gep(row, p[kTInputBytes]);
    }
    Values end = e.loop(e.c64(0), p[kTSteps], e.c64(1), carried, [&](Value, ValueRange c) {
      Values next(c.begin(), c.end());
      Values weights;
      for (int64_t v = 0; v < tile.vectors; ++v)
        weights.push_back(e.load(e.vf32, v ? e.gep(c[sums], p[kTPanelStride]) : c[sums], 64));
      for (int64_t token = 0; token < tile.rows; ++token) {
        Value x = e.broadcastLoad(c[sums + 1 + token]);
        for (int64_t v = 0; v < tile.vectors; ++v)
          next[token * tile.vectors + v] = e.fma(x, weights[v], c[token * tile.vectors + v]);
        next[sums + 1 + token] = e.gep(c[sums + 1 + token], 4);
      }
      next[sums] = e.gep(c[sums], p[kTPanelStep]);
      return next;
    });
    each(p[kTOut], [&](int64_t i, Value at) { e.store(end[i], at, 64); });
  });
}

// All tokens times the panels of up to `vectors` vectors of sums.
struct TileCall {
  Value panel, panelStep, panelStride, input, inputBytes, first, out, outBytes, steps;
  bool continues;
};

void emitTiles(Emitter &e, KernelLibrary &library, const TileCall &call, Value tokens,
               int64_t vectors) {
  const int64_t widest = dotRow(library.target.getDot()).fit.training.rows;
  Value done = e.c64(0);
  for (int64_t width : {widest, widest > 4 ? int64_t(4) : int64_t(1), int64_t(1)}) {
    Value last = e.mul(e.div(tokens, e.c64(width)), e.c64(width));
    func::FuncOp tile = getTile(library, e.loc, {width, vectors}, call.continues);
    e.loop(done, last, e.c64(width), {}, [&](Value token, ValueRange) {
      Value outOffset = e.mul(token, call.outBytes);
      Values p(kTileParameters);
      p[kTPanel] = call.panel;
      p[kTInput] = e.gep(call.input, e.mul(token, call.inputBytes));
      p[kTFirst] = e.gep(call.first, outOffset);
      p[kTOut] = e.gep(call.out, outOffset);
      p[kTPanelStep] = call.panelStep;
      p[kTPanelStride] = call.panelStride;
      p[kTInputBytes] = call.inputBytes;
      p[kTOutBytes] = call.outBytes;
      p[kTSteps] = call.steps;
      e.create<func::CallOp>(tile, p);
      return Values();
    });
    done = last;
  }
}

} // namespace

void emitFloatProduct(Emitter &e, KernelLibrary &library, const ProductVariant &variant,
                      ValueRange p) {
  func::FuncOp unpack = getPanelUnpack(library, e.loc, *variant.format, PanelForm::Columns);
  const int64_t vectors = dotRow(library.target.getDot()).fit.training.vectors;
  Value groups = e.div(e.add(p[kPRows], e.c64(kLanes - 1)), e.c64(kLanes));
  auto [firstGroup, lastGroup] = e.split(groups, p[kPThread], p[kPThreads]);
  Value panelBytes = e.mul(p[kPPanelColumns], e.c64(64));
  const bool isFloat = variant.format->program().isFloat();
  forPieces(e, firstGroup, lastGroup, p[kPPanels], [&](Value group, Value count) {
    e.loop(e.c64(0), count, [&](Value i) {
      Value from = e.gep(p[kPWeight], e.mul(e.add(group, i), p[kPGroupBytes]));
      e.create<func::CallOp>(unpack, ValueRange{from, e.gep(p[kPScratch], e.mul(i, panelBytes)),
                                                isFloat ? p[kPColumns] : p[kPPanelColumns],
                                                e.c64(0), e.c64(e.prefetchFar)});
    });
    forPieces(e, e.c64(0), count, e.c64(vectors), [&](Value panel, Value size) {
      Value lines = e.mul(e.add(group, panel), e.c64(64));
      TileCall call{e.gep(p[kPScratch], e.mul(panel, panelBytes)),
                    e.c64(64),
                    panelBytes,
                    p[kPInput],
                    p[kPInputBytes],
                    e.gep(p[kPAddend], lines),
                    e.gep(p[kPOut], lines),
                    p[kPOutBytes],
                    p[kPColumns],
                    variant.addend};
      auto emit = [&](int64_t n) {
        return [&, n] { emitTiles(e, library, call, p[kPTokens], n); };
      };
      if (vectors == 1)
        emit(1)();
      else
        e.when(e.equal(size, e.c64(1)), emit(1), emit(2));
    });
  });
}

void emitFloatProductTransposed(Emitter &e, KernelLibrary &library, const ProductVariant &variant,
                                ValueRange p) {
  func::FuncOp unpack = getPanelUnpack(library, e.loc, *variant.format, PanelForm::Rows);
  PackedLayout layout(*variant.format);
  const int64_t vectors = dotRow(library.target.getDot()).fit.training.vectors;
  Value chunk = p[kPPanelColumns], rowBytes = e.mul(chunk, e.c64(4));
  Value chunks = e.div(e.add(p[kPColumns], e.sub(chunk, e.c64(1))), chunk);
  auto [firstChunk, lastChunk] = e.split(chunks, p[kPThread], p[kPThreads]);
  e.loop(firstChunk, lastChunk, [&](Value index) {
    Value column = e.mul(index, chunk);
    Value columns = e.min(e.sub(p[kPColumns], column), chunk);
    // Whole units: the last one of a row is padded with zeros.
    const int64_t unit = layout.unitWeights();
    Value units = e.div(e.add(columns, e.c64(unit - 1)), e.c64(unit));
    Value offset = e.mul(e.div(column, e.c64(unit)), e.c64(layout.unitBytes));
    forPieces(e, e.c64(0), p[kPRows], p[kPPanels], [&](Value row, Value rows) {
      forPieces(e, e.c64(0), rows, e.c64(kLanes), [&](Value at, Value) {
        Value group = e.div(e.add(row, at), e.c64(kLanes));
        e.create<func::CallOp>(
            unpack, ValueRange{e.gep(e.gep(p[kPWeight], e.mul(group, p[kPGroupBytes])), offset),
                               e.gep(p[kPScratch], e.mul(at, rowBytes)), e.mul(units, e.c64(unit)),
                               rowBytes, p[kPGroupBytes]});
      });
      auto emit = [&](bool continues, Value first) {
        return [&, continues, first] {
          forPieces(e, e.c64(0), columns, e.c64(vectors * kLanes), [&](Value at, Value size) {
            Value offset = e.mul(e.add(column, at), e.c64(4));
            TileCall call{e.gep(p[kPScratch], e.mul(at, e.c64(4))),
                          rowBytes,
                          e.c64(64),
                          e.gep(p[kPInput], e.mul(row, e.c64(4))),
                          p[kPInputBytes],
                          e.gep(first, offset),
                          e.gep(p[kPOut], offset),
                          p[kPOutBytes],
                          rows,
                          continues};
            auto emit = [&](int64_t n) {
              return [&, n] { emitTiles(e, library, call, p[kPTokens], n); };
            };
            if (vectors == 1)
              emit(1)();
            else
              e.when(e.less(e.c64(kLanes), size), emit(2), emit(1));
          });
        };
      };
      e.when(e.equal(row, e.c64(0)), emit(variant.addend, p[kPAddend]), emit(true, p[kPOut]));
    });
  });
}

} // namespace llmc::kernel
