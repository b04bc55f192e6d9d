"""What a GGUF of each architecture holds: its metadata keys, and its tensors with their shapes, as
llama.cpp's converters write them and its loader wants them.

A tensor is a row of a table. Its sizes are names: of options of make_model.py (`dim`, `ffn`,
`vocab`, ...) or of SIZES.
"""
from types import SimpleNamespace

import vocabularies

# Kinds of tensors: of the type of the model, or f32.
MATRIX = "matrix"    # [rows, row length], or [experts, rows, row length]
ROUTER = "router"    # a matrix that stays f32: rounding must not choose other experts
NORM = "norm"        # around 1
BIAS = "bias"        # around 0
FACTORS = "factors"  # what rope's frequencies are divided by, growing from 1

SIZES = {
    "q": lambda o: o.heads * o.key_length,
    "k": lambda o: o.kv * o.key_length,
    "v": lambda o: o.kv * o.value_length,
    "out": lambda o: o.heads * o.value_length,
    "qkv": lambda o: SIZES["q"](o) + SIZES["k"](o) + SIZES["v"](o),
    "gate_up": lambda o: 2 * o.ffn,
    "pairs": lambda o: o.rope_dims // 2,
}


def size(name, o):
    return SIZES[name](o) if name in SIZES else getattr(o, name)


def row(kind, name, *sizes, when=None, gain=1):
    """`when` names the option without which the tensor is left out; `gain` is how much larger than
    others of its kind it is."""
    suffix = ".bias" if kind == BIAS else ".weight"
    return SimpleNamespace(kind=kind, name=name + suffix, sizes=sizes, when=when, gain=gain)


def linear(name, rows, length, bias=None):
    """A matrix, and its bias: `bias` is True, or the option that asks for it."""
    out = [row(MATRIX, name, rows, length)]
    return out + [row(BIAS, name, rows, when=None if bias is True else bias)] if bias else out


def norm(name, width="dim", bias=False, gain=1):
    return [row(NORM, name, width, gain=gain)] + [row(BIAS, name, width)] * bias


def attention(bias=None, output_bias=None):
    return (linear("attn_q", "q", "dim", bias) + linear("attn_k", "k", "dim", bias)
            + linear("attn_v", "v", "dim", bias) + linear("attn_output", "dim", "out", output_bias))


def head_norms():
    # Normed heads alone would hardly tell one key from another.
    return (norm("attn_q_norm", "key_length", gain=1.5)
            + norm("attn_k_norm", "key_length", gain=1.5))


def gated(bias=None):
    return (linear("ffn_gate", "ffn", "dim", bias) + linear("ffn_up", "ffn", "dim", bias)
            + linear("ffn_down", "dim", "ffn", bias))


def experts(width):
    # An expert that rounding takes instead of another should have a small share.
    return [row(ROUTER, "ffn_gate_inp", "experts", "dim", gain=4),
            row(MATRIX, "ffn_gate_exps", "experts", width, "dim"),
            row(MATRIX, "ffn_up_exps", "experts", width, "dim"),
            row(MATRIX, "ffn_down_exps", "experts", "dim", width)]


# The value of each key, without the name of the architecture in front. None leaves the key out.
KEYS = {
    "vocab_size": lambda o: o.vocab,
    "context_length": lambda o: o.ctx,
    "embedding_length": lambda o: o.dim,
    "block_count": lambda o: o.layers,
    "feed_forward_length": lambda o: o.ffn,
    "attention.head_count": lambda o: o.heads,
    "attention.head_count_kv": lambda o: o.kv,
    "attention.layer_norm_rms_epsilon": lambda o: float(o.eps),
    "attention.layer_norm_epsilon": lambda o: float(o.eps),
    "attention.key_length": lambda o: o.key_length,
    "attention.value_length": lambda o: o.value_length,
    "attention.sliding_window": lambda o: o.sliding_window,
    "attention.sliding_window_pattern": lambda o: o.window_pattern,
    "rope.dimension_count": lambda o: o.rope_dims,
    "rope.freq_base": lambda o: float(o.rope_base),
    "rope.freq_base_swa": lambda o: o.local_rope_base and float(o.local_rope_base),
    "rope.scaling.original_context_length": lambda o: o.original_ctx,
    "rope.scaling.attn_factor": lambda o: float(o.attention_factor),
    "use_parallel_residual": lambda o: not o.sequential,
    "attn_logit_softcapping": lambda o: float(o.attention_cap),
    "final_logit_softcapping": lambda o: float(o.logit_cap),
    "expert_count": lambda o: o.experts,
    "expert_used_count": lambda o: o.experts_used,
    "expert_feed_forward_length": lambda o: o.expert_ffn,
}
COMMON = ["context_length", "embedding_length", "block_count", "feed_forward_length",
          "attention.head_count", "attention.head_count_kv", "attention.layer_norm_rms_epsilon"]
HEAD_LENGTHS = ["attention.key_length", "attention.value_length"]
WINDOW = ["attention.sliding_window", "attention.sliding_window_pattern"]
EXPERTS = ["expert_count", "expert_used_count"]

# Options whose default differs from make_model.py's.
SMALL = dict(layers=3, heads=8, kv=2, ffn=512, std=0.08)


def architecture(keys, layer, output_norm=norm("output_norm"), always_tied=False, name=None,
                 words=vocabularies.sentencepiece, factors=(), embedding_gain=1, **defaults):
    """`name` is general.architecture where it is not the name of the table's row."""
    return SimpleNamespace(keys=keys, layer=layer, output_norm=output_norm, factors=factors,
                           always_tied=always_tied, name=name, words=words,
                           embedding_gain=embedding_gain, defaults={**SMALL, **defaults})


def byte_pairs(split):
    return lambda size: vocabularies.byte_pairs(size, split)


LLAMA = architecture(
    ["vocab_size", *COMMON, "rope.dimension_count", "rope.freq_base", *HEAD_LENGTHS,
     "attention.sliding_window"],
    norm("attn_norm") + attention("bias", "bias") + norm("ffn_norm") + gated("ffn_bias"))
LLAMA.defaults = {}

# A tied and scaled embedding must not be so large that each token predicts itself.
GEMMA = dict(always_tied=True, embedding_gain=0.1, output_norm=norm("output_norm", gain=10), eps=1e-6,
             key_length=128, heads=4, sliding_window=8)
GEMMA_LAYER = (norm("attn_norm"), attention(), norm("post_attention_norm"), norm("ffn_norm"),
               gated(), norm("post_ffw_norm"))

ARCHITECTURES = {
    "llama": LLAMA,
    "mixtral": architecture(
        [*LLAMA.keys, *EXPERTS],
        norm("attn_norm") + attention() + norm("ffn_norm") + experts("ffn"),
        name="llama", layers=2, experts=8, experts_used=2, ffn=256, rope_base=1e6),
    "qwen2": architecture(
        [*COMMON, "rope.freq_base"],
        norm("attn_norm") + attention(bias=True) + norm("ffn_norm") + gated(),
        words=byte_pairs("qwen2"), rope_base=1e6, eps=1e-6),
    "qwen3": architecture(
        [*COMMON, *HEAD_LENGTHS, "rope.freq_base"],
        norm("attn_norm") + attention() + head_norms() + norm("ffn_norm") + gated(),
        words=byte_pairs("qwen2"), rope_base=1e6, eps=1e-6, key_length=64),
    "qwen3moe": architecture(
        [*COMMON, *HEAD_LENGTHS, "rope.freq_base", *EXPERTS, "expert_feed_forward_length"],
        norm("attn_norm") + attention() + head_norms() + norm("ffn_norm") + experts("expert_ffn"),
        words=byte_pairs("qwen2"), rope_base=1e6, eps=1e-6, key_length=64, layers=2, experts=8,
        experts_used=3, expert_ffn=256),
    "gptneox": architecture(
        ["context_length", "embedding_length", "block_count", "feed_forward_length",
         "rope.dimension_count", "attention.head_count", "use_parallel_residual",
         "attention.layer_norm_epsilon"],
        norm("attn_norm", bias=True) + linear("attn_qkv", "qkv", "dim", True)
        + linear("attn_output", "dim", "out", True) + norm("ffn_norm", bias=True)
        + linear("ffn_up", "ffn", "dim", True) + linear("ffn_down", "dim", "ffn", True),
        output_norm=norm("output_norm", bias=True), words=byte_pairs("gpt-2"), heads=4, kv=4,
        rope_dims=16),
    "starcoder2": architecture(
        [*COMMON[:-1], "attention.layer_norm_epsilon", "rope.freq_base"],
        norm("attn_norm", bias=True) + attention(bias=True, output_bias=True)
        + norm("ffn_norm", bias=True) + linear("ffn_up", "ffn", "dim", True)
        + linear("ffn_down", "dim", "ffn", True),
        output_norm=norm("output_norm", bias=True), words=byte_pairs("gpt-2"), rope_base=1e6),
    "phi3": architecture(
        [*COMMON, "rope.dimension_count", "rope.freq_base", "attention.sliding_window",
         "rope.scaling.original_context_length", "rope.scaling.attn_factor"],
        norm("attn_norm") + linear("attn_qkv", "qkv", "dim") + linear("attn_output", "dim", "out")
        + norm("ffn_norm") + linear("ffn_up", "gate_up", "dim") + linear("ffn_down", "dim", "ffn"),
        factors=[row(FACTORS, "rope_factors_long", "pairs"),
                 row(FACTORS, "rope_factors_short", "pairs")],
        kv=4, sliding_window=8, original_ctx=64, attention_factor=1.19),
    "gemma2": architecture(
        [*COMMON, *HEAD_LENGTHS, *WINDOW, "attn_logit_softcapping", "final_logit_softcapping"],
        sum(GEMMA_LAYER, []), layers=4, attention_cap=2.0, logit_cap=5.0, **GEMMA),
    "gemma3": architecture(
        [*COMMON, *HEAD_LENGTHS, *WINDOW, "rope.freq_base", "rope.freq_base_swa"],
        sum(GEMMA_LAYER[:2], []) + head_norms() + sum(GEMMA_LAYER[2:], []), layers=7, kv=1,
        rope_base=1e6, rope_scaling="linear:8", **GEMMA),
}
