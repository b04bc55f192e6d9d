// Passes of phase `kernel`.
#ifndef LLMC_PASSES_KERNEL_KERNELPASSES_H
#define LLMC_PASSES_KERNEL_KERNELPASSES_H

#include "dialects/kernel/IR/KernelDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace llmc::kernel {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/Kernel/KernelPasses.h.inc"

} // namespace llmc::kernel

#endif
