"""Code for other CPUs than this one, as far as this one can run it, against the exact pass."""

import unittest

from model_case import MODELS, ModelCase, call

# By their instructions for products: none of their own, AVX2, VNNI. The last has no matrix unit.
TARGETS = "x86-64", "haswell", "cascadelake"
# Formats for each kind of tensor, so that three models have all of them.
MIXED = {
    "floats": ["attn=F16", "ffn=BF16", "attn_v=F32", "output=F32"],
    "blocks of 32": ["attn_q=Q4_0", "attn_k=Q4_1", "attn_v=Q5_0", "attn_output=Q5_1", "ffn=Q8_0",
                     "ffn_down=IQ4_NL", "output=MXFP4"],
    "blocks of 256": ["attn_q=Q2_K", "attn_k=Q3_K", "attn_v=Q4_K", "attn_output=Q5_K", "ffn=Q6_K",
                      "ffn_down=IQ4_XS", "output=Q4_K"],
}


class Targets(ModelCase):
    def check_runs(self, target):
        option = f"--target-cpu={target}"
        if call("run", self.make("probe.gguf"), "-p", "x", "-n", 1, option).returncode:
            self.skipTest(f"this CPU does not run code for {target}")
        return option

    def test_same_bits(self):
        """Kinds of CPUs that all have fused products and sums round alike."""
        options = [self.check_runs(target) for target in TARGETS[1:]]
        for name, formats in MIXED.items():
            path = self.make(kv=2, ffn=512, vocab=331, layers=1, type_map=formats)
            cache = "q8_0" if name == "blocks of 256" else "f16"
            for rows in 512, 1:
                with self.subTest(name, cache=cache, rows=rows):
                    logits = [self.rows(path, 61, 1, option, "--max-rows", rows, "--cache-type-k", cache,
                                        "--cache-type-v", cache).tobytes() for option in options]
                    self.assertEqual(len(set(logits)), 1)

    def test_same_tokens(self):
        """What the repository's model says is the same on all of them."""
        options = [self.check_runs(target) for target in TARGETS]
        for name in "f16", "Q8_0", "Q4_K_M":
            with self.subTest(name):
                said = [self.json("run", MODELS / f"shakespeare-{name}.gguf", "-p", "But soft, what", "--temp", 0,
                                  "-n", 64, "--ignore-eos", "--json", *option)["tokens"]
                        for option in [[], *([o] for o in options)]]
                self.assertEqual(len(said[0]), 64)
                self.assertEqual(len(set(map(tuple, said))), 1)

    def check_target(self, target):
        option = f"--target-cpu={target}"
        if call("run", self.make("probe.gguf"), "-p", "x", "-n", 1, option).returncode:
            self.refused("run", self.make("probe.gguf"), "-p", "x", "-n", 1, option,
                         tells=[target, "does not run on this CPU"])
            self.skipTest(f"this CPU does not run code for {target}")
        for name, formats in MIXED.items():
            with self.subTest(name):
                self.check_model(self.make(kv=2, ffn=1280, vocab=331, type_map=formats),
                                 options=[option])
        with self.subTest("odd"):
            self.check_model(self.make(dim=160, heads=8, kv=1, ffn=345, vocab=269, bias=True,
                                       type="Q8_0", sliding_window=30), options=[option])


def add(target):
    setattr(Targets, "test_" + target.replace("-", "_"), lambda self: self.check_target(target))


for target in TARGETS:
    add(target)

if __name__ == "__main__":
    unittest.main()
