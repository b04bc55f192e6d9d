#ifndef LLMC_DIALECTS_LLM_IR_LLMTRAININGOPS_TD
#define LLMC_DIALECTS_LLM_IR_LLMTRAININGOPS_TD

include "dialects/llm/IR/Differentiable.td"
include "dialects/llm/IR/LlmTypes.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

// An operation that llm-build-adjoints builds: no derivative of its own.
class Llm_AdjointOp<string mnemonic, list<Trait> traits = []>
    : Llm_Op<mnemonic # "_adjoint", !listconcat([Pure], traits)>;

// What depends on a parameter through it counts as a constant.
def Llm_StopsGradient : NativeOpTrait<"StopsGradient"> {
  let cppNamespace = "::llmc::llm";
}

defvar Llm_HasRule = DeclareOpInterfaceMethods<Llm_Differentiable>;
defvar Llm_HasRuleAndWork = DeclareOpInterfaceMethods<Llm_Differentiable, ["getWorkPerRow"]>;

// Parameters.

def Llm_ParameterOp : Llm_Op<"parameter", [Symbol]> {
  let summary = "A matrix or vector that training changes, or one per layer, with its gradient";
  let description = [{
    Declares named f32 memory that outlives a step: a matrix of an adapter, or a weight of the model
    itself, and the sum of its gradients, of the same shape and layout. `source` is the name in adapter
    files, models and checkpoints. With `layers` the symbol stands for a family, as `llm.weight` does:
    one matrix for each listed layer, `{layer}` in `source` being its number. With `row` it is a part
    of the rows, or of a vector's elements, of its source. Steps read the matrix and add to the
    gradient; the optimizer, which is part of the runtime, reads the gradient, sets it to zero and
    changes the matrix.

    A matrix that stands where frozen weights do, in `llm.linear` or `llm.embed`, is packed as they
    are, see `llm-assign-layouts`.

    ```mlir
    llm.parameter @output.lora_a : tensor<8x64xf32> from "output.weight.lora_a"
    llm.parameter @block.0.attn_q.lora_b : tensor<64x8xf32>
        from "blk.{layer}.attn_q.weight.lora_b" layers [0, 1]
    llm.parameter @block.0.attn_k : tensor<64x64xf32>
        from "blk.{layer}.attn_qkv.weight" row 64 layers [0, 1]
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
    // Matrices behind this symbol: one, or one per layer.
    int64_t getCount() { return getLayers() ? getLayers()->size() : 1; }
    // The name of matrix `index`; of a part of a source with its first row.
    std::string getSourceName(int64_t index);
  }];
}

def Llm_GetParameterOp
    : Llm_Op<"get_parameter", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "The matrix behind the symbol of a parameter";
  let description = [{
    Yields the single matrix of a parameter as it is in this step. The derivative by it is what is
    added to the parameter's gradient.

    ```mlir
    %a = llm.get_parameter @output.lora_a : tensor<8x64xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$parameter);
  let results = (outs Llm_Trained:$result);
  let assemblyFormat = "$parameter attr-dict `:` type($result)";
}

def Llm_AccumulateGradientOp
    : Llm_Op<"accumulate_gradient", [MemoryEffects<[MemRead, MemWrite]>,
                                     DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Adds to the gradient of a parameter";
  let description = [{
    `gradient += value`, for the matrix of layer `layer` if the parameter is a family. An `llm.outer`
    whose only use this is can write to the gradient itself: both go over its elements, each of which
    belongs to one thread.

    ```mlir
    llm.accumulate_gradient %g into @block.0.attn_q.lora_a[%layer] : tensor<8x64xf32>
    llm.accumulate_gradient %g into @output.lora_a : tensor<8x64xf32>
    ```
  }];
  let arguments = (ins Llm_Trained:$value, FlatSymbolRefAttr:$parameter,
                       Optional<Index>:$layer);
  let assemblyFormat = [{
    $value `into` $parameter (`[` $layer^ `]`)? attr-dict `:` type($value)
  }];
}

// Forward operations.

def Llm_MatmulOp : Llm_Op<"matmul", [Pure, Llm_HasRuleAndWork]> {
  let summary = "Rows times a matrix of f32, or its transpose, added to other rows";
  let description = [{
    `y = addend + scale * x m^T` with `transposed`, else `y = addend + scale * x m`; without `addend`,
    zero stands for it. For matrices that change from step to step: unlike a weight of `llm.linear`, the
    matrix is never packed. One of its sides is short, so a kernel reads the long rows once: with
    `x m^T` and a short result each row of the result is a few dot products, with `x m` or a short input
    each row of the result is a sum of a few rows. Threads own rows of the result, or its columns.

    A LoRA adapter of a linear layer (Hu et al., 2021) is two of these:

    ```mlir
    %y = llm.linear %x, %w : tensor<?x64xf32>, tensor<128x64xf16> -> tensor<?x128xf32>
    %u = llm.matmul %x, %a transposed : tensor<?x64xf32>, tensor<8x64xf32> -> tensor<?x8xf32>
    %z = llm.matmul %u, %b transposed scale 2.0 plus %y : tensor<?x128xf32>
        : tensor<?x8xf32>, tensor<128x8xf32> -> tensor<?x128xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$input, Llm_ParameterMatrix:$matrix, Optional<Llm_Rows>:$addend,
                       UnitAttr:$transposed, DefaultValuedAttr<F32Attr, "1.0f">:$scale);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = [{
    $input `,` $matrix (`transposed` $transposed^)? (`scale` $scale^)? (`plus` $addend^ `:` type($addend))? attr-dict
    `:` type($input) `,` type($matrix) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Llm_DropoutOp : Llm_Op<"dropout", [Pure, AllTypesMatch<["input", "result"]>, Llm_HasRule]> {
  let summary = "Sets random elements to zero";
  let description = [{
    Element c of row t becomes zero with probability `rate`, else `x / (1 - rate)` (Srivastava et al.,
    2014). Which do is a function of `seed`, `layer`, `site` and the element's place, so that the
    adjoint applies the same choice without a mask in memory, and threads need no common state:

    * `key = mix64(seed * 0x9E3779B97F4A7C15 + layer * 0xBF58476D1CE4E5B9 + site)`, the low and high
      half of which are `low` and `high`,
    * `h = mix32(mix32((t * width + c) ^ low) ^ high)`,
    * the element is kept if `h >= rate * 2^32`,

    in arithmetic modulo 2^64 and 2^32, where `mix64` and `mix32` are the finalizers of MurmurHash3
    (Appleby, 2011). Each operation of a block has a `site` of its own. With a negative `seed` all
    elements stay as they are: evaluation runs the same program.

    ```mlir
    %y = llm.dropout %x seed %seed layer %layer site 2 rate 5.0e-02 : tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$input, Index:$seed, Index:$layer, I64Attr:$site, F32Attr:$rate);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = [{
    $input `seed` $seed `layer` $layer `site` $site `rate` $rate attr-dict `:` type($result)
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Llm_RowNormsOp : Llm_Op<"row_norms", [Pure, Llm_StopsGradient]> {
  let summary = "Norms of the rows of a weight with its adapter";
  let description = [{
    `norms[n] = sqrt(sum over k of (w[n, k] + scale * sum over i of b[n, i] * a[i, k])^2)`: by what DoRA
    divides the rows of an adapted weight. Derivatives take it for a constant (Liu et al., 2024, section
    4.3). Threads own groups of 16 rows, which they unpack.

    ```mlir
    %n = llm.row_norms %w, %a, %b scale 2.0
        : tensor<128x64xf16>, tensor<8x64xf32>, tensor<128x8xf32> -> tensor<128xf32>
    ```
  }];
  let arguments = (ins Llm_Matrix:$weight, Llm_ParameterMatrix:$a, Llm_ParameterMatrix:$b,
                       F32Attr:$scale);
  let results = (outs Llm_Vector:$result);
  let assemblyFormat = [{
    $weight `,` $a `,` $b `scale` $scale attr-dict
    `:` type($weight) `,` type($a) `,` type($b) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Llm_ScaleColumnsOp
    : Llm_Op<"scale_columns", [Pure, AllTypesMatch<["input", "result"]>,
                               AllTypesMatch<["magnitude", "norms"]>, Llm_HasRule]> {
  let summary = "Rows whose columns are scaled, plus a bias";
  let description = [{
    `y[t, n] = x[t, n] * magnitude[n] / norms[n] (+ bias[n])`. With the norms of `llm.row_norms` this
    is the layer of DoRA (Liu et al., 2024), whose magnitudes are trained beside the adapter.

    ```mlir
    %y = llm.scale_columns %x by %m over %n : tensor<?x64xf32>, tensor<64xf32>
    %z = llm.scale_columns %x by %m over %n plus %b : tensor<64xf32> : tensor<?x64xf32>, tensor<64xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$input, Llm_Vector:$magnitude, Llm_Vector:$norms,
                       Optional<Llm_Vector>:$bias);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = [{
    $input `by` $magnitude `over` $norms
    (`plus` $bias^ `:` type($bias))? attr-dict
    `:` type($input) `,` type($magnitude)
  }];
  let hasVerifier = 1;
}

def Llm_NoiseOp : Llm_Op<"noise", [Pure, AllTypesMatch<["input", "result"]>, Llm_HasRule]> {
  let summary = "Adds uniform random numbers";
  let description = [{
    `y = x + amplitude * u`, where u of element c of row t is `(h - 2^31) / 2^31`, uniform in [-1, 1).
    The integer h is a function of `seed`, `site` and the element's place, as `llm.dropout` computes it
    for layer 0. With a negative `seed` all elements stay as they are: evaluation runs the same program.

    On the embedding of sequences of L tokens, with amplitude `alpha / sqrt(L * width)`, it is NEFTune
    (Jain et al., 2023).

    ```mlir
    %y = llm.noise %x seed %seed site 2 amplitude 5.0e-02 : tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$input, Index:$seed, I64Attr:$site, F32Attr:$amplitude);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = [{
    $input `seed` $seed `site` $site `amplitude` $amplitude attr-dict `:` type($result)
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Llm_CausalAttentionOp : Llm_Op<"causal_attention", [Pure, Llm_HasRuleAndWork]> {
  let summary = "Causal attention of sequences to themselves";
  let description = [{
    The rows are sequences of `sequence` tokens, one after the other; there is no cache. For the query
    of token t in head h: `softmax over p of (scale * q . key[p])` times `value[p]`, for the tokens p of
    its sequence up to t, in key/value head `h * kv_heads / heads`. With a `window`, tokens at or before
    `t - window` are left out.

    `log_sums` has, for each row and head, the logarithm of the sum of the exponentials of the scores:
    all that the adjoint needs to compute the probabilities again, tile by tile. Threads own sequences
    and key/value heads, or tiles of rows.

    ```mlir
    %y, %l = llm.causal_attention %q, %k, %v heads 8 kv_heads 2 sequence 64 scale 1.250000e-01
        : (tensor<?x256xf32>, tensor<?x64xf32>, tensor<?x64xf32>) -> (tensor<?x256xf32>, tensor<?x8xf32>)
    ```
  }];
  let arguments = (ins Llm_Rows:$query, Llm_Rows:$keys, Llm_Rows:$values, I64Attr:$heads,
                       I64Attr:$kv_heads, I64Attr:$sequence, F32Attr:$scale,
                       DefaultValuedAttr<I64Attr, "0">:$window);
  let results = (outs Llm_Rows:$result, Llm_Rows:$log_sums);
  let assemblyFormat = [{
    $query `,` $keys `,` $values `heads` $heads `kv_heads` $kv_heads `sequence` $sequence
    `scale` $scale attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Llm_LinearCrossEntropyOp : Llm_Op<"linear_cross_entropy", [Pure, Llm_HasRuleAndWork]> {
  let summary = "Losses of the next tokens, from hidden states and the output matrix";
  let description = [{
    With `logits[t, v] = x[t] . w[v]`, to which an `adapter(%u, %b)` adds `u[t] . b[v]`: `losses[t]` is
    `log(sum over v of exp(logits[t, v])) - logits[t, targets[t]]`, and 0 where the target is -1;
    `log_sums[t]` is the first term, for every row. One operation, so that only slices of the logits,
    some rows by some of the vocabulary, ever exist: the sum of a row goes on from slice to slice.

    ```mlir
    %losses, %l = llm.linear_cross_entropy %x, %w, %targets adapter(%u, %b)
        : (tensor<?x64xf32>, tensor<32000x64x!llm.block<q6_K>>, tensor<?xi32>, tensor<?x8xf32>,
           tensor<32000x8xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>)
    ```
  }];
  let arguments = (ins Llm_Rows:$input, Llm_Matrix:$weight, Llm_Tokens:$targets,
                       Variadic<Llm_Rows>:$adapter);
  let results = (outs Llm_Rows:$losses, Llm_Rows:$log_sums);
  let assemblyFormat = [{
    $input `,` $weight `,` $targets (`adapter` `(` $adapter^ `)`)? attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

// Adjoints.

def Llm_LinearTransposedOp : Llm_Op<"linear_transposed", [Pure]> {
  let summary = "Rows times a weight matrix: the adjoint of a linear layer";
  let description = [{
    `y[t, k] = addend[t, k] + sum over n of x[t, n] * w[n, k]`, without `addend` as if it were zero. The
    matrix is `N x K`, as GGUF stores it, and packed as `llm.linear` wants it: one copy of a weight
    serves both directions. A frozen weight needs no other derivative.

    ```mlir
    %dx = llm.linear_transposed %dy, %w plus %r : tensor<?x64xf32>
        : tensor<?x128xf32>, tensor<128x64x!llm.block<q4_0>> -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$input, Llm_Matrix:$weight, Optional<Llm_Rows>:$addend);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = [{
    $input `,` $weight (`plus` $addend^ `:` type($addend))? attr-dict
    `:` type($input) `,` type($weight) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Llm_OuterOp : Llm_Op<"outer", [Pure]> {
  let summary = "The matrix of the products of two rows, summed over all rows";
  let description = [{
    `g[i, j] = scale * sum over t of lhs[t, i] * rhs[t, j]`: the derivative by the matrix of an
    `llm.matmul`, where one of the widths is a rank, or by the weight of an `llm.linear`. Threads own
    tiles of the result and go over all rows, so nothing is summed across threads and the order of
    additions does not depend on their number.

    ```mlir
    %g = llm.outer %du, %x scale 2.0 : tensor<?x8xf32>, tensor<?x64xf32> -> tensor<8x64xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$lhs, Llm_Rows:$rhs, DefaultValuedAttr<F32Attr, "1.0f">:$scale);
  let results = (outs Llm_ParameterMatrix:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs (`scale` $scale^)? attr-dict `:` type($lhs) `,` type($rhs) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Llm_EmbedAdjointOp : Llm_AdjointOp<"embed"> {
  let summary = "Adds rows up by token: the adjoint of looking them up";
  let description = [{
    Row v of the result is the sum of the rows t of `adjoint` whose token is v. The matrix is f32,
    that of an adapter or of the model. Threads own columns of the result.

    ```mlir
    %da = llm.embed_adjoint %du, %tokens : tensor<?x8xf32>, tensor<?xi32> -> tensor<32000x8xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$adjoint, Llm_Tokens:$tokens);
  let results = (outs Llm_ParameterMatrix:$result);
  let assemblyFormat = [{
    $adjoint `,` $tokens attr-dict `:` type($adjoint) `,` type($tokens) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Llm_RmsNormAdjointOp
    : Llm_AdjointOp<"rms_norm", [AllTypesMatch<["adjoint", "input", "result"]>]> {
  let summary = "The adjoint of rms_norm by its input";
  let description = [{
    With `r = sqrt(mean(x^2) + eps)` and `g = dy * weight`:
    `dx = (g - x * mean(g * x) / r^2) / r`, row by row, or head by head where the weight is shorter.

    ```mlir
    %dx = llm.rms_norm_adjoint %dy, %x, %w eps 1.0e-05 : tensor<?x64xf32>, tensor<64xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$adjoint, Llm_Rows:$input, Llm_Vector:$weight, F32Attr:$eps);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = [{
    $adjoint `,` $input `,` $weight `eps` $eps attr-dict `:` type($input) `,` type($weight)
  }];
  let hasVerifier = 1;
}

def Llm_RmsNormWeightAdjointOp : Llm_AdjointOp<"rms_norm_weight", [AllTypesMatch<["adjoint", "input"]>]> {
  let summary = "The adjoint of rms_norm by its weight";
  let description = [{
    `dw[i] = sum over t of dy[t, i] * x[t, i] / r[t]`, `r` as in `llm.rms_norm_adjoint`; where the
    weight is shorter than a row, the sum is also over the heads.

    ```mlir
    %dw = llm.rms_norm_weight_adjoint %dy, %x eps 1.0e-05 : tensor<?x64xf32> -> tensor<16xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$adjoint, Llm_Rows:$input, F32Attr:$eps);
  let results = (outs Llm_Vector:$result);
  let assemblyFormat = [{
    $adjoint `,` $input `eps` $eps attr-dict `:` type($input) `->` type($result)
  }];
  let extraClassDeclaration = [{ ::mlir::Value getWeight() { return getResult(); } }];
  let hasVerifier = 1;
}

def Llm_LayerNormAdjointOp
    : Llm_AdjointOp<"layer_norm", [AllTypesMatch<["adjoint", "input", "result"]>]> {
  let summary = "The adjoint of layer_norm by its input";
  let description = [{
    With `s = sqrt(variance(x) + eps)`, `n = (x - mean(x)) / s` and `g = dy * weight`:
    `dx = (g - mean(g) - n * mean(g * n)) / s`, row by row.

    ```mlir
    %dx = llm.layer_norm_adjoint %dy, %x, %w eps 1.0e-05 : tensor<?x64xf32>, tensor<64xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$adjoint, Llm_Rows:$input, Llm_Vector:$weight, F32Attr:$eps);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = [{
    $adjoint `,` $input `,` $weight `eps` $eps attr-dict `:` type($input) `,` type($weight)
  }];
  let hasVerifier = 1;
}

def Llm_LayerNormWeightAdjointOp : Llm_AdjointOp<"layer_norm_weight", [AllTypesMatch<["adjoint", "input"]>]> {
  let summary = "The adjoint of layer_norm by its weight";
  let description = [{
    `dw[i] = sum over t of dy[t, i] * n[t, i]`, `n` as in `llm.layer_norm_adjoint`. By the bias it is
    `llm.sum_rows` of `dy`.

    ```mlir
    %dw = llm.layer_norm_weight_adjoint %dy, %x eps 1.0e-05 : tensor<?x64xf32> -> tensor<64xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$adjoint, Llm_Rows:$input, F32Attr:$eps);
  let results = (outs Llm_Vector:$result);
  let assemblyFormat = [{
    $adjoint `,` $input `eps` $eps attr-dict `:` type($input) `->` type($result)
  }];
  let extraClassDeclaration = [{ ::mlir::Value getWeight() { return getResult(); } }];
  let hasVerifier = 1;
}

def Llm_SumRowsOp : Llm_Op<"sum_rows", [Pure]> {
  let summary = "The sum of all rows: the adjoint of a bias";
  let description = [{
    `y[i] = sum over t of x[t, i]`, and with a divisor `y[i] / divisor[i]`. Threads own elements of the
    result.

    ```mlir
    %db = llm.sum_rows %dy : tensor<?x64xf32> -> tensor<64xf32>
    %dm = llm.sum_rows %p over %n : tensor<64xf32> : tensor<?x64xf32> -> tensor<64xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$input, Optional<Llm_Vector>:$divisor);
  let results = (outs Llm_Vector:$result);
  let assemblyFormat = [{
    $input (`over` $divisor^ `:` type($divisor))? attr-dict `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Llm_RopeAdjointOp : Llm_AdjointOp<"rope", [AllTypesMatch<["adjoint", "result"]>]> {
  let summary = "Rotates back: the adjoint of rope";
  let description = [{
    As `llm.rope`, with the sign of the table's sines changed.

    ```mlir
    %dx = llm.rope_adjoint %dy, %table head_dim 64 : tensor<?x2048xf32>, tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$adjoint, Llm_Rows:$table, I64Attr:$head_dim, UnitAttr:$halves);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = [{
    $adjoint `,` $table `head_dim` $head_dim attr-dict `:` type($adjoint) `,` type($table)
  }];
  let hasVerifier = 1;
}

def Llm_SiluAdjointOp : Llm_AdjointOp<"silu", [SameOperandsAndResultType]> {
  let summary = "The adjoint of silu";
  let description = [{
    With `s = 1 / (1 + exp(-x))`: `dx = dy * s * (1 + x * (1 - s))`.

    ```mlir
    %dx = llm.silu_adjoint %dy, %x : tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$adjoint, Llm_Rows:$input);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = "$adjoint `,` $input attr-dict `:` type($result)";
}

def Llm_GeluAdjointOp : Llm_AdjointOp<"gelu", [SameOperandsAndResultType]> {
  let summary = "The adjoint of gelu";
  let description = [{
    With `u = 2 * sqrt(2 / pi) * (x + 0.044715 x^3)`, whose derivative is
    `u' = 2 * sqrt(2 / pi) * (1 + 3 * 0.044715 x^2)`, and `s = 1 / (1 + exp(-u))`:
    `dx = dy * s * (1 + x * (1 - s) * u')`, because `gelu(x)` is `x * s`.

    ```mlir
    %dx = llm.gelu_adjoint %dy, %x : tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$adjoint, Llm_Rows:$input);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = "$adjoint `,` $input attr-dict `:` type($result)";
}

class Llm_GatedAdjointOp<string gated, string activation>
    : Llm_AdjointOp<gated, [AllTypesMatch<["adjoint", "gate", "up", "gate_adjoint", "up_adjoint"]>]> {
  let summary = "The adjoint of " # gated # " by gate and up";
  let description = "`dgate = " # activation # "_adjoint(dy * up, gate)` and `dup = dy * " # activation #
      "(gate)`, both from one exponential.\n\n```mlir\n%dgate, %dup = llm." # gated #
      "_adjoint %dy, %gate, %up : tensor<?x64xf32>\n```";
  let arguments = (ins Llm_Rows:$adjoint, Llm_Rows:$gate, Llm_Rows:$up);
  let results = (outs Llm_Rows:$gate_adjoint, Llm_Rows:$up_adjoint);
  let assemblyFormat = "$adjoint `,` $gate `,` $up attr-dict `:` type($adjoint)";
}

def Llm_SwigluAdjointOp : Llm_GatedAdjointOp<"swiglu", "silu">;
def Llm_GegluAdjointOp : Llm_GatedAdjointOp<"geglu", "gelu">;

def Llm_CausalAttentionAdjointOp : Llm_AdjointOp<"causal_attention"> {
  let summary = "The adjoint of causal attention by queries, keys and values";
  let description = [{
    With `p` the probabilities of a head, which are `exp(scale * q . k - log_sums)`, `y` its result and
    `d = sum of dy * y` of each row (Dao et al., 2022):
    `dv = p^T dy`, `ds = p * (dy v^T - d)`, `dq = scale * ds k`, `dk = scale * ds^T q`. Keys and values
    have the sum over the query heads that share them.

    No matrix of all scores exists: `p` and `ds` are made in tiles of queries by keys. A thread owns a
    sequence and a key/value head with all its query heads, so that nothing is summed across threads.

    ```mlir
    %dq, %dk, %dv = llm.causal_attention_adjoint %dy, %q, %k, %v, %y, %l
        heads 8 kv_heads 2 sequence 64 scale 1.250000e-01
        : (tensor<?x256xf32>, tensor<?x256xf32>, tensor<?x64xf32>, tensor<?x64xf32>,
           tensor<?x256xf32>, tensor<?x8xf32>) -> (tensor<?x256xf32>, tensor<?x64xf32>, tensor<?x64xf32>)
    ```
  }];
  let arguments = (ins Llm_Rows:$adjoint, Llm_Rows:$query, Llm_Rows:$keys, Llm_Rows:$values,
                       Llm_Rows:$output, Llm_Rows:$log_sums, I64Attr:$heads, I64Attr:$kv_heads,
                       I64Attr:$sequence, F32Attr:$scale, DefaultValuedAttr<I64Attr, "0">:$window);
  let results = (outs Llm_Rows:$query_adjoint, Llm_Rows:$keys_adjoint, Llm_Rows:$values_adjoint);
  let assemblyFormat = [{
    $adjoint `,` $query `,` $keys `,` $values `,` $output `,` $log_sums `heads` $heads
    `kv_heads` $kv_heads `sequence` $sequence `scale` $scale attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Llm_LinearCrossEntropyAdjointOp : Llm_AdjointOp<"linear_cross_entropy"> {
  let summary = "The adjoint of linear_cross_entropy by hidden states and adapter";
  let description = [{
    With `z[t, v] = dlosses[t] * (exp(logits[t, v] - log_sums[t]) - (1 if v is the target))`, and 0 in
    rows whose target is -1: `dx = z w`, and with an adapter `du = z b` and `db = z^T u`. The logits are
    computed again, a slice at a time, and `z` takes the slice's place; rows without a target need
    neither. Without an adapter there may be a second result, the derivative by the weight,
    `dw = z^T x`.

    ```mlir
    %dx, %du, %db = llm.linear_cross_entropy_adjoint %dlosses, %x, %w, %targets, %l adapter(%u, %b)
        : (tensor<?x1xf32>, tensor<?x64xf32>, tensor<32000x64x!llm.block<q6_K>>, tensor<?xi32>,
           tensor<?x1xf32>, tensor<?x8xf32>, tensor<32000x8xf32>)
        -> (tensor<?x64xf32>, tensor<?x8xf32>, tensor<32000x8xf32>)
    %dx, %dw = llm.linear_cross_entropy_adjoint %dlosses, %x, %w, %targets, %l
        : (tensor<?x1xf32>, tensor<?x64xf32>, tensor<512x64xf32>, tensor<?xi32>, tensor<?x1xf32>)
        -> (tensor<?x64xf32>, tensor<512x64xf32>)
    ```
  }];
  let arguments = (ins Llm_Rows:$adjoint, Llm_Rows:$input, Llm_Matrix:$weight, Llm_Tokens:$targets,
                       Llm_Rows:$log_sums, Variadic<Llm_Rows>:$adapter);
  // By the adapter's rows and matrix, or by the weight.
  let results = (outs Llm_Rows:$input_adjoint, Variadic<Llm_Rows>:$further_adjoints);
  let extraClassDeclaration = [{
    // Null where the weight is frozen.
    mlir::Value getWeightAdjoint() {
      return getAdapter().empty() && getNumResults() == 2 ? getResult(1) : mlir::Value();
    }
  }];
  let assemblyFormat = [{
    $adjoint `,` $input `,` $weight `,` $targets `,` $log_sums (`adapter` `(` $adapter^ `)`)? attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Llm_LayersAdjointOp
    : Llm_Op<"layers_adjoint", [AttrSizedOperandSegments,
                                DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Runs the adjoints of the model's blocks, from the last to the first";
  let description = [{
    For layer i, from the last of the schedule down to layer `first`, calls function
    `blocks[schedule[i]]` with the derivative by the layer's result, the layer's number, the `shared`
    operands, what the layer saved and its weights, and continues with its result, the derivative by
    the layer's input. Layers below `first` have no parameters below or in them.

    `saved` are the further results of the `llm.layers` of the forward pass, in their order; each call
    gets the slices of its own layer.

    ```mlir
    %dh = llm.layers_adjoint %dy saved(%s) shared(%rope) {
      blocks = [@block.0.adjoint], weights = [[@blk.attn_norm, @blk.attn_q, @blk.attn_q.lora_a]],
      schedule = array<i32: 0, 0>
    } : (tensor<?x64xf32>, tensor<2x?x64xf32>, tensor<?x8xf32>) -> tensor<?x64xf32>
    ```

    An adjoint is `func.func private @block.0.adjoint(%dy, %layer: index, %rope, %s, %attn_norm,
    %attn_q, %attn_q.lora_a) -> tensor<?x64xf32>`.
  }];
  let arguments = (ins Llm_Rows:$adjoint, Variadic<Llm_SavedRows>:$saved,
                       Variadic<AnyType>:$shared, SymbolRefArrayAttr:$blocks, ArrayAttr:$weights,
                       DenseI32ArrayAttr:$schedule, DefaultValuedAttr<I64Attr, "0">:$first);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = [{
    $adjoint (`saved` `(` $saved^ `)`)? (`shared` `(` $shared^ `)`)? attr-dict
    `:` functional-type(operands, results)
  }];
}

#endif
