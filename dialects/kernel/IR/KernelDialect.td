#ifndef LLMC_DIALECTS_KERNEL_IR_KERNELDIALECT_TD
#define LLMC_DIALECTS_KERNEL_IR_KERNELDIALECT_TD

include "mlir/IR/DialectBase.td"
include "mlir/IR/OpBase.td"

def Kernel_Dialect : Dialect {
  let name = "kernel";
  let cppNamespace = "::llmc::kernel";
  let summary = "The CPU level below tensors: buffers, packed activations, barriers";
  let description = [{
    A program in this dialect is run by all threads of a team at once. Each operation splits its work
    among the threads by itself; `kernel.barrier` is where they wait for each other. Operations read
    and write memory: buffers of a step live in one arena at offsets that `kernel-plan-memory` chooses,
    so nothing is allocated while a model runs.

    `kernel-to-vector` turns each operation into a call of a function of vector code, one function per
    distinct variant (block format, epilogue, token tile), shared by all layers and shapes.
  }];
  let dependentDialects = ["::llmc::llm::LlmDialect"];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
}

class Kernel_Op<string mnemonic, list<Trait> traits = []> : Op<Kernel_Dialect, mnemonic, traits>;

#endif
