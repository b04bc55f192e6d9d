#ifndef LLMC_DIALECTS_KERNEL_IR_KERNELOPERANDS_TD
#define LLMC_DIALECTS_KERNEL_IR_KERNELOPERANDS_TD

include "dialects/kernel/IR/KernelTypes.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

// Barriers are put where the effects on operands ask for them.
def Kernel_In : Arg<Kernel_BufferType, "", [MemRead]>;
def Kernel_Out : Arg<Kernel_BufferType, "", [MemWrite]>;
def Kernel_EpilogueAttr : EnumAttr<Kernel_Dialect, Kernel_Epilogue, "epilogue"> {
  let summary = "What a matrix product does with its sums";
  let assemblyFormat = "`<` $value `>`";
}

def Kernel_Weight : RankedTensorOf<[Llm_WeightElement], [], "weight">;

#endif
