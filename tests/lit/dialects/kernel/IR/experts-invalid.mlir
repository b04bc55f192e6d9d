// RUN: llmc-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{a layer has 1 to 65536 experts, not 0}}
func.func private @f(!kernel.routing<experts = 0, top_k = 1, tile = 2>)

// -----
// expected-error @+1 {{a token has 1 to 4 experts, not 5}}
func.func private @f(!kernel.routing<experts = 4, top_k = 5, tile = 2>)

// -----
// expected-error @+1 {{a tile has 1 to 16 tokens, not 17}}
func.func private @f(!kernel.routing<experts = 4, top_k = 2, tile = 17>)

// -----
// expected-error @+1 {{tiles of 2 tokens are in no order of tiles of 4}}
func.func private @f(!kernel.routed<!kernel.packed<64 x f32, tiles = [1, 2], corrections = [], sums = []> by !kernel.routing<experts = 4, top_k = 2, tile = 4>>)

// -----
// expected-error @+1 {{only rows of f32 and packed activations are routed}}
func.func private @f(!kernel.routed<!kernel.buffer<1 x i32> by !kernel.routing<experts = 4, top_k = 2, tile = 4>>)

// -----
!r = !kernel.routing<experts = 8, top_k = 2, tile = 2>
func.func @route(%l: !kernel.buffer<7 x f32>, %r: !r) {
  // expected-error @+1 {{needs 8 logits, one per expert}}
  kernel.route %l, %r : !kernel.buffer<7 x f32>, !r
  return
}

// -----
!r = !kernel.routing<experts = 8, top_k = 2, tile = 2>
!b = !kernel.buffer<64 x f32>
!p = !kernel.routed<!kernel.packed<32 x f32, tiles = [1, 2], corrections = [], sums = []> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
func.func @pack(%x: !b, %p: !p, %r: !r) {
  // expected-error @+1 {{rows of 64 f32 cannot be packed to 32 columns}}
  kernel.pack_routed %x, %p by %r : !b, !p, !r
  return
}

// -----
!r = !kernel.routing<experts = 8, top_k = 2, tile = 2>
!b = !kernel.buffer<64 x f32>
!y = !kernel.routed<!kernel.buffer<64 x f32> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
func.func @pack(%x: !b, %y: !y, %r: !r) {
  // expected-error @+1 {{packs into packed activations}}
  kernel.pack_routed %x, %y by %r : !b, !y, !r
  return
}

// -----
!r = !kernel.routing<experts = 8, top_k = 2, tile = 2>
!y = !kernel.routed<!kernel.buffer<64 x f32> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
!q = !kernel.routed<!kernel.packed<64 x f32, tiles = [1, 2], corrections = [], sums = []> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
func.func @pack(%y: !y, %q: !q, %r: !r) {
  // expected-error @+1 {{only rows of tokens are shared}}
  kernel.pack_routed %y, %q by %r {shared} : !y, !q, !r
  return
}

// -----
!r = !kernel.routing<experts = 8, top_k = 2, tile = 2>
!b = !kernel.buffer<64 x f32>
!o = !kernel.routed<!kernel.packed<64 x f32, tiles = [1, 2], corrections = [], sums = []> by !kernel.routing<experts = 8, top_k = 3, tile = 2>>
func.func @pack(%x: !b, %o: !o, %r: !r) {
  // expected-error @+1 {{is not in the order of}}
  kernel.pack_routed %x, %o by %r : !b, !o, !r
  return
}

// -----
!r = !kernel.routing<experts = 8, top_k = 2, tile = 2>
!y = !kernel.routed<!kernel.buffer<64 x f32> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
!p = !kernel.routed<!kernel.packed<64 x f32, tiles = [1, 2], corrections = [], sums = []> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
func.func @matmul(%p: !p, %y: !y, %r: !r, %plain: tensor<8x64x64xf16>) {
  // expected-error @+1 {{needs packed weights of experts}}
  kernel.expert_matmul %p, %plain, %y by %r : !p, tensor<8x64x64xf16>, !y, !r
  return
}

// -----
!r = !kernel.routing<experts = 8, top_k = 2, tile = 2>
!y = !kernel.routed<!kernel.buffer<64 x f32> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
!p = !kernel.routed<!kernel.packed<64 x f32, tiles = [1, 2], corrections = [], sums = []> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
func.func @matmul(%p: !p, %y: !y, %r: !r, %few: tensor<4x64x64xf16, #llm.packed<rows = 16>>) {
  // expected-error @+1 {{has weights of 4 experts, the routing 8}}
  kernel.expert_matmul %p, %few, %y by %r : !p, tensor<4x64x64xf16, #llm.packed<rows = 16>>, !y, !r
  return
}

// -----
!r = !kernel.routing<experts = 8, top_k = 2, tile = 2>
!y = !kernel.routed<!kernel.buffer<64 x f32> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
!p = !kernel.routed<!kernel.packed<64 x f32, tiles = [1, 2], corrections = [], sums = []> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
func.func @matmul(%p: !p, %y: !y, %r: !r, %odd: tensor<8x40x64xf16, #llm.packed<rows = 16>>) {
  // expected-error @+1 {{matrices of experts have a multiple of 16 rows, not 40}}
  kernel.expert_matmul %p, %odd, %y by %r : !p, tensor<8x40x64xf16, #llm.packed<rows = 16>>, !y, !r
  return
}

// -----
!r = !kernel.routing<experts = 8, top_k = 2, tile = 2>
!y = !kernel.routed<!kernel.buffer<64 x f32> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
!p = !kernel.routed<!kernel.packed<64 x f32, tiles = [1, 2], corrections = [], sums = []> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
func.func @matmul(%p: !p, %y: !y, %r: !r, %q: tensor<8x64x64x!llm.block<q4_0>, #llm.packed<rows = 16>>) {
  // expected-error @+1 {{weights of q4_0 take i8 activations}}
  kernel.expert_matmul %p, %q, %y by %r : !p, tensor<8x64x64x!llm.block<q4_0>, #llm.packed<rows = 16>>, !y, !r
  return
}

// -----
!r = !kernel.routing<experts = 8, top_k = 2, tile = 2>
!y = !kernel.routed<!kernel.buffer<64 x f32> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
!p = !kernel.routed<!kernel.packed<64 x f32, tiles = [1, 2], corrections = [], sums = []> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
func.func @matmul(%p: !p, %y: !y, %r: !r, %long: tensor<8x64x96xf16, #llm.packed<rows = 16>>) {
  // expected-error @+1 {{activations of 64 columns do not cover the units}}
  kernel.expert_matmul %p, %long, %y by %r : !p, tensor<8x64x96xf16, #llm.packed<rows = 16>>, !y, !r
  return
}

// -----
!r = !kernel.routing<experts = 8, top_k = 2, tile = 2>
!y = !kernel.routed<!kernel.buffer<64 x f32> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
!p = !kernel.routed<!kernel.packed<64 x f32, tiles = [1, 2], corrections = [], sums = []> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
func.func @matmul(%p: !p, %y: !y, %r: !r, %high: tensor<8x32x64xf16, #llm.packed<rows = 16>>) {
  // expected-error @+1 {{output has 64 columns, expected 32}}
  kernel.expert_matmul %p, %high, %y by %r : !p, tensor<8x32x64xf16, #llm.packed<rows = 16>>, !y, !r
  return
}

// -----
!r = !kernel.routing<experts = 8, top_k = 2, tile = 2>
!y = !kernel.routed<!kernel.buffer<64 x f32> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
!p = !kernel.routed<!kernel.packed<64 x f32, tiles = [1, 2], corrections = [], sums = []> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
func.func @matmul(%p: !p, %y: !y, %r: !r, %w: tensor<8x64x64xf16, #llm.packed<rows = 16>>) {
  // expected-error @+1 {{swiglu takes another buffer, store takes none}}
  kernel.expert_matmul %p, %w, %y by %r {epilogue = #kernel.epilogue<swiglu>} : !p, tensor<8x64x64xf16, #llm.packed<rows = 16>>, !y, !r
  return
}

// -----
!r = !kernel.routing<experts = 8, top_k = 2, tile = 2>
!y = !kernel.routed<!kernel.buffer<64 x f32> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
func.func @matmul(%y: !y, %r: !r, %w: tensor<8x64x64xf16, #llm.packed<rows = 16>>) {
  // expected-error @+1 {{multiplies packed activations and writes rows}}
  kernel.expert_matmul %y, %w, %y by %r : !y, tensor<8x64x64xf16, #llm.packed<rows = 16>>, !y, !r
  return
}

// -----
!r = !kernel.routing<experts = 8, top_k = 2, tile = 2>
!y = !kernel.routed<!kernel.buffer<64 x f32> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
func.func @sums(%y: !y, %r: !r, %b: !kernel.buffer<32 x f32>) {
  // expected-error @+1 {{rows of experts and of the sum must have the same type}}
  kernel.expert_sum %y, %b by %r : !y, !kernel.buffer<32 x f32>, !r
  return
}

// -----
!r = !kernel.routing<experts = 8, top_k = 2, tile = 2>
!y = !kernel.routed<!kernel.buffer<64 x f32> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
func.func @sums(%y: !y, %r: !r, %b: !kernel.buffer<32 x f32>, %c: !kernel.buffer<64 x f32>) {
  // expected-error @+1 {{residual and output must have the same type}}
  kernel.expert_sum %y, %c by %r residual %b : !y, !kernel.buffer<64 x f32>, !r, !kernel.buffer<32 x f32>
  return
}

// -----
!r = !kernel.routing<experts = 8, top_k = 2, tile = 2>
func.func @sums(%r: !r, %c: !kernel.buffer<64 x f32>, %s: !llm.column_sums<layers = 16, columns = 64>, %layer: index) {
  // expected-error @+1 {{needs sums of 64 columns and a count, for each of 8 experts of each layer}}
  kernel.expert_sum_squares %c into %s[%layer] by %r : !kernel.buffer<64 x f32>, !llm.column_sums<layers = 16, columns = 64>, index, !r
  return
}
