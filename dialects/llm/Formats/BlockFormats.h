// Block formats: how GGUF stores weights.
//
// A block is `weights` consecutive weights of one row in `bytes` bytes. One description per format
// (a word program, see BlockProgram.h) is the source of the scalar decoder, of the packer, of the
// vector code that the compiler emits and of the type's documentation.
#ifndef LLMC_DIALECTS_LLM_FORMATS_BLOCKFORMATS_H
#define LLMC_DIALECTS_LLM_FORMATS_BLOCKFORMATS_H

#include "absl/strings/string_view.h"
#include <cstdint>
#include <span>

namespace llmc {

class BlockProgram;

struct BlockFormat {
  const char *name; // GGUF's spelling in lower case, "q4_K"; also the mnemonic in !llm.block<q4_K>
  const char *ggufName; // "Q4_K"
  uint32_t ggmlType;    // the type id in a GGUF tensor record
  uint32_t weights;     // weights per block
  uint32_t bytes;       // bytes per block
  const char *formula;  // a weight, in words, for the reference pages

  double bitsPerWeight() const { return 8.0 * bytes / weights; }
  // Bytes of a row of `columns` weights; `columns` is a multiple of `weights`.
  uint64_t rowBytes(uint64_t columns) const { return columns / weights * bytes; }
  // The format's word program; built once, lives as long as the process.
  const BlockProgram &program() const;
};

std::span<const BlockFormat> blockFormats();
// nullptr where there is no such format.
const BlockFormat *findBlockFormat(absl::string_view name);
const BlockFormat *findBlockFormatByGgmlType(uint32_t ggmlType);

} // namespace llmc

#endif
