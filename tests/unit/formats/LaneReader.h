// Backends of BlockEvaluator for tests: a block in GGUF's layout, and one lane of a packed group.
#ifndef LLMC_TESTS_UNIT_FORMATS_LANEREADER_H
#define LLMC_TESTS_UNIT_FORMATS_LANEREADER_H

#include "dialects/llm/Formats/BlockProgram.h"
#include "dialects/llm/Formats/PackedLayout.h"
#include <cmath>
#include <cstring>
#include <vector>

namespace llmc {

// Bytes that use every bit and repeat nowhere.
inline std::vector<uint8_t> noise(size_t count, uint32_t seed) {
  std::vector<uint8_t> bytes(count);
  for (uint8_t &byte : bytes) {
    seed = seed * 1664525 + 1013904223;
    byte = static_cast<uint8_t>(seed >> 24);
  }
  return bytes;
}

// What both layouts have in common; a derived class reads words.
struct LaneMath {
  using Word = uint32_t;
  using Float = double;
  uint32_t chunk = 0;

  Word andImm(Word a, uint32_t imm) { return a & imm; }
  Word orWords(Word a, Word b) { return a | b; }
  Word shl(Word a, uint32_t n) { return a << n; }
  Word shr(Word a, uint32_t n) { return a >> n; }
  Word shrByChunk(Word a, uint32_t base, uint32_t step) { return a >> (base + chunk * step); }
  Word mulImm(Word a, uint32_t imm) { return a * imm; }
  Word umaxImm(Word a, uint32_t imm) { return std::max(a, imm); }
  Word lookup(Word a, const std::array<uint8_t, 16> &table) {
    uint8_t bytes[4];
    std::memcpy(bytes, &a, 4);
    for (uint8_t &byte : bytes)
      byte = table[byte];
    std::memcpy(&a, bytes, 4);
    return a;
  }
  Float halfToFloat(Word a) {
    int exponent = (a >> 10) & 31, mantissa = a & 1023;
    double magnitude = exponent == 31 ? (mantissa ? NAN : INFINITY)
                       : exponent     ? std::ldexp(1024 + mantissa, exponent - 25)
                                      : std::ldexp(mantissa, -24);
    return a & 0x8000 ? -magnitude : magnitude;
  }
  Float bitsToFloat(Word a) {
    float f;
    std::memcpy(&f, &a, 4);
    return f;
  }
  Float signedToFloat(Word a, int32_t bias) { return static_cast<int32_t>(a) + double(bias); }
  Float mulFloats(Float a, Float b) { return a * b; }
  Float negate(Float a) { return -a; }
  Float halve(Float a) { return a / 2; }
};

struct FileBlock : LaneMath {
  FileBlock(const BlockProgram &program, const uint8_t *block) : program(program), block(block) {}
  const BlockProgram &program;
  const uint8_t *block;

  Word word(int field, uint32_t index, uint32_t step) {
    Word w;
    std::memcpy(&w, block + program.fields[field].offset + 4 * (index + chunk * step), 4);
    return w ^ program.fields[field].packXor;
  }
  Word small(int field, uint32_t index) {
    const BlockField &f = program.fields[field];
    Word w = 0;
    std::memcpy(&w, block + f.offset + f.elementBytes * index, f.elementBytes);
    return w;
  }
};

// Row `row`, block `index` of a packed matrix, by the description in PackedLayout.h.
struct PackedBlock : LaneMath {
  PackedBlock(const PackedLayout &layout, const uint8_t *packed, uint64_t columns, uint64_t row,
              uint64_t index)
      : program(layout.format->program()), lane(row % 16) {
    const uint8_t *unit = packed + row / 16 * layout.groupBytes(columns) +
                          index / layout.unitBlocks * layout.unitBytes;
    uint64_t inUnit = index % layout.unitBlocks, smallBytes = 0, wordBytes = 0;
    for (const BlockField &f : program.fields)
      (f.elementBytes < 4 ? smallBytes : wordBytes) += uint64_t(16) * f.elementBytes * f.count;
    const uint8_t *header = unit + inUnit * smallBytes;
    const uint8_t *body = unit + layout.unitBlocks * smallBytes + inUnit * wordBytes;
    for (const BlockField &f : program.fields) {
      const uint8_t *&part = f.elementBytes < 4 ? header : body;
      fields.push_back(part);
      part += uint64_t(16) * f.elementBytes * f.count;
    }
  }
  const BlockProgram &program;
  uint64_t lane;
  std::vector<const uint8_t *> fields;

  Word word(int field, uint32_t index, uint32_t step) {
    Word w;
    std::memcpy(&w, fields[field] + 64 * (index + chunk * step) + 4 * lane, 4);
    return w;
  }
  Word small(int field, uint32_t index) {
    const uint32_t bytes = program.fields[field].elementBytes;
    Word w = 0;
    std::memcpy(&w, fields[field] + bytes * (16 * index + lane), bytes);
    return w;
  }
};

// The weights of the block behind `source`.
template <class Source>
std::vector<double> evaluateBlock(const BlockProgram &program, Source &source) {
  BlockEvaluator<Source> evaluator(program, source);
  if (program.isFloat())
    return {evaluator.number(program.floatValue)};
  std::vector<double> weights;
  for (source.chunk = 0; source.chunk < program.chunks; ++source.chunk) {
    evaluator.clear();
    for (uint32_t i = 0; i < program.chunkWeights; ++i) {
      uint32_t k = source.chunk * program.chunkWeights + i;
      const BlockProgram::SubBlock &sub = program.subBlocks[k / program.subBlockWeights];
      int byte = (evaluator.word(program.lines[i / 4]) >> (8 * (i % 4))) & 0xff;
      double w = evaluator.number(sub.scale) * (byte - static_cast<int>(program.offset));
      weights.push_back(sub.minimum < 0 ? w : w - evaluator.number(sub.minimum));
    }
  }
  return weights;
}

} // namespace llmc

#endif
