// RUN: %opt %s --llm-fuse-attention | FileCheck %s
// RUN: %remarks %s --llm-fuse-attention

// The rotations are not those that the fused operation makes.

!q = tensor<?x64xf32>
!k = tensor<?x32xf32>
!t = tensor<?x16xf32>
!kv = !llm.kv_cache<layers = 2, heads = 2, key = 16 x f16, value = 16 x f16>

// CHECK-LABEL: func.func @query_as_it_is(
func.func @query_as_it_is(%q: !q, %k: !k, %v: !k, %t: !t, %kv: !kv, %layer: index, %start: index) -> !q {
  // CHECK: llm.attention
  %1 = llm.rope %k, %t head_dim 16 : !k, !t
  llm.cache_write %kv[%layer] at %start, %1, %v : !kv, !k, !k
  // expected-remark @+1 {{[Missed] llm-fuse-attention | Category:fuse | Function=query_as_it_is | Reason="query is not rotated"}}
  %2 = llm.attention %q, %kv[%layer] at %start scale 0.25 : !q, !kv -> !q
  return %2 : !q
}

// CHECK-LABEL: func.func @keys_as_they_are(
func.func @keys_as_they_are(%q: !q, %k: !k, %v: !k, %t: !t, %kv: !kv, %layer: index, %start: index) -> !q {
  // CHECK: llm.attention
  %0 = llm.rope %q, %t head_dim 16 : !q, !t
  llm.cache_write %kv[%layer] at %start, %k, %v : !kv, !k, !k
  // expected-remark @+1 {{Function=keys_as_they_are | Reason="keys are not rotated"}}
  %2 = llm.attention %0, %kv[%layer] at %start scale 0.25 : !q, !kv -> !q
  return %2 : !q
}

// CHECK-LABEL: func.func @two_tables(
func.func @two_tables(%q: !q, %k: !k, %v: !k, %t: !t, %kv: !kv, %layer: index, %start: index, %other: !t) -> !q {
  // CHECK: llm.attention
  %0 = llm.rope %q, %t head_dim 16 : !q, !t
  %1 = llm.rope %k, %other head_dim 16 : !k, !t
  llm.cache_write %kv[%layer] at %start, %1, %v : !kv, !k, !k
  // expected-remark @+1 {{Function=two_tables | Reason="query and keys are rotated by different tables"}}
  %2 = llm.attention %0, %kv[%layer] at %start scale 0.25 : !q, !kv -> !q
  return %2 : !q
}

// CHECK-LABEL: func.func @narrow_query(
func.func @narrow_query(%q: !q, %k: !k, %v: !k, %t: !t, %kv: !kv, %layer: index, %start: index, %n: tensor<?x8xf32>) -> !q {
  // CHECK: llm.attention
  %0 = llm.rope %q, %n head_dim 8 : !q, tensor<?x8xf32>
  %1 = llm.rope %k, %n head_dim 16 : !k, tensor<?x8xf32>
  llm.cache_write %kv[%layer] at %start, %1, %v : !kv, !k, !k
  // expected-remark @+1 {{Function=narrow_query | Reason="heads of 8 are rotated, the cache's keys have 16 elements"}}
  %2 = llm.attention %0, %kv[%layer] at %start scale 0.25 : !q, !kv -> !q
  return %2 : !q
}

// CHECK-LABEL: func.func @wide_keys(
func.func @wide_keys(%q: !q, %k: !k, %v: !k, %t: !t, %kv: !kv, %layer: index, %start: index) -> !q {
  // CHECK: llm.attention
  %0 = llm.rope %q, %t head_dim 16 : !q, !t
  %1 = llm.rope %k, %t head_dim 32 : !k, !t
  llm.cache_write %kv[%layer] at %start, %1, %v : !kv, !k, !k
  // expected-remark @+1 {{Function=wide_keys | Reason="heads of 32 are rotated, the cache's keys have 16 elements"}}
  %2 = llm.attention %0, %kv[%layer] at %start scale 0.25 : !q, !kv -> !q
  return %2 : !q
}

// CHECK-LABEL: func.func @query_uses(
func.func @query_uses(%q: !q, %k: !k, %v: !k, %t: !t, %kv: !kv, %layer: index, %start: index) -> (!q, !q) {
  // CHECK: llm.attention
  %0 = llm.rope %q, %t head_dim 16 : !q, !t
  %1 = llm.rope %k, %t head_dim 16 : !k, !t
  llm.cache_write %kv[%layer] at %start, %1, %v : !kv, !k, !k
  // expected-remark @+1 {{Function=query_uses | Reason="rotation of the query has 2 uses"}}
  %2 = llm.attention %0, %kv[%layer] at %start scale 0.25 : !q, !kv -> !q
  return %2, %0 : !q, !q
}

// CHECK-LABEL: func.func @keys_uses(
func.func @keys_uses(%q: !q, %k: !k, %v: !k, %t: !t, %kv: !kv, %layer: index, %start: index) -> (!q, !k) {
  // CHECK: llm.attention
  %0 = llm.rope %q, %t head_dim 16 : !q, !t
  %1 = llm.rope %k, %t head_dim 16 : !k, !t
  llm.cache_write %kv[%layer] at %start, %1, %v : !kv, !k, !k
  // expected-remark @+1 {{Function=keys_uses | Reason="rotation of the keys has 2 uses"}}
  %2 = llm.attention %0, %kv[%layer] at %start scale 0.25 : !q, !kv -> !q
  return %2, %1 : !q, !k
}

// CHECK-LABEL: func.func @two_kinds_of_pairs(
func.func @two_kinds_of_pairs(%q: !q, %k: !k, %v: !k, %t: !t, %kv: !kv, %layer: index, %start: index) -> !q {
  // CHECK: llm.attention
  %0 = llm.rope %q, %t head_dim 16 {halves} : !q, !t
  %1 = llm.rope %k, %t head_dim 16 : !k, !t
  llm.cache_write %kv[%layer] at %start, %1, %v : !kv, !k, !k
  // expected-remark @+1 {{Reason="query and keys are rotated in different pairs"}}
  %2 = llm.attention %0, %kv[%layer] at %start scale 0.25 : !q, !kv -> !q
  return %2 : !q
}
