// Dot products of bytes, and lookups in tables of them, by the instructions that a CPU has.
//
// Weights are unsigned bytes and activations signed ones. Where a CPU multiplies signed bytes only
// (DotRow::signedBytes), weights below 128 are taken as they are. Formats whose weights use all 8
// bits have an offset of 128; what is multiplied is then byte - 128, the weight itself, and sums
// need no correction.
#ifndef LLMC_PASSES_VECTOR_DOTPRODUCT_H
#define LLMC_PASSES_VECTOR_DOTPRODUCT_H

#include "dialects/kernel/IR/KernelDialect.h"
#include "dialects/llm/Formats/BlockProgram.h"
#include "passes/Vector/Emitter.h"

namespace llmc::kernel {

// Whether the sums of a sub-block begin with the correction that activations are packed with
// instead of zero.
bool takesCorrection(Dot dot, const BlockProgram &program);

// What emitDot() takes for a line of unsigned bytes, a vector of 16 words.
Value emitDotFactor(Emitter &e, Dot dot, const BlockProgram &program, Value bytes);

// The int8 dot product of each lane: acc + sum of the four products of the bytes of `factor`, of
// weights that are at most `maxByte`, and of `activations`. All are vectors of 16 words.
Value emitDot(Emitter &e, Dot dot, Value acc, Value factor, Value activations, uint32_t maxByte);

// Each of 64 bytes below 16 through `table`.
Value emitLookup(Emitter &e, Dot dot, Value bytes, const std::array<uint8_t, 16> &table);

} // namespace llmc::kernel

#endif
