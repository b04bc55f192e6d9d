// RUN: %opt %s --llm-fuse-experts | FileCheck %s
// RUN: %remarks %s --llm-fuse-experts

!x = tensor<?x64xf32>
!y = tensor<?x64xf32>
!i = tensor<?x2xi32>
!p = tensor<?x2xf32>
!w = tensor<8x32x64xf16>
!q = tensor<8x32x64x!llm.block<q4_0>>
!d = tensor<8x64x32xf16>
!s = tensor<?x128xf32>

// CHECK-LABEL: func.func @fused(
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>, %[[H:.*]]: tensor<?x64xf32>, %[[I:.*]]: tensor<?x2xi32>, %[[P:.*]]: tensor<?x2xf32>, %[[G:.*]]: tensor<8x32x64xf16>, %[[U:.*]]: tensor<8x32x64x!llm.block<q4_0>>, %[[D:.*]]: tensor<8x64x32xf16>)
func.func @fused(%x: !x, %h: !x, %i: !i, %p: !p, %wg: !w, %wu: !q, %wd: !d) -> !x {
  // CHECK-NEXT: %[[S:.*]] = llm.expert_swiglu %[[X]], %[[I]], %[[G]], %[[U]]
  // CHECK-NEXT: %[[DOWN:.*]] = llm.expert_linear %[[S]], %[[I]], %[[D]]
  // CHECK-NEXT: %[[Z:.*]] = llm.expert_sum %[[DOWN]], %[[P]] residual %[[H]]
  // CHECK-NEXT: return %[[Z]]
  %g = llm.expert_linear %x, %i, %wg : !x, !i, !w -> !y
  %u = llm.expert_linear %x, %i, %wu : !x, !i, !q -> !y
  // expected-remark @+1 {{[Passed] llm-fuse-experts | Category:fuse | Function=fused | Remark="gate and up of experts and their swiglu"}}
  %s = llm.swiglu %g, %u : !y
  %d = llm.expert_linear %s, %i, %wd : !y, !i, !d -> !s
  %e = llm.expert_sum %d, %p : !s, !p -> !x
  // expected-remark @+1 {{[Passed] llm-fuse-experts | Category:fuse | Function=fused | Remark="residual into the sum of experts"}}
  %z = llm.add %h, %e : !x
  return %z : !x
}

// CHECK-LABEL: func.func @missed(
func.func @missed(%x: !x, %h: !x, %i: !i, %j: !i, %p: !p, %wg: !w, %wu: !q) -> (!y, !y, !y, !y) {
  // CHECK-NOT: llm.expert_swiglu
  %g = llm.expert_linear %x, %i, %wg : !x, !i, !w -> !y
  %u = llm.expert_linear %x, %j, %wu : !x, !i, !q -> !y
  // expected-remark @+1 {{[Missed] llm-fuse-experts | Category:fuse | Function=missed | Reason="gate and up have other inputs or experts"}}
  %s = llm.swiglu %g, %u : !y
  %v = llm.expert_linear %x, %i, %wu : !x, !i, !q -> !y
  // expected-remark @+1 {{[Missed] llm-fuse-experts | Category:fuse | Function=missed | Reason="gate has 2 uses"}}
  %t = llm.swiglu %g, %v : !y
  // expected-remark @+1 {{[Missed] llm-fuse-experts | Category:fuse | Function=missed | Reason="gate is no product of experts"}}
  %r = llm.swiglu %h, %v : !y
  // expected-remark @+1 {{[Missed] llm-fuse-experts | Category:fuse | Function=missed | Reason="gate and up are the same product"}}
  %q = llm.swiglu %v, %v : !y
  return %s, %t, %r, %q : !y, !y, !y, !y
}

// A sum that something else needs, too, stays as it is.
// CHECK-LABEL: func.func @used_twice(
func.func @used_twice(%d: !s, %p: !p, %h: !x) -> (!x, !x) {
  // CHECK: llm.expert_sum %{{.*}}, %{{.*}} : tensor<?x128xf32>
  // CHECK: llm.add
  %e = llm.expert_sum %d, %p : !s, !p -> !x
  %z = llm.add %h, %e : !x
  return %z, %e : !x, !x
}
