// Matrix products on the AMX unit, for steps of more tokens than the widest vector tile.
//
// Weights and activations become bfloat16, which loses less than the 8-bit activations of narrow
// tiles, and sums stay f32 in tile registers over all of K. Groups of 16 rows are unpacked once
// into panels in the second-level cache; then all tokens pass by, 32 tokens x 32 rows at a time, so
// that each tile that is loaded takes part in two products.
#include "passes/Vector/Matmul.h"
#include "passes/Vector/WeightBlocks.h"
#include "llvm/ADT/Twine.h"

using namespace mlir;

namespace llmc::kernel {
namespace {

constexpr int64_t kBlock = 32;       // columns of a tile
constexpr int64_t kTileBytes = 1024; // 16 rows of 64 bytes

// Tile registers: products [token tile][group], activations, weights.
int64_t productTile(int64_t token, int64_t group) { return 2 * token + group; }
constexpr int64_t kActivationTile = 4, kWeightTile = 6;

void callTile(Emitter &e, StringRef name, ValueRange operands) {
  e.create<LLVM::CallIntrinsicOp>(e.b.getStringAttr((Twine("llvm.x86.") + name).str()), operands);
}

Value tileNumber(Emitter &e, int64_t number) { return e.splat(e.i8, number); }

// All eight tile registers: 16 rows of 64 bytes.
void configureTiles(Emitter &e, KernelLibrary &library) {
  SmallVector<int8_t> config(64, 0);
  config[0] = 1; // palette
  for (int tile = 0; tile < 8; ++tile) {
    config[16 + 2 * tile] = 64; // bytes of a row
    config[48 + tile] = 16;     // rows
  }
  auto type = RankedTensorType::get({64}, e.i8);
  Value table = library.constantArray(e, DenseElementsAttr::get(type, ArrayRef<int8_t>(config)));
  callTile(e, "ldtilecfg", table);
}

// The four weights of each lane's word as two vectors of bfloat16 pairs, which is the order that
// the unit wants of its second operand.
std::pair<Value, Value> toPairs(Emitter &e, const WeightLine &line) {
  Value half[4];
  for (int64_t i = 0; i < 4; ++i) // rounds to nearest
    half[i] = e.add(e.bitcast(e.vi32, line.weight(e, i)), e.splat(e.vi32, 0x8000));
  auto pair = [&](Value low, Value high) -> Value {
    low = e.create<arith::ShRUIOp>(low, e.splat(e.vi32, 16));
    high = e.create<arith::AndIOp>(high, e.splat(e.vi32, int32_t(0xffff0000)));
    return e.create<arith::OrIOp>(low, high);
  };
  return {pair(half[0], half[1]), pair(half[2], half[3])};
}

// Unpacks one group to a panel of tiles [K / 32][16 pairs of columns][16 rows][2]. Parameters:
// group, panel, units.
func::FuncOp getUnpack(KernelLibrary &library, Location loc, const BlockFormat &format) {
  OpBuilder b(library.module.getContext());
  Emitter types(b, loc);
  return library.get(
      (Twine("unpack.") + format.name).str(), {types.ptr, types.ptr, types.i64}, loc,
      [&](Emitter &e, ValueRange p) {
        PackedLayout layout(format);
        forWeightBlocks(e, layout, p[0], p[1], p[2], 32 * int64_t(format.weights),
                        [&](Value header, Value body, Value panel) {
                          PrefetchStream ahead(e, body, layout.bodyBytes / 64, format.weights / 4);
                          forWeightLines(e, layout, Dot::Vnni512, header, body, ahead,
                                         [&](const WeightLine &line) {
                                           auto [low, high] = toPairs(e, line);
                                           Value to = e.gep(panel, 128 * line.index);
                                           e.store(low, to, 64);
                                           e.store(high, e.gep(panel, 128 * line.index + 64), 64);
                                         });
                        });
      });
}

// `tokens` token tiles times `groups` groups, each 1 or 2.
struct Parameter {
  enum {
    kPanel,
    kInput,
    kOut,
    kOther,
    kBias,
    kPanelBytes,
    kTileBytes,
    kRowBytes,
    kBlocks,
    kRowsLeft,
    kTokensLeft, // of the step, from the first tile on
    kEpilogue,
    kCount
  };
};

func::FuncOp getBody(KernelLibrary &library, Location loc, const MatmulVariant &variant,
                     int64_t tokens, int64_t groups) {
  OpBuilder b(library.module.getContext());
  Emitter t(b, loc);
  SmallVector<Type> types(Parameter::kCount, t.ptr);
  for (int i = Parameter::kPanelBytes; i < Parameter::kCount; ++i)
    types[i] = t.i64;
  // The format only matters to unpack: one body serves all.
  std::string name = (Twine("matmul.amx") + (variant.bias ? ".bias" : "") + "." + Twine(tokens) +
                      "x" + Twine(groups))
                         .str();
  return library.get(name, types, loc, [&](Emitter &e, ValueRange p) {
    Value products = e.stack(4 * kTileBytes), lineBytes = e.c64(64);
    for (int64_t i = 0; i < tokens; ++i)
      for (int64_t j = 0; j < groups; ++j)
        callTile(e, "tilezero", tileNumber(e, productTile(i, j)));
    Values streams;
    for (int64_t i = 0; i < tokens; ++i)
      streams.push_back(i ? e.gep(p[Parameter::kInput], p[Parameter::kTileBytes])
                          : p[Parameter::kInput]);
    for (int64_t j = 0; j < groups; ++j)
      streams.push_back(j ? e.gep(p[Parameter::kPanel], p[Parameter::kPanelBytes])
                          : p[Parameter::kPanel]);
    e.loop(e.c64(0), p[Parameter::kBlocks], e.c64(1), streams, [&](Value, ValueRange s) {
      for (int64_t i = 0; i < tokens; ++i)
        callTile(e, "tileloadd64", ValueRange{tileNumber(e, kActivationTile + i), s[i], lineBytes});
      for (int64_t j = 0; j < groups; ++j)
        callTile(e, "tileloadd64",
                 ValueRange{tileNumber(e, kWeightTile + j), s[tokens + j], lineBytes});
      for (int64_t i = 0; i < tokens; ++i)
        for (int64_t j = 0; j < groups; ++j)
          callTile(e, "tdpbf16ps",
                   ValueRange{tileNumber(e, productTile(i, j)), tileNumber(e, kActivationTile + i),
                              tileNumber(e, kWeightTile + j)});
      Values next;
      for (Value stream : s)
        next.push_back(e.gep(stream, kTileBytes));
      return next;
    });
    for (int64_t i = 0; i < tokens; ++i)
      for (int64_t j = 0; j < groups; ++j)
        callTile(e, "tilestored64",
                 ValueRange{tileNumber(e, productTile(i, j)),
                            e.gep(products, productTile(i, j) * kTileBytes), lineBytes});
    for (int64_t i = 0; i < tokens; ++i)
      for (int64_t j = 0; j < groups; ++j) {
        Value bias = e.gep(p[Parameter::kBias], 64 * j);
        Value left = e.sub(p[Parameter::kRowsLeft], e.c64(kLanes * j));
        Value tileOffset = e.mul(p[Parameter::kRowBytes], e.c64(i * kAmxTile));
        Value out = e.gep(e.gep(p[Parameter::kOut], 64 * j), tileOffset);
        Value other = e.gep(e.gep(p[Parameter::kOther], 64 * j), tileOffset);
        Value from = e.gep(products, productTile(i, j) * kTileBytes);
        Value first = variant.bias ? initialSum(e, variant, bias, left) : Value();
        Value present =
            e.min(e.sub(p[Parameter::kTokensLeft], e.c64(i * kAmxTile)), e.c64(kAmxTile));
        forEpilogue(
            e, library, p[Parameter::kEpilogue],
            [&](const MatmulVariant &other) {
              return !other.format->program().isFloat() && other.bias == variant.bias;
            },
            [&](Epilogue epilogue) {
              e.loop(e.c64(0), present, e.c64(1), {from, out, other}, [&](Value, ValueRange c) {
                Value sum = e.load(e.vf32, c[0], 64);
                if (first)
                  sum = e.fadd(sum, first);
                emitEpilogue(e, epilogue, sum, c[1], c[2], p[Parameter::kRowBytes]);
                return Values{e.gep(c[0], 64), e.gep(c[1], p[Parameter::kRowBytes]),
                              e.gep(c[2], p[Parameter::kRowBytes])};
              });
            });
      }
  });
}

} // namespace

void emitAmxMatmul(Emitter &e, KernelLibrary &library, const MatmulVariant &variant,
                   const MatmulPlace &place) {
  PackedLayout layout(*variant.format);
  func::FuncOp unpack = getUnpack(library, e.loc, *variant.format);
  func::FuncOp bodies[2][2];
  for (int64_t i = 0; i < 2; ++i)
    for (int64_t j = 0; j < 2; ++j)
      bodies[i][j] = getBody(library, e.loc, variant, i + 1, j + 1);

  Value columns = e.mul(place.units, e.c64(layout.unitWeights()));
  Value blocks = e.div(columns, e.c64(kBlock));
  Value panelBytes = e.mul(blocks, e.c64(kTileBytes)), panelCount = place.panelCount;
  Value panels = place.scratch;
  Value tiles = e.div(e.add(place.rows, e.c64(kAmxTile - 1)), e.c64(kAmxTile));

  configureTiles(e, library);
  e.loop(place.firstGroup, place.lastGroup, panelCount, {}, [&](Value group, ValueRange) {
    Value index = e.sub(group, place.firstGroup);
    Value count = e.min(e.sub(place.lastGroup, group), panelCount);
    e.loop(e.c64(0), count, [&](Value i) {
      Value packed = e.gep(place.weight, e.mul(e.add(index, i), place.groupBytes));
      e.create<func::CallOp>(unpack,
                             ValueRange{packed, e.gep(panels, e.mul(i, panelBytes)), place.units});
    });
    auto call = [&](Value tile, int64_t tokens, Value panel, int64_t groups) {
      Value lines = e.mul(e.add(index, panel), e.c64(64));
      Value rowOffset = e.add(e.mul(e.mul(tile, e.c64(kAmxTile)), place.rowBytes), lines);
      Values arguments(Parameter::kCount);
      arguments[Parameter::kPanel] = e.gep(panels, e.mul(panel, panelBytes));
      arguments[Parameter::kInput] = e.gep(place.input, e.mul(tile, place.tileBytes));
      arguments[Parameter::kOut] = e.gep(place.out, rowOffset);
      arguments[Parameter::kOther] = e.gep(place.other, rowOffset);
      arguments[Parameter::kBias] = e.gep(place.bias, lines);
      arguments[Parameter::kPanelBytes] = panelBytes;
      arguments[Parameter::kTileBytes] = place.tileBytes;
      arguments[Parameter::kRowBytes] = place.rowBytes;
      arguments[Parameter::kBlocks] = blocks;
      arguments[Parameter::kRowsLeft] =
          e.sub(place.rowsLeft, e.mul(e.add(index, panel), e.c64(kLanes)));
      arguments[Parameter::kTokensLeft] = e.sub(place.rows, e.mul(tile, e.c64(kAmxTile)));
      arguments[Parameter::kEpilogue] = e.c64(int64_t(variant.epilogue));
      e.create<func::CallOp>(bodies[tokens - 1][groups - 1], arguments);
    };
    // Two by two; what is left over alone.
    e.loop(e.c64(0), tiles, e.c64(2), {}, [&](Value tile, ValueRange) {
      Value twoTiles = e.less(e.add(tile, e.c64(1)), tiles);
      e.loop(e.c64(0), count, e.c64(2), {}, [&](Value panel, ValueRange) {
        Value twoGroups = e.less(e.add(panel, e.c64(1)), count);
        auto byTiles = [&](int64_t groups) {
          e.when(
              twoTiles, [&] { call(tile, 2, panel, groups); },
              [&] { call(tile, 1, panel, groups); });
        };
        e.when(
            twoGroups, [&] { byTiles(2); }, [&] { byTiles(1); });
        return Values();
      });
      return Values();
    });
    return Values();
  });
  callTile(e, "tilerelease", {});
}

} // namespace llmc::kernel
