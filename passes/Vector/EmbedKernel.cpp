// Rows of the embedding matrix, dequantized one block at a time.
#include "passes/Vector/BlockEmitter.h"
#include "passes/Vector/Kernels.h"

using namespace mlir;

namespace llmc::kernel {
namespace {

// Writes the weights of one block to `out` (f32).
void emitBlock(Emitter &e, BlockEmitter &block, const BlockProgram &program, Value out) {
  BlockEvaluator<BlockEmitter> evaluator(program, block);
  if (program.isFloat()) {
    e.store(evaluator.number(program.floatValue), out, 4);
    return;
  }
  auto four = VectorType::get(4, e.f32);
  for (uint32_t chunk = 0; chunk < program.chunks; ++chunk) {
    block.chunk = chunk;
    BlockEvaluator<BlockEmitter> lines(program, block);
    for (size_t line = 0; line < program.lines.size(); ++line) {
      const uint32_t at = chunk * program.chunkWeights + 4 * line;
      const BlockProgram::SubBlock &sub = program.subBlocks[at / program.subBlockWeights];
      Value bytes = e.bitcast(VectorType::get(4, e.i8),
                              e.create<vector::BroadcastOp>(VectorType::get(1, e.i32),
                                                            lines.word(program.lines[line])));
      Value q = e.create<arith::ExtUIOp>(VectorType::get(4, e.i32), bytes);
      if (program.offset)
        q = e.sub(q, e.splat(q.getType(), program.offset));
      Value w = e.fmul(e.toFloat(q), e.broadcast(four, evaluator.number(sub.scale)));
      if (sub.minimum >= 0)
        w = e.fsub(w, e.broadcast(four, evaluator.number(sub.minimum)));
      e.store(w, e.gep(out, 4 * int64_t(at)), 4);
    }
  }
}

} // namespace

void emitEmbed(OpEmission &emission, EmbedOp op) {
  Emitter &outer = emission.e;
  auto weight = cast<RankedTensorType>(op.getWeight().getType());
  const BlockFormat &format = *llm::getBlockFormat(weight.getElementType());
  const bool packed = isa_and_nonnull<llm::PackedAttr>(weight.getEncoding());
  const int64_t columns = weight.getDimSize(1);
  BufferType outType = op.getOut().getType();
  std::string name =
      std::string("embed.") + format.name + (packed ? ".packed." : ".") + std::to_string(columns);
  // thread, threads, rows, tokens, weight, out
  SmallVector<Type> types{outer.i64, outer.i64, outer.i64, outer.ptr, outer.ptr, outer.ptr};
  func::FuncOp function =
      emission.library.get(name, types, op.getLoc(), [&](Emitter &e, ValueRange p) {
        PackedLayout layout(format);
        auto [first, last] = e.split(p[2], p[0], p[1]);
        e.loop(first, last, [&](Value i) {
          Value token = e.load(e.i32, e.gep(p[3], e.mul(i, e.c64(4))), 4);
          token = e.create<arith::ExtUIOp>(e.i64, token);
          Value out = e.gep(p[5], e.mul(i, e.c64(outType.getRowBytes())));
          BlockEmitter block(e, layout,
                             packed ? BlockEmitter::Form::PackedLane : BlockEmitter::Form::Row,
                             emission.library.target.getDot());
          if (!packed) {
            Value row = e.gep(p[4], e.mul(token, e.c64(format.rowBytes(columns))));
            e.loop(e.c64(0), e.c64(columns / format.weights), e.c64(1), {row, out},
                   [&](Value, ValueRange c) {
                     block.body = c[0];
                     emitBlock(e, block, format.program(), c[1]);
                     return Values{e.gep(c[0], format.bytes),
                                   e.gep(c[1], 4 * int64_t(format.weights))};
                   });
            return;
          }
          Value group = e.div(token, e.c64(kLanes));
          block.lane = e.rem(token, e.c64(kLanes));
          Value unit = e.gep(p[4], e.mul(group, e.c64(layout.groupBytes(columns))));
          e.loop(e.c64(0), e.c64(columns / format.weights), [&](Value index) {
            Value base =
                e.gep(unit, e.mul(e.div(index, e.c64(layout.unitBlocks)), e.c64(layout.unitBytes)));
            Value inUnit = e.rem(index, e.c64(layout.unitBlocks));
            block.header = e.gep(base, e.mul(inUnit, e.c64(layout.headerBytes)));
            block.body = e.gep(e.gep(base, layout.unitBlocks * layout.headerBytes),
                               e.mul(inUnit, e.c64(layout.bodyBytes)));
            emitBlock(e, block, format.program(),
                      e.gep(out, e.mul(index, e.c64(4 * int64_t(format.weights)))));
          });
        });
      });
  Values arguments{emission.team.thread,
                   emission.team.threads,
                   emission.rows,
                   emission.operand(op.getTokens()),
                   emission.operand(op.getWeight()),
                   emission.operand(op.getOut())};
  outer.create<func::CallOp>(function, arguments);
}

} // namespace llmc::kernel
