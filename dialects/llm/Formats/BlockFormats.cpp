// The table of block formats and the word program of each. The layouts are ggml's (ggml-common.h);
// the names of fields are the ones used there.
#include "dialects/llm/Formats/BlockFormats.h"
#include "dialects/llm/Formats/BlockProgram.h"
#include <iterator>

namespace llmc {
namespace {

constexpr uint32_t kNibbles = 0x0f0f0f0f;

// Builds a program; methods append one node and return its number.
struct ProgramBuilder {
  BlockProgram p;

  int field(const char *name, uint32_t offset, uint32_t elementBytes, uint32_t count,
            uint32_t packXor = 0) {
    p.fields.push_back({name, offset, elementBytes, count, packXor});
    return static_cast<int>(p.fields.size()) - 1;
  }
  int add(BlockNode n) {
    p.nodes.push_back(n);
    return static_cast<int>(p.nodes.size()) - 1;
  }
  int word(int field, uint32_t index, uint32_t step = 0) {
    return add({BlockOp::Word, field, -1, 0, index, step});
  }
  int small(int field, uint32_t index = 0) { return add({BlockOp::Small, field, -1, 0, index, 0}); }
  int band(int a, uint32_t mask) { return add({BlockOp::And, a, -1, mask}); }
  int bor(int a, int b) { return add({BlockOp::Or, a, b}); }
  int shl(int a, uint32_t n) { return n ? add({BlockOp::Shl, a, -1, n}) : a; }
  int shr(int a, uint32_t n) { return n ? add({BlockOp::Shr, a, -1, n}) : a; }
  int shrByChunk(int a, uint32_t base, uint32_t step) {
    return add({BlockOp::ShrByChunk, a, -1, 0, base, step});
  }
  int mul(int a, uint32_t m) { return add({BlockOp::Mul, a, -1, m}); }
  int half(int field, uint32_t index = 0) {
    return add({BlockOp::HalfToFloat, small(field, index)});
  }
  int toFloat(int a, int32_t bias = 0) {
    return add({BlockOp::SignedToFloat, a, -1, static_cast<uint32_t>(bias)});
  }
  int fmul(int a, int b) { return add({BlockOp::FMul, a, b}); }
  // A program subtracts minimums, a format with `m` adds it.
  int negate(int f) { return add({BlockOp::FNegate, f}); }
  int lookup(int a, const std::array<uint8_t, 16> &table) {
    p.tables.push_back(table);
    return add({BlockOp::Lookup, a, -1, static_cast<uint32_t>(p.tables.size() - 1)});
  }
  // Byte `i` of a word, zero-extended.
  int byteOf(int w, uint32_t i) { return i == 3 ? shr(w, 24) : band(shr(w, 8 * i), 0xff); }
  // Four consecutive bits of `bits` as bit 0 of the four bytes of a word.
  int spreadBits(int bits, uint32_t from) {
    return band(mul(band(shr(bits, from), 0xf), 0x00204081), 0x01010101);
  }

  void shape(uint32_t chunks, uint32_t chunkWeights, uint32_t subBlockWeights, uint32_t offset,
             uint32_t maxByte) {
    p.chunks = chunks;
    p.chunkWeights = chunkWeights;
    p.subBlockWeights = subBlockWeights;
    p.offset = offset;
    p.maxByte = maxByte;
    p.lines.assign(chunkWeights / 4, -1);
  }
};

BlockProgram makeF32() {
  ProgramBuilder b;
  int x = b.field("x", 0, 4, 1);
  b.p.floatValue = b.add({BlockOp::BitsToFloat, b.word(x, 0)});
  return b.p;
}

BlockProgram makeF16() {
  ProgramBuilder b;
  int x = b.field("x", 0, 2, 1);
  b.p.floatValue = b.half(x);
  return b.p;
}

BlockProgram makeBF16() {
  ProgramBuilder b;
  int x = b.field("x", 0, 2, 1);
  b.p.floatValue = b.add({BlockOp::BitsToFloat, b.shl(b.small(x), 16)});
  return b.p;
}

BlockProgram makeQ8_0() {
  ProgramBuilder b;
  int d = b.field("d", 0, 2, 1), qs = b.field("qs", 2, 4, 8, 0x80808080);
  b.shape(1, 32, 32, 128, 255);
  for (uint32_t j = 0; j < 8; ++j)
    b.p.lines[j] = b.word(qs, j);
  b.p.subBlocks = {{b.half(d), -1}};
  return b.p;
}

// Lines of the 32 weights whose low nibbles come first, as all 32-weight 4-bit formats have them.
void nibbleLines(ProgramBuilder &b, int qs) {
  for (uint32_t j = 0; j < 4; ++j) {
    int w = b.word(qs, j);
    b.p.lines[j] = b.band(w, kNibbles);
    b.p.lines[j + 4] = b.band(b.shr(w, 4), kNibbles);
  }
}

BlockProgram makeQ4_0() {
  ProgramBuilder b;
  int d = b.field("d", 0, 2, 1), qs = b.field("qs", 2, 4, 4);
  b.shape(1, 32, 32, 8, 15);
  nibbleLines(b, qs);
  b.p.subBlocks = {{b.half(d), -1}};
  return b.p;
}

BlockProgram makeQ4_1() {
  ProgramBuilder b;
  int d = b.field("d", 0, 2, 1), m = b.field("m", 2, 2, 1), qs = b.field("qs", 4, 4, 4);
  b.shape(1, 32, 32, 0, 15);
  nibbleLines(b, qs);
  b.p.subBlocks = {{b.half(d), b.negate(b.half(m))}};
  return b.p;
}

void fiveBitLines(ProgramBuilder &b, int qh, int qs) {
  nibbleLines(b, qs);
  int bits = b.word(qh, 0);
  for (uint32_t j = 0; j < 8; ++j)
    b.p.lines[j] = b.bor(b.p.lines[j], b.shl(b.spreadBits(bits, 4 * j), 4));
}

BlockProgram makeQ5_0() {
  ProgramBuilder b;
  int d = b.field("d", 0, 2, 1), qh = b.field("qh", 2, 4, 1), qs = b.field("qs", 6, 4, 4);
  b.shape(1, 32, 32, 16, 31);
  fiveBitLines(b, qh, qs);
  b.p.subBlocks = {{b.half(d), -1}};
  return b.p;
}

BlockProgram makeQ5_1() {
  ProgramBuilder b;
  int d = b.field("d", 0, 2, 1), m = b.field("m", 2, 2, 1);
  int qh = b.field("qh", 4, 4, 1), qs = b.field("qs", 8, 4, 4);
  b.shape(1, 32, 32, 0, 31);
  fiveBitLines(b, qh, qs);
  b.p.subBlocks = {{b.half(d), b.negate(b.half(m))}};
  return b.p;
}

// The order of Q2_K, Q3_K and TQ2_0: 128 weights from 32 bytes, two bits at a time; byte l of the
// 32 holds weights l, l + 32, l + 64 and l + 96.
template <class Combine>
void twoBitLines(ProgramBuilder &b, int qs, Combine combine) {
  for (uint32_t j = 0; j < 32; ++j) {
    uint32_t shift = j / 8, word = j % 8;
    b.p.lines[j] = combine(b.band(b.shr(b.word(qs, word, 8), 2 * shift), 0x03030303), shift, word);
  }
}

BlockProgram makeQ2_K() {
  ProgramBuilder b;
  int scales = b.field("scales", 0, 4, 4), qs = b.field("qs", 16, 4, 16);
  int d = b.field("d", 80, 2, 1), dmin = b.field("dmin", 82, 2, 1);
  b.shape(2, 128, 16, 0, 3);
  twoBitLines(b, qs, [](int line, uint32_t, uint32_t) { return line; });
  int fd = b.half(d), fmin = b.half(dmin);
  for (uint32_t s = 0; s < 16; ++s) {
    int byte = b.byteOf(b.word(scales, s / 4), s % 4);
    b.p.subBlocks.push_back(
        {b.fmul(fd, b.toFloat(b.band(byte, 0xf))), b.fmul(fmin, b.toFloat(b.shr(byte, 4)))});
  }
  return b.p;
}

BlockProgram makeTQ2_0() {
  ProgramBuilder b;
  int qs = b.field("qs", 0, 4, 16), d = b.field("d", 64, 2, 1);
  // Converters write -1, 0 and 1; a file may hold 2, too.
  b.shape(2, 128, 32, 1, 3);
  twoBitLines(b, qs, [](int line, uint32_t, uint32_t) { return line; });
  b.p.subBlocks.assign(8, {b.half(d), -1});
  return b.p;
}

BlockProgram makeQ3_K() {
  ProgramBuilder b;
  int hmask = b.field("hmask", 0, 4, 8), qs = b.field("qs", 32, 4, 16);
  int scales = b.field("scales", 96, 4, 3), d = b.field("d", 108, 2, 1);
  b.shape(2, 128, 16, 4, 7);
  twoBitLines(b, qs, [&](int line, uint32_t shift, uint32_t word) {
    int high = b.band(b.shrByChunk(b.word(hmask, word), shift, 4), 0x01010101);
    return b.bor(line, b.shl(high, 2));
  });
  int a0 = b.word(scales, 0), a1 = b.word(scales, 1), top = b.word(scales, 2);
  int low[4] = {b.band(a0, kNibbles), b.band(a1, kNibbles), b.band(b.shr(a0, 4), kNibbles),
                b.band(b.shr(a1, 4), kNibbles)};
  int fd = b.half(d);
  for (uint32_t w = 0; w < 4; ++w) {
    int six = b.bor(low[w], b.shl(b.band(b.shr(top, 2 * w), 0x03030303), 4));
    for (uint32_t i = 0; i < 4; ++i)
      b.p.subBlocks.push_back({b.fmul(fd, b.toFloat(b.byteOf(six, i), -32)), -1});
  }
  return b.p;
}

// The eight 6-bit scales and minimums that Q4_K and Q5_K keep in twelve bytes.
void sixBitScales(ProgramBuilder &b, int scales, int d, int dmin) {
  int w0 = b.word(scales, 0), w1 = b.word(scales, 1), w2 = b.word(scales, 2);
  int sc[2] = {b.band(w0, 0x3f3f3f3f),
               b.bor(b.band(w2, kNibbles), b.band(b.shr(w0, 2), 0x30303030))};
  int mn[2] = {b.band(w1, 0x3f3f3f3f),
               b.bor(b.band(b.shr(w2, 4), kNibbles), b.band(b.shr(w1, 2), 0x30303030))};
  int fd = b.half(d), fmin = b.half(dmin);
  for (uint32_t s = 0; s < 8; ++s)
    b.p.subBlocks.push_back({b.fmul(fd, b.toFloat(b.byteOf(sc[s / 4], s % 4))),
                             b.fmul(fmin, b.toFloat(b.byteOf(mn[s / 4], s % 4)))});
}

BlockProgram makeQ4_K() {
  ProgramBuilder b;
  int d = b.field("d", 0, 2, 1), dmin = b.field("dmin", 2, 2, 1);
  int scales = b.field("scales", 4, 4, 3), qs = b.field("qs", 16, 4, 32);
  b.shape(4, 64, 32, 0, 15);
  for (uint32_t j = 0; j < 8; ++j) {
    int w = b.word(qs, j, 8);
    b.p.lines[j] = b.band(w, kNibbles);
    b.p.lines[j + 8] = b.band(b.shr(w, 4), kNibbles);
  }
  sixBitScales(b, scales, d, dmin);
  return b.p;
}

BlockProgram makeQ5_K() {
  ProgramBuilder b;
  int d = b.field("d", 0, 2, 1), dmin = b.field("dmin", 2, 2, 1);
  int scales = b.field("scales", 4, 4, 3), qh = b.field("qh", 16, 4, 8);
  int qs = b.field("qs", 48, 4, 32);
  b.shape(4, 64, 32, 0, 31);
  for (uint32_t j = 0; j < 8; ++j) {
    int w = b.word(qs, j, 8), h = b.word(qh, j);
    auto fifth = [&](uint32_t bit) {
      return b.shl(b.band(b.shrByChunk(h, bit, 2), 0x01010101), 4);
    };
    b.p.lines[j] = b.bor(b.band(w, kNibbles), fifth(0));
    b.p.lines[j + 8] = b.bor(b.band(b.shr(w, 4), kNibbles), fifth(1));
  }
  sixBitScales(b, scales, d, dmin);
  return b.p;
}

BlockProgram makeQ6_K() {
  ProgramBuilder b;
  int ql = b.field("ql", 0, 4, 32), qh = b.field("qh", 128, 4, 16);
  // Scales are signed bytes; as unsigned bytes plus 128 they need no sign extension.
  int scales = b.field("scales", 192, 4, 4, 0x80808080), d = b.field("d", 208, 2, 1);
  b.shape(2, 128, 16, 32, 63);
  for (uint32_t j = 0; j < 32; ++j) {
    uint32_t quarter = j / 8, word = j % 8;
    int low = b.band(b.shr(b.word(ql, 8 * (quarter & 1) + word, 16), 4 * (quarter / 2)), kNibbles);
    int high = b.band(b.shr(b.word(qh, word, 8), 2 * quarter), 0x03030303);
    b.p.lines[j] = b.bor(low, b.shl(high, 4));
  }
  int fd = b.half(d);
  for (uint32_t s = 0; s < 16; ++s)
    b.p.subBlocks.push_back(
        {b.fmul(fd, b.toFloat(b.byteOf(b.word(scales, s / 4), s % 4), -128)), -1});
  return b.p;
}

// The 4-bit codebook of IQ4_NL and IQ4_XS, plus 128.
constexpr std::array<uint8_t, 16> kIq4Values = {1,   24,  45,  63,  79,  93,  106, 118,
                                                129, 141, 153, 166, 181, 197, 217, 241};
// Twice the E2M1 values of MXFP4, plus 12.
constexpr std::array<uint8_t, 16> kE2M1Values = {12, 13, 14, 15, 16, 18, 20, 24,
                                                 12, 11, 10, 9,  8,  6,  4,  0};

void lookUpLines(ProgramBuilder &b, const std::array<uint8_t, 16> &table) {
  for (int &line : b.p.lines)
    line = b.lookup(line, table);
}

BlockProgram makeIQ4_NL() {
  ProgramBuilder b;
  int d = b.field("d", 0, 2, 1), qs = b.field("qs", 2, 4, 4);
  b.shape(1, 32, 32, 128, 241);
  nibbleLines(b, qs);
  lookUpLines(b, kIq4Values);
  b.p.subBlocks = {{b.half(d), -1}};
  return b.p;
}

BlockProgram makeIQ4_XS() {
  ProgramBuilder b;
  int d = b.field("d", 0, 2, 1), scalesHigh = b.field("scales_h", 2, 2, 1);
  int scalesLow = b.field("scales_l", 4, 4, 1), qs = b.field("qs", 8, 4, 32);
  b.shape(8, 32, 32, 128, 241);
  for (uint32_t j = 0; j < 4; ++j) {
    int w = b.word(qs, j, 4);
    b.p.lines[j] = b.band(w, kNibbles);
    b.p.lines[j + 4] = b.band(b.shr(w, 4), kNibbles);
  }
  lookUpLines(b, kIq4Values);
  int fd = b.half(d), low = b.word(scalesLow, 0), high = b.small(scalesHigh);
  for (uint32_t s = 0; s < 8; ++s) {
    int six = b.bor(b.band(b.shr(low, 4 * s), 0xf), b.shl(b.band(b.shr(high, 2 * s), 3), 4));
    b.p.subBlocks.push_back({b.fmul(fd, b.toFloat(six, -32)), -1});
  }
  return b.p;
}

BlockProgram makeMXFP4() {
  ProgramBuilder b;
  int e = b.field("e", 0, 1, 1), qs = b.field("qs", 1, 4, 4);
  b.shape(1, 32, 32, 12, 24);
  nibbleLines(b, qs);
  lookUpLines(b, kE2M1Values);
  // 2^(e - 128): half of the float with exponent e; e = 0 is the denormal 2^-127 halved.
  int bits = b.add({BlockOp::UMax, b.shl(b.small(e), 23), -1, 0x00400000u});
  b.p.subBlocks = {{b.add({BlockOp::FHalve, b.add({BlockOp::BitsToFloat, bits})}), -1}};
  return b.p;
}

struct FormatRow {
  BlockFormat format;
  BlockProgram (*make)();
};

constexpr FormatRow kRows[] = {
    {{"f32", "F32", 0, 1, 4, "w = x"}, makeF32},
    {{"f16", "F16", 1, 1, 2, "w = x (IEEE half)"}, makeF16},
    {{"bf16", "BF16", 30, 1, 2, "w = x (upper half of a float)"}, makeBF16},
    {{"q8_0", "Q8_0", 8, 32, 34, "w = d * q, q in [-128, 127]"}, makeQ8_0},
    {{"q4_0", "Q4_0", 2, 32, 18, "w = d * (q - 8), q in [0, 15]"}, makeQ4_0},
    {{"q4_1", "Q4_1", 3, 32, 20, "w = d * q + m, q in [0, 15]"}, makeQ4_1},
    {{"q5_0", "Q5_0", 6, 32, 22, "w = d * (q - 16), q in [0, 31]"}, makeQ5_0},
    {{"q5_1", "Q5_1", 7, 32, 24, "w = d * q + m, q in [0, 31]"}, makeQ5_1},
    {{"q2_K", "Q2_K", 10, 256, 84, "w = d * s[k/16] * q - dmin * m[k/16], q in [0, 3]"}, makeQ2_K},
    {{"q3_K", "Q3_K", 11, 256, 110, "w = d * (s[k/16] - 32) * (q - 4), q in [0, 7]"}, makeQ3_K},
    {{"q4_K", "Q4_K", 12, 256, 144, "w = d * s[k/32] * q - dmin * m[k/32], q in [0, 15]"},
     makeQ4_K},
    {{"q5_K", "Q5_K", 13, 256, 176, "w = d * s[k/32] * q - dmin * m[k/32], q in [0, 31]"},
     makeQ5_K},
    {{"q6_K", "Q6_K", 14, 256, 210, "w = d * s[k/16] * (q - 32), q in [0, 63]"}, makeQ6_K},
    {{"iq4_nl", "IQ4_NL", 20, 32, 18, "w = d * codebook[q], q in [0, 15]"}, makeIQ4_NL},
    {{"iq4_xs", "IQ4_XS", 23, 256, 136, "w = d * (s[k/32] - 32) * codebook[q], q in [0, 15]"},
     makeIQ4_XS},
    {{"tq2_0", "TQ2_0", 35, 256, 66, "w = d * (q - 1), q in [0, 3]"}, makeTQ2_0},
    {{"mxfp4", "MXFP4", 39, 32, 17, "w = 2^(e - 127) * e2m1[q], q in [0, 15]"}, makeMXFP4},
};
constexpr size_t kCount = std::size(kRows);

struct Formats {
  BlockFormat formats[kCount];
  BlockProgram programs[kCount];
  Formats() {
    for (size_t i = 0; i < kCount; ++i) {
      formats[i] = kRows[i].format;
      programs[i] = kRows[i].make();
    }
  }
};

const Formats &table() {
  static const Formats formats;
  return formats;
}

} // namespace

const BlockProgram &BlockFormat::program() const {
  return table().programs[this - table().formats];
}

std::span<const BlockFormat> blockFormats() { return table().formats; }

const BlockFormat *findBlockFormat(absl::string_view name) {
  for (const BlockFormat &f : table().formats)
    if (name == f.name)
      return &f;
  return nullptr;
}

const BlockFormat *findBlockFormatByGgmlType(uint32_t ggmlType) {
  for (const BlockFormat &f : table().formats)
    if (ggmlType == f.ggmlType)
      return &f;
  return nullptr;
}

} // namespace llmc
