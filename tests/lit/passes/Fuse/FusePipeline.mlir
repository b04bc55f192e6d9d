// RUN: %opt %s --llm-fuse | FileCheck %s
// RUN: %remarks %s --llm-fuse

// A llama of two layers with grouped heads, as a frontend imports it: five operations per block.

!h = tensor<?x64xf32>
!kvh = tensor<?x32xf32>
!ff = tensor<?x96xf32>
!n = tensor<64xf32>
!wq = tensor<64x64x!llm.block<q4_0>>
!wk = tensor<32x64x!llm.block<q4_0>>
!wv = tensor<32x64x!llm.block<q8_0>>
!wup = tensor<96x64x!llm.block<q4_0>>
!wdown = tensor<64x96x!llm.block<q4_0>>
!kv = !llm.kv_cache<layers = 2, heads = 2, key = 16 x f16, value = 16 x f16>

llm.weight @token_embd : tensor<100x64xf16> from "token_embd.weight"
llm.weight @output_norm : !n from "output_norm.weight"
llm.weight @output : tensor<100x64x!llm.block<q8_0>> from "output.weight"
llm.weight @blk.attn_norm : !n from "blk.{layer}.attn_norm.weight" layers [0, 1]
llm.weight @blk.attn_q : !wq from "blk.{layer}.attn_q.weight" layers [0, 1]
llm.weight @blk.attn_k : !wk from "blk.{layer}.attn_k.weight" layers [0, 1]
llm.weight @blk.attn_v : !wv from "blk.{layer}.attn_v.weight" layers [0, 1]
llm.weight @blk.attn_output : !wq from "blk.{layer}.attn_output.weight" layers [0, 1]
llm.weight @blk.ffn_norm : !n from "blk.{layer}.ffn_norm.weight" layers [0, 1]
llm.weight @blk.ffn_gate : !wup from "blk.{layer}.ffn_gate.weight" layers [0, 1]
llm.weight @blk.ffn_up : !wup from "blk.{layer}.ffn_up.weight" layers [0, 1]
llm.weight @blk.ffn_down : !wdown from "blk.{layer}.ffn_down.weight" layers [0, 1]
llm.state @kv : !kv

// CHECK-LABEL: func.func private @block.0(
// CHECK-SAME: %[[H:[^:]*]]: tensor<?x64xf32>, %[[LAYER:[^:]*]]: index, %[[ROPE:[^:]*]]: tensor<?x16xf32>,
// CHECK-SAME: %[[KV:[^:]*]]: !llm.kv_cache<{{[^>]*}}>, %[[START:[^:]*]]: index, %[[AN:[^:]*]]: tensor<64xf32>,
// CHECK-SAME: %[[WQ:[^:]*]]: {{[^%]*}}, %[[WK:[^:]*]]: {{[^%]*}}, %[[WV:[^:]*]]: {{[^%]*}}, %[[WO:[^:]*]]: {{[^%]*}},
// CHECK-SAME: %[[FN:[^:]*]]: tensor<64xf32>, %[[WG:[^:]*]]: {{[^%]*}}, %[[WU:[^:]*]]: {{[^%]*}}, %[[WD:[^:]*]]:
// CHECK-NEXT: %[[QKV:.*]]:3 = llm.fused_linear %[[H]] norm(%[[AN]]) weights(%[[WQ]], %[[WK]], %[[WV]]) {eps = 9.99999974E-6 : f32} :
// CHECK-NEXT: %[[A:.*]] = llm.fused_attention %[[QKV]]#0, %[[QKV]]#1, %[[QKV]]#2, %[[ROPE]], %[[KV]][%[[LAYER]]] at %[[START]] scale 2.500000e-01 :
// CHECK-NEXT: %[[H1:.*]] = llm.fused_linear %[[A]] weights(%[[WO]]) residual(%[[H]]) :
// CHECK-NEXT: %[[F:.*]] = llm.fused_linear %[[H1]] norm(%[[FN]]) weights(%[[WG]], %[[WU]]) {activation = #llm.activation<swiglu>, eps = 9.99999974E-6 : f32} :
// CHECK-NEXT: %[[H2:.*]] = llm.fused_linear %[[F]] weights(%[[WD]]) residual(%[[H1]]) :
// CHECK-NEXT: return %[[H2]] : tensor<?x64xf32>
func.func private @block.0(%h: !h, %layer: index, %rope: tensor<?x16xf32>, %kv: !kv, %start: index,
                           %attn_norm: !n, %attn_q: !wq, %attn_k: !wk, %attn_v: !wv, %attn_output: !wq,
                           %ffn_norm: !n, %ffn_gate: !wup, %ffn_up: !wup, %ffn_down: !wdown) -> !h {
  // expected-remark @+1 {{[Passed] llm-fuse-norm}}
  %x = llm.rms_norm %h, %attn_norm eps 1.0e-05 : !h, !n
  // expected-remark @+1 {{[Passed] llm-fuse-shared-input | Category:fuse | Function=block.0 | Remark="3 linears share their input"}}
  %q = llm.linear %x, %attn_q : !h, !wq -> !h
  %k = llm.linear %x, %attn_k : !h, !wk -> !kvh
  %v = llm.linear %x, %attn_v : !h, !wv -> !kvh
  %q1 = llm.rope %q, %rope head_dim 16 : !h, tensor<?x16xf32>
  %k1 = llm.rope %k, %rope head_dim 16 : !kvh, tensor<?x16xf32>
  llm.cache_write %kv[%layer] at %start, %k1, %v : !kv, !kvh, !kvh
  // expected-remark @+1 {{[Passed] llm-fuse-attention}}
  %a = llm.attention %q1, %kv[%layer] at %start scale 0.25 : !h, !kv -> !h
  %o = llm.linear %a, %attn_output : !h, !wq -> !h
  // expected-remark @+1 {{[Passed] llm-fuse-residual}}
  %h1 = llm.add %h, %o : !h
  // expected-remark @+1 {{[Passed] llm-fuse-norm}}
  %y = llm.rms_norm %h1, %ffn_norm eps 1.0e-05 : !h, !n
  // expected-remark @+1 {{Remark="2 linears share their input"}}
  %g = llm.linear %y, %ffn_gate : !h, !wup -> !ff
  %u = llm.linear %y, %ffn_up : !h, !wup -> !ff
  %s = llm.silu %g : !ff
  // expected-remark @+2 {{[Passed] llm-fuse-gate}}
  // expected-remark @+1 {{[Passed] llm-fuse-activation}}
  %m = llm.mul %s, %u : !ff
  %d = llm.linear %m, %ffn_down : !ff, !wdown -> !h
  // expected-remark @+1 {{[Passed] llm-fuse-residual}}
  %h2 = llm.add %h1, %d : !h
  return %h2 : !h
}

// CHECK-LABEL: func.func @decode(
// CHECK:      %[[Y:.*]] = llm.layers
// CHECK-NEXT: %[[N:.*]] = llm.get_weight @output_norm
// CHECK-NEXT: %[[W:.*]] = llm.get_weight @output :
// CHECK-NEXT: %[[L:.*]] = llm.fused_linear %[[Y]] norm(%[[N]]) weights(%[[W]]) {eps = 9.99999974E-6 : f32} :
// CHECK-NEXT: return %[[L]]
func.func @decode(%tokens: tensor<?xi32>, %start: index) -> tensor<?x100xf32> {
  %e = llm.get_weight @token_embd : tensor<100x64xf16>
  %h = llm.embed %tokens, %e : tensor<?xi32>, tensor<100x64xf16> -> !h
  %rope = llm.rope_table %start {base = 1.0e+04 : f32} : tensor<?x16xf32>
  %kv = llm.get_state @kv : !kv
  %y = llm.layers %h shared(%rope, %kv, %start) {
    blocks = [@block.0], schedule = array<i32: 0, 0>,
    weights = [[@blk.attn_norm, @blk.attn_q, @blk.attn_k, @blk.attn_v, @blk.attn_output, @blk.ffn_norm,
                @blk.ffn_gate, @blk.ffn_up, @blk.ffn_down]]
  } : (!h, tensor<?x16xf32>, !kv, index) -> !h
  %n = llm.get_weight @output_norm : !n
  // expected-remark @+1 {{[Passed] llm-fuse-norm}}
  %z = llm.rms_norm %y, %n eps 1.0e-05 : !h, !n
  %w = llm.get_weight @output : tensor<100x64x!llm.block<q8_0>>
  %logits = llm.linear %z, %w : !h, tensor<100x64x!llm.block<q8_0>> -> tensor<?x100xf32>
  return %logits : tensor<?x100xf32>
}
