// Products of training on the AMX unit, both sides split into two bfloat16.
//
// Panels hold unpacked weights in the second-level cache. Two by two tiles of sums stay in tile
// registers while a step takes the tiles of 32 columns of the contraction from four streams: low
// and high parts of the first operand and of the second, each loaded once.
#include "passes/Vector/MatrixUnit.h"
#include "passes/Vector/Product.h"
#include "passes/Vector/Transpose.h"
#include "passes/Vector/WeightPanel.h"
#include "llvm/ADT/Twine.h"

using namespace mlir;

namespace llmc::kernel {
namespace {

constexpr int64_t kPieceBytes = 1024; // a tile of one part
constexpr int64_t kStepBytes = 2048;  // of both parts

// Tile registers: sums [i][j], then operands.
int64_t sumTile(int64_t i, int64_t j) { return 2 * i + j; }
constexpr int64_t kFirstTile = 4, kSecondTile = 6;

// The body for `rows` x `columns` tiles of sums, each 1 or 2: streams of operands, and sums that
// begin with those at kBegin or with zero when that is null.
enum {
  kFirst,
  kSecond,
  kBegin,
  kSums,
  kFirstStride, // from the first stream of an operand to its second one
  kSecondStride,
  kFirstStep, // of a stream
  kSecondStep,
  kSteps,
  kSumRowStride, // from tile to tile of sums
  kSumColumnStride,
  kSumLineBytes, // from line to line of a tile of sums
  kBodyParameterCount
};

func::FuncOp getBody(KernelLibrary &library, Location loc, int64_t rows, int64_t columns) {
  OpBuilder b(library.module.getContext());
  Emitter t(b, loc);
  SmallVector<Type> types(kBodyParameterCount, t.i64);
  for (int i : {kFirst, kSecond, kBegin, kSums})
    types[i] = t.ptr;
  std::string name = (Twine("product.tiles.") + Twine(rows) + "x" + Twine(columns)).str();
  return library.get(name, types, loc, [&](Emitter &e, ValueRange p) {
    MatrixUnit unit(e);
    auto each = [&](Value base, const std::function<void(int64_t, Value)> &body) {
      for (int64_t i = 0; i < rows; ++i) {
        Value at = i ? e.gep(base, p[kSumRowStride]) : base;
        for (int64_t j = 0; j < columns; ++j)
          body(sumTile(i, j), j ? e.gep(at, p[kSumColumnStride]) : at);
      }
    };
    Value begins =
        e.create<LLVM::ICmpOp>(LLVM::ICmpPredicate::ne, p[kBegin], e.create<LLVM::ZeroOp>(e.ptr));
    auto loadSums = [&](int64_t tile, Value at) { unit.load(tile, at, p[kSumLineBytes]); };
    e.when(
        begins, [&] { each(p[kBegin], loadSums); },
        [&] { each(p[kSums], [&](int64_t tile, Value) { unit.zero(tile); }); });
    Values streams{p[kFirst], p[kSecond]};
    e.loop(e.c64(0), p[kSteps], e.c64(1), streams, [&](Value, ValueRange s) {
      Values first{s[0]}, second{s[1]};
      if (rows > 1)
        first.push_back(e.gep(s[0], p[kFirstStride]));
      if (columns > 1)
        second.push_back(e.gep(s[1], p[kSecondStride]));
      auto load = [&](int64_t tile, ValueRange from, int64_t part) {
        for (auto [i, at] : llvm::enumerate(from))
          unit.load(tile + i, e.gep(at, part * kPieceBytes), 64);
      };
      auto multiply = [&] {
        for (int64_t i = 0; i < rows; ++i)
          for (int64_t j = 0; j < columns; ++j)
            unit.multiply(sumTile(i, j), kFirstTile + i, kSecondTile + j);
      };
      load(kFirstTile, first, 1);
      load(kSecondTile, second, 0);
      multiply(); // low, high
      load(kFirstTile, first, 0);
      multiply(); // high, high
      load(kSecondTile, second, 1);
      multiply(); // high, low
      return Values{e.gep(s[0], p[kFirstStep]), e.gep(s[1], p[kSecondStep])};
    });
    each(p[kSums], [&](int64_t tile, Value at) { unit.store(tile, at, p[kSumLineBytes]); });
  });
}

// Calls the body for two or one.
void byPairs(Emitter &e, Value size, const std::function<void(int64_t)> &emit) {
  e.when(
      e.less(e.c64(1), size), [&] { emit(2); }, [&] { emit(1); });
}

Value tilesOf(Emitter &e, Value count, int64_t width) {
  return e.div(e.add(count, e.c64(width - 1)), e.c64(width));
}

} // namespace

void emitMatrixProduct(Emitter &e, KernelLibrary &library, const ProductVariant &variant,
                       ValueRange p) {
  func::FuncOp unpack = getPanelUnpack(library, e.loc, *variant.format, PanelForm::SplitPairs);
  MatrixUnit unit(e);
  Value partial = e.stack(2 * kPieceBytes);
  Value null = e.create<LLVM::ZeroOp>(e.ptr);
  Value groups = tilesOf(e, p[kPRows], kLanes);
  auto [firstGroup, lastGroup] = e.split(groups, p[kPThread], p[kPThreads]);
  Value panelBytes = e.mul(p[kPPanelColumns], e.c64(64));
  Value steps = e.div(p[kPPanelColumns], e.c64(32));
  Value wholeTiles = e.div(p[kPTokens], e.c64(kMatrixTile));
  Value tokensLeft = e.rem(p[kPTokens], e.c64(kMatrixTile));
  const bool isFloat = variant.format->program().isFloat();
  unit.configure(library);
  forPieces(e, firstGroup, lastGroup, p[kPPanels], [&](Value group, Value count) {
    e.loop(e.c64(0), count, [&](Value i) {
      Value from = e.gep(p[kPWeight], e.mul(e.add(group, i), p[kPGroupBytes]));
      e.create<func::CallOp>(unpack, ValueRange{from, e.gep(p[kPScratch], e.mul(i, panelBytes)),
                                                isFloat ? p[kPColumns] : p[kPPanelColumns],
                                                e.c64(0), e.c64(e.prefetchFar)});
    });
    auto call = [&](Value tile, int64_t tiles, Value panel, int64_t panels, Value begin, Value sums,
                    Value lineBytes, Value tileStride) {
      Values a(kBodyParameterCount);
      a[kFirst] = e.gep(p[kPInput], e.mul(tile, p[kPInputBytes]));
      a[kSecond] = e.gep(p[kPScratch], e.mul(panel, panelBytes));
      a[kBegin] = begin;
      a[kSums] = sums;
      a[kFirstStride] = p[kPInputBytes];
      a[kSecondStride] = panelBytes;
      a[kFirstStep] = a[kSecondStep] = e.c64(kStepBytes);
      a[kSteps] = steps;
      a[kSumRowStride] = tileStride;
      a[kSumColumnStride] = e.c64(64);
      a[kSumLineBytes] = lineBytes;
      e.create<func::CallOp>(getBody(library, e.loc, tiles, panels), a);
    };
    forPieces(e, e.c64(0), wholeTiles, e.c64(2), [&](Value tile, Value tiles) {
      forPieces(e, e.c64(0), count, e.c64(2), [&](Value panel, Value panels) {
        Value offset = e.add(e.mul(e.mul(tile, e.c64(kMatrixTile)), p[kPOutBytes]),
                             e.mul(e.add(group, panel), e.c64(64)));
        Value begin = variant.addend ? e.gep(p[kPAddend], offset) : null;
        Value tileStride = e.mul(p[kPOutBytes], e.c64(kMatrixTile));
        byPairs(e, tiles, [&](int64_t t) {
          byPairs(e, panels, [&](int64_t g) {
            call(tile, t, panel, g, begin, e.gep(p[kPOut], offset), p[kPOutBytes], tileStride);
          });
        });
      });
    });
    // The last tokens, whose tile has more rows than there is memory for.
    e.when(e.less(e.c64(0), tokensLeft), [&] {
      forPieces(e, e.c64(0), count, e.c64(2), [&](Value panel, Value panels) {
        byPairs(e, panels, [&](int64_t g) {
          call(wholeTiles, 1, panel, g, null, partial, e.c64(128), e.c64(0));
          Value offset = e.add(e.mul(e.mul(wholeTiles, e.c64(kMatrixTile)), p[kPOutBytes]),
                               e.mul(e.add(group, panel), e.c64(64)));
          e.loop(e.c64(0), tokensLeft, [&](Value token) {
            Value at = e.add(offset, e.mul(token, p[kPOutBytes]));
            for (int64_t v = 0; v < g; ++v) {
              Value sum =
                  e.load(e.vf32, e.gep(e.gep(partial, e.mul(token, e.c64(128))), 64 * v), 64);
              if (variant.addend)
                sum = e.fadd(sum, e.load(e.vf32, e.gep(e.gep(p[kPAddend], at), 64 * v), 64));
              e.store(sum, e.gep(e.gep(p[kPOut], at), 64 * v), 64);
            }
          });
        });
      });
    });
  });
  unit.release();
}

void emitMatrixProductTransposed(Emitter &e, KernelLibrary &library, const ProductVariant &variant,
                                 ValueRange p) {
  func::FuncOp unpack = getPanelUnpack(library, e.loc, *variant.format, PanelForm::SplitRows);
  PackedLayout layout(*variant.format);
  MatrixUnit unit(e);
  Value null = e.create<LLVM::ZeroOp>(e.ptr);
  Value chunk = p[kPPanelColumns];
  Value chunks = e.div(e.add(p[kPColumns], e.sub(chunk, e.c64(1))), chunk);
  auto [firstChunk, lastChunk] = e.split(chunks, p[kPThread], p[kPThreads]);
  // Sums: [tiles of tokens][tiles of columns][16 columns][16 tokens].
  Value panels = p[kPScratch];
  Value sums = e.gep(panels, e.mul(e.mul(p[kPPanels], chunk), e.c64(4)));
  const int64_t unitWeights = layout.unitWeights();
  unit.configure(library);
  e.loop(firstChunk, lastChunk, [&](Value index) {
    Value column = e.mul(index, chunk);
    Value columns = e.min(e.sub(p[kPColumns], column), chunk);
    Value padded = e.mul(tilesOf(e, columns, unitWeights), e.c64(unitWeights));
    Value columnTiles = e.mul(tilesOf(e, padded, 32), e.c64(2));
    Value stepBytes = e.mul(columnTiles, e.c64(kStepBytes)); // of a panel: 32 rows
    Value offset = e.mul(e.div(column, e.c64(unitWeights)), e.c64(layout.unitBytes));
    Value tokenStride = e.mul(columnTiles, e.c64(kPieceBytes));
    forPieces(e, e.c64(0), p[kPTokens], e.c64(kProductTokens), [&](Value token, Value tokens) {
      Value firstTile = e.div(token, e.c64(kMatrixTile)), tiles = tilesOf(e, tokens, kMatrixTile);
      forPieces(e, e.c64(0), p[kPRows], p[kPPanels], [&](Value row, Value rows) {
        forPieces(e, e.c64(0), rows, e.c64(kLanes), [&](Value at, Value) {
          Value group = e.div(e.add(row, at), e.c64(kLanes));
          Value half = e.mul(e.rem(e.div(at, e.c64(kLanes)), e.c64(2)), e.c64(32));
          Value panel = e.gep(e.gep(panels, e.mul(e.div(at, e.c64(32)), stepBytes)), half);
          e.create<func::CallOp>(
              unpack, ValueRange{e.gep(e.gep(p[kPWeight], e.mul(group, p[kPGroupBytes])), offset),
                                 panel, padded, e.c64(0), p[kPGroupBytes]});
        });
        // A last group without a partner: the other half of its tiles has no numbers yet.
        Value groups = tilesOf(e, rows, kLanes);
        e.when(e.equal(e.rem(groups, e.c64(2)), e.c64(1)), [&] {
          Value panel = e.gep(e.gep(panels, e.mul(e.div(groups, e.c64(2)), stepBytes)), 32);
          auto half = VectorType::get(kLanes, e.i16);
          e.loop(e.c64(0), e.mul(columnTiles, e.c64(2 * kMatrixTile)), [&](Value line) {
            e.store(e.splat(half, 0), e.gep(panel, e.mul(line, e.c64(64))), 32);
          });
        });
        forPieces(e, e.c64(0), tiles, e.c64(2), [&](Value tile, Value pair) {
          forPieces(e, e.c64(0), columnTiles, e.c64(2), [&](Value columnTile, Value) {
            Value at =
                e.gep(sums, e.add(e.mul(tile, tokenStride), e.mul(columnTile, e.c64(kPieceBytes))));
            Values a(kBodyParameterCount);
            a[kFirst] = e.gep(panels, e.mul(columnTile, e.c64(kStepBytes)));
            a[kSecond] = e.gep(e.gep(p[kPInput], e.mul(e.add(firstTile, tile), p[kPInputBytes])),
                               e.mul(e.div(row, e.c64(32)), e.c64(kStepBytes)));
            a[kBegin] = e.select(e.equal(row, e.c64(0)), null, at);
            a[kSums] = at;
            a[kFirstStride] = e.c64(kStepBytes);
            a[kSecondStride] = p[kPInputBytes];
            a[kFirstStep] = stepBytes;
            a[kSecondStep] = e.c64(kStepBytes);
            a[kSteps] = tilesOf(e, rows, 32);
            a[kSumRowStride] = e.c64(kPieceBytes);
            a[kSumColumnStride] = tokenStride;
            a[kSumLineBytes] = e.c64(64);
            byPairs(e, pair,
                    [&](int64_t t) { e.create<func::CallOp>(getBody(library, e.loc, 2, t), a); });
          });
        });
      });
      // Rows of tokens again.
      e.loop(e.c64(0), tiles, [&](Value tile) {
        Value firstToken = e.add(token, e.mul(tile, e.c64(kMatrixTile)));
        Value count = e.min(e.sub(p[kPTokens], firstToken), e.c64(kMatrixTile));
        e.loop(e.c64(0), tilesOf(e, columns, kMatrixTile), [&](Value columnTile) {
          Value from =
              e.gep(sums, e.add(e.mul(tile, tokenStride), e.mul(columnTile, e.c64(kPieceBytes))));
          Value lines =
              e.add(e.mul(firstToken, p[kPOutBytes]),
                    e.mul(e.add(column, e.mul(columnTile, e.c64(kMatrixTile))), e.c64(4)));
          Values vectors;
          for (int64_t i = 0; i < kLanes; ++i)
            vectors.push_back(e.load(e.vf32, e.gep(from, 64 * i), 64));
          vectors = emitTranspose(e, vectors);
          auto store = [&](int64_t i, Value at) {
            Value sum = vectors[i];
            if (variant.addend)
              sum = e.fadd(sum, e.load(e.vf32, e.gep(p[kPAddend], at), 64));
            e.store(sum, e.gep(p[kPOut], at), 64);
          };
          auto all = [&](bool whole) {
            return [&, whole] {
              for (int64_t i = 0; i < kLanes; ++i) {
                Value at = e.add(lines, e.mul(p[kPOutBytes], e.c64(i)));
                if (whole)
                  store(i, at);
                else
                  e.when(e.less(e.c64(i), count), [&] { store(i, at); });
              }
            };
          };
          e.when(e.equal(count, e.c64(kMatrixTile)), all(true), all(false));
        });
      });
    });
  });
  unit.release();
}

} // namespace llmc::kernel
