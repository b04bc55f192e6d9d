// RUN: %opt %s --llm-fuse-attention | FileCheck %s
// RUN: %remarks %s --llm-fuse-attention

// The write that feeds the attention is not the one before it.

!q = tensor<?x64xf32>
!k = tensor<?x32xf32>
!t = tensor<?x16xf32>
!kv = !llm.kv_cache<layers = 2, heads = 2, key = 16 x f16, value = 16 x f16>

func.func private @touch(!kv)

// CHECK-LABEL: func.func @no_write(
func.func @no_write(%q: !q, %k: !k, %v: !k, %t: !t, %kv: !kv, %layer: index, %start: index) -> !q {
  // CHECK: llm.attention
  %0 = llm.rope %q, %t head_dim 16 : !q, !t
  // expected-remark @+1 {{[Missed] llm-fuse-attention | Category:fuse | Function=no_write | Reason="no cache_write precedes the attention in its block"}}
  %2 = llm.attention %0, %kv[%layer] at %start scale 0.25 : !q, !kv -> !q
  return %2 : !q
}

// CHECK-LABEL: func.func @read_between(
func.func @read_between(%q: !q, %k: !k, %v: !k, %t: !t, %kv: !kv, %layer: index, %start: index, %other: index) -> !q {
  // CHECK: llm.attention
  %0 = llm.rope %q, %t head_dim 16 : !q, !t
  %1 = llm.rope %k, %t head_dim 16 : !k, !t
  llm.cache_write %kv[%layer] at %start, %1, %v : !kv, !k, !k
  // expected-remark @+1 {{Function=read_between | Reason="cache_write is to another layer"}}
  %3 = llm.attention %0, %kv[%other] at %start scale 0.25 : !q, !kv -> !q
  // expected-remark @+1 {{Function=read_between | Reason="llm.attention stands between the cache_write and the attention"}}
  %2 = llm.attention %0, %kv[%layer] at %start scale 0.25 : !q, !kv -> !q
  return %2 : !q
}

// CHECK-LABEL: func.func @call_between(
func.func @call_between(%q: !q, %k: !k, %v: !k, %t: !t, %kv: !kv, %layer: index, %start: index) -> !q {
  // CHECK: llm.attention
  %0 = llm.rope %q, %t head_dim 16 : !q, !t
  %1 = llm.rope %k, %t head_dim 16 : !k, !t
  llm.cache_write %kv[%layer] at %start, %1, %v : !kv, !k, !k
  call @touch(%kv) : (!kv) -> ()
  // expected-remark @+1 {{Function=call_between | Reason="func.call stands between the cache_write and the attention"}}
  %2 = llm.attention %0, %kv[%layer] at %start scale 0.25 : !q, !kv -> !q
  return %2 : !q
}

// CHECK-LABEL: func.func @other_cache(
func.func @other_cache(%q: !q, %k: !k, %v: !k, %t: !t, %kv: !kv, %layer: index, %start: index, %other: !kv) -> !q {
  // CHECK: llm.attention
  %0 = llm.rope %q, %t head_dim 16 : !q, !t
  %1 = llm.rope %k, %t head_dim 16 : !k, !t
  llm.cache_write %other[%layer] at %start, %1, %v : !kv, !k, !k
  // expected-remark @+1 {{Function=other_cache | Reason="cache_write is to another cache"}}
  %2 = llm.attention %0, %kv[%layer] at %start scale 0.25 : !q, !kv -> !q
  return %2 : !q
}

// CHECK-LABEL: func.func @other_layer(
func.func @other_layer(%q: !q, %k: !k, %v: !k, %t: !t, %kv: !kv, %layer: index, %start: index, %other: index) -> !q {
  // CHECK: llm.attention
  %0 = llm.rope %q, %t head_dim 16 : !q, !t
  %1 = llm.rope %k, %t head_dim 16 : !k, !t
  llm.cache_write %kv[%other] at %start, %1, %v : !kv, !k, !k
  // expected-remark @+1 {{Function=other_layer | Reason="cache_write is to another layer"}}
  %2 = llm.attention %0, %kv[%layer] at %start scale 0.25 : !q, !kv -> !q
  return %2 : !q
}

// CHECK-LABEL: func.func @other_position(
func.func @other_position(%q: !q, %k: !k, %v: !k, %t: !t, %kv: !kv, %layer: index, %start: index, %other: index) -> !q {
  // CHECK: llm.attention
  %0 = llm.rope %q, %t head_dim 16 : !q, !t
  %1 = llm.rope %k, %t head_dim 16 : !k, !t
  llm.cache_write %kv[%layer] at %other, %1, %v : !kv, !k, !k
  // expected-remark @+1 {{Function=other_position | Reason="cache_write is at another position"}}
  %2 = llm.attention %0, %kv[%layer] at %start scale 0.25 : !q, !kv -> !q
  return %2 : !q
}

// CHECK-LABEL: func.func @other_block(
func.func @other_block(%q: !q, %k: !k, %v: !k, %t: !t, %kv: !kv, %layer: index, %start: index, %c: i1) -> !q {
  // CHECK: llm.cache_write
  // CHECK: llm.attention
  %0 = llm.rope %q, %t head_dim 16 : !q, !t
  %1 = llm.rope %k, %t head_dim 16 : !k, !t
  llm.cache_write %kv[%layer] at %start, %1, %v : !kv, !k, !k
  %3 = scf.if %c -> !q {
    // expected-remark @+1 {{Function=other_block | Reason="no cache_write precedes the attention in its block"}}
    %2 = llm.attention %0, %kv[%layer] at %start scale 0.25 : !q, !kv -> !q
    scf.yield %2 : !q
  } else {
    scf.yield %q : !q
  }
  return %3 : !q
}
