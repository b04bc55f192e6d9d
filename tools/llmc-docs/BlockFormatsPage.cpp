#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "dialects/llm/Formats/BlockFormats.h"
#include "dialects/llm/Formats/BlockProgram.h"
#include "dialects/llm/Formats/PackedLayout.h"
#include "tools/llmc-docs/Pages.h"
#include <algorithm>

namespace llmc::docs {
namespace {

constexpr absl::string_view kIntroduction =
    R"(# Block formats

How GGUF stores weights: a block is a run of neighbouring weights of one row. The formats are the
parameter of [`!llm.block`](LlmDialect.md#blocktype); F32, F16 and BF16 have MLIR's own types instead.

| Format | GGUF type | Weights | Bytes | Bits per weight | Weight |
| ------ | --------: | ------: | ----: | --------------: | ------ |
)";

constexpr absl::string_view kExplanation =
    R"(
Weights in blocks are multiplied as bytes: `weight = scale * (byte - offset) - minimum`, where a
sub-block of neighbouring weights shares scale and minimum. Activations are then signed bytes with a
scale per 32. The others are multiplied as floats.

**Packed**, as `#llm.packed` has it, 16 rows lie side by side: each element of a field is followed by
the same element of the next row, so that lane r of a 64-byte line belongs to row r. A unit is the
fewest blocks whose bytes fill whole lines; first come the fields of one- and two-byte elements of all
of its blocks, then the fields of four-byte words of each block. Units follow each other over the
whole of a row, and are padded with zeros where a row ends inside of one. A packed matrix has the
bytes of the GGUF's and that padding.
)";

std::string bytesText(uint64_t first, uint64_t count) {
  return count == 1 ? absl::StrCat(first) : absl::StrCat(first, "-", first + count - 1);
}

// Fields in the order in which they lie in the block.
std::vector<BlockField> fieldsInOrder(const BlockProgram &program) {
  std::vector<BlockField> fields = program.fields;
  std::ranges::sort(fields, {}, &BlockField::offset);
  return fields;
}

void appendFields(std::string &out, const BlockProgram &program) {
  absl::StrAppend(&out, "\n| Bytes | Field | Elements | Bytes each |\n"
                        "| ----: | ----- | -------: | ---------: |\n");
  for (const BlockField &field : fieldsInOrder(program))
    absl::StrAppend(&out, "| ", bytesText(field.offset, uint64_t(field.elementBytes) * field.count),
                    " | `", field.name, "` | ", field.count, " | ", field.elementBytes, " |\n");
}

// What the vector code multiplies.
void appendProgram(std::string &out, const BlockProgram &program) {
  absl::StrAppend(&out, "\nIn products: bytes from 0 to ", program.maxByte, ", offset ",
                  program.offset, ", sub-blocks of ", program.subBlockWeights,
                  program.hasMinimum() ? " with a minimum.\n" : ", no minimum.\n");
  if (program.tables.empty())
    return;
  // Integers, as vector code looks them up; a program that halves its scale has them doubled.
  bool doubled = std::ranges::any_of(program.nodes,
                                     [](const BlockNode &n) { return n.op == BlockOp::FHalve; });
  absl::StrAppend(&out, "\nCodebook:");
  for (size_t i = 0; i < program.tables[0].size(); ++i)
    absl::StrAppendFormat(&out, "%s %g", i ? "," : "",
                          (double(program.tables[0][i]) - program.offset) / (doubled ? 2 : 1));
  absl::StrAppend(&out, ".\n");
}

struct PackedRange {
  uint64_t first, bytes;
  std::string content;
};

std::vector<PackedRange> packedRanges(const PackedLayout &layout) {
  const BlockProgram &program = layout.format->program();
  std::vector<PackedRange> ranges;
  for (bool small : {true, false})
    for (uint32_t block = 0; block < layout.unitBlocks; ++block)
      for (size_t f = 0; f < program.fields.size(); ++f) {
        const BlockField &field = program.fields[f];
        if ((field.elementBytes < 4) != small)
          continue;
        uint64_t start = small ? block * layout.headerBytes
                               : layout.unitBlocks * layout.headerBytes + block * layout.bodyBytes;
        std::string content = absl::StrCat("`", field.name, "`");
        if (layout.unitBlocks > 1)
          absl::StrAppend(&content, " of block ", block);
        if (field.packXor)
          absl::StrAppendFormat(&content, ", each byte xor 0x%02x", field.packXor & 0xff);
        ranges.push_back({start + layout.fieldOffset[f],
                          uint64_t(field.elementBytes) * field.count * kPackedRows, content});
      }
  return ranges;
}

void appendPacked(std::string &out, const BlockFormat &format) {
  PackedLayout layout(format);
  if (format.program().isFloat()) {
    absl::StrAppend(&out, "\nPacked: column after column, 16 rows of ", format.bytes,
                    " bytes each.\n");
    return;
  }
  absl::StrAppend(
      &out, "\nPacked unit: ", layout.unitBlocks, layout.unitBlocks == 1 ? " block" : " blocks",
      " of 16 rows, ", layout.unitBytes, " bytes = ", layout.unitBytes / kPackedAlignment,
      " lines.\n\n| Bytes | Lines | Content, of 16 rows |\n| ----: | ----: | ------- |\n");
  for (const PackedRange &range : packedRanges(layout)) {
    uint64_t firstLine = range.first / kPackedAlignment;
    uint64_t lines = (range.first + range.bytes - 1) / kPackedAlignment - firstLine + 1;
    absl::StrAppend(&out, "| ", bytesText(range.first, range.bytes), " | ",
                    bytesText(firstLine, lines), " | ", range.content, " |\n");
  }
}

} // namespace

std::string blockFormatsPage() {
  std::string out(kIntroduction);
  for (const BlockFormat &format : blockFormats())
    absl::StrAppendFormat(&out, "| [`%s`](#%s) | %d | %d | %d | %g | `%s` |\n", format.name,
                          absl::AsciiStrToLower(format.name), format.ggmlType, format.weights,
                          format.bytes, format.bitsPerWeight(), format.formula);
  absl::StrAppend(&out, kExplanation);
  for (const BlockFormat &format : blockFormats()) {
    const BlockProgram &program = format.program();
    absl::StrAppendFormat(&out, "\n## %s\n\n`%s`. %s in %s.\n", format.name, format.formula,
                          format.weights == 1 ? "One weight"
                                              : absl::StrCat(format.weights, " weights"),
                          absl::StrCat(format.bytes, " bytes"));
    appendFields(out, program);
    if (!program.isFloat())
      appendProgram(out, program);
    appendPacked(out, format);
  }
  return out;
}

} // namespace llmc::docs
