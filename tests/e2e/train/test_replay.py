"""Whole training runs against PyTorch's autograd, AdamW and schedule, on the dequantized weights.

llmc trains with its debug dumps on; PyTorch then starts with the same first matrices and takes the
same batches, in float64. Each step's loss, learning rate and gradient norm must be llmc's, and so
must the gradients of the first and of the last step, and the adapter in the end.
"""

import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import unittest

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "numerics"), str(HERE.parents[1] / "oracle")]
sys.argv[1:], ARGUMENTS = [], sys.argv[1:]
from check_gradients import Model, torch  # leaves with 77 where PyTorch is not there
from lora_io import MODULES, TABLE
from make_model import make_model

LLMC = os.environ["LLMC"]
MODELS = HERE.parents[1] / "models"
VERSE = HERE.parent / "model" / "verse.txt"

PEFT_NAMES = {peft: gguf for gguf, peft in MODULES.items()}


def gguf_rows(matrix, heads):
    """The halves of each head of q and k interleaved, as GGUF files of architecture `llama` have them."""
    rows = matrix.shape[0]
    return matrix.reshape(heads, 2, rows // heads // 2, -1).swapaxes(1, 2).reshape(matrix.shape)


def read_peft(path, meta):
    """{tensor: [A, B]} in float64 of a safetensors file with PEFT's names, in the GGUF's order; of the
    table A is [rows, rank]. With DoRA the magnitudes come third."""
    content = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack_from("<Q", content)
    result = {}
    for name, tensor in json.loads(content[8 : 8 + length]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + offset for offset in tensor["data_offsets"])
        matrix = np.frombuffer(content[begin:end], np.float32).reshape(tensor["shape"]).astype(np.float64)
        if "embed_tokens" in name:
            result.setdefault(TABLE, [None, None])["AB".index(name[-1])] = matrix.T if name[-1] == "A" else matrix
            continue
        if "lm_head" in name:
            weight, module = "output.weight", "output"
        else:
            layer, module = re.search(r"layers\.(\d+)\.(.*)\.lora_", name).groups()
            module = PEFT_NAMES[module]
            weight = f"blk.{layer}.{module}.weight"
        half = "ABm".index(re.search(r"lora_([ABm])", name).group(1))
        heads = {"attn_q": "head_count", "attn_k": "head_count_kv"}.get(module)
        if heads and half > 0:
            matrix = gguf_rows(matrix, meta["llama.attention." + heads])
        tensors = result.setdefault(weight, [None, None])
        tensors += [None] * (half + 1 - len(tensors))
        tensors[half] = matrix
    return result


def cosine(optimizer, warmup, steps):
    """llmc's lr_scheduler: cosine, to 0."""
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: (step + 1) / warmup if step < warmup
        else 0.5 * (1 + np.cos(np.pi * (step - warmup) / (steps - warmup))))


def distance(a, b):
    return np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-30)


class ReplayCase(unittest.TestCase):
    data = VERSE
    mode = {}  # keys that say what is minimized
    sequences = 1  # rows of a sample

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def train(self, model, steps, compute, keys):
        values = {"model": model, "data": self.data, **self.mode, "output_dir": self.folder / "out", "max_seq_length": 32,
                  "batch_size": 4, "max_steps": steps, "learning_rate": 1e-3, "warmup_steps": 5,
                  "lora": "{rank: 8, alpha: 16}", "weight_decay": 0.1, "max_grad_norm": 1, "val_size": 0,
                  "save_steps": 0, "compute": compute, "debug":
                  f"{{dump_batches: {self.folder}/dump, dump_gradients: [1, {steps}]}}", **keys}
        config = self.folder / "config.yaml"
        config.write_text("".join(f"{key}: {value}\n" for key, value in values.items()))
        result = subprocess.run([LLMC, "train", "--lora", config, "--json"], capture_output=True)
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        lines = (self.folder / "out" / "metrics.jsonl").read_text().splitlines()
        return values, [json.loads(line) for line in lines]

    def batch_loss(self, model, step, accumulated=1):
        dump = self.folder / "dump"
        ids, mask = (np.load(dump / f"step-{step:06}.{what}.npy") for what in ("ids", "mask"))
        return self.step_loss(model, ids, mask, accumulated)

    def step_loss(self, model, ids, mask, accumulated):
        """The mean over the tokens that are learned."""
        targets = np.where(mask[:, 1:] == 1, ids[:, 1:], -1)
        loss = 0
        for part in range(accumulated):
            rows = slice(part * model.sequences, (part + 1) * model.sequences)
            loss = loss + model.losses(*(torch.from_numpy(x[rows].ravel().astype(np.int64))
                                         for x in (ids[:, :-1], targets))).sum()
        return loss / np.count_nonzero(mask)

    def check_metrics(self, row):
        """What else a line of metrics.jsonl says of the step that step_loss() was last asked for."""

    def check(self, type, steps=50, compute="f32", losses=1e-5, gradients=3e-5, last=5e-3, **keys):
        """Relative bounds: of each loss, of each matrix's gradient in the first step, and in the last,
        when the matrices have gone ways of their own for a while."""
        path = str(MODELS / f"shakespeare-{type}.gguf")
        values, metrics = self.train(path, steps, compute, keys)
        self.assertEqual([row["step"] for row in metrics], list(range(1, steps + 1)))
        rank, alpha = (float(re.search(rf"{key}: (\d+)", values["lora"]).group(1)) for key in ("rank", "alpha"))
        model = Model(path, [], [], self.sequences * int(values["batch_size"]), 0)
        dump = self.folder / "dump"
        first = read_peft(dump / "adapter-000000" / "adapter_model.safetensors", model.m.gguf.meta)
        leaves = {name: [torch.from_numpy(np.ascontiguousarray(x)).requires_grad_() for x in pair]
                  for name, pair in first.items()}
        model.adapters = {name: (a, b, alpha / rank) for name, (a, b, *_) in leaves.items()}
        model.magnitudes = {name: pair[2] for name, pair in leaves.items() if len(pair) > 2}
        every = [x for pair in leaves.values() for x in pair]
        for name, (a, b, *_) in first.items():
            self.assertEqual(np.count_nonzero(a if name == TABLE else b), 0, name)

        rate, warmup = values["learning_rate"], values["warmup_steps"]
        optimizer = torch.optim.AdamW([{"params": [x for x in every if x.dim() > 1]},
                                       {"params": [x for x in every if x.dim() == 1], "weight_decay": 0}],
                                      lr=rate, weight_decay=values["weight_decay"])
        schedule = cosine(optimizer, warmup, steps)
        accumulated = int(values.get("gradient_accumulation_steps", 1))
        worst = {"loss": 0}  # and the gradients of two steps

        batch_loss = lambda step: self.batch_loss(model, step, accumulated)
        for row in metrics:
            loss = batch_loss(row["step"])
            optimizer.zero_grad()
            loss.backward()
            if row["step"] in (1, steps):
                found = read_peft(dump / f"gradients-{row['step']:06}.safetensors", model.m.gguf.meta)
                for name, pair in leaves.items():
                    for half, leaf, gradient in zip("ABm", pair, found[name]):
                        bound = gradients if row["step"] == 1 else last
                        off = distance(gradient, leaf.grad.numpy())
                        self.assertLess(off, bound, (row["step"], name, half))
                        worst[row["step"]] = max(off, worst.get(row["step"], 0))
            norm = torch.nn.utils.clip_grad_norm_(every, values["max_grad_norm"]).item()
            self.assertAlmostEqual(row["learning_rate"], optimizer.param_groups[0]["lr"], delta=1e-9)
            self.assertLess(abs(row["loss"] / loss.item() - 1), losses, row["step"])
            self.check_metrics(row)
            self.assertLess(abs(row["grad_norm"] / norm - 1), last, row["step"])
            worst["loss"] = max(worst["loss"], abs(row["loss"] / loss.item() - 1))
            optimizer.step()
            schedule.step()
        self.assertLess(batch_loss(1).item(), 0.99 * metrics[0]["loss"], "the run learned nothing")
        trained = read_peft(self.folder / "out" / "peft" / "adapter_model.safetensors", model.m.gguf.meta)
        for name, pair in leaves.items():
            for leaf, found in zip(pair, trained[name]):
                self.assertLess(distance(found, leaf.detach().numpy()), last, name)
        name = " ".join(map(str, self.mode.values()))
        print(f"{name} {type} {compute}: {steps} steps, largest relative differences: of a loss {worst['loss']:.1e}, of a "
              f"matrix's gradient {worst[1]:.1e} in the first step, {worst[steps]:.1e} in the last", flush=True)

    def check_full(self, path, steps, losses, last, **keys):
        """All weights of a model: each loss, and the tensors of the file in the end."""
        values, metrics = self.train(path, steps, "f32", {
            "fine_tune_type": "full", "learning_rate": 1e-4,
            "debug": f"{{dump_batches: {self.folder}/dump}}", **keys})
        self.assertEqual([row["step"] for row in metrics], list(range(1, steps + 1)))
        model = Model(path, [], [], int(values["batch_size"]), 0)
        every = [x.requires_grad_() for x in model.w.values()]
        optimizer = torch.optim.AdamW(
            [{"params": [x for x in every if x.dim() > 1], "weight_decay": values["weight_decay"]},
             {"params": [x for x in every if x.dim() == 1], "weight_decay": 0}], lr=values["learning_rate"])
        warmup = values["warmup_steps"]
        schedule = cosine(optimizer, warmup, steps)
        worst = 0
        for row in metrics:
            loss = self.batch_loss(model, row["step"])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(every, values["max_grad_norm"])
            worst = max(worst, abs(row["loss"] / loss.item() - 1))
            optimizer.step()
            schedule.step()
        self.assertLess(worst, losses)
        self.assertLess(self.batch_loss(model, 1).item(), 0.99 * metrics[0]["loss"], "the run learned nothing")
        trained = Model(str(self.folder / "out" / "model.gguf"), [], [], 1, 0)
        off = max(distance(trained.w[name].numpy(), x.detach().numpy()) for name, x in model.w.items())
        self.assertLess(off, last)
        print(f"{pathlib.Path(path).name}, all weights: {steps} steps, largest relative differences: of a loss "
              f"{worst:.1e}, of a tensor in the end {off:.1e}", flush=True)


class Replay(ReplayCase):
    def test_full(self):
        # The file's tensors are rounded to f16.
        self.check_full(str(MODELS / "shakespeare-f16.gguf"), 50, losses=2e-4, last=1e-3)

    def test_full_gptneox(self):
        path = make_model(str(self.folder / "neox.gguf"), seed=5, arch="gptneox", type="F32")[0]
        self.check_full(path, 20, losses=2e-4, last=1e-3, learning_rate=1e-3)

    def test_f16(self):
        self.check("f16", steps=12)

    def test_q4_k_m(self):
        self.check("Q4_K_M")

    def test_q8_0_default(self):
        self.check("Q8_0", steps=12, compute="auto", losses=1e-2, gradients=2e-3, last=0.1)

    def test_dora(self):
        self.check("Q4_K_M", steps=20, lora="{rank: 8, alpha: 16, use_dora: true}")

    def test_q4_k_m_default(self):
        self.check("Q4_K_M", compute="auto", losses=1e-2, gradients=2e-3, last=0.1)

    def test_everything(self):
        """Accumulation, and adapters on embedding and output."""
        self.check("f16", steps=10, batch_size=2, gradient_accumulation_steps=2, max_seq_length=24,
                   lora="{rank: 4, alpha: 8, target_modules: [attn_k, attn_v, ffn_down, token_embd, output]}")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + ARGUMENTS)
