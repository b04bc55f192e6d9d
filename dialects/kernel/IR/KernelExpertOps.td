#ifndef LLMC_DIALECTS_KERNEL_IR_KERNELEXPERTOPS_TD
#define LLMC_DIALECTS_KERNEL_IR_KERNELEXPERTOPS_TD

// Mixtures of experts: tokens are brought into the order of the experts that they go to, so that each
// expert is a product of its own, by the same code as any other, and its weights are read once.

include "dialects/kernel/IR/KernelOperands.td"

def Kernel_RoutingType : Kernel_Type<"Routing", "routing"> {
  let summary = "Which tokens of a step go to which experts";
  let description = [{
    The table of `runtime/abi/ExpertRouting.h`: for each token its `top_k` of `experts` experts and
    their weights, and for each expert that has tokens a run: which they are, one after the other,
    beginning at a whole tile of `tile` tokens.

    ```mlir
    !kernel.routing<experts = 8, top_k = 2, tile = 12>
    ```
  }];
  let parameters = (ins AttrOrTypeParameter<"int64_t", "experts of the layer">:$experts,
                        AttrOrTypeParameter<"int64_t", "experts of a token">:$topK,
                        AttrOrTypeParameter<"int64_t", "tokens of the widest tile">:$tile);
  let assemblyFormat = "`<` `experts` `=` $experts `,` `top_k` `=` $topK `,` `tile` `=` $tile `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    RoutingLayout getLayout(int64_t maxRows) const {
      return RoutingLayout(getExperts(), getTopK(), getTile(), maxRows);
    }
  }];
}

def Kernel_RoutedType : Kernel_Type<"Routed", "routed"> {
  let summary = "Rows, or packed activations, in the order of a routing";
  let description = [{
    One row of a buffer for each place of the routing's table, or one packed tile for each of its tiles.
    What lies in the gaps between runs has no meaning.

    ```mlir
    !kernel.routed<!kernel.buffer<64 x f32> by !kernel.routing<experts = 8, top_k = 2, tile = 12>>
    ```
  }];
  let parameters = (ins AttrOrTypeParameter<"::mlir::Type", "a buffer or packed type">:$content,
                        AttrOrTypeParameter<"::llmc::kernel::RoutingType", "">:$routing);
  let assemblyFormat = "`<` $content `by` qualified($routing) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    BufferType getBuffer() const { return ::llvm::dyn_cast<BufferType>(getContent()); }
    PackedType getPacked() const { return ::llvm::dyn_cast<PackedType>(getContent()); }
    int64_t getBytes(int64_t maxRows) const;
  }];
}

def Kernel_RoutingIn : Arg<Kernel_RoutingType, "", [MemRead]>;
def Kernel_RoutedIn : Arg<Kernel_RoutedType, "", [MemRead]>;
def Kernel_RoutedOut : Arg<Kernel_RoutedType, "", [MemWrite]>;
// Rows of tokens, or of places.
def Kernel_RowsIn : Arg<AnyTypeOf<[Kernel_BufferType, Kernel_RoutedType]>, "", [MemRead]>;

def Kernel_RouteOp : Kernel_Op<"route"> {
  let summary = "Chooses the experts of each token";
  let description = [{
    As `llm.route`: fills ids and weights of the table. The runtime computes them; work is split by
    tokens.

    ```mlir
    kernel.route %logits, %r {normalize}
        : !kernel.buffer<8 x f32>, !kernel.routing<experts = 8, top_k = 2, tile = 12>
    ```
  }];
  let arguments = (ins Kernel_In:$logits, Arg<Kernel_RoutingType, "", [MemWrite]>:$routing,
                       UnitAttr:$normalize);
  let assemblyFormat = "$logits `,` $routing attr-dict `:` type($logits) `,` qualified(type($routing))";
  let hasVerifier = 1;
}

def Kernel_GroupTokensOp : Kernel_Op<"group_tokens"> {
  let summary = "Groups the tokens of a step by their experts";
  let description = [{
    Fills the rest of the table from the ids. One thread does it.

    ```mlir
    kernel.group_tokens %r : !kernel.routing<experts = 8, top_k = 2, tile = 12>
    ```
  }];
  let arguments = (ins Arg<Kernel_RoutingType, "", [MemRead, MemWrite]>:$routing);
  let assemblyFormat = "$routing attr-dict `:` qualified(type($routing))";
}

def Kernel_PackRoutedOp : Kernel_Op<"pack_routed"> {
  let summary = "Packs activations into token tiles, expert by expert";
  let description = [{
    As `kernel.pack_rows`, for the tokens of each run as if they were all of a step. A buffer has a row
    for each token, which is packed for each of its experts; routed rows are packed where they lie.
    With `shared`, in a step of one token, which all experts have, only the first tile is packed. Work
    is split by token tiles.

    ```mlir
    kernel.pack_routed %x, %p by %r {shared} : !kernel.buffer<64 x f32>,
        !kernel.routed<!kernel.packed<64 x f32, tiles = [1, 2], corrections = [], sums = []>
                       by !kernel.routing<experts = 8, top_k = 2, tile = 2>>,
        !kernel.routing<experts = 8, top_k = 2, tile = 2>
    ```
  }];
  let arguments = (ins Kernel_RowsIn:$input, Kernel_RoutedOut:$out, Kernel_RoutingIn:$routing,
                       UnitAttr:$shared);
  let assemblyFormat = [{
    $input `,` $out `by` $routing attr-dict `:` qualified(type(operands))
  }];
  let hasVerifier = 1;
}

def Kernel_ExpertMatmulOp : Kernel_Op<"expert_matmul"> {
  let summary = "Packed activations times the packed weights of their experts";
  let description = [{
    A `kernel.matmul` for each run of the routing, of its tokens and its expert's matrix. `other` has the
    gate for epilogue `swiglu` and may be `out` itself. The rows of all runs' matrices stand one after the
    other, weighted by `kUnpackWork` and the run's tokens, and each thread has as many of them, in whole
    groups of 16: a step of one token splits the bytes of its experts. `shared` is that of
    `kernel.pack_routed`.

    ```mlir
    kernel.expert_matmul %p, %w, %y by %r {shared} :
        !kernel.routed<!kernel.packed<64 x f32, tiles = [1, 2], corrections = [], sums = []>
                       by !kernel.routing<experts = 8, top_k = 2, tile = 2>>,
        tensor<8x32x64xf16, #llm.packed<rows = 16>>,
        !kernel.routed<!kernel.buffer<32 x f32> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>,
        !kernel.routing<experts = 8, top_k = 2, tile = 2>
    ```
  }];
  let arguments = (ins Kernel_RoutedIn:$input, Kernel_Weight:$weight, Kernel_RoutedOut:$out,
                       Kernel_RoutingIn:$routing,
                       Arg<Optional<Kernel_RoutedType>, "", [MemRead]>:$other,
                       DefaultValuedAttr<Kernel_EpilogueAttr, "::llmc::kernel::Epilogue::Store">:$epilogue,
                       UnitAttr:$shared);
  let assemblyFormat = [{
    $input `,` $weight `,` $out `by` $routing (`other` $other^)? attr-dict
    `:` qualified(type(operands))
  }];
  let hasVerifier = 1;
}

def Kernel_ExpertSumOp : Kernel_Op<"expert_sum"> {
  let summary = "Weighted sum of what a token's experts yield";
  let description = [{
    As `llm.expert_sum`, of the rows at the places of each token. Work is split by vectors of 16
    elements.

    ```mlir
    kernel.expert_sum %y, %out by %r residual %h :
        !kernel.routed<!kernel.buffer<64 x f32> by !kernel.routing<experts = 8, top_k = 2, tile = 12>>,
        !kernel.buffer<64 x f32>, !kernel.routing<experts = 8, top_k = 2, tile = 12>,
        !kernel.buffer<64 x f32>
    ```
  }];
  let arguments = (ins Kernel_RoutedIn:$input, Kernel_Out:$out, Kernel_RoutingIn:$routing,
                       Arg<Optional<Kernel_BufferType>, "", [MemRead]>:$residual);
  let assemblyFormat = [{
    $input `,` $out `by` $routing (`residual` $residual^)? attr-dict `:` qualified(type(operands))
  }];
  let hasVerifier = 1;
}

def Kernel_ExpertSumSquaresOp : Kernel_Op<"expert_sum_squares"> {
  let summary = "Adds the squares of each column of what an expert multiplies to its sums";
  let description = [{
    As `llm.expert_sum_squares`. Work is split by columns.

    ```mlir
    kernel.expert_sum_squares %x into %sums[%layer] by %r : !kernel.buffer<64 x f32>,
        !llm.column_sums<layers = 16, columns = 65>, index,
        !kernel.routing<experts = 8, top_k = 2, tile = 12>
    ```
  }];
  let arguments = (ins Kernel_RowsIn:$input,
                       Arg<Llm_ColumnSumsType, "", [MemRead, MemWrite]>:$sums, Index:$layer,
                       Kernel_RoutingIn:$routing);
  let assemblyFormat = [{
    $input `into` $sums `[` $layer `]` `by` $routing attr-dict `:` qualified(type(operands))
  }];
  let hasVerifier = 1;
}

#endif
