"""llmc inspect."""

import os
import unittest

from llmc_case import MODEL, WRONG_USAGE, LlmcCase


class Inspect(LlmcCase):
    def test_json(self):
        answer = self.json("inspect", MODEL, "--tensors", "--json")
        self.assertEqual(answer["architecture"], "llama")
        self.assertEqual(answer["file_bytes"], os.path.getsize(MODEL))
        self.assertEqual(answer["metadata"]["llama.embedding_length"], 256)
        self.assertEqual(answer["metadata"]["tokenizer.ggml.add_bos_token"], True)
        self.assertEqual(answer["metadata"]["tokenizer.ggml.tokens"], {"array_of": "string", "count": 2048})
        shapes = {tensor["name"]: tensor["shape"] for tensor in answer["tensors"]}
        self.assertEqual(shapes["blk.0.ffn_down.weight"], [768, 256])
        # Six blocks of width 256 with 8 heads, 4 for keys and values, 768 between; 2048 tokens.
        block = 256 * (256 + 128 + 128 + 256) + 3 * 256 * 768 + 2 * 256
        self.assertEqual(answer["parameters"], 2 * 2048 * 256 + 6 * block + 256)
        types = {share["type"]: share for share in answer["types"]}
        self.assertEqual(set(types), {"Q4_K", "Q6_K", "F32"})
        self.assertEqual(types["Q4_K"]["bytes"] * 256, types["Q4_K"]["parameters"] * 144)
        self.assertEqual(types["F32"]["tensors"], 13)
        total = sum(share["bytes"] for share in answer["types"])
        self.assertEqual(total, sum(tensor["bytes"] for tensor in answer["tensors"]))
        self.assertAlmostEqual(answer["bits_per_weight"], 8 * total / answer["parameters"])

    def test_memory(self):
        def cache(*arguments):
            return self.json("inspect", MODEL, "--json", *arguments)["memory"]["kv_cache_bytes"]

        # Keys and values of 4 heads x 32 numbers in 6 layers.
        self.assertEqual(cache("-c", 1024), 1024 * 2 * 4 * 32 * 6 * 2)
        self.assertEqual(cache("-c", 1024, "--cache-type-k", "f32", "--cache-type-v", "f32"),
                         2 * cache("-c", 1024))
        self.assertEqual(cache(), cache("-c", 256))

    def test_text(self):
        text = self.done("inspect", MODEL, "--tensors").decode()
        for part in ["llama", "Q6_K", "bits/weight", "KV cache", "llama.rope.freq_base", "blk.5.ffn_up.weight"]:
            self.assertIn(part, text)

    def test_compiled_model(self):
        path = self.folder / "m.llmc"
        self.done("compile", MODEL, "-o", path)
        source, compiled = (self.json("inspect", name, "--json") for name in [MODEL, path])
        self.assertTrue(compiled["compiled"])
        self.assertFalse(source["compiled"])
        self.assertEqual(compiled["parameters"], source["parameters"])

    def test_target(self):
        target = self.json("inspect", "--target", "--target-cpu", "haswell", "--json")["target"]
        self.assertEqual((target["cpu"], target["dot"]), ("haswell", "avx2"))
        self.assertIn("haswell", self.done("inspect", "--target", "--target-cpu", "haswell").decode())
        self.refused(WRONG_USAGE, "inspect", tells=["MODEL"])

    def test_target_says_why(self):
        # --target takes a name, too, and never a model.
        for option in ["--target=cortex-a76"], ["--target", "--target-cpu=cortex-a76"]:
            target = self.json("inspect", *option, "--json")["target"]
            self.assertEqual((target["cpu"], target["dot"]), ("cortex-a76", "dotprod"))
        self.assertEqual(target["passed_over"], [{"dot": "i8mm", "missing": ["i8mm"], "withheld": []}])
        self.assertEqual(target["vector_bits"], 128)
        self.assertEqual((target["runs_here"], target["tiles_from"]), (False, "table"))
        self.assertEqual(self.json("inspect", MODEL, "--target", "--json")["parameters"],
                         self.json("inspect", MODEL, "--json")["parameters"])
        text = self.done("inspect", "--target=haswell").decode()
        for part in ["vpmaddubsw", "not vnni512: the CPU lacks avx512vnni", "from the table"]:
            self.assertIn(part, text)
        here = self.json("inspect", "--target", "--json")["target"]
        self.assertTrue(here["runs_here"])
        self.assertIn("found here", self.done("inspect", "--target").decode())

    def test_wrong_target(self):
        self.refused(WRONG_USAGE, "inspect", "--target=haswel", tells=["'haswel'", "did you mean 'haswell'?"])
        self.refused(WRONG_USAGE, "inspect", "--target=cortexa76", tells=["'cortex-a76'", "neoverse-n1", "x86-64"])
        self.refused(WRONG_USAGE, "compile", MODEL, "--target-cpu=znver44", tells=["'znver4'"])

    def test_shape(self):
        answer = self.json("inspect", "shape:llama2-7b:q8_0", "--json", "-c", 4096)
        self.assertEqual(answer["parameters"], 6738415616)
        self.assertEqual(answer["memory"]["kv_cache_bytes"], 4096 * 2 * 4096 * 32 * 2)


if __name__ == "__main__":
    unittest.main()
