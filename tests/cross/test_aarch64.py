"""Code for AArch64, run by qemu: it gives the bits that code for AVX2 gives, which the tests of
e2e/model hold to the exact pass, and the tokens of this machine's own code."""

import os
import pathlib
import subprocess
import sys
import unittest

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e" / "model"))

from model_case import MODELS, ModelCase, call, load

# CPUs by their dot products (none, sdot, sdot, usdot), and what qemu has of them: an instruction that
# the CPU lacks ends the program. qemu has no CPU with usdot but the one that has everything.
CPUS = {"cortex-a72": "cortex-a72", "cortex-a76": "cortex-a76", "neoverse-n1": "neoverse-n1",
        "neoverse-v1": "max"}
# All formats, in two models whose rows are whole blocks of 32 and of 256.
MIXED = {
    "blocks of 32": ["attn_q=Q4_0", "attn_k=Q4_1", "attn_v=Q5_0", "attn_output=Q5_1", "ffn_gate=Q8_0",
                     "ffn_up=BF16", "ffn_down=IQ4_NL", "output=MXFP4"],
    "blocks of 256": ["attn_q=Q2_K", "attn_k=Q3_K", "attn_v=Q4_K", "attn_output=Q5_K", "ffn_gate=Q6_K",
                      "ffn_up=F16", "ffn_down=IQ4_XS", "output=F32"],
}
CONTEXT = 31


class Aarch64(ModelCase):
    def setUp(self):
        super().setUp()
        self.count = 0

    def program(self, cpu, path, *options):
        """The arguments of run_program that say what is run."""
        self.count += 1
        base = self.folder / f"program{self.count}"
        model, code, text = (base.with_suffix(suffix) for suffix in (".llmc", ".so", ".txt"))
        target = f"--target-cpu={cpu}"
        self.done("compile", path, "-o", model, target, *options)
        base.with_suffix(".o").write_bytes(self.done("compile", path, "--emit=object", target, *options))
        # What it does not define are the runtime's entry points.
        subprocess.run([os.environ["AARCH64_CXX"], "-shared", base.with_suffix(".o"), "-o", code], check=True)
        with open(text, "wb") as out:
            subprocess.run([os.environ["DESCRIBE_PROGRAM"], model, cpu], check=True, stdout=out)
        return [text, model, code]

    def emulate(self, cpu, program, rows, count, tokens):
        done = subprocess.run(
            [os.environ["QEMU_AARCH64"], "-cpu", CPUS[cpu], "-L", "/usr/aarch64-linux-gnu",
             os.environ["RUN_PROGRAM"], *program, str(rows), str(count), *map(str, tokens)],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=300)
        self.assertEqual(done.returncode, 0, (cpu, done.stderr.decode(errors="replace")))
        return done.stdout

    def check_bits(self, cpu, path, *options):
        """Logits of a prompt, read in one step and token by token."""
        tokens = [1] + list(self.verse_tokens(load(path), CONTEXT))[1:]
        program = self.program(cpu, path, *options)
        for rows in 512, 1:
            expected = self.rows(path, CONTEXT, 1, "--target-cpu=haswell", "--max-rows", rows, *options)
            logits = np.frombuffer(self.emulate(cpu, program, rows, 0, tokens), np.float32)
            logits = logits.reshape(CONTEXT, -1)[CONTEXT // 2 : CONTEXT - 1]
            self.assertEqual(logits.tobytes(), expected.tobytes(),
                             (cpu, rows, np.abs(logits - expected).max()))

    def check_formats(self, cpu):
        if call("run", self.make("probe.gguf"), "-p", "x", "-n", 1, "--target-cpu=haswell").returncode:
            self.skipTest("this CPU does not run code for haswell")
        for name, formats in MIXED.items():
            path = self.make(f"{name}.gguf", kv=2, dim=256, ffn=256, vocab=331, layers=1, type_map=formats)
            with self.subTest(name):
                self.check_bits(cpu, path)
        with self.subTest("q8_0 cache"):
            self.check_bits(cpu, path, "--cache-type-k", "q8_0", "--cache-type-v", "q8_0")
        with self.subTest("odd"):
            path = self.make("odd.gguf", dim=160, heads=8, kv=1, ffn=345, vocab=269, layers=1, bias=True,
                             type="Q8_0", sliding_window=30)
            self.check_bits(cpu, path, "--cache-type-k", "bf16", "--cache-type-v", "f32")

    def check_greedy_tokens(self, cpu, name, count):
        path = MODELS / f"shakespeare-{name}.gguf"
        expected = self.json("run", path, "-p", "ROMEO:", "--temp", 0, "-n", count, "--ignore-eos",
                             "--json")["tokens"]
        self.assertEqual(len(expected), count)
        prompt = self.done("tokenize", path, "-p", "ROMEO:").decode().split()
        answer = self.emulate(cpu, self.program(cpu, path), 512, count, prompt)
        self.assertEqual([int(word) for word in answer.split()], expected)


def add(cpu):
    suffix = cpu.replace("-", "_")
    if cpu != "neoverse-n1":  # whose products are those of cortex-a76
        setattr(Aarch64, f"test_formats_{suffix}", lambda self: self.check_formats(cpu))
    # Floats are slow to emulate, and multiplied alike on all.
    for name, count in {"f16": 64 if cpu == "cortex-a76" else 8, "Q8_0": 64, "Q4_K_M": 64}.items():
        setattr(Aarch64, f"test_greedy_{suffix}_{name}",
                lambda self, name=name, count=count: self.check_greedy_tokens(cpu, name, count))


for cpu in CPUS:
    add(cpu)

if __name__ == "__main__":
    if "QEMU_AARCH64" not in os.environ:
        print("SKIPPED: needs Debian's g++-aarch64-linux-gnu and qemu-user")
        sys.exit(77)
    unittest.main()
