// Emits word programs (BlockProgram.h) as code: the backend of BlockEvaluator that yields MLIR
// values.
#ifndef LLMC_PASSES_VECTOR_BLOCKEMITTER_H
#define LLMC_PASSES_VECTOR_BLOCKEMITTER_H

#include "dialects/kernel/IR/KernelDialect.h"
#include "dialects/llm/Formats/BlockProgram.h"
#include "dialects/llm/Formats/PackedLayout.h"
#include "passes/Vector/Emitter.h"
#include "llvm/ADT/DenseMap.h"

namespace llmc::kernel {

class BlockEmitter {
public:
  using Word = Value;
  using Float = Value;

  // Where the block lies, and so what a word is: 16 rows of a packed group as a vector, one row of
  // a packed group as a scalar, or one row in GGUF's layout as a scalar.
  enum class Form { PackedRows, PackedLane, Row };

  BlockEmitter(Emitter &e, const PackedLayout &layout, Form form, Dot dot)
      : e(e), layout(layout), program(layout.format->program()), form(form), dot(dot) {}

  // The block. Packed forms: its header and its body. Row: `body` is the block, `header` unused.
  Value header, body;
  Value lane; // PackedLane: the row in its group, i64
  // The chunk: a constant, or for rolled code its index (i32) and, per step of word indices, a
  // pointer like `body` that has already advanced by the chunk.
  uint32_t chunk = 0;
  Value chunkIndex;
  llvm::DenseMap<uint32_t, Value> chunkBody;

  Value word(int field, uint32_t index, uint32_t step);
  Value small(int field, uint32_t index);
  Value andImm(Value a, uint32_t imm);
  Value orWords(Value a, Value b);
  Value shl(Value a, uint32_t n);
  Value shr(Value a, uint32_t n);
  Value shrByChunk(Value a, uint32_t base, uint32_t step);
  Value mulImm(Value a, uint32_t imm);
  Value umaxImm(Value a, uint32_t imm);
  Value lookup(Value a, const std::array<uint8_t, 16> &table);
  Value halfToFloat(Value a);
  Value bitsToFloat(Value a);
  Value signedToFloat(Value a, int32_t bias);
  Value mulFloats(Value a, Value b);
  Value negate(Value a);
  Value halve(Value a);

private:
  Type wordType() const { return form == Form::PackedRows ? Type(e.vi32) : e.i32; }
  Type floatType() const { return form == Form::PackedRows ? Type(e.vf32) : e.f32; }

  Emitter &e;
  const PackedLayout &layout;
  const BlockProgram &program;
  Form form;
  Dot dot;
};

} // namespace llmc::kernel

#endif
