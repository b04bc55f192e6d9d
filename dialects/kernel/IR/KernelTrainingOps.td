#ifndef LLMC_DIALECTS_KERNEL_IR_KERNELTRAININGOPS_TD
#define LLMC_DIALECTS_KERNEL_IR_KERNELTRAININGOPS_TD

include "dialects/kernel/IR/KernelOperands.td"

// Elements of a head, of operations on sequences.
defvar Kernel_HeadElements = [{
  int64_t getKeyElements() { return getKeys().getType().getWidth() / int64_t(getKvHeads()); }
  int64_t getValueElements() { return getValues().getType().getWidth() / int64_t(getKvHeads()); }
}];

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

def Kernel_LayerNormAdjointOp : Kernel_Op<"layer_norm_adjoint"> {
  let summary = "The adjoint of layer_norm by its input";
  let description = [{
    As `llm.layer_norm_adjoint`. Work is split by tokens.

    ```mlir
    kernel.layer_norm_adjoint %dy, %x, %w, %dx {eps = 1.0e-05 : f32}
        : !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>, tensor<64xf32>, !kernel.buffer<64 x f32>
    ```
  }];
  let arguments = (ins Kernel_In:$adjoint, Kernel_In:$input, Kernel_Weight:$weight, Kernel_Out:$out,
                       F32Attr:$eps);
  let assemblyFormat = [{
    $adjoint `,` $input `,` $weight `,` $out attr-dict `:` type(operands)
  }];
}

def Kernel_NormTermsOp : Kernel_Op<"norm_terms"> {
  let summary = "What each row adds to the derivative by a norm's weight";
  let description = [{
    `out[t, i] = adjoint[t, i] * n[t, i]`, where n is the input normalized as by `kernel.rms_norm`, in
    heads of `head` elements, or with `centered` as by `kernel.layer_norm`, both without their weight.
    `kernel.sum_rows` adds them up. Work is split by tokens and heads.

    ```mlir
    kernel.norm_terms %dy, %x, %out {eps = 1.0e-05 : f32, head = 16 : i64}
        : !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>
    ```
  }];
  let arguments = (ins Kernel_In:$adjoint, Kernel_In:$input, Kernel_Out:$out, F32Attr:$eps,
                       I64Attr:$head, UnitAttr:$centered);
  let assemblyFormat = "$adjoint `,` $input `,` $out attr-dict `:` type(operands)";
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

def Kernel_GeluAdjointOp : Kernel_Op<"gelu_adjoint"> {
  let summary = "The adjoint of gelu";
  let description = [{
    As `llm.gelu_adjoint`. Work is split by vectors of 16 elements.

    ```mlir
    kernel.gelu_adjoint %dy, %x, %dx
        : !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>
    ```
  }];
  let arguments = (ins Kernel_In:$adjoint, Kernel_In:$input, Kernel_Out:$out);
  let assemblyFormat = "$adjoint `,` $input `,` $out attr-dict `:` type(operands)";
}

def Kernel_GegluAdjointOp : Kernel_Op<"geglu_adjoint"> {
  let summary = "The adjoint of geglu by gate and up";
  let description = [{
    As `llm.geglu_adjoint`. Work is split by vectors of 16 elements.

    ```mlir
    kernel.geglu_adjoint %dy, %gate, %up into %dgate, %dup
        : !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>
    ```
  }];
  let arguments = (ins Kernel_In:$adjoint, Kernel_In:$gate, Kernel_In:$up, Kernel_Out:$gate_adjoint,
                       Kernel_Out:$up_adjoint);
  let assemblyFormat = [{
    $adjoint `,` $gate `,` $up `into` $gate_adjoint `,` $up_adjoint attr-dict `:` type(operands)
  }];
}

def Kernel_NoiseOp : Kernel_Op<"noise"> {
  let summary = "Adds uniform random numbers";
  let description = [{
    As `llm.noise`. Work is split by tokens.

    ```mlir
    kernel.noise %x, %seed, %y {site = 2 : i64, amplitude = 5.0e-02 : f32}
        : !kernel.buffer<64 x f32>, index, !kernel.buffer<64 x f32>
    ```
  }];
  let arguments = (ins Kernel_In:$input, Index:$seed, Kernel_Out:$out, I64Attr:$site,
                       F32Attr:$amplitude);
  let assemblyFormat = "$input `,` $seed `,` $out attr-dict `:` type(operands)";
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

def Kernel_EmbedAdjointOp : Kernel_Op<"embed_adjoint"> {
  let summary = "Adds rows to the rows of a gradient that their tokens choose";
  let description = [{
    Adds row t of `adjoint` to row `tokens[t]` of `gradient`, in the order of t: `llm.embed_adjoint`,
    added to what is there. Work is split by columns.

    ```mlir
    kernel.embed_adjoint %du, %tokens into %g
        : !kernel.buffer<8 x f32>, !kernel.buffer<1 x i32>, tensor<32000x8xf32, #llm.packed<rows = 16>>
    ```
  }];
  let arguments = (ins Kernel_In:$adjoint, Kernel_In:$tokens,
                       Arg<Kernel_Weight, "", [MemRead, MemWrite]>:$gradient);
  let hasVerifier = 1;
  let assemblyFormat = "$adjoint `,` $tokens `into` $gradient attr-dict `:` qualified(type(operands))";
}

def Kernel_CausalAttentionOp : Kernel_Op<"causal_attention"> {
  let summary = "Causal attention of sequences to themselves, in tiles, with an online softmax";
  let description = [{
    As `llm.causal_attention`. Queries are taken in tiles, one in each lane, keys and values in blocks;
    the running maximum and sum of each query rescale what was summed before (Milakov and Gimelshein,
    2018). Work is split by sequences, key/value heads and tiles of queries. A step may end within a
    sequence.

    ```mlir
    kernel.causal_attention %q, %k, %v into %y, %l {heads = 4 : i64, kv_heads = 2 : i64, sequence = 8 : i64, scale = 0.25 : f32, window = 0 : i64}
        : !kernel.buffer<64 x f32>, !kernel.buffer<32 x f32>, !kernel.buffer<32 x f32>, !kernel.buffer<64 x f32>, !kernel.buffer<4 x f32>
    ```
  }];
  let arguments = (ins Kernel_In:$query, Kernel_In:$keys, Kernel_In:$values, Kernel_Out:$out,
                       Kernel_Out:$log_sums, I64Attr:$heads, I64Attr:$kv_heads, I64Attr:$sequence,
                       F32Attr:$scale, I64Attr:$window);
  let assemblyFormat = [{
    $query `,` $keys `,` $values `into` $out `,` $log_sums attr-dict `:` type(operands)
  }];
  let extraClassDeclaration = Kernel_HeadElements;
}

def Kernel_CausalAttentionAdjointOp : Kernel_Op<"causal_attention_adjoint"> {
  let summary = "The adjoint of causal attention by queries, keys and values";
  let description = [{
    As `llm.causal_attention_adjoint`. Keys are taken in blocks, one in each lane, and for each block the
    tiles of queries that see it, whose probabilities are computed again. Work is split by sequences
    and key/value heads.

    ```mlir
    kernel.causal_attention_adjoint %dy, %q, %k, %v, %y, %l into %dq, %dk, %dv {heads = 4 : i64, kv_heads = 2 : i64, sequence = 8 : i64, scale = 0.25 : f32, window = 0 : i64}
        : !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>, !kernel.buffer<32 x f32>, !kernel.buffer<32 x f32>, !kernel.buffer<64 x f32>, !kernel.buffer<4 x f32>, !kernel.buffer<64 x f32>, !kernel.buffer<32 x f32>, !kernel.buffer<32 x f32>
    ```
  }];
  let arguments = (ins Kernel_In:$adjoint, Kernel_In:$query, Kernel_In:$keys, Kernel_In:$values,
                       Kernel_In:$output, Kernel_In:$log_sums,
                       Arg<Kernel_BufferType, "", [MemRead, MemWrite]>:$query_adjoint,
                       Kernel_Out:$keys_adjoint, Kernel_Out:$values_adjoint, I64Attr:$heads,
                       I64Attr:$kv_heads, I64Attr:$sequence, F32Attr:$scale, I64Attr:$window);
  let assemblyFormat = [{
    $adjoint `,` $query `,` $keys `,` $values `,` $output `,` $log_sums `into` $query_adjoint `,`
    $keys_adjoint `,` $values_adjoint attr-dict `:` type(operands)
  }];
  let extraClassDeclaration = Kernel_HeadElements;
}

#endif
