#ifndef LLMC_DIALECTS_KERNEL_IR_KERNELTYPES_TD
#define LLMC_DIALECTS_KERNEL_IR_KERNELTYPES_TD

include "dialects/kernel/IR/KernelDialect.td"
include "dialects/llm/IR/LlmTypes.td"
include "mlir/IR/AttrTypeBase.td"
include "dialects/kernel/IR/KernelEnums.td"

def Kernel_MemoryAttr : AttrDef<Kernel_Dialect, "Memory"> {
  let mnemonic = "memory";
  let summary = "How generated code makes use of the CPU's caches";
  let description = [{
    All in bytes. A stream of packed weights asks for lines `far` ahead of their use to be in the
    second-level cache and `near` ahead in the first. `panels` is about how much of the second-level
    cache unpacked weights take. Speed depends on them, results do not.

    ```mlir
    #kernel.memory<far = 4096, near = 2048, panels = 1048576>
    ```
  }];
  let parameters = (ins AttrOrTypeParameter<"int64_t", "bytes ahead, second level">:$far,
                        AttrOrTypeParameter<"int64_t", "bytes ahead, first level">:$near,
                        AttrOrTypeParameter<"int64_t", "bytes of unpacked weights">:$panels);
  let assemblyFormat = "`<` `far` `=` $far `,` `near` `=` $near `,` `panels` `=` $panels `>`";
  let genVerifyDecl = 1;
}

def Kernel_TargetAttr : AttrDef<Kernel_Dialect, "Target"> {
  let mnemonic = "target";
  let summary = "What code generation needs to know of the CPU";
  let description = [{
    `dot` names the dot-product instructions (`amx`: the matrix unit for tiles of 16 tokens, `vnni512`
    for narrower ones; DotTable.cpp has all of them), `tiles` the token tile widths for which matrix products are generated,
    ascending from 1; the widest is chosen so that its accumulators stay in registers. `max_rows` is
    the most tokens of a step. Without `memory` there are defaults. The attribute stands on the module
    as `kernel.target`.

    ```mlir
    #kernel.target<dot = vnni512, tiles = [1, 2, 4, 8, 12], max_rows = 512>
    ```
  }];
  let parameters = (ins EnumParameter<Kernel_Dot>:$dot,
                        ArrayRefParameter<"int64_t", "token tile widths">:$tiles,
                        AttrOrTypeParameter<"int64_t", "most tokens of a step">:$maxRows,
                        OptionalParameter<"::llmc::kernel::MemoryAttr", "use of caches">:$memory);
  let assemblyFormat = [{
    `<` `dot` `=` $dot `,` `tiles` `=` `[` $tiles `]` `,` `max_rows` `=` $maxRows
    (`,` `memory` `=` $memory^)? `>`
  }];
  let extraClassDeclaration = [{
    int64_t getPrefetchFar() { return getMemory() ? getMemory().getFar() : kPrefetchFar; }
    int64_t getPrefetchNear() { return getMemory() ? getMemory().getNear() : kPrefetchNear; }
    int64_t getPanelCache() { return getMemory() ? getMemory().getPanels() : kPanelCache; }
  }];
  let genVerifyDecl = 1;
}

class Kernel_Type<string name, string typeMnemonic> : TypeDef<Kernel_Dialect, name> {
  let mnemonic = typeMnemonic;
}

def Kernel_BufferType : Kernel_Type<"Buffer", "buffer"> {
  let summary = "Rows of numbers, one per token of the step";
  let description = [{
    `width` elements per row. Rows of f32 are 64-byte aligned: each takes `width` rounded up to 16
    elements. Rows of i32, the token ids, follow each other without padding. A buffer has room for a
    few rows more than a step has tokens, because products write whole token tiles.

    ```mlir
    !kernel.buffer<2048 x f32>
    ```
  }];
  let parameters = (ins AttrOrTypeParameter<"int64_t", "elements of a row">:$width,
                        AttrOrTypeParameter<"::mlir::Type", "f32 or i32">:$elementType);
  let assemblyFormat = "`<` $width `x` $elementType `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    // Bytes from one row to the next.
    int64_t getRowBytes() const;
  }];
}

def Kernel_PackedType : Kernel_Type<"Packed", "packed"> {
  let summary = "Activations in token tiles, ready for matrix products";
  let description = [{
    Tokens are taken in tiles of the widest width of `tiles`; the last tile has the smallest width that
    holds the rest, and what it has for missing tokens has no meaning. With T the width of a tile,
    element type `i8` has

    * `q[columns / 4][T][4]`, signed bytes; a block of 32 shares a scale: `x = scale * q`
    * `scale[columns / 32][T]`, f32
    * for each pair (offset, n) in `corrections`: `[columns / n][T]`, i32, `-offset * sum(q)` over n
    * for each n in `sums`: `[columns / n][T]`, f32, `scale * sum(q)` over n

    but a tile of 16, which AMX multiplies, has `x[columns / 32][16][32]`, bf16, and nothing else; a
    step that has one has no narrower tile.
    Element type `f32` has `x[columns][T]`. Each array begins where it would begin in the widest tile.
    `columns` is padded with zeros to whole units of every weight that is multiplied.

    ```mlir
    !kernel.packed<2048 x i8, tiles = [1, 2, 4], corrections = [8, 32], sums = []>
    ```
  }];
  let parameters = (ins AttrOrTypeParameter<"int64_t", "elements of a token, with padding">:$columns,
                        AttrOrTypeParameter<"::mlir::Type", "i8 or f32">:$elementType,
                        ArrayRefParameter<"int64_t", "tile widths, ascending">:$tiles,
                        OptionalArrayRefParameter<"int64_t", "pairs of offset and length">:$corrections,
                        OptionalArrayRefParameter<"int64_t", "lengths">:$sums);
  let assemblyFormat = [{
    `<` $columns `x` $elementType `,` `tiles` `=` `[` $tiles `]` `,`
    `corrections` `=` `[` (`]`) : ($corrections^ `]`)? `,` `sums` `=` `[` (`]`) : ($sums^ `]`)? `>`
  }];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    int64_t getMaxTile() const { return getTiles().back(); }
    bool isInteger8() const { return getElementType().isInteger(8); }
    // Byte offsets inside a tile.
    int64_t getScaleOffset() const;
    int64_t getCorrectionOffset(unsigned index) const;
    int64_t getSumOffset(unsigned index) const;
    // Bytes from one tile to the next.
    int64_t getTileBytes() const;
    // The index of a pair in `corrections`, of a length in `sums`; -1 where it is not there.
    int64_t findCorrection(int64_t offset, int64_t length) const;
    int64_t findSum(int64_t length) const;
  }];
}

def Kernel_PartsType : Kernel_Type<"Parts", "parts"> {
  let summary = "What attention of one token sums over parts of its positions";
  let description = [{
    `[heads][kAttentionParts][queries]` rows for `heads` key/value heads that `queries` query heads
    share. A row has the sum of weights times values, `value` elements padded to 16; then the maximum of
    the part's scores times log2(e), and the sum of its weights, which are relative to that maximum,
    with room for what merging needs; padded to 16.

    ```mlir
    !kernel.parts<heads = 4, queries = 8, value = 64>
    ```
  }];
  let parameters = (ins AttrOrTypeParameter<"int64_t", "key/value heads">:$heads,
                        AttrOrTypeParameter<"int64_t", "query heads of each">:$queries,
                        AttrOrTypeParameter<"int64_t", "elements of a value">:$value);
  let assemblyFormat = [{
    `<` `heads` `=` $heads `,` `queries` `=` $queries `,` `value` `=` $value `>`
  }];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    int64_t getBytes() const;
  }];
}

def Kernel_FormAttr : EnumAttr<Kernel_Dialect, Kernel_FactorForm, "form"> {
  let assemblyFormat = "$value";
}

def Kernel_FactorType : Kernel_Type<"Factor", "factor"> {
  let summary = "Rows in tiles for the matrix unit, each number as the sum of two bfloat16";
  let description = [{
    Tokens are taken 16 by 16, columns 32 by 32; `columns` is padded with zeros to whole tiles, and so
    are tokens. A tile of 16 tokens has `[columns / 32][2]` pieces of 1024 bytes, of the high parts and of
    the low ones. A piece is, by `form`,

    * `rows`: `[16 tokens][32 columns]`, the first operand of a tile product,
    * `pairs`: `[16 pairs of columns][16 tokens][2]`, the second.

    ```mlir
    !kernel.factor<64, rows>
    ```
  }];
  let parameters = (ins AttrOrTypeParameter<"int64_t", "elements of a token, with padding">:$columns,
                        EnumParameter<Kernel_FactorForm>:$form);
  let assemblyFormat = "`<` $columns `,` $form `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    // Bytes from one tile of tokens to the next.
    int64_t getTileBytes() const { return getColumns() * kMatrixTile * 4; }
  }];
}

def Kernel_ParameterType : Kernel_Type<"Parameter", "parameter"> {
  let summary = "A matrix that training changes, or the sum of its gradients";
  let description = [{
    `rank` rows of `width` f32, row after row, each padded with zeros to 16. A matrix of adapter files that
    is higher than wide lies here transposed, so that kernels read long rows.

    ```mlir
    !kernel.parameter<8 x 64>
    ```
  }];
  let parameters = (ins AttrOrTypeParameter<"int64_t", "rows">:$rank,
                        AttrOrTypeParameter<"int64_t", "columns">:$width);
  let assemblyFormat = "`<` $rank `x` $width `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    // Bytes from one row to the next.
    int64_t getRowBytes() const { return (getWidth() + 15) / 16 * 64; }
  }];
}

def Kernel_ColumnVectorType : Kernel_Type<"ColumnVector", "vector"> {
  let summary = "One f32 for each column, whatever the tokens of the step";
  let description = [{
    `length` numbers, padded to 16.

    ```mlir
    !kernel.vector<64>
    ```
  }];
  let parameters = (ins AttrOrTypeParameter<"int64_t", "numbers">:$length);
  let assemblyFormat = "`<` $length `>`";
  let genVerifyDecl = 1;
}

def Kernel_SavedType : Kernel_Type<"Saved", "saved"> {
  let summary = "What each layer of a block keeps for its adjoint";
  let description = [{
    A `!kernel.buffer<width x f32>` for each layer, one after the other.

    ```mlir
    !kernel.saved<2 x 64>
    ```
  }];
  let parameters = (ins AttrOrTypeParameter<"int64_t", "layers">:$layers,
                        AttrOrTypeParameter<"int64_t", "elements of a row">:$width);
  let assemblyFormat = "`<` $layers `x` $width `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    BufferType getSlice() const {
      return BufferType::get(getContext(), getWidth(), ::mlir::Float32Type::get(getContext()));
    }
  }];
}

#endif
