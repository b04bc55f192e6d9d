// Rows on their way between buffers and tiles in scratch memory.
#ifndef LLMC_PASSES_VECTOR_ROWTILES_H
#define LLMC_PASSES_VECTOR_ROWTILES_H

#include "passes/Vector/Emitter.h"

namespace llmc::kernel {

// A part of `width` elements of rows of f32.
struct RowPart {
  Value place;    // of the first row
  int64_t stride; // bytes from row to row
  unsigned align;
};

// Calls `body` for the vectors of `count` rows of `width` elements, with their offset in bytes in a
// row; `mask` is null where all lanes are there.
void emitEachVector(Emitter &e, int64_t width, Value count, llvm::ArrayRef<RowPart> parts,
                    const std::function<void(ValueRange places, Value mask)> &body);

// Copies rows, times `factor` (a vector, or null). Behind the last element of a row whole vectors
// get zeros.
void emitCopyRows(Emitter &e, RowPart from, RowPart to, int64_t width, Value count, Value factor);
// The same the other way: writes no more than `width` elements of a row, and adds where `add` says
// so.
void emitWriteRows(Emitter &e, RowPart from, RowPart to, int64_t width, Value count, bool add);
// Zeros to whole vectors of rows `first` to `last`, or to `width` elements alone.
void emitZeroRows(Emitter &e, RowPart to, int64_t width, Value first, Value last, bool whole);

// `to[c][r] = from[r][c]` for `rows` rows r and `columns` columns c, multiples of 16.
void emitTranspose(Emitter &e, RowPart from, RowPart to, int64_t rows, int64_t columns);

} // namespace llmc::kernel

#endif
