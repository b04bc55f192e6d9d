#ifndef LLMC_DIALECTS_LLM_IR_LLMTYPES_TD
#define LLMC_DIALECTS_LLM_IR_LLMTYPES_TD

include "dialects/llm/IR/LlmDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinTypeInterfaces.td"

class Llm_Type<string name, string typeMnemonic> : TypeDef<Llm_Dialect, name> {
  let mnemonic = typeMnemonic;
}

def Llm_BlockType : Llm_Type<"Block", "block"> {
  let summary = "One weight of a matrix that GGUF stores in quantized blocks";
  let description = [{
    The element type of a quantized weight. The parameter names one of the block formats of
    `dialects/llm/Formats/BlockFormats.cpp`, which says how many weights and bytes a block has and how
    a weight is computed from them. F32, F16 and BF16 weights have the builtin types `f32`, `f16` and
    `bf16`.

    ```mlir
    tensor<4096x4096x!llm.block<q4_K>>
    ```
  }];
  let parameters = (ins StringRefParameter<"name of the block format, such as q4_K">:$format);
  let assemblyFormat = "`<` custom<FormatName>($format) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    const ::llmc::BlockFormat &getBlockFormat() const;
  }];
}

def Llm_KvCacheType : Llm_Type<"KvCache", "kv_cache"> {
  let summary = "Keys and values of all layers for the positions seen so far";
  let description = [{
    `layers` layers of `heads` key/value heads; a key has `key` elements, a value `value`, of types of
    their own: `f32`, `f16`, `bf16` or `!llm.block<q8_0>`. How many positions it holds is chosen when the
    program runs. Keys are kept in tiles of 16 positions, `[layer][head][position / 16][key][16]`, so
    that a vector holds 16 positions; values are kept as `[layer][head][position][value]`, each row
    padded to 16 elements. All keys of all layers are followed by all values.

    In q8_0, 32 neighbouring elements of a key or a value share a scale, an f16: `max |x| / 127`, by
    which the elements are divided and rounded to nearest. A tile of keys is, for each 32 elements,
    `scale[16]` and `element[32][16]`; a tile of values is `scale[value / 32][16]`, then
    `element[16][value]`. Lengths are multiples of 32.

    ```mlir
    !llm.kv_cache<layers = 32, heads = 8, key = 128 x f16, value = 128 x !llm.block<q8_0>>
    ```
  }];
  let parameters = (ins AttrOrTypeParameter<"int64_t", "blocks of the model">:$layers,
                        AttrOrTypeParameter<"int64_t", "key/value heads of a block">:$heads,
                        AttrOrTypeParameter<"int64_t", "elements of a key">:$key,
                        AttrOrTypeParameter<"::mlir::Type", "of a key's elements">:$keyType,
                        AttrOrTypeParameter<"int64_t", "elements of a value">:$value,
                        AttrOrTypeParameter<"::mlir::Type", "of a value's elements">:$valueType);
  let assemblyFormat = [{
    `<` `layers` `=` $layers `,` `heads` `=` $heads `,` `key` `=` $key `x` $keyType `,`
    `value` `=` $value `x` $valueType `>`
  }];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    // Bytes of a position of a head.
    int64_t getKeyBytes() const;
    int64_t getValueBytes() const;
  }];
}

def Llm_ColumnSumsType : Llm_Type<"ColumnSums", "column_sums"> {
  let summary = "A sum for each column of a linear layer's input, layer by layer";
  let description = [{
    `layers` rows of `columns` sums in f32, each row padded to 16 elements. The runtime sets them to
    zero when it has read them.

    ```mlir
    !llm.column_sums<layers = 32, columns = 4096>
    ```
  }];
  let parameters = (ins AttrOrTypeParameter<"int64_t", "rows of sums">:$layers,
                        AttrOrTypeParameter<"int64_t", "sums of a row">:$columns);
  let assemblyFormat = "`<` `layers` `=` $layers `,` `columns` `=` $columns `>`";
  let genVerifyDecl = 1;
}

def Llm_StateType : AnyTypeOf<[Llm_KvCacheType, Llm_ColumnSumsType]>;

def Llm_PackedAttr : AttrDef<Llm_Dialect, "Packed"> {
  let mnemonic = "packed";
  let summary = "Encoding of a weight matrix whose rows are packed in groups, one row per vector lane";
  let description = [{
    Sixteen rows lie side by side: lane r of each 64-byte line belongs to row r of the group and holds
    four neighbouring bytes of one field of its block. A group's blocks follow each other over all of
    K. The packed matrix has the size of the GGUF's bytes, apart from padding to whole groups and whole
    lines; `dialects/llm/Formats/PackedLayout.h` has the details. A weight without encoding lies as in
    the GGUF, row after row.

    ```mlir
    tensor<4096x4096x!llm.block<q4_K>, #llm.packed<rows = 16>>
    ```
  }];
  let parameters = (ins AttrOrTypeParameter<"int64_t", "rows of a group; 16">:$rows);
  let assemblyFormat = "`<` `rows` `=` $rows `>`";
  let genVerifyDecl = 1;
}

def Llm_Float : AnyTypeOf<[F32, F16, BF16]>;
def Llm_WeightElement : AnyTypeOf<[F32, F16, BF16, Llm_BlockType],
                                  "f32, f16, bf16 or a block format">;
// Only the number of rows may be unknown, and no dimension is zero: verifiers compute with widths.
def Llm_KnownShapePred : CPred<
    "::llvm::all_of(::llvm::cast<::mlir::ShapedType>($_self).getShape(), "
    "[](int64_t size) { return size > 0; })">;
def Llm_KnownWidthPred : CPred<"::llvm::cast<::mlir::ShapedType>($_self).getShape().back() > 0">;
def Llm_Matrix : RankedTensorOf<[Llm_WeightElement], [HasAnyRankOfPred<[2]>, Llm_KnownShapePred],
                                "matrix of known shape">;
def Llm_Vector : RankedTensorOf<[F32], [HasAnyRankOfPred<[1]>, Llm_KnownShapePred],
                                "vector of known length">;
def Llm_Rows : RankedTensorOf<[F32], [HasAnyRankOfPred<[2]>, Llm_KnownWidthPred],
                              "rows of known width">;
// Of adapters: f32 whose place in memory is row after row.
def Llm_ParameterMatrix : RankedTensorOf<[F32], [HasAnyRankOfPred<[2]>, Llm_KnownShapePred],
                                         "matrix of f32 of known shape">;
// What training changes, or its gradient: a matrix, or the vector of a norm or bias.
def Llm_Trained : RankedTensorOf<[F32], [HasAnyRankOfPred<[1, 2]>, Llm_KnownShapePred],
                                 "vector or matrix of f32 of known shape">;
// [layers][rows][width]: what each layer of a block keeps for its adjoint.
def Llm_SavedRows : RankedTensorOf<[F32], [HasAnyRankOfPred<[3]>, Llm_KnownWidthPred],
                                   "rows of known width, for each layer">;
def Llm_Tokens : RankedTensorOf<[I32], [HasAnyRankOfPred<[1]>], "token ids">;

#endif
