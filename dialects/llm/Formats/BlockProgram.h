// Word programs: the one description of how a block format turns bytes into weights.
//
// A program works on 32-bit words that hold four neighbouring bytes of a field, because one lane of
// an int8 dot product takes four neighbouring weights. Its value nodes are pure, so that the same
// program can be evaluated on host integers (BlockCodec), printed (documentation) and emitted as
// vector code with one matrix row per lane (the compiler).
//
//   weight[k] = scale[k / subBlock] * (u8[k] - offset) - minimum[k / subBlock]
//
// A block is `chunks` repetitions of the same code: node `Word` reads word `index + chunk * step`
// of its field and `ShiftRightByChunk` shifts by `index + chunk * step`, so vector code can be
// rolled.
#ifndef LLMC_DIALECTS_LLM_FORMATS_BLOCKPROGRAM_H
#define LLMC_DIALECTS_LLM_FORMATS_BLOCKPROGRAM_H

#include <array>
#include <cassert>
#include <cstdint>
#include <vector>

namespace llmc {

// A run of equal elements inside a block, in file order. Packing interleaves rows element by
// element.
struct BlockField {
  const char *name;
  uint32_t offset;       // bytes from the start of the block
  uint32_t elementBytes; // 1, 2 or 4
  uint32_t count;        // elements
  uint32_t packXor = 0;  // a packed word, and what a Word node yields, is the file's word XOR this
};

enum class BlockOp : uint8_t {
  // Words (32 bits).
  Word,       // field a (elementBytes 4), element index + chunk * step
  Small,      // field a (elementBytes 1 or 2), element index, zero-extended
  And,        // a & imm
  Or,         // a | b
  Shl,        // a << imm
  Shr,        // a >> imm
  ShrByChunk, // a >> (index + chunk * step)
  Mul,        // a * imm, modulo 2^32
  UMax,       // max(a, imm), unsigned
  Lookup,     // each byte of a, below 16, through table imm
  // Floats.
  HalfToFloat,   // IEEE half in the low 16 bits of a
  BitsToFloat,   // the 32 bits of a
  SignedToFloat, // a + int(imm), as a signed integer
  FMul,          // a * b
  FNegate,       // -a
  FHalve,        // a / 2
};

struct BlockNode {
  BlockOp op;
  int a = -1, b = -1;
  uint32_t imm = 0;
  uint32_t index = 0, step = 0;
};

class BlockProgram {
public:
  struct SubBlock {
    int scale;   // float node
    int minimum; // float node, or -1 where the format has none
  };

  std::vector<BlockField> fields;
  std::vector<BlockNode> nodes;
  std::vector<std::array<uint8_t, 16>> tables;

  // Float formats (F32, F16, BF16) have one weight per block and only this node.
  int floatValue = -1;
  bool isFloat() const { return floatValue >= 0; }

  // Integer formats.
  uint32_t chunks = 1;
  uint32_t chunkWeights = 0;       // weights per chunk, in order
  uint32_t subBlockWeights = 0;    // 16 or 32
  std::vector<int> lines;          // chunkWeights / 4 word nodes; byte i of line j is weight 4j + i
  std::vector<SubBlock> subBlocks; // of the whole block
  uint32_t offset = 0;             // subtracted from the unsigned bytes
  uint32_t maxByte = 0;            // the largest unsigned byte that a line can hold

  bool hasMinimum() const { return !subBlocks.empty() && subBlocks[0].minimum >= 0; }
  uint32_t weights() const { return isFloat() ? 1 : chunks * chunkWeights; }
};

// Evaluates nodes of a program over a backend, remembering each node once until clear().
//
// A backend has types `Word` and `Float` and one method per BlockOp:
//   word(field, index, step)  small(field, index)  andImm(w, imm)  orWords(w, w)  shl/shr(w, n)
//   shrByChunk(w, base, step)  mulImm(w, imm)  umaxImm(w, imm)  lookup(w, table)
//   halfToFloat(w)  bitsToFloat(w)  signedToFloat(w, bias)  mulFloats(f, f)  negate(f)  halve(f)
template <class Backend>
class BlockEvaluator {
public:
  using Word = typename Backend::Word;
  using Float = typename Backend::Float;

  BlockEvaluator(const BlockProgram &program, Backend &backend)
      : program_(program), backend_(backend), words_(program.nodes.size()),
        floats_(program.nodes.size()), known_(program.nodes.size()) {}

  void clear() { known_.assign(known_.size(), false); }

  Word word(int id) {
    const BlockNode &n = program_.nodes[id];
    if (!known_[id]) {
      words_[id] = computeWord(n);
      known_[id] = true;
    }
    return words_[id];
  }

  Float number(int id) {
    const BlockNode &n = program_.nodes[id];
    if (!known_[id]) {
      floats_[id] = computeFloat(n);
      known_[id] = true;
    }
    return floats_[id];
  }

private:
  Word computeWord(const BlockNode &n) {
    switch (n.op) {
    case BlockOp::Word:
      return backend_.word(n.a, n.index, n.step);
    case BlockOp::Small:
      return backend_.small(n.a, n.index);
    case BlockOp::And:
      return backend_.andImm(word(n.a), n.imm);
    case BlockOp::Or: {
      Word a = word(n.a), b = word(n.b);
      return backend_.orWords(a, b);
    }
    case BlockOp::Shl:
      return backend_.shl(word(n.a), n.imm);
    case BlockOp::Shr:
      return backend_.shr(word(n.a), n.imm);
    case BlockOp::ShrByChunk:
      return backend_.shrByChunk(word(n.a), n.index, n.step);
    case BlockOp::Mul:
      return backend_.mulImm(word(n.a), n.imm);
    case BlockOp::UMax:
      return backend_.umaxImm(word(n.a), n.imm);
    case BlockOp::Lookup:
      return backend_.lookup(word(n.a), program_.tables[n.imm]);
    default:
      assert(false && "a float node where a word is needed");
      return Word();
    }
  }

  Float computeFloat(const BlockNode &n) {
    switch (n.op) {
    case BlockOp::HalfToFloat:
      return backend_.halfToFloat(word(n.a));
    case BlockOp::BitsToFloat:
      return backend_.bitsToFloat(word(n.a));
    case BlockOp::SignedToFloat:
      return backend_.signedToFloat(word(n.a), static_cast<int32_t>(n.imm));
    case BlockOp::FMul: {
      Float a = number(n.a), b = number(n.b);
      return backend_.mulFloats(a, b);
    }
    case BlockOp::FNegate:
      return backend_.negate(number(n.a));
    case BlockOp::FHalve:
      return backend_.halve(number(n.a));
    default:
      assert(false && "a word node where a float is needed");
      return Float();
    }
  }

  const BlockProgram &program_;
  Backend &backend_;
  std::vector<Word> words_;
  std::vector<Float> floats_;
  std::vector<char> known_;
};

} // namespace llmc

#endif
