"""llmc quantize: what its options do to the tensors' bytes."""
import pathlib
import unittest

from model_case import MODELS, VERSE, ModelCase, call
from gguf_io import Gguf
from make_model import make_model

MODEL = str(MODELS / "shakespeare-f16.gguf")


class Quantize(ModelCase):
    def setUp(self):
        super().setUp()
        self.out = str(self.folder / "out.gguf")

    def bytes_of(self, path):
        return {name: tensor.data.tobytes() for name, tensor in Gguf.read(str(path)).tensors.items()}

    def test_importance_of_some_weights(self):
        matrix = str(self.folder / "imatrix.gguf")
        self.done("imatrix", MODEL, "-f", VERSE, "-c", 64, "--chunks", 4, "-o", matrix)

        def raw(*options):
            self.done("quantize", MODEL, self.out, "Q4_0", *options)
            return self.bytes_of(self.out)

        # Without --pure the mixture would depend on whether there is an importance matrix.
        plain, weighted = raw("--pure"), raw("--pure", "--imatrix", matrix)
        some = raw("--pure", "--imatrix", matrix, "--include-weights", "attn_q", "--include-weights", "blk.1.ffn")
        others = raw("--pure", "--imatrix", matrix, "--exclude-weights", "attn_q", "--exclude-weights", "blk.1.ffn")
        self.assertNotEqual(plain["blk.0.attn_q.weight"], weighted["blk.0.attn_q.weight"])
        for name in plain:
            chosen = "attn_q" in name or "blk.1.ffn" in name
            self.assertEqual(some[name], weighted[name] if chosen else plain[name], name)
            self.assertEqual(others[name], plain[name] if chosen else weighted[name], name)
        self.assertEqual(call("quantize", MODEL, self.out, "Q4_0", "--imatrix", matrix, "--include-weights", "a",
                              "--exclude-weights", "b").returncode, 2)

    def test_keeps_the_parts_of_a_split(self):
        first = make_model(str(self.folder / "in.gguf"), type="F16", dim=64, layers=4, heads=4, kv=2, ffn=96, vocab=300,
                           split=3, std=0.08, seed=1)[0]
        self.assertIn("-00001-of-00003.gguf", first)
        whole = str(self.folder / "whole.gguf")
        self.done("quantize", first, whole, "Q8_0")
        answer = self.json("quantize", first, self.out, "Q8_0", "--keep-split", "--json")
        parts = [str(self.folder / f"out-0000{i}-of-00003.gguf") for i in (1, 2, 3)]
        self.assertEqual(answer["output"], parts[0])
        self.assertFalse((self.folder / "out.gguf").exists())
        self.assertEqual(self.bytes_of(parts[0]), self.bytes_of(whole))
        # The parts have the tensors that they had.
        for i, part in enumerate(parts, 1):
            source = pathlib.Path(first.replace("-00001-of", f"-0000{i}-of")).read_bytes()
            made = pathlib.Path(part).read_bytes()
            for name in self.bytes_of(whole):
                self.assertEqual(name.encode() in made, name.encode() in source, (name, part))
        run = ["-p", "the", "-n", 8, "--temp", 0, "--ignore-eos", "--json"]
        self.assertEqual(self.json("run", parts[0], *run)["tokens"], self.json("run", whole, *run)["tokens"])
        # Nothing in the source's place.
        self.refused("quantize", first, str(self.folder / "in.gguf"), "Q8_0", "--keep-split",
                     tells=["the output is the input"])

    def test_a_whole_model_stays_one(self):
        self.assertEqual(self.json("quantize", MODEL, self.out, "Q8_0", "--keep-split", "--json")["output"], self.out)

    def test_pruned_layers(self):
        self.done("quantize", MODEL, self.out, "F32", "--prune-layers", "1,2")
        source, made = Gguf.read(MODEL), Gguf.read(self.out)
        for name in made.tensors:
            layer = name.split(".")[1] if name.startswith("blk.") else None
            before = name.replace(f"blk.{layer}.", f"blk.{int(layer) + 2}.") if layer and layer != "0" else name
            self.assertEqual(made.tensor(name).tobytes(), source.tensor(before).tobytes(), name)


if __name__ == "__main__":
    unittest.main()
