#ifndef LLMC_DIALECTS_LLM_IR_LLMOPS_TD
#define LLMC_DIALECTS_LLM_IR_LLMOPS_TD

include "dialects/llm/IR/LlmExpertOps.td"
include "dialects/llm/IR/LlmTrainingOps.td"
include "dialects/llm/IR/LlmTypes.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/IR/EnumAttr.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"

// Names that live outside a step.

def Llm_WeightOp : Llm_Op<"weight", [Symbol]> {
  let summary = "A weight, or one weight per layer, bound by name to the bytes of a model file";
  let description = [{
    Declares the symbol of a weight. `source` is the tensor's name in the GGUF. With `layers`, the
    symbol stands for a family: one tensor for each listed layer, all of the same type; `{layer}` in
    `source` is the number of the layer. A family keeps the program of a 32-layer model as short as
    that of a 2-layer one.

    A weight may be a part of a tensor: its rows from `row` on, or its elements where it is a vector.
    So a file's joint matrix of query, key and value becomes three weights.

    ```mlir
    llm.weight @token_embd : tensor<32000x2048x!llm.block<q4_0>> from "token_embd.weight"
    llm.weight @blk.attn_q : tensor<2048x2048x!llm.block<q4_0>>
        from "blk.{layer}.attn_q.weight" layers [0, 1, 2]
    llm.weight @blk.attn_k : tensor<2048x2048x!llm.block<q4_0>>
        from "blk.{layer}.attn_qkv.weight" row 2048 layers [0, 1, 2]
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<AnyRankedTensor>:$type,
                       StrAttr:$source, OptionalAttr<DenseI32ArrayAttr>:$layers,
                       OptionalAttr<I64Attr>:$first_row);
  let assemblyFormat = [{
    $sym_name `:` $type `from` $source (`row` $first_row^)? (`layers` $layers^)? attr-dict
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    // Tensors behind this symbol: one, or one per layer.
    int64_t getCount() { return getLayers() ? getLayers()->size() : 1; }
    // The GGUF name of tensor `index`.
    std::string getSourceName(int64_t index);
  }];
}

def Llm_StateOp : Llm_Op<"state", [Symbol, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Named memory that outlives a step";
  let description = [{
    Declares memory that the runtime allocates once and keeps between steps, such as the KV cache.
    Column sums say with `of` which weights multiply the columns that they measure: row l is for the
    tensors of layer l of these families, or row 0 for a weight that is no family.

    ```mlir
    llm.state @kv : !llm.kv_cache<layers = 32, heads = 8, key = 128 x f16, value = 128 x f16>
    llm.state @importance.0 : !llm.column_sums<layers = 32, columns = 4096>
        of [@blk.attn_q, @blk.attn_k, @blk.attn_v]
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<Llm_StateType>:$type,
                       OptionalAttr<FlatSymbolRefArrayAttr>:$weights);
  let assemblyFormat = "$sym_name `:` $type (`of` $weights^)? attr-dict";
}

def Llm_GetWeightOp : Llm_Op<"get_weight", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "The weight behind a symbol";
  let description = [{
    Yields the single tensor of a weight symbol.

    ```mlir
    %w = llm.get_weight @output : tensor<32000x2048x!llm.block<q6_K>>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$weight);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$weight attr-dict `:` type($result)";
}

def Llm_GetStateOp : Llm_Op<"get_state", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "The state behind a symbol";
  let description = [{
    Yields a handle to named state.

    ```mlir
    %kv = llm.get_state @kv : !llm.kv_cache<layers = 2, heads = 4, key = 32 x f16, value = 32 x f16>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$state);
  let results = (outs Llm_StateType:$result);
  let assemblyFormat = "$state attr-dict `:` qualified(type($result))";
}

def Llm_LayersOp
    : Llm_Op<"layers", [DeclareOpInterfaceMethods<SymbolUserOpInterface>, Llm_HasRule]> {
  let summary = "Runs the model's blocks, one after the other";
  let description = [{
    For layer i, calls function `blocks[schedule[i]]` with the hidden state, the layer's number, the
    `shared` operands and the layer's own weights, and continues with its result as the hidden state.
    `weights[b]` lists the weight families that block b takes, in the order of its parameters; each
    family has one tensor for every layer that the schedule gives to b.

    There is one function per distinct signature: a file whose layers all have the same types has one,
    a Q4_K_M file two.

    ```mlir
    %y = llm.layers %h shared(%rope, %kv, %start) {
      blocks = [@block.0], weights = [[@blk.attn_norm, @blk.attn_q]], schedule = array<i32: 0, 0>
    } : (tensor<?x64xf32>, tensor<?x8xf32>, !llm.kv_cache<...>, index) -> tensor<?x64xf32>
    ```

    A block is `func.func private @block.0(%h, %layer: index, %rope, %kv, %start, %attn_norm, %attn_q)
    -> tensor<?x64xf32>`.

    Families may be parameters as well as weights. A block may yield more than the hidden state: what
    its adjoint needs. `saved` has those values, first those of block 0, then those of block 1, each of
    them for all layers of the block: a value `tensor<?xWxf32>` of a block that runs L layers becomes a
    `tensor<Lx?xWxf32>`. A block that `llm-build-adjoints` made to save is named `<block>.forward`, and
    its adjoint `<block>.adjoint`.

    ```mlir
    %y, %s = llm.layers %h shared(%rope) {
      blocks = [@block.0.forward], weights = [[@blk.attn_q]], schedule = array<i32: 0, 0>
    } : (tensor<?x64xf32>, tensor<?x8xf32>) -> (tensor<?x64xf32>, tensor<2x?x64xf32>)
    ```
  }];
  let arguments = (ins Llm_Rows:$hidden, Variadic<AnyType>:$shared, SymbolRefArrayAttr:$blocks,
                       ArrayAttr:$weights, DenseI32ArrayAttr:$schedule);
  let results = (outs Llm_Rows:$result, Variadic<Llm_SavedRows>:$saved);
  let assemblyFormat = [{
    $hidden (`shared` `(` $shared^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

// Model math.

def Llm_EmbedOp : Llm_Op<"embed", [Pure, Llm_HasRule]> {
  let summary = "Rows of the embedding matrix";
  let description = [{
    Row i of the result is row `tokens[i]` of the matrix, dequantized to f32.

    ```mlir
    %h = llm.embed %tokens, %w : tensor<?xi32>, tensor<32000x2048xf16> -> tensor<?x2048xf32>
    ```
  }];
  let arguments = (ins Llm_Tokens:$tokens, Llm_Matrix:$weight);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = "$tokens `,` $weight attr-dict `:` type($tokens) `,` type($weight) `->` type($result)";
  let hasVerifier = 1;
}

def Llm_RmsNormOp
    : Llm_Op<"rms_norm", [Pure, AllTypesMatch<["input", "result"]>, Llm_HasRule]> {
  let summary = "Root mean square normalization of each row, or of each of its heads";
  let description = [{
    `y = x / sqrt(mean(x^2) + eps) * weight` (Zhang and Sennrich, 2019). Where the weight is shorter
    than a row, the row is that many heads side by side, each normalized by itself.

    ```mlir
    %y = llm.rms_norm %x, %w eps 1.0e-05 : tensor<?x64xf32>, tensor<64xf32>
    %q = llm.rms_norm %p, %h eps 1.0e-06 : tensor<?x64xf32>, tensor<16xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$input, Llm_Vector:$weight, F32Attr:$eps);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = [{
    $input `,` $weight `eps` $eps attr-dict `:` type($input) `,` type($weight)
  }];
  let hasVerifier = 1;
}

def Llm_LayerNormOp
    : Llm_Op<"layer_norm", [Pure, AllTypesMatch<["input", "result"]>,
                            AllTypesMatch<["weight", "bias"]>, Llm_HasRule]> {
  let summary = "Normalization of each row to mean 0 and variance 1";
  let description = [{
    `y = (x - mean(x)) / sqrt(variance(x) + eps) * weight + bias` (Ba et al., 2016), the variance being
    that of the row itself, `mean((x - mean(x))^2)`.

    ```mlir
    %y = llm.layer_norm %x, %w, %b eps 1.0e-05 : tensor<?x64xf32>, tensor<64xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$input, Llm_Vector:$weight, Llm_Vector:$bias, F32Attr:$eps);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = [{
    $input `,` $weight `,` $bias `eps` $eps attr-dict `:` type($input) `,` type($weight)
  }];
  let hasVerifier = 1;
}

def Llm_LinearOp : Llm_Op<"linear", [Pure, Llm_HasRuleAndWork]> {
  let summary = "Linear layer: rows times the transpose of a weight matrix";
  let description = [{
    `y[t, n] = sum over k of x[t, k] * w[n, k] (+ bias[n])`. The matrix is `N x K`, as GGUF stores it.

    ```mlir
    %y = llm.linear %x, %w : tensor<?x64xf32>, tensor<128x64x!llm.block<q4_0>> -> tensor<?x128xf32>
    %z = llm.linear %x, %w bias %b : tensor<128xf32>
        : tensor<?x64xf32>, tensor<128x64xf16> -> tensor<?x128xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$input, Llm_Matrix:$weight, Optional<Llm_Vector>:$bias);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` $bias^ `:` type($bias))? attr-dict
    `:` type($input) `,` type($weight) `->` type($result)
  }];
  let hasVerifier = 1;
}

class Llm_BinaryOp<string mnemonic, string text>
    : Llm_Op<mnemonic, [Pure, SameOperandsAndResultType, Llm_HasRule]> {
  let summary = text;
  let arguments = (ins Llm_Rows:$lhs, Llm_Rows:$rhs);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($result)";
}

def Llm_AddOp : Llm_BinaryOp<"add", "Elementwise sum"> {
  let description = [{
    `y = lhs + rhs`; the residual connections.

    ```mlir
    %y = llm.add %a, %b : tensor<?x64xf32>
    ```
  }];
}

def Llm_MulOp : Llm_BinaryOp<"mul", "Elementwise product"> {
  let description = [{
    `y = lhs * rhs`; the gate of a gated feed-forward layer.

    ```mlir
    %y = llm.mul %a, %b : tensor<?x64xf32>
    ```
  }];
}

def Llm_SiluOp : Llm_Op<"silu", [Pure, SameOperandsAndResultType, Llm_HasRule]> {
  let summary = "Sigmoid-weighted linear unit";
  let description = [{
    `y = x / (1 + exp(-x))`.

    ```mlir
    %y = llm.silu %x : tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$input);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = "$input attr-dict `:` type($result)";
}

def Llm_GeluOp : Llm_Op<"gelu", [Pure, SameOperandsAndResultType, Llm_HasRule]> {
  let summary = "Gaussian error linear unit, by its approximation with tanh";
  let description = [{
    `y = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))` (Hendrycks and Gimpel, 2016).

    ```mlir
    %y = llm.gelu %x : tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$input);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = "$input attr-dict `:` type($result)";
}

def Llm_ScaleOp : Llm_Op<"scale", [Pure, SameOperandsAndResultType, Llm_HasRule]> {
  let summary = "Product with a constant";
  let description = [{
    `y = factor * x`.

    ```mlir
    %y = llm.scale %x by 8.0 : tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$input, F32Attr:$factor);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = "$input `by` $factor attr-dict `:` type($result)";
}

def Llm_SoftcapOp : Llm_Op<"softcap", [Pure, SameOperandsAndResultType]> {
  let summary = "Bounds values smoothly";
  let description = [{
    `y = cap * tanh(x / cap)`.

    ```mlir
    %y = llm.softcap %x to 30.0 : tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$input, F32Attr:$cap);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = "$input `to` $cap attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Llm_RopeScaling : I32EnumAttr<"RopeScaling", "how rotary angles are scaled", [
  I32EnumAttrCase<"None", 0, "none">, I32EnumAttrCase<"Linear", 1, "linear">,
  I32EnumAttrCase<"Yarn", 2, "yarn">]> {
  let cppNamespace = "::llmc::llm";
  let genSpecializedAttr = 0;
}
def Llm_RopeScalingAttr : EnumAttr<Llm_Dialect, Llm_RopeScaling, "rope_scaling"> {
  let summary = "How rotary angles are scaled";
  let assemblyFormat = "`<` $value `>`";
}

def Llm_RopeTableOp : Llm_Op<"rope_table", [Pure]> {
  let summary = "Cosines and sines of the rotary angles of this step's positions";
  let description = [{
    Row t is for position `start + t`, or `start + t mod sequence` where rows are several sequences of
    that many tokens: columns 2i and 2i + 1 are the cosine and the sine of the angle of
    pair i (Su et al., 2021), `position * base^(-2i / dims) / factors[i]`, times the scaling:

    * `none`: as it is. `linear`: the angle divided by `factor`.
    * `yarn` (Peng et al., 2023): a mix of the scaled and the unscaled angle by a ramp over the pairs,
      between the pairs that turn `beta_fast` and `beta_slow` times over `original_context` positions;
      cosine and sine are multiplied by `1 + 0.1 ln(factor)`. `extrapolation` is the share of the
      unscaled angle where the ramp has it in full, 1 unless given; with 0 this is `linear`.

    Cosine and sine are multiplied by `attention_factor`, whatever the scaling. `factors`
    (`rope_freqs.weight` of Llama 3 files) divide each pair's angle.

    ```mlir
    %t = llm.rope_table %start {base = 1.0e+04 : f32} : tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Index:$start, Optional<Llm_Vector>:$factors, F32Attr:$base,
    DefaultValuedAttr<Llm_RopeScalingAttr, "::llmc::llm::RopeScaling::None">:$scaling,
    DefaultValuedAttr<F32Attr, "1.0f">:$factor,
    DefaultValuedAttr<F32Attr, "1.0f">:$attention_factor,
    DefaultValuedAttr<F32Attr, "32.0f">:$beta_fast,
    DefaultValuedAttr<F32Attr, "1.0f">:$beta_slow,
    DefaultValuedAttr<F32Attr, "1.0f">:$extrapolation,
    DefaultValuedAttr<I64Attr, "0">:$original_context,
    DefaultValuedAttr<I64Attr, "0">:$sequence);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = [{
    $start (`factors` $factors^ `:` type($factors))? attr-dict `:` type($result)
  }];
  let hasVerifier = 1;
}

def Llm_RopeOp : Llm_Op<"rope", [Pure, AllTypesMatch<["input", "result"]>, Llm_HasRule]> {
  let summary = "Rotates pairs of elements of each head by the table's angles";
  let description = [{
    In each head of `head_dim` elements, pair (2i, 2i + 1) is rotated by the angle of column pair i of
    the table, for the first `dims` elements, `dims` being the table's width; the rest is copied. With
    `halves` pair i is (i, i + dims / 2), as GPT-NeoX has it.

    ```mlir
    %y = llm.rope %x, %table head_dim 64 : tensor<?x2048xf32>, tensor<?x64xf32>
    %z = llm.rope %x, %table head_dim 64 {halves} : tensor<?x2048xf32>, tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$input, Llm_Rows:$table, I64Attr:$head_dim, UnitAttr:$halves);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = [{
    $input `,` $table `head_dim` $head_dim attr-dict `:` type($input) `,` type($table)
  }];
  let hasVerifier = 1;
}

def Llm_CacheWriteOp : Llm_Op<"cache_write", [MemoryEffects<[MemWrite]>]> {
  let summary = "Stores this step's keys and values in the KV cache";
  let description = [{
    Token t of the step is stored at position `start + t` of layer `layer`, converted to the cache's
    element type. `keys` and `values` have all key/value heads side by side.

    ```mlir
    llm.cache_write %kv[%layer] at %start, %k, %v
        : !llm.kv_cache<layers = 2, heads = 4, key = 32 x f16, value = 32 x f16>, tensor<?x128xf32>, tensor<?x128xf32>
    ```
  }];
  let arguments = (ins Llm_KvCacheType:$cache, Index:$layer, Index:$start, Llm_Rows:$keys,
                       Llm_Rows:$values);
  let assemblyFormat = [{
    $cache `[` $layer `]` `at` $start `,` $keys `,` $values attr-dict
    `:` qualified(type($cache)) `,` type($keys) `,` type($values)
  }];
  let hasVerifier = 1;
}

def Llm_AttentionOp : Llm_Op<"attention", [MemoryEffects<[MemRead]>]> {
  let summary = "Causal attention of this step's queries over the KV cache";
  let description = [{
    For the query of token t in head h: `softmax over p of (scale * q . key[p])` times `value[p]`, for
    positions p from 0 to `start + t` of layer `layer`, in key/value head `h * kv_heads / heads`. With a
    `window`, positions at or before `start + t - window` are left out. With a `softcap` a score s is
    `softcap * tanh(s / softcap)` before the softmax.

    ```mlir
    %y = llm.attention %q, %kv[%layer] at %start scale 1.250000e-01
        : tensor<?x256xf32>, !llm.kv_cache<layers = 2, heads = 4, key = 32 x f16, value = 32 x f16> -> tensor<?x256xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$query, Llm_KvCacheType:$cache, Index:$layer, Index:$start,
                       F32Attr:$scale, DefaultValuedAttr<I64Attr, "0">:$window,
                       DefaultValuedAttr<F32Attr, "0.0f">:$softcap);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = [{
    $query `,` $cache `[` $layer `]` `at` $start `scale` $scale attr-dict
    `:` type($query) `,` qualified(type($cache)) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Llm_SumSquaresOp : Llm_Op<"sum_squares", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "Adds the squares of each column of a linear layer's input to its sums";
  let description = [{
    `sums[layer, k] += sum over t of x[t, k]^2`: how much the errors of column k of a weight that
    multiplies these rows count. Divided by the number of rows this is the importance matrix of
    llama-imatrix. `llm-collect-importance` puts it where a program is to be measured.

    ```mlir
    llm.sum_squares %x into %sums[%layer]
        : tensor<?x64xf32>, !llm.column_sums<layers = 2, columns = 64>
    ```
  }];
  let arguments = (ins Llm_Rows:$input, Llm_ColumnSumsType:$sums, Index:$layer);
  let assemblyFormat = [{
    $input `into` $sums `[` $layer `]` attr-dict `:` type($input) `,` qualified(type($sums))
  }];
  let hasVerifier = 1;
}

// What fusion makes of the above.

def Llm_SwigluOp : Llm_Op<"swiglu", [Pure, SameOperandsAndResultType, Llm_HasRule]> {
  let summary = "Gated feed-forward activation";
  let description = [{
    `y = silu(gate) * up` (Shazeer, 2020).

    ```mlir
    %y = llm.swiglu %gate, %up : tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$gate, Llm_Rows:$up);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = "$gate `,` $up attr-dict `:` type($result)";
}

def Llm_GegluOp : Llm_Op<"geglu", [Pure, SameOperandsAndResultType, Llm_HasRule]> {
  let summary = "Gated feed-forward activation with gelu";
  let description = [{
    `y = gelu(gate) * up` (Shazeer, 2020).

    ```mlir
    %y = llm.geglu %gate, %up : tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$gate, Llm_Rows:$up);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = "$gate `,` $up attr-dict `:` type($result)";
}

def Llm_Activation : I32EnumAttr<"Activation", "what happens to the products of a fused linear", [
  I32EnumAttrCase<"None", 0, "none">, I32EnumAttrCase<"Swiglu", 1, "swiglu">,
  I32EnumAttrCase<"Geglu", 2, "geglu">, I32EnumAttrCase<"Gelu", 3, "gelu">]> {
  let cppNamespace = "::llmc::llm";
  let genSpecializedAttr = 0;
}
def Llm_ActivationAttr : EnumAttr<Llm_Dialect, Llm_Activation, "activation"> {
  let summary = "What happens to the products of a fused linear";
  let assemblyFormat = "`<` $value `>`";
}

def Llm_FusedLinearOp : Llm_Op<"fused_linear", [Pure, AttrSizedOperandSegments]> {
  let summary = "Linear layers that share an input, with what stands before and after them";
  let description = [{
    Normalizes the input by `rms_norm` when a norm weight is given, multiplies it by each weight, adds
    that weight's bias where `biased` is true (`biases` holds those in order), and then

    * with a `residual`, adds it to the first product,
    * or with `activation = swiglu` or `geglu`, combines the two products, gate and up, to one result,
    * or with `activation = gelu`, applies it to the product, which is the only one.

    Without an activation there is one result per weight.

    The input is quantized once for all weights.

    ```mlir
    %q, %k, %v = llm.fused_linear %x norm(%n) weights(%wq, %wk, %wv) {eps = 1.0e-05 : f32}
        : (tensor<?x64xf32>, tensor<64xf32>, ...) -> (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>)
    ```
  }];
  let arguments = (ins Llm_Rows:$input, Optional<Llm_Vector>:$norm, Variadic<Llm_Matrix>:$weights,
                       Variadic<Llm_Vector>:$biases, Optional<Llm_Rows>:$residual,
                       DefaultValuedAttr<F32Attr, "0.0f">:$eps,
                       OptionalAttr<DenseBoolArrayAttr>:$biased,
                       DefaultValuedAttr<Llm_ActivationAttr, "::llmc::llm::Activation::None">:$activation);
  let results = (outs Variadic<Llm_Rows>:$products);
  let assemblyFormat = [{
    $input (`norm` `(` $norm^ `)`)? `weights` `(` $weights `)` (`biases` `(` $biases^ `)`)?
    (`residual` `(` $residual^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    // The bias of weight `index`, or null.
    ::mlir::Value getBiasOf(unsigned index);
    // Whether the activation makes one result of two products, gate and up.
    bool isGated() { return isGatedActivation(getActivation()); }
  }];
}

def Llm_FusedAttentionOp : Llm_Op<"fused_attention", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "Rotary positions, the write to the cache, and attention";
  let description = [{
    `rope` of queries and keys by the table, with `halves` if given, `cache_write` of the keys and
    values, and `attention`.

    ```mlir
    %y = llm.fused_attention %q, %k, %v, %table, %kv[%layer] at %start scale 1.250000e-01
        : (tensor<?x256xf32>, tensor<?x128xf32>, tensor<?x128xf32>, tensor<?x32xf32>, !llm.kv_cache<...>, index, index) -> tensor<?x256xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$query, Llm_Rows:$keys, Llm_Rows:$values, Llm_Rows:$table,
                       Llm_KvCacheType:$cache, Index:$layer, Index:$start, F32Attr:$scale,
                       DefaultValuedAttr<I64Attr, "0">:$window,
                       DefaultValuedAttr<F32Attr, "0.0f">:$softcap, UnitAttr:$halves);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = [{
    $query `,` $keys `,` $values `,` $table `,` $cache `[` $layer `]` `at` $start
    `scale` $scale attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif
