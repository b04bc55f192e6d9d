#include "dialects/llm/Formats/PackedLayout.h"
#include "dialects/llm/Formats/BlockProgram.h"
#include <cstring>

namespace llmc {
namespace {

// Interleaves `count` elements of up to 16 rows; rows from `rows` on are zero. Zero padding stays
// untouched by packXor: a block of zeros has scale zero, so its bytes do not matter.
template <class Element>
void interleave(const uint8_t *source, uint64_t rowBytes, uint32_t rows, uint32_t count,
                Element packXor, uint8_t *out) {
  for (uint32_t e = 0; e < count; ++e, out += kPackedRows * sizeof(Element)) {
    Element line[kPackedRows] = {};
    for (uint32_t r = 0; r < rows; ++r) {
      std::memcpy(&line[r], source + r * rowBytes + e * sizeof(Element), sizeof(Element));
      line[r] ^= packXor;
    }
    std::memcpy(out, line, sizeof(line));
  }
}

void packField(const BlockField &field, const uint8_t *block, uint64_t rowBytes, uint32_t rows,
               uint8_t *out) {
  const uint8_t *source = block + field.offset;
  switch (field.elementBytes) {
  case 1:
    return interleave<uint8_t>(source, rowBytes, rows, field.count, uint8_t(field.packXor), out);
  case 2:
    return interleave<uint16_t>(source, rowBytes, rows, field.count, uint16_t(field.packXor), out);
  default:
    return interleave<uint32_t>(source, rowBytes, rows, field.count, field.packXor, out);
  }
}

} // namespace

PackedLayout::PackedLayout(const BlockFormat &f) : format(&f), headerBytes(0), bodyBytes(0) {
  const BlockProgram &program = f.program();
  unitBlocks = 1;
  if (!program.isFloat())
    while (unitBlocks * f.bytes * kPackedRows % kPackedAlignment != 0)
      unitBlocks *= 2;
  for (const BlockField &field : program.fields) {
    uint32_t &part = field.elementBytes < 4 ? headerBytes : bodyBytes;
    fieldOffset.push_back(part);
    part += field.elementBytes * field.count * kPackedRows;
  }
  unitBytes = unitBlocks * (headerBytes + bodyBytes);
}

void packGroups(const PackedLayout &layout, const uint8_t *source, uint64_t rows, uint64_t columns,
                uint64_t firstGroup, uint64_t lastGroup, uint8_t *packed) {
  const BlockFormat &format = *layout.format;
  const BlockProgram &program = format.program();
  const uint64_t rowBytes = format.rowBytes(columns), blocks = columns / format.weights;
  for (uint64_t g = firstGroup; g < lastGroup; ++g) {
    const uint8_t *groupSource = source + g * kPackedRows * rowBytes;
    const uint64_t left = rows - g * kPackedRows;
    const uint32_t groupRows = left < kPackedRows ? uint32_t(left) : kPackedRows;
    uint8_t *unit = packed + g * layout.groupBytes(columns);
    for (uint64_t u = 0; u < layout.units(columns); ++u, unit += layout.unitBytes)
      for (uint32_t b = 0; b < layout.unitBlocks; ++b) {
        const uint64_t block = u * layout.unitBlocks + b;
        uint8_t *header = unit + b * layout.headerBytes;
        uint8_t *body = unit + layout.unitBlocks * layout.headerBytes + b * layout.bodyBytes;
        if (block >= blocks) {
          std::memset(header, 0, layout.headerBytes);
          std::memset(body, 0, layout.bodyBytes);
          continue;
        }
        for (size_t f = 0; f < program.fields.size(); ++f) {
          const BlockField &field = program.fields[f];
          packField(field, groupSource + block * format.bytes, rowBytes, groupRows,
                    (field.elementBytes < 4 ? header : body) + layout.fieldOffset[f]);
        }
      }
  }
}

} // namespace llmc
