// Passes of phase `vector`.
#ifndef LLMC_PASSES_VECTOR_VECTORPASSES_H
#define LLMC_PASSES_VECTOR_VECTORPASSES_H

#include "dialects/kernel/IR/KernelDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/Pass.h"

namespace llmc::kernel {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/Vector/VectorPasses.h.inc"

} // namespace llmc::kernel

#endif
