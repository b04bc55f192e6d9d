#ifndef LLMC_DIALECTS_KERNEL_IR_KERNELOPS_TD
#define LLMC_DIALECTS_KERNEL_IR_KERNELOPS_TD

include "dialects/kernel/IR/KernelExpertOps.td"
include "dialects/kernel/IR/KernelOperands.td"
include "dialects/kernel/IR/KernelProductOps.td"
include "dialects/kernel/IR/KernelTrainingOps.td"
include "mlir/IR/SymbolInterfaces.td"

def Kernel_AllocOp : Kernel_Op<"alloc"> {
  let summary = "A buffer in the step's arena";
  let description = [{
    Names memory for one value of a step. `offset` is its place in the arena in bytes, -1 until
    `kernel-plan-memory` has chosen it.

    ```mlir
    %b = kernel.alloc at -1 : !kernel.buffer<64 x f32>
    ```
  }];
  let arguments = (ins DefaultValuedAttr<I64Attr, "-1">:$offset);
  let results = (outs Res<AnyTypeOf<[Kernel_BufferType, Kernel_PackedType, Kernel_PartsType,
                                      Kernel_FactorType, Kernel_SavedType, Kernel_ColumnVectorType, Kernel_RoutingType,
                                      Kernel_RoutedType]>, "", [MemAlloc]>:$result);
  let assemblyFormat = "`at` $offset attr-dict `:` type($result)";
}

def Kernel_GetWeightOp : Kernel_Op<"get_weight", [Pure]> {
  let summary = "A weight's address";
  let description = [{
    The weight behind a symbol, or tensor `index` of a family.

    ```mlir
    %w = kernel.get_weight @blk.attn_q[%i] : tensor<64x64x!llm.block<q4_0>, #llm.packed<rows = 16>>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$weight, Optional<Index>:$index);
  let results = (outs Kernel_Weight:$result);
  let assemblyFormat = "$weight (`[` $index^ `]`)? attr-dict `:` type($result)";
}

def Kernel_GetStateOp : Kernel_Op<"get_state", [Pure]> {
  let summary = "A state's address";
  let description = [{
    The memory behind a state's symbol, the same in every step.

    ```mlir
    %kv = kernel.get_state @kv : !llm.kv_cache<layers = 2, heads = 4, key = 32 x f16, value = 32 x f16>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$state);
  let results = (outs Llm_StateType:$result);
  let assemblyFormat = "$state attr-dict `:` qualified(type($result))";
}

def Kernel_BarrierOp : Kernel_Op<"barrier", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "All threads wait here for each other";
  let description = [{
    Everything written before is visible to all threads after.

    ```mlir
    kernel.barrier
    ```
  }];
  let assemblyFormat = "attr-dict";
}

def Kernel_PackOp : Kernel_Op<"pack", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "Packs a weight matrix";
  let description = [{
    Brings a matrix of `rows` x `columns` weights of type `format` from GGUF's layout at address
    `source` to the layout of `#llm.packed` at address `packed`. Functions `@pack.<format>` hold it; the
    runtime calls them once per matrix when it loads a model. Work is split by groups of 16 rows.

    ```mlir
    kernel.pack %source to %packed rows %rows columns %columns as !llm.block<q4_K>
    ```
  }];
  let arguments = (ins Index:$source, Index:$packed, Index:$rows, Index:$columns, TypeAttr:$format);
  let assemblyFormat = [{
    $source `to` $packed `rows` $rows `columns` $columns `as` $format attr-dict
  }];
}

def Kernel_EmbedOp : Kernel_Op<"embed"> {
  let summary = "Dequantizes the embedding rows of the step's tokens";
  let description = [{
    Work is split by tokens. The weight may be packed or lie as in the GGUF.

    ```mlir
    kernel.embed %tokens, %w, %out
        : !kernel.buffer<1 x i32>, tensor<100x64xf16>, !kernel.buffer<64 x f32>
    ```
  }];
  let arguments = (ins Kernel_In:$tokens, Kernel_Weight:$weight, Kernel_Out:$out);
  let assemblyFormat = "$tokens `,` $weight `,` $out attr-dict `:` type(operands)";
}

def Kernel_RopeTableOp : Kernel_Op<"rope_table"> {
  let summary = "Fills the table of rotary cosines and sines";
  let description = [{
    Columns 2i and 2i + 1 of row t are the cosine and the sine of
    `(start + t) * frequencies[i] / factors[i]`, times `magnitude`; all factors are 1 when none are
    given. With a `sequence`, rows are several sequences of that many tokens, and `t mod sequence` takes
    the place of t. Any scaling that `llm.rope_table` asks for is already in the frequencies and the magnitude.
    The runtime computes the table, in double precision; work is split by tokens.

    ```mlir
    kernel.rope_table %start, %out {frequencies = array<f64: 1.0, 0.5>, magnitude = 1.0 : f64}
        : index, !kernel.buffer<4 x f32>
    ```
  }];
  let arguments = (ins Index:$start, Kernel_Out:$out, Optional<Kernel_Weight>:$factors,
                       DenseF64ArrayAttr:$frequencies, F64Attr:$magnitude,
                       DefaultValuedAttr<I64Attr, "0">:$sequence);
  let assemblyFormat = "$start `,` $out (`factors` $factors^)? attr-dict `:` type(operands)";
}

def Kernel_RmsNormOp : Kernel_Op<"rms_norm"> {
  let summary = "Root mean square normalization of each row, or of each of its heads";
  let description = [{
    As `llm.rms_norm`. Work is split by tokens and heads.

    ```mlir
    kernel.rms_norm %x, %w, %out {eps = 1.0e-05 : f32}
        : !kernel.buffer<64 x f32>, tensor<64xf32>, !kernel.buffer<64 x f32>
    ```
  }];
  let arguments = (ins Kernel_In:$input, Kernel_Weight:$weight, Kernel_Out:$out, F32Attr:$eps);
  let assemblyFormat = "$input `,` $weight `,` $out attr-dict `:` type(operands)";
}

def Kernel_LayerNormOp : Kernel_Op<"layer_norm"> {
  let summary = "Normalization of each row to mean 0 and variance 1";
  let description = [{
    As `llm.layer_norm`. Work is split by tokens.

    ```mlir
    kernel.layer_norm %x, %w, %b, %out {eps = 1.0e-05 : f32}
        : !kernel.buffer<64 x f32>, tensor<64xf32>, tensor<64xf32>, !kernel.buffer<64 x f32>
    ```
  }];
  let arguments = (ins Kernel_In:$input, Kernel_Weight:$weight, Kernel_Weight:$bias, Kernel_Out:$out,
                       F32Attr:$eps);
  let assemblyFormat = [{
    $input `,` $weight `,` $bias `,` $out attr-dict `:` type(operands)
  }];
}

def Kernel_PackRowsOp : Kernel_Op<"pack_rows"> {
  let summary = "Packs activations into token tiles, quantizing and normalizing on the way";
  let description = [{
    Copies rows to the tiles of the packed type. With a `norm` weight, rows are normalized by
    `rms_norm` with `eps` first. Quantized activations have a scale per 32 elements, `max |x| / 127`,
    and are rounded to nearest. Work is split by token tiles.

    ```mlir
    kernel.pack_rows %x, %packed norm %w {eps = 1.0e-05 : f32}
        : !kernel.buffer<64 x f32>, !kernel.packed<64 x i8, tiles = [1], corrections = [8, 32], sums = []>, tensor<64xf32>
    ```
  }];
  let arguments = (ins Kernel_In:$input, Arg<Kernel_PackedType, "", [MemWrite]>:$out,
                       Optional<Kernel_Weight>:$norm, DefaultValuedAttr<F32Attr, "0.0f">:$eps);
  let assemblyFormat = "$input `,` $out (`norm` $norm^)? attr-dict `:` type(operands)";
}

def Kernel_MatmulOp : Kernel_Op<"matmul", [AttrSizedOperandSegments]> {
  let summary = "Packed activations times packed weights";
  let description = [{
    `sum[t, n] = bias[n] + sum over k of x[t, k] * w[n, k]`, then by `epilogue`: `store` writes it,
    `gelu` writes that of it, `add` adds row t of `other` (a residual), `swiglu` writes
    `silu(other[t, n]) * sum` and `geglu` `gelu(other[t, n]) * sum`, where `other` has the gate and may
    be `out` itself. Work is split by groups of 16 rows of the weight.

    With a `share` it is split together with other products that run at the same time: the bytes of all
    their weights stand one after the other, and each thread has as many of them, in whole groups.
    `share[0]` are the bytes before those of this weight, `share[1]` those of all.

    ```mlir
    kernel.matmul %x, %w, %out {epilogue = #kernel.epilogue<store>}
        : !kernel.packed<64 x i8, tiles = [1], corrections = [8, 32], sums = []>, tensor<64x64x!llm.block<q4_0>, #llm.packed<rows = 16>>, !kernel.buffer<64 x f32>
    ```
  }];
  let arguments = (ins Arg<Kernel_PackedType, "", [MemRead]>:$input, Kernel_Weight:$weight,
                       Kernel_Out:$out, Optional<Kernel_Weight>:$bias, Arg<Optional<Kernel_BufferType>, "", [MemRead]>:$other,
                       DefaultValuedAttr<Kernel_EpilogueAttr, "::llmc::kernel::Epilogue::Store">:$epilogue,
                       OptionalAttr<DenseI64ArrayAttr>:$share);
  let assemblyFormat = [{
    $input `,` $weight `,` $out (`bias` $bias^)? (`other` $other^)? attr-dict `:` type(operands)
  }];
  let hasVerifier = 1;
}

def Kernel_MapAttr : EnumAttr<Kernel_Dialect, Kernel_Map, "function"> {
  let summary = "An elementwise function";
  let assemblyFormat = "$value";
}

def Kernel_MapOp : Kernel_Op<"map"> {
  let summary = "An elementwise function of one or two buffers";
  let description = [{
    `copy`, `silu`, `gelu`, `scale` (`constant * a`) and `softcap` (`constant * tanh(a / constant)`) take
    one buffer, `add`, `mul`, `swiglu` (`silu(a) * b`) and `geglu` (`gelu(a) * b`) two, all of the type
    of the result, which may be one of them. Work is split by vectors of 16 elements.

    ```mlir
    kernel.map add %a, %b into %out
        : !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>
    ```
  }];
  let arguments = (ins Kernel_MapAttr:$function, Arg<Variadic<Kernel_BufferType>, "", [MemRead]>:$inputs, Kernel_Out:$out,
                       OptionalAttr<F32Attr>:$constant);
  let assemblyFormat = "`` $function $inputs `into` $out attr-dict `:` type(operands)";
  let hasVerifier = 1;
}

def Kernel_RopeOp : Kernel_Op<"rope"> {
  let summary = "Rotates pairs by the rotary table";
  let description = [{
    As `llm.rope`, or with `inverse` as `llm.rope_adjoint`, `halves` being that of either. Work is
    split by tokens.

    ```mlir
    kernel.rope %x, %table, %out {head_dim = 16 : i64}
        : !kernel.buffer<64 x f32>, !kernel.buffer<16 x f32>, !kernel.buffer<64 x f32>
    ```
  }];
  let arguments = (ins Kernel_In:$input, Kernel_In:$table, Kernel_Out:$out, I64Attr:$head_dim,
                       UnitAttr:$halves, UnitAttr:$inverse);
  let assemblyFormat = "$input `,` $table `,` $out attr-dict `:` type(operands)";
}

def Kernel_SumSquaresOp : Kernel_Op<"sum_squares"> {
  let summary = "Adds the squares of each column to its sums";
  let description = [{
    As `llm.sum_squares`. Work is split by columns, so that no two threads add to the same sum; a
    step's squares are summed before they are added to what was there.

    ```mlir
    kernel.sum_squares %x into %sums[%layer]
        : !kernel.buffer<64 x f32>, !llm.column_sums<layers = 2, columns = 64>
    ```
  }];
  let arguments = (ins Kernel_In:$input,
                       Arg<Llm_ColumnSumsType, "", [MemRead, MemWrite]>:$sums, Index:$layer);
  let assemblyFormat = [{
    $input `into` $sums `[` $layer `]` attr-dict
    `:` qualified(type($input)) `,` qualified(type($sums))
  }];
}

def Kernel_CacheWriteOp : Kernel_Op<"cache_write"> {
  let summary = "Stores keys and values in the KV cache, rotating keys when a table is given";
  let description = [{
    As `llm.cache_write`; with `rope`, keys are first rotated as by `llm.rope`, which `halves` is of.
    Work is split by tokens and heads.

    ```mlir
    kernel.cache_write %k, %v, %kv[%layer] at %start rope %table
        : !kernel.buffer<32 x f32>, !kernel.buffer<32 x f32>, !llm.kv_cache<layers = 2, heads = 2, key = 16 x f16, value = 16 x f16>, index, index, !kernel.buffer<16 x f32>
    ```
  }];
  let arguments = (ins Kernel_In:$keys, Kernel_In:$values,
                       Arg<Llm_KvCacheType, "", [MemWrite]>:$cache, Index:$layer, Index:$start,
                       Arg<Optional<Kernel_BufferType>, "", [MemRead]>:$table, UnitAttr:$halves);
  let assemblyFormat = [{
    $keys `,` $values `,` $cache `[` $layer `]` `at` $start (`rope` $table^)? attr-dict
    `:` type(operands)
  }];
}

def Kernel_AttentionOp : Kernel_Op<"attention"> {
  let summary = "Causal attention over the KV cache, in tiles, with an online softmax";
  let description = [{
    As `llm.attention`, rotating queries as by `llm.rope` when a table is given. Positions are taken in blocks; the
    running maximum and sum of each query rescale what was summed before (Milakov and Gimelshein, 2018),
    so no row of scores is ever whole. Work is split by key/value heads and tiles of queries.

    A step of one token has few heads to split: its positions are cut into parts, too. What those sum
    goes to `parts`, and `kernel.merge_parts` makes the output of it.

    ```mlir
    kernel.attention %q, %kv[%layer] at %start, %out parts %parts rope %table {scale = 0.25 : f32, window = 0 : i64}
        : !kernel.buffer<64 x f32>, !llm.kv_cache<layers = 2, heads = 2, key = 16 x f16, value = 16 x f16>, index, index, !kernel.buffer<64 x f32>, !kernel.parts<heads = 2, queries = 2, value = 16>, !kernel.buffer<16 x f32>
    ```
  }];
  let arguments = (ins Kernel_In:$query, Arg<Llm_KvCacheType, "", [MemRead]>:$cache, Index:$layer,
                       Index:$start, Kernel_Out:$out, Arg<Kernel_PartsType, "", [MemWrite]>:$parts,
                       Arg<Optional<Kernel_BufferType>, "", [MemRead]>:$table, F32Attr:$scale, I64Attr:$window,
                       DefaultValuedAttr<F32Attr, "0.0f">:$softcap, UnitAttr:$halves);
  let assemblyFormat = [{
    $query `,` $cache `[` $layer `]` `at` $start `,` $out `parts` $parts (`rope` $table^)? attr-dict
    `:` type(operands)
  }];
  let hasVerifier = 1;
}

def Kernel_MergePartsOp : Kernel_Op<"merge_parts"> {
  let summary = "Joins what attention summed over parts of the positions";
  let description = [{
    In a step of one token, writes the output of the `kernel.attention` that wrote `parts`, which had
    the same `window`; does nothing in longer steps. Parts are brought to a common maximum and added in
    their order, whatever thread they came from. Work is split by query heads.

    ```mlir
    kernel.merge_parts %parts at %start, %out {window = 0 : i64}
        : !kernel.parts<heads = 2, queries = 2, value = 16>, index, !kernel.buffer<64 x f32>
    ```
  }];
  let arguments = (ins Arg<Kernel_PartsType, "", [MemRead, MemWrite]>:$parts, Index:$start, Kernel_Out:$out, I64Attr:$window);
  let assemblyFormat = "$parts `at` $start `,` $out attr-dict `:` type(operands)";
  let hasVerifier = 1;
}

def Kernel_LayersOp : Kernel_Op<"layers", [AttrSizedOperandSegments]> {
  let summary = "Runs the model's blocks, one after the other";
  let description = [{
    Layer i calls `blocks[schedule[i]]` with the current hidden state, the buffer for the next one, the
    layer's number, the index of its weights in their families, and the `shared` operands; then the two
    buffers change places. After the last layer the hidden state is in `hidden` when the number of
    layers is even, else in `other`.

    ```mlir
    kernel.layers %a, %b shared(%table, %kv, %start) {blocks = [@block.0], schedule = array<i32: 0, 0>}
        : !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>, !kernel.buffer<16 x f32>, !llm.kv_cache<layers = 2, heads = 2, key = 16 x f16, value = 16 x f16>, index
    ```
  }];
  let arguments = (ins Arg<Kernel_BufferType, "", [MemRead, MemWrite]>:$hidden,
                       Arg<Kernel_BufferType, "", [MemRead, MemWrite]>:$other,
                       Arg<Variadic<Kernel_SavedType>, "", [MemWrite]>:$saved,
                       Variadic<AnyType>:$shared, SymbolRefArrayAttr:$blocks,
                       DefaultValuedAttr<DenseI32ArrayAttr, "{}">:$counts, DenseI32ArrayAttr:$schedule);
  let assemblyFormat = [{
    $hidden `,` $other (`saved` `(` $saved^ `)`)? (`shared` `(` $shared^ `)`)? attr-dict `:` type(operands)
  }];
  let extraClassDeclaration = [{
    // How many of `saved` block `i` writes: all zero where nothing is saved.
    int64_t getSavedCount(unsigned i) { return getCounts().empty() ? 0 : getCounts()[i]; }
  }];
}

#endif
