"""A llama GGUF as a program of the `llm` dialect, for tests of what runs such programs.

Written from the operations' descriptions, apart from the product's own frontend.
"""
import math
import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))

MLIR_TYPE = {"F32": "f32", "F16": "f16", "BF16": "bf16"}
BLOCK_TENSORS = ["attn_norm.weight"] + [
    f"{name}.{part}" for name in ("attn_q", "attn_k", "attn_v", "attn_output")
    for part in ("weight", "bias")] + ["ffn_norm.weight"] + [
    f"{name}.{part}" for name in ("ffn_gate", "ffn_up", "ffn_down")
    for part in ("weight", "bias")]


def number(x):
    """A float32 as MLIR reads it back."""
    return np.format_float_scientific(np.float32(x), trim="0", unique=True)


def tensor_type(tensor):
    shape = "x".join(str(n) for n in tensor.shape)
    kind = MLIR_TYPE.get(tensor.format)
    if kind is None:  # a K in a GGUF type's name stays a capital
        kind = f"!llm.block<{tensor.format.lower().replace('_k', '_K')}>"
    return f"tensor<{shape}x{kind}>"


class Program:
    def __init__(self, model, fused, cache="f16"):
        """`model` is a reference_llama.Llama."""
        self.model, self.fused = model, fused
        self.tensors = model.gguf.tensors
        m = model
        self.kv = (f"!llm.kv_cache<layers = {m.layers}, heads = {m.kv[0]}, key = {m.dk} x {cache}, "
                   f"value = {m.dv} x {cache}>")
        self.window = f" {{window = {m.window}}}" if m.window else ""
        self.scale = number(1 / math.sqrt(m.dk))
        self.eps = number(m.eps)
        self.types = {}  # of the values of the function being written
        self.lines = []

    def say(self, line):
        self.lines.append("    " + line)

    def linear(self, result, x, weight):
        out = f"tensor<?x{self.types[weight + '.weight'].split('<')[1].split('x')[0]}xf32>"
        bias = weight + ".bias"
        extra = f" bias %{bias} : {self.types[bias]}" if bias in self.types else ""
        self.say(f"%{result} = llm.linear %{x}, %{weight}.weight{extra} : {self.types[x]}, "
                 f"{self.types[weight + '.weight']} -> {out}")
        self.types[result] = out

    def fused_linear(self, results, x, weights, norm=None, residual=None, swiglu=False):
        rows = [self.types[w + ".weight"].split("<")[1].split("x")[0] for w in weights]
        out = [f"tensor<?x{n}xf32>" for n in rows][: len(results)]
        biases = [w + ".bias" for w in weights if w + ".bias" in self.types]
        operands = [x] + ([norm] if norm else []) + [w + ".weight" for w in weights] + biases
        text = f"%{', %'.join(results)} = llm.fused_linear %{x}"
        text += f" norm(%{norm})" if norm else ""
        text += f" weights({', '.join(f'%{w}.weight' for w in weights)})"
        text += f" biases({', '.join('%' + b for b in biases)})" if biases else ""
        if residual:
            text += f" residual(%{residual})"
            operands.append(residual)
        flags = ", ".join(str(w + ".bias" in self.types).lower() for w in weights)
        attributes = [f"eps = {self.eps} : f32"] if norm else []
        attributes += [f"biased = array<i1: {flags}>"] if biases else []
        attributes += ["activation = #llm.activation<swiglu>"] if swiglu else []
        text += f" {{{', '.join(attributes)}}}" if attributes else ""
        self.say(f"{text} : ({', '.join(self.types[o] for o in operands)}) -> ({', '.join(out)})")
        self.types.update(zip(results, out))

    def norm(self, result, x, weight):
        self.say(f"%{result} = llm.rms_norm %{x}, %{weight} eps {self.eps} : "
                 f"{self.types[x]}, {self.types[weight]}")
        self.types[result] = self.types[x]

    def rope(self, result, x):
        self.say(f"%{result} = llm.rope %{x}, %rope head_dim {self.model.dk} : "
                 f"{self.types[x]}, {self.types['rope']}")
        self.types[result] = self.types[x]

    def add(self, result, a, b):
        self.say(f"%{result} = llm.add %{a}, %{b} : {self.types[a]}")
        self.types[result] = self.types[a]

    def block(self, name, weights):
        """`weights`: name -> type of what a layer has."""
        hidden = f"tensor<?x{self.model.dim}xf32>"
        table = f"tensor<?x{self.model.rope.dims}xf32>"
        self.types = {"h": hidden, "layer": "index", "rope": table, "kv": self.kv,
                      "start": "index", **weights}
        self.lines.append(f"  func.func private @{name}(" + ", ".join(
            f"%{n}: {t}" for n, t in self.types.items()) + f") -> {hidden} {{")
        heads = f"tensor<?x{self.model.heads[0] * self.model.dv}xf32>"
        self.types["y"] = heads
        if self.fused:
            self.fused_linear(["q", "k", "v"], "h", ["attn_q", "attn_k", "attn_v"],
                              norm="attn_norm.weight")
            self.say(f"%y = llm.fused_attention %q, %k, %v, %rope, %kv[%layer] at %start scale "
                     f"{self.scale}{self.window} : ({self.types['q']}, {self.types['k']}, "
                     f"{self.types['v']}, {table}, {self.kv}, index, index) -> {heads}")
            self.fused_linear(["h1"], "y", ["attn_output"], residual="h")
            self.fused_linear(["g"], "h1", ["ffn_gate", "ffn_up"], norm="ffn_norm.weight",
                              swiglu=True)
            self.fused_linear(["h2"], "g", ["ffn_down"], residual="h1")
        else:
            self.norm("n", "h", "attn_norm.weight")
            for x in "qkv":
                self.linear(x, "n", "attn_" + x)
            self.rope("qr", "q")
            self.rope("kr", "k")
            self.say(f"llm.cache_write %kv[%layer] at %start, %kr, %v : {self.kv}, "
                     f"{self.types['kr']}, {self.types['v']}")
            self.say(f"%y = llm.attention %qr, %kv[%layer] at %start scale {self.scale}"
                     f"{self.window} : {self.types['qr']}, {self.kv} -> {heads}")
            self.linear("o", "y", "attn_output")
            self.add("h1", "h", "o")
            self.norm("n1", "h1", "ffn_norm.weight")
            self.linear("gate", "n1", "ffn_gate")
            self.linear("up", "n1", "ffn_up")
            self.say(f"%s = llm.silu %gate : {self.types['gate']}")
            self.say(f"%g = llm.mul %s, %up : {self.types['gate']}")
            self.types["g"] = self.types["gate"]
            self.linear("d", "g", "ffn_down")
            self.add("h2", "h1", "d")
        self.say(f"return %h2 : {hidden}")
        self.lines.append("  }")

    def rope_table(self):
        meta = self.model.gguf.meta
        get = lambda key, default: meta.get("llama.rope." + key, default)
        kind, factor = get("scaling.type", "none"), get("scaling.factor", 1.0)
        attributes = [f"base = {number(get('freq_base', 10000.0))} : f32"]
        attributes.append(f"attention_factor = {number(get('scaling.attn_factor', 1.0))} : f32")
        if kind != "none":
            attributes.append(f"scaling = #llm.rope_scaling<{kind}>")
            attributes.append(f"factor = {number(factor)} : f32")
        if kind == "yarn":
            attributes.append(f"original_context = {get('scaling.original_context_length', 0)} : i64")
        factors = ""
        if "rope_freqs.weight" in self.tensors:
            self.get_weight("rope_freqs.weight")
            factors = f" factors %rope_freqs.weight : {self.types['rope_freqs.weight']}"
        self.types["rope"] = f"tensor<?x{self.model.rope.dims}xf32>"
        self.say(f"%rope = llm.rope_table %start{factors} {{{', '.join(attributes)}}} : "
                 f"{self.types['rope']}")

    def get_weight(self, name):
        self.types[name] = tensor_type(self.tensors[name])
        self.say(f"%{name} = llm.get_weight @{name} : {self.types[name]}")

    def text(self):
        layers = [{n: tensor_type(self.tensors[f"blk.{i}.{n}"]) for n in BLOCK_TENSORS
                   if f"blk.{i}.{n}" in self.tensors} for i in range(self.model.layers)]
        signatures = []
        for layer in layers:
            if layer not in signatures:
                signatures.append(layer)
        schedule = [signatures.index(layer) for layer in layers]

        self.lines = ["module {", f"  llm.state @kv : {self.kv}"]
        for name in self.tensors:
            if not name.startswith("blk."):
                self.lines.append(
                    f'  llm.weight @{name} : {tensor_type(self.tensors[name])} from "{name}"')
        for b, signature in enumerate(signatures):
            own = [i for i, s in enumerate(schedule) if s == b]
            for name, type in signature.items():
                self.lines.append(f'  llm.weight @blk{b}.{name} : {type} '
                                  f'from "blk.{{layer}}.{name}" layers {own}')
        for b, signature in enumerate(signatures):
            self.block(f"block.{b}", signature)

        hidden = f"tensor<?x{self.model.dim}xf32>"
        vocab = self.tensors["token_embd.weight"].shape[0]
        logits = f"tensor<?x{vocab}xf32>"
        self.types = {"h": hidden, "y": hidden}
        self.lines.append(f"  func.func @forward(%tokens: tensor<?xi32>, %start: index) -> {logits} {{")
        self.get_weight("token_embd.weight")
        self.say(f"%h = llm.embed %tokens, %token_embd.weight : tensor<?xi32>, "
                 f"{self.types['token_embd.weight']} -> {hidden}")
        self.say(f"%kv = llm.get_state @kv : {self.kv}")
        self.rope_table()
        blocks = ", ".join(f"@block.{b}" for b in range(len(signatures)))
        weights = ", ".join("[" + ", ".join(f"@blk{b}.{n}" for n in s) + "]"
                            for b, s in enumerate(signatures))
        self.say(f"%y = llm.layers %h shared(%rope, %kv, %start) {{blocks = [{blocks}], "
                 f"weights = [{weights}], schedule = array<i32: {', '.join(map(str, schedule))}>}} "
                 f": ({hidden}, {self.types['rope']}, {self.kv}, index) -> {hidden}")
        self.get_weight("output_norm.weight")
        head = "output" if "output.weight" in self.tensors else "token_embd"
        if head == "output":
            self.get_weight("output.weight")
        if self.fused:
            self.fused_linear(["logits"], "y", [head], norm="output_norm.weight")
        else:
            self.norm("n", "y", "output_norm.weight")
            self.linear("logits", "n", head)
        self.say(f"return %logits : {logits}")
        self.lines += ["  }", "}", ""]
        return "\n".join(self.lines)
