"""Code for other CPUs than this one, as far as this one can run it, against the exact pass."""

import unittest

from model_case import ModelCase, call

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
