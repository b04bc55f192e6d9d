#include "dialects/llm/Formats/BlockCodec.h"
#include "dialects/llm/Formats/BlockProgram.h"
#include "dialects/llm/Formats/Half.h"
#include <bit>
#include <cstring>

namespace llmc {
namespace {

// Evaluates a word program on the bytes of one block.
struct HostBackend {
  using Word = uint32_t;
  using Float = float;

  const BlockProgram &program;
  const uint8_t *block = nullptr;
  uint32_t chunk = 0;

  Word word(int field, uint32_t index, uint32_t step) {
    const BlockField &f = program.fields[field];
    uint32_t w;
    std::memcpy(&w, block + f.offset + 4 * (index + chunk * step), 4);
    return w ^ f.packXor;
  }
  Word small(int field, uint32_t index) {
    const BlockField &f = program.fields[field];
    uint32_t w = 0;
    std::memcpy(&w, block + f.offset + f.elementBytes * index, f.elementBytes);
    return w;
  }
  Word andImm(Word a, uint32_t imm) { return a & imm; }
  Word orWords(Word a, Word b) { return a | b; }
  Word shl(Word a, uint32_t n) { return a << n; }
  Word shr(Word a, uint32_t n) { return a >> n; }
  Word shrByChunk(Word a, uint32_t base, uint32_t step) { return a >> (base + chunk * step); }
  Word mulImm(Word a, uint32_t imm) { return a * imm; }
  Word umaxImm(Word a, uint32_t imm) { return a > imm ? a : imm; }
  Word lookup(Word a, const std::array<uint8_t, 16> &table) {
    Word r = 0;
    for (int i = 0; i < 4; ++i)
      r |= Word(table[(a >> (8 * i)) & 0xf]) << (8 * i);
    return r;
  }
  Float halfToFloat(Word a) { return llmc::halfToFloat(static_cast<uint16_t>(a)); }
  Float bitsToFloat(Word a) { return std::bit_cast<float>(a); }
  Float signedToFloat(Word a, int32_t bias) {
    return static_cast<float>(static_cast<int32_t>(a) + bias);
  }
  Float mulFloats(Float a, Float b) { return a * b; }
  Float negate(Float a) { return -a; }
  Float halve(Float a) { return a * 0.5f; }
};

} // namespace

void decodeRow(const BlockFormat &format, const uint8_t *row, uint64_t columns, float *weights) {
  const BlockProgram &program = format.program();
  HostBackend backend{program};
  BlockEvaluator<HostBackend> evaluator(program, backend);
  for (uint64_t k = 0; k < columns; k += format.weights, row += format.bytes) {
    backend.block = row;
    if (program.isFloat()) {
      evaluator.clear();
      weights[k] = evaluator.number(program.floatValue);
      continue;
    }
    for (uint32_t chunk = 0; chunk < program.chunks; ++chunk) {
      backend.chunk = chunk;
      evaluator.clear();
      for (uint32_t i = 0; i < program.chunkWeights; ++i) {
        uint32_t at = chunk * program.chunkWeights + i;
        const BlockProgram::SubBlock &sub = program.subBlocks[at / program.subBlockWeights];
        int byte = (evaluator.word(program.lines[i / 4]) >> (8 * (i % 4))) & 0xff;
        float minimum = sub.minimum >= 0 ? evaluator.number(sub.minimum) : 0.0f;
        weights[k + at] =
            evaluator.number(sub.scale) * static_cast<float>(byte - int(program.offset)) - minimum;
      }
    }
  }
}

} // namespace llmc
