#ifndef LLMC_DIALECTS_KERNEL_IR_KERNELPRODUCTOPS_TD
#define LLMC_DIALECTS_KERNEL_IR_KERNELPRODUCTOPS_TD

// Products of training: rows times frozen weights in both directions, rows times adapters, and the
// loss.

include "dialects/kernel/IR/KernelOperands.td"

def Kernel_InOut : Arg<Kernel_BufferType, "", [MemRead, MemWrite]>;
def Kernel_OptionalIn : Arg<Optional<Kernel_BufferType>, "", [MemRead]>;

// A matrix of an adapter, or what stands where frozen weights do and lies as they lie.
def Kernel_Trained : AnyTypeOf<[Kernel_ParameterType, Kernel_Weight]>;

def Kernel_GetParameterOp : Kernel_Op<"get_parameter", [Pure]> {
  let summary = "The address of a matrix that training changes";
  let description = [{
    The matrix behind an `llm.parameter`, or the one at place `index` of a family. What products,
    norms or lookups read as a weight has the type of one, and its layout.

    ```mlir
    %a = kernel.get_parameter @blk.attn_q.lora_a[%i] : !kernel.parameter<8 x 64>
    %w = kernel.get_parameter @blk.attn_q[%i] : tensor<64x64xf32, #llm.packed<rows = 16>>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$parameter, Optional<Index>:$index);
  let results = (outs Kernel_Trained:$result);
  let assemblyFormat = "$parameter (`[` $index^ `]`)? attr-dict `:` qualified(type($result))";
}

def Kernel_GetGradientOp : Kernel_Op<"get_gradient", [Pure]> {
  let summary = "The address of the sum of a matrix's gradients";
  let description = [{
    As `kernel.get_parameter`, for the gradient, which has the same layout.

    ```mlir
    %g = kernel.get_gradient @blk.attn_q.lora_a[%i] : !kernel.parameter<8 x 64>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$parameter, Optional<Index>:$index);
  let results = (outs Kernel_Trained:$result);
  let assemblyFormat = "$parameter (`[` $index^ `]`)? attr-dict `:` qualified(type($result))";
}

def Kernel_PackFactorOp : Kernel_Op<"pack_factor"> {
  let summary = "Splits rows into two bfloat16 each, in tiles for the matrix unit";
  let description = [{
    Work is split by tiles of 16 tokens and 32 columns.

    ```mlir
    kernel.pack_factor %x, %f : !kernel.buffer<64 x f32>, !kernel.factor<64, rows>
    ```
  }];
  let arguments = (ins Kernel_In:$input, Arg<Kernel_FactorType, "", [MemWrite]>:$out);
  let assemblyFormat = "$input `,` $out attr-dict `:` type($input) `,` qualified(type($out))";
}

def Kernel_ProductOp : Kernel_Op<"product"> {
  let summary = "Rows times rows of a packed weight matrix, or of its transpose";
  let description = [{
    `out[t, n] = addend[t, n] + sum over k of input[t, k] * w[first_row + n, k]`, for as many
    rows of the weight as `out` has columns; and with `transposed`, where `input` has a column for each
    of those rows, `out[t, k] = addend[t, k] + sum over n of input[t, n] * w[first_row + n, k]`.

    What the input is decides on the arithmetic. Rows of f32 are multiplied in f32. A factor, rows for
    the first kind and pairs for the other, is multiplied by the matrix unit: with both sides the sum of
    two bfloat16, `x y` is `x_low y_high + x_high y_high + x_high y_low`, which leaves a relative error of
    about 2^-16 in a product. Sums are f32 in any case, and in an order that does not depend on the
    number of threads.

    Weights are unpacked to panels in the second-level cache, for all tokens once, or for 512 of them
    where the matrix unit takes the transpose. Work is split by
    groups of 16 rows of the weight, and with `transposed` by its columns.

    ```mlir
    kernel.product %f, %w, %y plus %r
        : !kernel.factor<64, rows>, tensor<128x64x!llm.block<q8_0>, #llm.packed<rows = 16>>,
          !kernel.buffer<128 x f32>, !kernel.buffer<128 x f32>
    kernel.product %dy, %w, %dx {transposed}
        : !kernel.buffer<128 x f32>, tensor<128x64x!llm.block<q8_0>, #llm.packed<rows = 16>>,
          !kernel.buffer<64 x f32>
    ```
  }];
  let arguments = (ins Arg<AnyTypeOf<[Kernel_BufferType, Kernel_FactorType]>, "", [MemRead]>:$input,
                       Kernel_Weight:$weight, Kernel_Out:$out, Kernel_OptionalIn:$addend,
                       UnitAttr:$transposed, DefaultValuedAttr<I64Attr, "0">:$first_row);
  let assemblyFormat = [{
    $input `,` $weight `,` $out (`plus` $addend^)? attr-dict `:` qualified(type(operands))
  }];
  let hasVerifier = 1;
}

def Kernel_AddBiasOp : Kernel_Op<"add_bias"> {
  let summary = "Adds a vector to each row";
  let description = [{
    Work is split by tokens.

    ```mlir
    kernel.add_bias %w to %y : tensor<64xf32>, !kernel.buffer<64 x f32>
    ```
  }];
  let arguments = (ins Kernel_Weight:$bias, Kernel_InOut:$rows);
  let assemblyFormat = "$bias `to` $rows attr-dict `:` type(operands)";
}

def Kernel_DotsOp : Kernel_Op<"dots"> {
  let summary = "The dot products of rows with the rows of a parameter";
  let description = [{
    `out[t, i] = addend[t, i] + scale * sum over j of input[t, j] * p[i, first_column + j]`, over the
    columns of the input. Work is split by tokens.

    ```mlir
    kernel.dots %x, %a, %u {scale = 1.0 : f32}
        : !kernel.buffer<64 x f32>, !kernel.parameter<8 x 64>, !kernel.buffer<8 x f32>
    ```
  }];
  let arguments = (ins Kernel_In:$input, Kernel_ParameterType:$matrix, Kernel_Out:$out,
                       Kernel_OptionalIn:$addend, F32Attr:$scale,
                       DefaultValuedAttr<I64Attr, "0">:$first_column);
  let assemblyFormat = [{
    $input `,` $matrix `,` $out (`plus` $addend^)? attr-dict `:` qualified(type(operands))
  }];
  let hasVerifier = 1;
}

def Kernel_ExpandOp : Kernel_Op<"expand"> {
  let summary = "Sums of the rows of a parameter";
  let description = [{
    `out[t, j] = addend[t, j] + scale * sum over i of input[t, i] * p[i, first_column + j]`, for the
    columns of `out`. Work is split by them.

    ```mlir
    kernel.expand %u, %b, %y plus %r {scale = 2.0 : f32}
        : !kernel.buffer<8 x f32>, !kernel.parameter<8 x 64>, !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>
    ```
  }];
  let arguments = (ins Kernel_In:$input, Kernel_ParameterType:$matrix, Kernel_Out:$out,
                       Kernel_OptionalIn:$addend, F32Attr:$scale,
                       DefaultValuedAttr<I64Attr, "0">:$first_column);
  let assemblyFormat = [{
    $input `,` $matrix `,` $out (`plus` $addend^)? attr-dict `:` qualified(type(operands))
  }];
  let hasVerifier = 1;
}

def Kernel_OuterOp : Kernel_Op<"outer"> {
  let summary = "Adds the products of two rows to a gradient, over all rows";
  let description = [{
    `g[i, first_column + j] += scale * sum over t of narrow[t, i] * wide[t, j]`. Work is split by columns.

    ```mlir
    kernel.outer %du, %x into %g {scale = 1.0 : f32}
        : !kernel.buffer<8 x f32>, !kernel.buffer<64 x f32>, !kernel.parameter<8 x 64>
    ```
  }];
  let arguments = (ins Kernel_In:$narrow, Kernel_In:$wide,
                       Arg<Kernel_ParameterType, "", [MemRead, MemWrite]>:$gradient, F32Attr:$scale,
                       DefaultValuedAttr<I64Attr, "0">:$first_column);
  let assemblyFormat = [{
    $narrow `,` $wide `into` $gradient attr-dict `:` qualified(type(operands))
  }];
  let hasVerifier = 1;
}

def Kernel_WeightAdjointOp : Kernel_Op<"weight_adjoint"> {
  let summary = "Adds the products of two rows to the gradient of a weight, over all rows";
  let description = [{
    `g[first_row + n, k] += sum over t of adjoint[t, n] * input[t, k]`, in f32: the derivative by the
    weight of a `kernel.product`, in whose layout the gradient lies. Work is split by tiles of 32 rows
    and some columns of the gradient; the rows are taken some at a time, so that what is read of them
    stays in the caches.

    ```mlir
    kernel.weight_adjoint %dy, %x into %g
        : !kernel.buffer<128 x f32>, !kernel.buffer<64 x f32>, tensor<128x64xf32, #llm.packed<rows = 16>>
    ```
  }];
  let arguments = (ins Kernel_In:$adjoint, Kernel_In:$input,
                       Arg<Kernel_Weight, "", [MemRead, MemWrite]>:$gradient,
                       DefaultValuedAttr<I64Attr, "0">:$first_row);
  let assemblyFormat = [{
    $adjoint `,` $input `into` $gradient attr-dict `:` qualified(type(operands))
  }];
  let hasVerifier = 1;
}

def Kernel_SumRowsOp : Kernel_Op<"sum_rows"> {
  let summary = "Adds all rows to the gradient of a vector";
  let description = [{
    `g[i] += sum over t of rows[t, i]`; where the gradient is shorter than a row, each row is several of
    its length side by side. With a divisor, the sum is divided by it. Work is split by vectors of 16
    elements of the gradient.

    ```mlir
    kernel.sum_rows %dy into %g : !kernel.buffer<64 x f32>, tensor<16xf32>
    kernel.sum_rows %p into %g over %n : !kernel.buffer<64 x f32>, tensor<64xf32>, !kernel.vector<64>
    ```
  }];
  let arguments = (ins Kernel_In:$rows, Arg<Kernel_Weight, "", [MemRead, MemWrite]>:$gradient,
                       Arg<Optional<Kernel_ColumnVectorType>, "", [MemRead]>:$divisor);
  let assemblyFormat = [{
    $rows `into` $gradient (`over` $divisor^)? attr-dict `:` qualified(type(operands))
  }];
  let hasVerifier = 1;
}

def Kernel_RowNormsOp : Kernel_Op<"row_norms"> {
  let summary = "Norms of the rows of a weight with its adapter";
  let description = [{
    As `llm.row_norms`, with b transposed. Work is split by groups of 16 rows, which are unpacked to a
    panel of scratch memory.

    ```mlir
    kernel.row_norms %w, %a, %b into %n {scale = 2.0 : f32}
        : tensor<128x64x!llm.block<q8_0>, #llm.packed<rows = 16>>, !kernel.parameter<8 x 64>,
          !kernel.parameter<8 x 128>, !kernel.vector<128>
    ```
  }];
  let arguments = (ins Kernel_Weight:$weight, Kernel_ParameterType:$a, Kernel_ParameterType:$b,
                       Arg<Kernel_ColumnVectorType, "", [MemWrite]>:$out, F32Attr:$scale);
  let assemblyFormat = [{
    $weight `,` $a `,` $b `into` $out attr-dict `:` qualified(type(operands))
  }];
  let hasVerifier = 1;
}

def Kernel_ScaleColumnsOp : Kernel_Op<"scale_columns"> {
  let summary = "Rows whose columns are scaled, plus a bias";
  let description = [{
    As `llm.scale_columns`. Work is split by tokens.

    ```mlir
    kernel.scale_columns %x, %m, %n, %y : !kernel.buffer<64 x f32>, tensor<64xf32>, !kernel.vector<64>, !kernel.buffer<64 x f32>
    ```
  }];
  let arguments = (ins Kernel_In:$input, Kernel_Weight:$magnitude,
                       Arg<Kernel_ColumnVectorType, "", [MemRead]>:$norms, Kernel_Out:$out,
                       Optional<Kernel_Weight>:$bias);
  let assemblyFormat = [{
    $input `,` $magnitude `,` $norms `,` $out (`plus` $bias^)? attr-dict `:` qualified(type(operands))
  }];
  let hasVerifier = 1;
}

def Kernel_SumExponentialsOp : Kernel_Op<"sum_exponentials"> {
  let summary = "Goes on with the sums of a softmax over the next logits";
  let description = [{
    `logits` are those of the part of the vocabulary that begins at `first`. Each row of `sums` has, of all
    parts so far, the maximum m of the logits, the sum of `exp(logit - m)` and the logit of the target,
    0 where the target is -1 or still to come; with `first` 0 they begin. Work is split by tokens.

    ```mlir
    kernel.sum_exponentials %logits, %targets, %sums {first = 4096 : i64}
        : !kernel.buffer<4096 x f32>, !kernel.buffer<1 x i32>, !kernel.buffer<3 x f32>
    ```
  }];
  let arguments = (ins Kernel_In:$logits, Kernel_In:$targets, Kernel_InOut:$sums, I64Attr:$first);
  let assemblyFormat = "$logits `,` $targets `,` $sums attr-dict `:` type(operands)";
}

def Kernel_CrossEntropyOp : Kernel_Op<"cross_entropy"> {
  let summary = "The losses, after the last part of the vocabulary";
  let description = [{
    From what `kernel.sum_exponentials` left: `log_sums[t] = m + log(sum)`, and `losses[t]` is that minus the
    target's logit, 0 where the target is -1. Work is split by tokens.

    ```mlir
    kernel.cross_entropy %sums, %targets, %losses, %l
        : !kernel.buffer<3 x f32>, !kernel.buffer<1 x i32>, !kernel.buffer<1 x f32>, !kernel.buffer<1 x f32>
    ```
  }];
  let arguments = (ins Kernel_In:$sums, Kernel_In:$targets, Kernel_Out:$losses, Kernel_Out:$log_sums);
  let assemblyFormat = "$sums `,` $targets `,` $losses `,` $log_sums attr-dict `:` type(operands)";
}

def Kernel_CrossEntropyAdjointOp : Kernel_Op<"cross_entropy_adjoint"> {
  let summary = "The derivatives of losses by the logits of a part of the vocabulary";
  let description = [{
    Takes the place of the logits: `adjoint[t] * (exp(logits[t, v] - log_sums[t]) - (1 if first + v is the
    target))`, 0 in rows whose target is -1. Work is split by tokens.

    ```mlir
    kernel.cross_entropy_adjoint %dl, %targets, %l, %logits {first = 4096 : i64}
        : !kernel.buffer<1 x f32>, !kernel.buffer<1 x i32>, !kernel.buffer<1 x f32>, !kernel.buffer<4096 x f32>
    ```
  }];
  let arguments = (ins Kernel_In:$adjoint, Kernel_In:$targets, Kernel_In:$log_sums,
                       Kernel_InOut:$logits, I64Attr:$first);
  let assemblyFormat = "$adjoint `,` $targets `,` $log_sums `,` $logits attr-dict `:` type(operands)";
}

def Kernel_LayersAdjointOp : Kernel_Op<"layers_adjoint", [AttrSizedOperandSegments]> {
  let summary = "Runs the adjoints of the model's blocks, from the last to the first";
  let description = [{
    For layer i from the last of the schedule down to `first`, calls `blocks[schedule[i]]` with the current
    derivative, the layer's number, the index of its weights and of what it saved in their families, the
    `shared` operands, the slices of its block's `saved` memory and the buffer for the next derivative;
    then the two buffers change places. After n layers the derivative by their input is in `adjoint` when
    n is even, else in `other`. `counts` has for each block how many of `saved` are its own.

    ```mlir
    kernel.layers_adjoint %dy, %other saved(%s) shared(%table) {blocks = [@block.0.adjoint],
        counts = array<i32: 1>, first = 0 : i64, schedule = array<i32: 0, 0>}
        : !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>, !kernel.saved<2 x 64>, !kernel.buffer<16 x f32>
    ```
  }];
  let arguments = (ins Kernel_InOut:$adjoint, Kernel_InOut:$other,
                       Arg<Variadic<Kernel_SavedType>, "", [MemRead]>:$saved,
                       Variadic<AnyType>:$shared, SymbolRefArrayAttr:$blocks,
                       DenseI32ArrayAttr:$counts, DenseI32ArrayAttr:$schedule, I64Attr:$first);
  let assemblyFormat = [{
    $adjoint `,` $other (`saved` `(` $saved^ `)`)? (`shared` `(` $shared^ `)`)? attr-dict
    `:` qualified(type(operands))
  }];
}

#endif
