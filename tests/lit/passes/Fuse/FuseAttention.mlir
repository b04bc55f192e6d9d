// RUN: %opt %s --llm-fuse-attention | FileCheck %s
// RUN: %remarks %s --llm-fuse-attention

!q = tensor<?x64xf32>
!k = tensor<?x32xf32>
!v = tensor<?x16xf32>
!t = tensor<?x16xf32>
!kv = !llm.kv_cache<layers = 2, heads = 2, key = 16 x f16, value = 8 x f16>

// CHECK-LABEL: func.func @fused(
func.func @fused(%q: !q, %k: !k, %v: !v, %t: !t, %kv: !kv, %layer: index, %start: index) -> tensor<?x32xf32> {
  // CHECK-NEXT: %[[Y:.*]] = llm.fused_attention %arg0, %arg1, %arg2, %arg3, %arg4[%arg5] at %arg6 scale 2.500000e-01 {window = 5 : i64}
  // CHECK-NEXT: return %[[Y]]
  %0 = llm.rope %q, %t head_dim 16 : !q, !t
  %1 = llm.rope %k, %t head_dim 16 : !k, !t
  llm.cache_write %kv[%layer] at %start, %1, %v : !kv, !k, !v
  // expected-remark @+1 {{[Passed] llm-fuse-attention | Category:fuse | Function=fused | Remark="rope, cache_write and attention"}}
  %2 = llm.attention %0, %kv[%layer] at %start scale 0.25 {window = 5 : i64} : !q, !kv -> tensor<?x32xf32>
  return %2 : tensor<?x32xf32>
}

// What touches no memory may stand between; the write of the layer before may not be taken for this one's.
// CHECK-LABEL: func.func @two_layers(
func.func @two_layers(%q: !q, %k: !k, %v: !v, %t: !t, %kv: !kv, %l: index, %m: index, %start: index)
    -> (tensor<?x32xf32>, tensor<?x32xf32>) {
  // CHECK-NOT: llm.cache_write
  // CHECK: llm.fused_attention %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %arg4[%arg5] at %arg7 scale 2.500000e-01 :
  // CHECK-NEXT: llm.fused_attention %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %arg4[%arg6] at %arg7 scale 5.000000e-01 :
  // CHECK-NEXT: return
  %k0 = llm.rope %k, %t head_dim 16 : !k, !t
  llm.cache_write %kv[%l] at %start, %k0, %v : !kv, !k, !v
  %q0 = llm.rope %q, %t head_dim 16 : !q, !t
  // expected-remark @+1 {{[Passed] llm-fuse-attention}}
  %0 = llm.attention %q0, %kv[%l] at %start scale 0.25 : !q, !kv -> tensor<?x32xf32>
  %k1 = llm.rope %k, %t head_dim 16 : !k, !t
  llm.cache_write %kv[%m] at %start, %k1, %v : !kv, !k, !v
  %q1 = llm.rope %q, %t head_dim 16 : !q, !t
  // expected-remark @+1 {{[Passed] llm-fuse-attention}}
  %1 = llm.attention %q1, %kv[%m] at %start scale 0.5 : !q, !kv -> tensor<?x32xf32>
  return %0, %1 : tensor<?x32xf32>, tensor<?x32xf32>
}

// CHECK-LABEL: func.func @halves(
func.func @halves(%q: !q, %k: !k, %v: !v, %t: !t, %kv: !kv, %layer: index, %start: index) -> tensor<?x32xf32> {
  // CHECK-NEXT: llm.fused_attention {{.*}} scale 2.500000e-01 {halves, softcap = 5.000000e+01 : f32}
  %0 = llm.rope %q, %t head_dim 16 {halves} : !q, !t
  %1 = llm.rope %k, %t head_dim 16 {halves} : !k, !t
  llm.cache_write %kv[%layer] at %start, %1, %v : !kv, !k, !v
  // expected-remark @+1 {{[Passed] llm-fuse-attention}}
  %2 = llm.attention %0, %kv[%layer] at %start scale 0.25 {softcap = 50.0 : f32} : !q, !kv -> tensor<?x32xf32>
  return %2 : tensor<?x32xf32>
}
