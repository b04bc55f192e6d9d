#ifndef LLMC_DIALECTS_KERNEL_IR_KERNELTRAININGOPS_TD
#define LLMC_DIALECTS_KERNEL_IR_KERNELTRAININGOPS_TD

include "dialects/kernel/IR/KernelOperands.td"

// No output of these may share memory with another operand.

def Kernel_RmsNormAdjointOp : Kernel_Op<"rms_norm_adjoint"> {
  let summary = "The adjoint of rms_norm by its input";
  let description = [{
    As `llm.rms_norm_adjoint`. Work is split by tokens.

    ```mlir
    kernel.rms_norm_adjoint %dy, %x, %w, %dx {eps = 1.0e-05 : f32}
        : !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>, tensor<64xf32>, !kernel.buffer<64 x f32>
    ```
  }];
  let arguments = (ins Kernel_In:$adjoint, Kernel_In:$input, Kernel_Weight:$weight, Kernel_Out:$out,
                       F32Attr:$eps);
  let assemblyFormat = [{
    $adjoint `,` $input `,` $weight `,` $out attr-dict `:` type(operands)
  }];
}

def Kernel_SiluAdjointOp : Kernel_Op<"silu_adjoint"> {
  let summary = "The adjoint of silu";
  let description = [{
    As `llm.silu_adjoint`. Work is split by vectors of 16 elements.

    ```mlir
    kernel.silu_adjoint %dy, %x, %dx
        : !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>
    ```
  }];
  let arguments = (ins Kernel_In:$adjoint, Kernel_In:$input, Kernel_Out:$out);
  let assemblyFormat = "$adjoint `,` $input `,` $out attr-dict `:` type(operands)";
}

def Kernel_SwigluAdjointOp : Kernel_Op<"swiglu_adjoint"> {
  let summary = "The adjoint of swiglu by gate and up";
  let description = [{
    As `llm.swiglu_adjoint`. Work is split by vectors of 16 elements.

    ```mlir
    kernel.swiglu_adjoint %dy, %gate, %up into %dgate, %dup
        : !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>
    ```
  }];
  let arguments = (ins Kernel_In:$adjoint, Kernel_In:$gate, Kernel_In:$up, Kernel_Out:$gate_adjoint,
                       Kernel_Out:$up_adjoint);
  let assemblyFormat = [{
    $adjoint `,` $gate `,` $up `into` $gate_adjoint `,` $up_adjoint attr-dict `:` type(operands)
  }];
}

def Kernel_DropoutOp : Kernel_Op<"dropout"> {
  let summary = "Sets random elements to zero";
  let description = [{
    As `llm.dropout`. Work is split by tokens.

    ```mlir
    kernel.dropout %x, %seed, %layer, %y {site = 2 : i64, rate = 5.0e-02 : f32}
        : !kernel.buffer<64 x f32>, index, index, !kernel.buffer<64 x f32>
    ```
  }];
  let arguments = (ins Kernel_In:$input, Index:$seed, Index:$layer, Kernel_Out:$out, I64Attr:$site,
                       F32Attr:$rate);
  let assemblyFormat = "$input `,` $seed `,` $layer `,` $out attr-dict `:` type(operands)";
}

#endif
