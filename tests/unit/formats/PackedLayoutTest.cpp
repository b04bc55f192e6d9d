// Packing: each lane of a packed matrix holds the weights of its row.
#include "dialects/llm/Formats/BlockCodec.h"
#include "tests/unit/formats/LaneReader.h"
#include <gtest/gtest.h>

namespace llmc {
namespace {

constexpr uint8_t kUntouched = 0xa5;

// A matrix in GGUF's layout: random bits in every field, scales finite.
std::vector<uint8_t> randomMatrix(const BlockFormat &format, uint64_t rows, uint64_t columns) {
  std::vector<uint8_t> bytes = noise(rows * format.rowBytes(columns), format.ggmlType + 7 * rows);
  for (size_t block = 0; block < bytes.size(); block += format.bytes)
    for (const BlockField &f : format.program().fields)
      if (f.elementBytes < 4 || format.weights == 1) // exponents stay clear of their largest value
        bytes[block + f.offset + f.elementBytes * f.count - 1] &= 0xbf;
  return bytes;
}

struct Packed {
  PackedLayout layout;
  uint64_t bytes;
  std::vector<uint8_t> data; // `bytes` and 64 untouched ones
};

Packed pack(const BlockFormat &format, const std::vector<uint8_t> &source, uint64_t rows,
            uint64_t columns) {
  PackedLayout layout(format);
  Packed packed{layout, layout.bytes(rows, columns), {}};
  packed.data.assign(packed.bytes + 64, kUntouched);
  packGroups(layout, source.data(), rows, columns, 0, PackedLayout::groups(rows),
             packed.data.data());
  return packed;
}

class Packing : public testing::TestWithParam<const BlockFormat *> {};

TEST_P(Packing, LanesHoldTheirRows) {
  const BlockFormat &format = *GetParam();
  for (uint64_t rows : {1, 15, 16, 17, 40})
    for (uint64_t blocks : {1, 2, 3, 4, 5, 7}) {
      SCOPED_TRACE(testing::Message() << rows << " rows of " << blocks << " blocks");
      const uint64_t columns = blocks * format.weights;
      std::vector<uint8_t> source = randomMatrix(format, rows, columns);
      Packed packed = pack(format, source, rows, columns);
      for (uint64_t row = 0; row < rows; ++row) {
        std::vector<float> expected(columns);
        decodeRow(format, source.data() + row * format.rowBytes(columns), columns, expected.data());
        for (uint64_t b = 0; b < blocks; ++b) {
          PackedBlock block(packed.layout, packed.data.data(), columns, row, b);
          std::vector<double> weights = evaluateBlock(format.program(), block);
          ASSERT_EQ(weights.size(), format.weights);
          for (uint32_t k = 0; k < format.weights; ++k)
            ASSERT_EQ(static_cast<float>(weights[k]), expected[b * format.weights + k])
                << "row " << row << " block " << b << " weight " << k;
        }
      }
      for (size_t i = packed.bytes; i < packed.data.size(); ++i)
        ASSERT_EQ(packed.data[i], kUntouched) << "written past the end";
    }
}

TEST_P(Packing, RowsAndBlocksThatAreNotThereAreZero) {
  const BlockFormat &format = *GetParam();
  PackedLayout layout(format);
  const uint64_t blocks = layout.unitBlocks + 1, columns = blocks * format.weights;
  for (uint64_t rows : {1, 15, 17}) {
    // What follows the matrix in memory is not taken for a row of it.
    std::vector<uint8_t> source = randomMatrix(format, rows + 16, columns);
    Packed packed = pack(format, source, rows, columns);
    for (uint64_t row = 0; row < PackedLayout::groups(rows) * 16; ++row)
      for (uint64_t b = 0; b < layout.units(columns) * layout.unitBlocks; ++b) {
        if (row < rows && b < blocks)
          continue;
        PackedBlock block(layout, packed.data.data(), columns, row, b);
        for (double w : evaluateBlock(format.program(), block))
          ASSERT_EQ(w, 0) << rows << " rows: row " << row << " block " << b;
      }
  }
}

TEST_P(Packing, GroupsInAnyOrderAndAlone) {
  const BlockFormat &format = *GetParam();
  const uint64_t rows = 55, columns = 3 * format.weights;
  std::vector<uint8_t> source = randomMatrix(format, rows, columns);
  Packed whole = pack(format, source, rows, columns);
  const PackedLayout &layout = whole.layout;
  std::vector<uint8_t> parts(whole.data.size(), kUntouched);
  packGroups(layout, source.data(), rows, columns, 3, 4, parts.data());
  for (uint64_t i = 0; i < 3 * layout.groupBytes(columns); ++i)
    ASSERT_EQ(parts[i], kUntouched) << "written before the first group asked for";
  packGroups(layout, source.data(), rows, columns, 0, 1, parts.data());
  packGroups(layout, source.data(), rows, columns, 2, 2, parts.data()); // none
  packGroups(layout, source.data(), rows, columns, 1, 3, parts.data());
  EXPECT_EQ(parts, whole.data);
}

TEST_P(Packing, Sizes) {
  const BlockFormat &format = *GetParam();
  PackedLayout layout(format);
  EXPECT_EQ(layout.unitBytes, layout.unitBlocks * format.bytes * 16);
  EXPECT_EQ(layout.unitBytes, layout.unitBlocks * (layout.headerBytes + layout.bodyBytes));
  if (format.weights > 1) {
    EXPECT_EQ(layout.unitBytes % 64, 0u);
    EXPECT_EQ(layout.unitBlocks * layout.headerBytes % 64, 0u) << "words begin at a line";
    // The smallest number of blocks for which that holds.
    for (uint32_t fewer = 1; fewer < layout.unitBlocks; ++fewer)
      EXPECT_NE(fewer * format.bytes * 16 % 64, 0u) << fewer;
  }
  // Without padding a packed matrix has the size of the GGUF's bytes.
  const uint64_t columns = 6 * layout.unitWeights();
  EXPECT_EQ(layout.bytes(48, columns), 48 * format.rowBytes(columns));
  EXPECT_EQ(layout.bytes(47, columns), layout.bytes(48, columns));
  EXPECT_EQ(layout.bytes(49, columns), layout.bytes(64, columns));
  EXPECT_EQ(layout.groupBytes(columns - layout.unitWeights() + format.weights),
            layout.groupBytes(columns));
}

std::vector<const BlockFormat *> allFormats() {
  std::vector<const BlockFormat *> formats;
  for (const BlockFormat &format : blockFormats())
    formats.push_back(&format);
  return formats;
}

INSTANTIATE_TEST_SUITE_P(Formats, Packing, testing::ValuesIn(allFormats()),
                         [](const auto &info) { return std::string(info.param->name); });

} // namespace
} // namespace llmc
