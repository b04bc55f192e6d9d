// Transposition of 16 x 16 elements in registers.
#ifndef LLMC_PASSES_VECTOR_TRANSPOSE_H
#define LLMC_PASSES_VECTOR_TRANSPOSE_H

#include "passes/Vector/Emitter.h"

namespace llmc::kernel {

// 16 vectors of 16 lanes: lane i of vector j of the result is lane j of `rows[i]`.
Values emitTranspose(Emitter &e, Values rows);

} // namespace llmc::kernel

#endif
