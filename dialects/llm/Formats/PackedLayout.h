// The packed layout of weight matrices: 16 rows side by side, one row per vector lane.
//
// Rows are taken in groups of 16; a group's blocks follow each other over all of K, so a thread
// reads one sequential stream. A unit is the smallest number of blocks whose bytes fill whole
// 64-byte lines: first the small fields (elements of 1 or 2 bytes) of each of its blocks, then the
// word fields of each block. Element e of a field is 16 elements, one per row: lane r belongs to
// row r of the group. Rows past the last and blocks past the end of K are zero. Apart from that
// padding a packed matrix has the size of the GGUF's bytes.
#ifndef LLMC_DIALECTS_LLM_FORMATS_PACKEDLAYOUT_H
#define LLMC_DIALECTS_LLM_FORMATS_PACKEDLAYOUT_H

#include "dialects/llm/Formats/BlockFormats.h"
#include <cstdint>
#include <vector>

namespace llmc {

inline constexpr uint32_t kPackedRows = 16;
inline constexpr uint32_t kPackedAlignment = 64;

struct PackedLayout {
  explicit PackedLayout(const BlockFormat &format);

  const BlockFormat *format;
  uint32_t unitBlocks;  // blocks of a row in a unit
  uint32_t unitBytes;   // for 16 rows; a multiple of 64 (float formats: of 16 elements)
  uint32_t headerBytes; // small fields of one block, 16 rows
  uint32_t bodyBytes;   // word fields of one block, 16 rows
  std::vector<uint32_t> fieldOffset; // from the start of the block's header or body

  uint32_t unitWeights() const { return unitBlocks * format->weights; }
  uint64_t units(uint64_t columns) const { return (columns + unitWeights() - 1) / unitWeights(); }
  uint64_t groupBytes(uint64_t columns) const { return units(columns) * unitBytes; }
  static uint64_t groups(uint64_t rows) { return (rows + kPackedRows - 1) / kPackedRows; }
  uint64_t bytes(uint64_t rows, uint64_t columns) const {
    return groups(rows) * groupBytes(columns);
  }
};

// Packs groups [firstGroup, lastGroup) of a matrix of `rows` x `columns` from GGUF's layout at
// `source` to `packed`, the start of the packed matrix.
void packGroups(const PackedLayout &layout, const uint8_t *source, uint64_t rows, uint64_t columns,
                uint64_t firstGroup, uint64_t lastGroup, uint8_t *packed);

} // namespace llmc

#endif
