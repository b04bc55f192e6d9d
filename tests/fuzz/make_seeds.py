#!/usr/bin/python3
"""Writes inputs for the fuzz targets to start from: DIRECTORY/TARGET/NAME.

  make_seeds.py DIRECTORY

Whole and small ones, of every kind that a reader knows. What a fuzzer made of them is in the folders
`corpus`; README.md tells how.
"""
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "oracle"))
import gguf_io
import lora_io
from gguf_io import BOOL, F32, F64, I8, I16, I32, I64, STRING, U8, U16, U32, U64, Tensor, Value, array
from make_model import make_model

FOLDER = pathlib.Path(tempfile.mkdtemp())
CONTROL, NORMAL, UNKNOWN, BYTE, USER = 3, 1, 2, 6, 4


def gguf(meta, tensors=(), **options):
    path = str(FOLDER / "seed.gguf")
    gguf_io.write(path, meta, tensors, **options)
    return pathlib.Path(path).read_bytes()


def floats(name, *shape):
    return Tensor(name, "F32", shape, np.arange(np.prod(shape), dtype="<f4").tobytes())


def gguf_seeds():
    scalars = {"general.architecture": "llama"}
    for type, value in ((U8, 200), (I8, -5), (U16, 60000), (I16, -300), (U32, 4 << 28), (I32, -7), (F32, 0.5),
                        (BOOL, True), (U64, 1 << 63), (I64, -1 << 40), (F64, 1e300), (STRING, "a\nb")):
        scalars[f"s.{type}"] = Value(type, value)
    arrays = {f"a.{type}": array(type, values) for type, values in
              ((U8, [7, 255]), (I32, [1, -2]), (F32, [1.5]), (BOOL, [True, False]), (STRING, ["<s>", ""]),
               (U64, []))}
    yield "scalars", gguf(scalars)
    yield "arrays", gguf(arrays)
    yield "tensors", gguf({"general.alignment": 8}, [floats("a", 8), floats("b", 2, 4)], alignment=8)
    yield "blocks", gguf({}, [Tensor("q", "Q8_0", (2, 32), bytes(68)), floats("n", 3)])
    yield "version2", gguf({"k": 1}, [floats("a", 4)], version=2)


def metadata(tokens, types, **more):
    return {"tokenizer.ggml.tokens": tokens, "tokenizer.ggml.token_type": types,
            **{f"tokenizer.ggml.{key}": value for key, value in more.items()}}


SPM = ["<unk>", "<s>", "</s>", "<0x0A>", "<0x41>", "\u2581", "a", "b", "\u2581a", "ab", "<|end|>"]
SPM_TYPES = [UNKNOWN, CONTROL, CONTROL, BYTE, BYTE] + [NORMAL] * 5 + [USER]
BPE = ["h", "e", "l", "o", "\u0120", "he", "ll", "llo", "1", "2", "<|end|>", "\u010a"]
BPE_TYPES = [NORMAL] * 10 + [CONTROL, NORMAL]
MERGES = ["h e", "l l", "ll o", "\u0120 h"]


def tokenizer_lines(model, pre, ids, tokens, types, merges, text):
    lines = [model, pre, ids]
    for i, (token, type) in enumerate(zip(tokens, types)):
        lines.append(f"t{type}{chr(127 - i)}" + token.replace("\n", "\1"))
    return "\n".join(lines + ["m" + merge for merge in merges] + ["x" + text]).encode()


def tokenizer_seeds():
    yield "spm.gguf", gguf(metadata(SPM, SPM_TYPES, model="llama", scores=[-float(i) for i in range(len(SPM))],
                                    bos_token_id=1, eos_token_id=2, add_bos_token=True))
    yield "bpe.gguf", gguf(metadata(BPE, BPE_TYPES, model="gpt2", pre="llama-bpe", merges=MERGES, eos_token_id=10))
    text = "hello ab a\n 12345 <|end|> it's \u00e4\u4e2d\U0001f600 <s> x"
    yield "spm", tokenizer_lines("llama", "", "120-------110", SPM, SPM_TYPES, [], text)
    for pre in ("default", "llama-bpe", "qwen2", "gpt-2", "deepseek-v3", "tekken", "gpt-4o", "falcon", "refact"):
        yield pre, tokenizer_lines("gpt2", pre, "-:--------1", BPE, BPE_TYPES, MERGES, text)
    yield "gemma4", tokenizer_lines("gemma4", "gemma4", "120", SPM, SPM_TYPES, ["a b", "\u2581 a"], text)


def imatrix_seeds():
    names = ["blk.0.attn_q.weight", "blk.0.ffn_up.weight"]
    tensors = []
    for i, name in enumerate(names):
        tensors += [floats(name + ".in_sum2", i + 1, 4), floats(name + ".counts", i + 1, 1)]
    yield "gguf", gguf({"general.type": "imatrix", "imatrix.datasets": ["a.txt"], "imatrix.chunk_count": 3,
                        "imatrix.chunk_size": 512}, tensors)
    entries = b"".join(struct.pack("<i", len(name)) + name.encode() + struct.pack("<ii4f", 3, 4, 1, 2, 3, 4)
                       for name in names)
    yield "dat", struct.pack("<i", 2) + entries + struct.pack("<ii", 3, 5) + b"a.txt"
    yield "dat-old", struct.pack("<i", 2) + entries


def adapter_seeds():
    # The base of AdapterFuzz.cpp.
    path = str(FOLDER / "base.gguf")
    make_model(path, dim=8, layers=2, heads=2, kv=1, ffn=12, vocab=10)
    base = gguf_io.Gguf.read(path)
    matrices = lora_io.random_matrices(base, 2, 0.1, 1)
    few = dict(list(matrices.items())[:3])
    out = FOLDER / "adapter"
    for kind in ("F32", "F16"):
        yield f"gguf-{kind}", lora_io.write_gguf(out, few, 4, kind).read_bytes()
    table = lora_io.random_matrices(base, 2, 0.1, 1, only=[], also=[lora_io.TABLE])
    yield "gguf-table", lora_io.write_gguf(out, table, 4).read_bytes()
    peft = lora_io.write_peft(FOLDER / "peft", few, 4, base)
    tensors = (peft / "adapter_model.safetensors").read_bytes()
    config = json.loads((peft / "adapter_config.json").read_text())
    for name, more in (("peft", {}), ("peft-rslora", {"use_rslora": True}), ("peft-pattern", {
            "alpha_pattern": {"q_proj": 8, r".*\.k_proj": 2}, "rank_pattern": {}, "bias": "none"})):
        yield name, json.dumps({**config, **more}).encode() + b"\n\n" + tensors
    yield "mlx", (json.dumps({"fine_tune_type": "lora", "lora_parameters": {"rank": 2, "scale": 2.0}}).encode()
                  + b"\n\n" + safetensors({"model.layers.0.self_attn.q_proj.lora_a": (8, 2),
                                           "model.layers.0.self_attn.q_proj.lora_b": (2, 8)}))


def safetensors(shapes):
    header, size = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in shapes.items():
        end = size + 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [size, end]}
        size = end
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(size)


def config_seeds():
    yield "short", b"model: m.gguf\ndata: d.txt\nlora: {rank: 4, alpha: 16}\nlearning_rate: 1e-3\n"
    yield "lists", (b"lora:\n  target_modules: [attn_q, 'v_proj']\n  rank_pattern: {attn_q: 8, blk.0.ffn_up: 2}\n"
                    b"  alpha_pattern:\n    attn_q: 1.5\ndump_gradients: [1, 2]\n")
    yield "set", b"--set lora.rank=8\n--set max_steps=10\n--set lora.target_modules=[attn_q]\nseed: 3\n"
    yield "aliases", b"base_model: &m m.gguf\nr: 8\nlora_dropout: 0.1\ntrain_file: *m\nfp16: true\n"
    yield "words", (b"num_layers: all\nmemory_budget: 2GiB\nlr_scheduler: cosine\nthreads: auto\nval_size: 0.1\n"
                    b"sample_start: \"<s>\\n\"\nlong_samples: cut\nchat_template: chatml\nresume_from_checkpoint: none\n")
    yield "tags", b"%YAML 1.2\n---\nmodel: !!str 5\ndata: |\n  a\n  b\nseed: 0x10\n? complex\n: 1\n...\n"


def artifact_seeds():
    program = "module attributes {llm.vocabulary = 2 : i64} { // [\n  func.func @step() -> (index) { return }\n}"
    meta = {"llmc.version": 1, "llmc.program": program, "general.alignment": 64,
            # Rows, columns, and the number of a format, doubled; odd ones are packed.
            "fuzz.weights": array(U64, [1, 8, 0, 2, 32, 0, 16, 32, 1])}
    tensors = [floats("a", 8), floats("b", 2, 32), floats("c", 512)]
    yield "weights", gguf(meta, tensors, alignment=64)
    yield "code", gguf(meta, [floats("llmc.object", 20)], alignment=64)


def program_seeds():
    """Needs llmc, in the environment's LLMC."""
    llmc = os.environ.get("LLMC")
    for name, options in (("llama", {}), ("tied", {"tied": True, "bias": True}), ("yarn", {
            "rope_scaling": "yarn:2:64", "type": "F32"})) if llmc else ():
        path = str(FOLDER / "model.gguf")
        make_model(path, **{**dict(dim=32, layers=2, heads=2, kv=1, ffn=64, vocab=64, type="Q8_0"), **options})
        yield name, subprocess.run([llmc, "compile", path, "--emit=import"], check=True, capture_output=True).stdout


def data_seeds():
    def jsonl(config, *records):
        return config.encode() + b"\njsonl\n" + b"\n".join(json.dumps(r, ensure_ascii=False).encode() for r in records)
    messages = [{"role": "system", "content": "be"}, {"role": "user", "content": "a b"},
                {"role": "assistant", "content": "ab"}]
    yield "text", b"{sample_start: '###', include_sample_start: true, max_seq_length: 8}\ntxt\n### ab a\n### b e\n"
    yield "each-token", b"{max_seq_length: 4, batch_size: 2, val_size: 0.2}\ntxt\nab a b e a b a \xc3\xa4 ab\n"
    yield "overlapping", b"{sample_start: '###', overlapping: true, max_seq_length: 4}\ntxt\n### ab a### b e a###"
    yield "texts", jsonl("{add_eos: true}", {"text": "ab a"}, {"prompt": "a", "completion": "b"})
    yield "masked", jsonl("{mask_prompt: true}", {"prompt": messages[:2], "completion": messages[2:]})
    for template in ("auto", "chatml", "llama3", "alpaca", "zephyr"):
        yield template, jsonl(f"{{chat_template: {template}, mask_prompt: true}}", {"messages": messages},
                              {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]},
                              {"instruction": "do", "input": "a", "output": "b"})
    answers = [{"role": "assistant", "content": text} for text in ("ab", "b e")]
    yield "preferences", jsonl("{train_mode: dpo, max_seq_length: 24}", {"prompt": "a", "chosen": "b", "rejected": "e"},
                               {"chosen": "a b a", "rejected": "a b e"},
                               {"question": "a", "system": "be", "chosen": "b", "rejected": "e"},
                               {"prompt": messages[:2], "chosen": answers[:1], "rejected": answers[1:]},
                               {"chosen": messages[:2] + answers[:1], "rejected": messages[:2] + answers[1:]},
                               {"conversations": [{"from": "human", "value": "a"}],
                                "chosen": {"from": "gpt", "value": "b"}, "rejected": {"from": "gpt", "value": "e"}})
    yield "parts", jsonl("{fill_with_next: true}", {"messages": [
        {"role": "user", "content": [{"type": "text", "text": "a"}]}, {"role": "assistant", "content": "\u00e4"}]})


def chat_seeds():
    for path in sorted((pathlib.Path(__file__).resolve().parents[1] / "unit/chat/templates").glob("*.jinja")):
        yield path.stem, path.read_bytes()


SEEDS = {"gguf": gguf_seeds, "tokenizer": tokenizer_seeds, "imatrix": imatrix_seeds, "adapter": adapter_seeds,
         "config": config_seeds, "data": data_seeds, "chat": chat_seeds, "artifact": artifact_seeds,
         "program": program_seeds}


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: make_seeds.py DIRECTORY")
    for target, seeds in SEEDS.items():
        folder = pathlib.Path(sys.argv[1]) / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in seeds():
            (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
