// What the word programs promise to the code that is made from them.
#include "dialects/llm/Formats/BlockFormats.h"
#include "dialects/llm/Formats/BlockProgram.h"
#include "tests/unit/formats/LaneReader.h"
#include <gtest/gtest.h>
#include <set>

namespace llmc {
namespace {

TEST(BlockFormats, FoundByNameAndType) {
  std::set<uint32_t> types;
  for (const BlockFormat &format : blockFormats()) {
    EXPECT_EQ(findBlockFormat(format.name), &format);
    EXPECT_EQ(findBlockFormatByGgmlType(format.ggmlType), &format);
    types.insert(format.ggmlType);
    EXPECT_EQ(format.program().weights(), format.weights) << format.name;
  }
  EXPECT_EQ(types.size(), blockFormats().size());
  EXPECT_EQ(findBlockFormat("Q4_0"), nullptr);
  EXPECT_EQ(findBlockFormat(""), nullptr);
  EXPECT_EQ(findBlockFormatByGgmlType(9), nullptr); // Q8_1 is no format of files
}

TEST(BlockFormats, FieldsCoverEachByteOnce) {
  for (const BlockFormat &format : blockFormats()) {
    std::vector<int> covered(format.bytes);
    for (const BlockField &field : format.program().fields)
      for (uint32_t i = 0; i < field.elementBytes * field.count; ++i) {
        ASSERT_LT(field.offset + i, format.bytes) << format.name << ' ' << field.name;
        ++covered[field.offset + i];
      }
    for (uint32_t i = 0; i < format.bytes; ++i)
      EXPECT_EQ(covered[i], 1) << format.name << " byte " << i;
  }
}

// Dot products by saturating instructions are chosen by maxByte.
TEST(BlockFormats, NoByteOfALineIsAboveTheMaximum) {
  for (const BlockFormat &format : blockFormats()) {
    const BlockProgram &program = format.program();
    if (program.isFloat())
      continue;
    uint32_t largest = 0;
    for (uint32_t seed = 0; seed < 64; ++seed) {
      std::vector<uint8_t> block = seed == 0   ? std::vector<uint8_t>(format.bytes, 0)
                                   : seed == 1 ? std::vector<uint8_t>(format.bytes, 0xff)
                                               : noise(format.bytes, seed);
      FileBlock source(program, block.data());
      BlockEvaluator<FileBlock> evaluator(program, source);
      for (source.chunk = 0; source.chunk < program.chunks; ++source.chunk) {
        evaluator.clear();
        for (int line : program.lines)
          for (int i = 0; i < 4; ++i)
            largest = std::max(largest, (evaluator.word(line) >> (8 * i)) & 0xff);
      }
    }
    EXPECT_EQ(largest, program.maxByte) << format.name;
  }
}

// Instructions for signed bytes multiply byte - 128 where a byte may have its upper bit, and that
// must be the weight.
TEST(BlockFormats, BytesAbove127HaveAnOffsetOf128) {
  int found = 0;
  for (const BlockFormat &format : blockFormats())
    if (const BlockProgram &program = format.program();
        !program.isFloat() && program.maxByte > 127) {
      ++found;
      EXPECT_EQ(program.offset, 128u) << format.name;
      EXPECT_FALSE(program.hasMinimum()) << format.name;
    }
  EXPECT_GT(found, 0);
}

} // namespace
} // namespace llmc
