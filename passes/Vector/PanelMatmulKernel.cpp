// Matrix products of 8-bit dot products for steps of more tokens than the widest vector tile.
//
// Groups of 16 rows are unpacked once into panels in the second-level cache: unsigned bytes with
// their scales, the same for all formats. Then all tokens pass by, half a tile of tokens x 32 rows
// at a time, so that each vector of weights and each broadcast activation takes part in several
// products: with one group alone, loads would be the limit.
#include "passes/Vector/BlockEmitter.h"
#include "passes/Vector/DotProduct.h"
#include "passes/Vector/Matmul.h"
#include "passes/Vector/PrefetchStream.h"
#include "llvm/ADT/Twine.h"

using namespace mlir;

namespace llmc::kernel {
namespace {

// Bytes of a panel that are asked for ahead of their use, from the second-level cache.
constexpr int64_t kAhead = 1024;

// Of a sub-block of a panel: its lines of bytes, its scales and, if it has any, its minimums,
// negated.
int64_t subBlockBytes(const BlockProgram &program) {
  return 64 * (program.subBlockWeights / 4 + 1 + (program.hasMinimum() ? 1 : 0));
}

// Unpacks one group to a panel. Parameters: group, panel, units.
func::FuncOp getUnpack(KernelLibrary &library, Location loc, const BlockFormat &format) {
  OpBuilder b(library.module.getContext());
  Emitter types(b, loc);
  return library.get(
      (Twine("unpack.") + format.name).str(), {types.ptr, types.ptr, types.i64}, loc,
      [&](Emitter &e, ValueRange p) {
        const BlockProgram &program = format.program();
        PackedLayout layout(format);
        auto emitBlock = [&](Value, ValueRange c) {
          const Dot dot = library.target.getDot();
          BlockEmitter block(e, layout, BlockEmitter::Form::PackedRows, dot);
          block.header = c[0];
          block.body = c[1];
          PrefetchStream ahead(e, block.body, layout.bodyBytes / 64, format.weights / 4);
          BlockEvaluator<BlockEmitter> scales(program, block);
          const int64_t subLines = program.subBlockWeights / 4;
          int64_t line = 0, to = 0;
          auto store = [&](Value v) {
            e.store(v, e.gep(c[2], to), 64);
            to += 64;
          };
          for (uint32_t chunk = 0; chunk < program.chunks; ++chunk) {
            block.chunk = chunk;
            BlockEvaluator<BlockEmitter> lines(program, block);
            for (int node : program.lines) {
              ahead.step();
              store(emitDotFactor(e, dot, program, lines.word(node)));
              if (++line % subLines)
                continue;
              lines.clear(); // Words that sub-blocks share are loaded again: registers are few.
              const BlockProgram::SubBlock &sub = program.subBlocks[line / subLines - 1];
              store(scales.number(sub.scale));
              if (sub.minimum >= 0)
                store(e.create<arith::NegFOp>(scales.number(sub.minimum)));
            }
          }
          return Values{e.gep(c[0], layout.headerBytes), e.gep(c[1], layout.bodyBytes),
                        e.gep(c[2], to)};
        };
        e.loop(e.c64(0), p[2], e.c64(1), {p[0], p[1]}, [&](Value, ValueRange unit) {
          Value body = e.gep(unit[0], layout.unitBlocks * layout.headerBytes);
          Values end = e.loop(e.c64(0), e.c64(layout.unitBlocks), e.c64(1),
                              {unit[0], body, unit[1]}, emitBlock);
          return Values{end[1], end[2]};
        });
      });
}

struct Parameter {
  enum {
    kPanel,
    kInput,
    kScale,
    kCorrection,
    kSum,
    kOut,
    kOther,
    kBias,
    kPanelBytes,
    kRowBytes,
    kBlocks, // of kActivationBlock columns
    kRowsLeft,
    kEpilogue,
    kCount
  };
};

class PanelMatmul {
public:
  PanelMatmul(Emitter &e, KernelLibrary &library, const MatmulVariant &variant)
      : e(e), library(library), variant(variant), program(variant.format->program()),
        tile(library.target.getTiles().back()), half(tile / 2),
        subBlocks(kActivationBlock / program.subBlockWeights),
        corrected(takesCorrection(library.target.getDot(), program)) {}

  void emit(const MatmulPlace &place);

private:
  // The name of what has the same bodies: formats with sub-blocks of one kind.
  std::string kindOf(const MatmulVariant &of) const;
  // Half a tile of tokens times `groups` panels.
  func::FuncOp getBody(int64_t groups);
  Values emitBlock(Emitter &inner, ValueRange carried, int64_t groups);

  Emitter &e;
  KernelLibrary &library;
  const MatmulVariant &variant;
  const BlockProgram &program;
  int64_t tile, half; // tokens
  int64_t subBlocks;  // of a block of activations
  bool corrected;     // see takesCorrection()
};

std::string PanelMatmul::kindOf(const MatmulVariant &of) const {
  const BlockProgram &program = of.format->program();
  return (Twine("matmul.panel.") + Twine(program.subBlockWeights) +
          (takesCorrection(library.target.getDot(), program) ? ".offset" : "") +
          (program.hasMinimum() ? ".minimum" : "") + (of.bias ? ".bias" : ""))
      .str();
}

func::FuncOp PanelMatmul::getBody(int64_t groups) {
  SmallVector<Type> types(Parameter::kCount, e.ptr);
  for (int i = Parameter::kPanelBytes; i < Parameter::kCount; ++i)
    types[i] = e.i64;
  const std::string kind = kindOf(variant);
  const std::string name = (kind + Twine(".") + Twine(half) + "x" + Twine(groups)).str();
  return library.get(name, types, e.loc, [&](Emitter &e, ValueRange p) {
    Values carried;
    for (int64_t g = 0; g < groups; ++g) {
      Value left = e.sub(p[Parameter::kRowsLeft], e.c64(kLanes * g));
      carried.append(half, initialSum(e, variant, e.gep(p[Parameter::kBias], 64 * g), left));
    }
    for (int64_t g = 0; g < groups; ++g)
      carried.push_back(g ? e.gep(p[Parameter::kPanel], p[Parameter::kPanelBytes])
                          : p[Parameter::kPanel]);
    for (int i = Parameter::kInput; i <= Parameter::kSum; ++i)
      carried.push_back(p[i]);
    Values end = e.loop(e.c64(0), p[Parameter::kBlocks], e.c64(1), carried,
                        [&](Value, ValueRange c) { return emitBlock(e, c, groups); });
    for (int64_t g = 0; g < groups; ++g)
      forEpilogue(
          e, library, p[Parameter::kEpilogue],
          [&](const MatmulVariant &other) {
            return !other.format->program().isFloat() && kindOf(other) == kind;
          },
          [&](Epilogue epilogue) {
            emitEpilogue(e, epilogue, ArrayRef<Value>(end).slice(g * half, half),
                         e.gep(p[Parameter::kOut], 64 * g), e.gep(p[Parameter::kOther], 64 * g),
                         p[Parameter::kRowBytes]);
          });
  });
}

// Carries: sums [group][token], panels, then the four streams of activations.
Values PanelMatmul::emitBlock(Emitter &e, ValueRange c, int64_t groups) {
  const int64_t sums = groups * half, streams = sums + groups;
  const int64_t lines = program.subBlockWeights / 4;
  Value input = c[streams], scale = c[streams + 1], correction = c[streams + 2],
        sum = c[streams + 3];
  Values next(c.begin(), c.end());
  auto at = [&](Value stream, int64_t index, int64_t token) {
    return e.gep(stream, (index * tile + token) * 4);
  };
  for (int64_t s = 0; s < subBlocks; ++s) {
    auto line = [&](int64_t group, int64_t index) {
      return e.gep(c[sums + group], s * subBlockBytes(program) + 64 * index);
    };
    Values acc;
    for (int64_t g = 0; g < groups; ++g)
      for (int64_t t = 0; t < half; ++t)
        acc.push_back(corrected ? e.broadcast(e.vi32, e.load(e.i32, at(correction, s, t), 4))
                                : e.splat(e.vi32, 0));
    for (int64_t i = 0; i < lines; ++i) {
      Values w;
      for (int64_t g = 0; g < groups; ++g) {
        e.prefetchLine(e.gep(line(g, i), kAhead));
        w.push_back(e.load(e.vi32, line(g, i), 64));
      }
      for (int64_t t = 0; t < half; ++t) {
        Value x = e.broadcast(e.vi32, e.load(e.i32, at(input, s * lines + i, t), 4));
        for (int64_t g = 0; g < groups; ++g) {
          Value &a = acc[g * half + t];
          a = emitDot(e, library.target.getDot(), a, w[g], x, program.maxByte);
        }
      }
    }
    Values d, m;
    for (int64_t g = 0; g < groups; ++g) {
      d.push_back(e.load(e.vf32, line(g, lines), 64));
      if (program.hasMinimum())
        m.push_back(e.load(e.vf32, line(g, lines + 1), 64));
    }
    for (int64_t t = 0; t < half; ++t)
      for (int64_t g = 0; g < groups; ++g) {
        Value &total = next[g * half + t];
        Value both = e.fmul(d[g], e.broadcastLoad(at(scale, 0, t)));
        total = e.fma(e.toFloat(acc[g * half + t]), both, total);
        if (program.hasMinimum())
          total = e.fma(m[g], e.broadcastLoad(at(sum, s, t)), total);
      }
  }
  for (int64_t g = 0; g < groups; ++g)
    next[sums + g] = e.gep(c[sums + g], subBlocks * subBlockBytes(program));
  next[streams] = at(input, kActivationBlock / 4, 0);
  next[streams + 1] = at(scale, 1, 0);
  next[streams + 2] = corrected ? at(correction, subBlocks, 0) : correction;
  next[streams + 3] = program.hasMinimum() ? at(sum, subBlocks, 0) : sum;
  return next;
}

void PanelMatmul::emit(const MatmulPlace &place) {
  PackedLayout layout(*variant.format);
  func::FuncOp unpack = getUnpack(library, e.loc, *variant.format);
  Value blocks = e.div(e.mul(place.units, e.c64(layout.unitWeights())), e.c64(kActivationBlock));
  Value panelBytes = e.mul(blocks, e.c64(subBlocks * subBlockBytes(program)));
  Value halves = e.div(e.add(place.rows, e.c64(half - 1)), e.c64(half));

  e.loop(place.firstGroup, place.lastGroup, place.panelCount, {}, [&](Value group, ValueRange) {
    Value index = e.sub(group, place.firstGroup);
    Value count = e.min(e.sub(place.lastGroup, group), place.panelCount);
    e.loop(e.c64(0), count, [&](Value i) {
      Value packed = e.gep(place.weight, e.mul(e.add(index, i), place.groupBytes));
      e.create<func::CallOp>(
          unpack, ValueRange{packed, e.gep(place.scratch, e.mul(i, panelBytes)), place.units});
    });
    e.loop(e.c64(0), halves, [&](Value token) {
      Value input = e.gep(e.gep(place.input, e.mul(e.div(token, e.c64(2)), place.tileBytes)),
                          e.mul(e.rem(token, e.c64(2)), e.c64(half * 4)));
      Value row = e.mul(e.mul(token, e.c64(half)), place.rowBytes);
      auto call = [&](Value panel, int64_t groups) {
        Value group = e.add(index, panel), lines = e.mul(group, e.c64(64));
        Value offset = e.add(row, lines);
        Values arguments(Parameter::kCount);
        arguments[Parameter::kPanel] = e.gep(place.scratch, e.mul(panel, panelBytes));
        arguments[Parameter::kInput] = input;
        arguments[Parameter::kScale] = e.gep(input, place.scaleOffset);
        arguments[Parameter::kCorrection] = e.gep(input, place.correctionOffset);
        arguments[Parameter::kSum] = e.gep(input, place.sumOffset);
        arguments[Parameter::kOut] = e.gep(place.out, offset);
        arguments[Parameter::kOther] = e.gep(place.other, offset);
        arguments[Parameter::kBias] = e.gep(place.bias, lines);
        arguments[Parameter::kPanelBytes] = panelBytes;
        arguments[Parameter::kRowBytes] = place.rowBytes;
        arguments[Parameter::kBlocks] = blocks;
        arguments[Parameter::kRowsLeft] = e.sub(place.rowsLeft, e.mul(group, e.c64(kLanes)));
        arguments[Parameter::kEpilogue] = e.c64(int64_t(variant.epilogue));
        e.create<func::CallOp>(getBody(groups), arguments);
      };
      e.loop(e.c64(0), count, e.c64(2), {}, [&](Value panel, ValueRange) {
        e.when(
            e.less(e.add(panel, e.c64(1)), count), [&] { call(panel, 2); },
            [&] { call(panel, 1); });
        return Values();
      });
    });
    return Values();
  });
}

} // namespace

void emitPanelMatmul(Emitter &e, KernelLibrary &library, const MatmulVariant &variant,
                     const MatmulPlace &place) {
  PanelMatmul(e, library, variant).emit(place);
}

} // namespace llmc::kernel
