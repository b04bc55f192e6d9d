"""llmc quantize: types, options, errors. tests/unit/quantize has the encoders and the mixtures,
tests/e2e/model/test_quantize.py what is seen in the tensors' bytes."""

import os
import pathlib
import re
import signal
import struct
import subprocess
import time
import unittest

from llmc_case import FAILED, LLMC, MODEL, MODEL_F16, MODELS, WRONG_USAGE, LlmcCase, read_bytes

# Each with general.file_type and the type that most of its matrices have.
TYPES = {"Q2_K": (10, "Q2_K"), "Q3_K_S": (11, "Q3_K"), "Q3_K_M": (12, "Q3_K"), "Q3_K_L": (13, "Q3_K"),
         "Q4_0": (2, "Q4_0"), "Q4_1": (3, "Q4_1"), "Q4_K_S": (14, "Q4_K"), "Q4_K_M": (15, "Q4_K"),
         "Q5_0": (8, "Q5_0"), "Q5_1": (9, "Q5_1"), "Q5_K_S": (16, "Q5_K"), "Q5_K_M": (17, "Q5_K"),
         "Q6_K": (18, "Q6_K"), "Q8_0": (7, "Q8_0"), "IQ4_NL": (25, "IQ4_NL"), "IQ4_XS": (30, "IQ4_XS"),
         "F16": (1, "F16"), "BF16": (32, "BF16"), "F32": (0, "F32")}
IMPORTANCE = """To be, or not to be, that is the question:
Whether 'tis nobler in the mind to suffer
""" * 4


class Quantize(LlmcCase):
    def setUp(self):
        super().setUp()
        self.out = self.folder / "out.gguf"

    def tensors(self, path):
        return {t["name"]: t for t in self.json("inspect", path, "--json", "--tensors")["tensors"]}

    def types(self, path):
        return {name: tensor["type"] for name, tensor in self.tensors(path).items()}

    def meta(self, path):
        return self.json("inspect", path, "--json", "--tensors")["metadata"]

    def quantize(self, *arguments):
        return self.json("quantize", MODEL_F16, self.out, *arguments, "--json")

    def imatrix(self):
        path = self.folder / "imatrix.gguf"
        text = self.file("importance.txt", IMPORTANCE)
        self.done("imatrix", MODEL_F16, "-f", text, "-c", 32, "-o", path, "--process-output")
        return path, str(text)

    def test_types(self):
        for name, (number, base) in TYPES.items():
            with self.subTest(name):
                answer = self.quantize(name)
                self.assertEqual(set(answer), {"type", "output", "tensors", "source_bytes", "size_bytes",
                                               "bits_per_weight", "threads", "seconds"})
                self.assertEqual((answer["type"], answer["output"]), (name, str(self.out)))
                self.assertEqual(self.meta(self.out)["general.file_type"], number)
                self.assertEqual(self.meta(self.out)["general.quantization_version"], 2)
                types = self.types(self.out)
                self.assertEqual(types["blk.1.attn_q.weight"], base)
                self.assertEqual(types["output_norm.weight"], "F32")

    def test_names_in_any_case_and_by_number(self):
        one = self.folder / "one.gguf"
        self.done("quantize", MODEL_F16, one, "Q4_K_M")
        for name in ("q4_k_m", "Q4_k", "15"):
            self.assertEqual(self.quantize(name)["type"], "Q4_K_M")
            self.assertEqual(read_bytes(self.out), read_bytes(one))
        self.assertEqual(self.quantize("mxfp4")["type"], "MXFP4_MOE")

    def test_is_as_the_models_in_the_tree(self):
        for name in ("Q4_K_M", "Q2_K", "Q8_0"):
            self.quantize(name)
            self.assertEqual(self.types(self.out), self.types(MODELS / f"shakespeare-{name}.gguf"))

    def test_copy(self):
        self.done("quantize", MODEL, self.out, "COPY")
        self.assertEqual(self.types(self.out), self.types(MODEL))
        self.assertEqual(self.meta(self.out), self.meta(MODEL))

    def test_arguments(self):
        model = self.file("model.gguf", read_bytes(MODEL_F16))
        self.done("quantize", model, "Q8_0")
        self.assertEqual(self.names(), ["ggml-model-Q8_0.gguf", "model.gguf"])
        self.assertEqual(self.json("quantize", model, self.out, "q8_0", 1, "--json")["threads"], 1)
        self.assertEqual(self.json("quantize", "-t", 1, model, self.out, "q8_0", "--json")["threads"], 1)
        self.assertEqual(read_bytes(self.out), read_bytes(self.folder / "ggml-model-Q8_0.gguf"))

    def test_chosen_types(self):
        self.quantize("Q4_K_M", "--pure")
        self.assertEqual(set(self.types(self.out).values()), {"Q4_K", "F32"})
        self.quantize("Q4_K_M", "--output-tensor-type", "q8_0", "--token-embedding-type", "F16",
                      "--tensor-type", "attn_[qk]=q5_1", "--tensor-type", r"blk\.1\.attn_k=q4_0")
        types = self.types(self.out)
        self.assertEqual((types["output.weight"], types["token_embd.weight"], types["blk.1.attn_k.weight"],
                          types["blk.0.attn_q.weight"], types["blk.0.attn_output.weight"]),
                         ("Q8_0", "F16", "Q5_1", "Q5_1", "Q4_K"))
        self.quantize("Q4_K_M", "--leave-output-tensor")
        self.assertEqual(self.types(self.out)["output.weight"], "F16")

    def test_tensor_type_file(self):
        rules = self.file("rules.txt", "attn_q=q8_0 FFN_UP=q5_0\n\n\tffn_down=q4_1\r\n")
        self.quantize("Q4_0", "--tensor-type", "ffn_up=q6_K", "--tensor-type-file", rules)
        types = self.types(self.out)
        self.assertEqual([types[f"blk.2.{name}.weight"] for name in ("attn_q", "ffn_up", "ffn_down", "attn_k")],
                         ["Q8_0", "Q6_K", "Q4_1", "Q4_0"])
        self.refused(FAILED, "quantize", MODEL_F16, self.out, "Q4_0", "--tensor-type-file",
                     self.file("bad.txt", "attn_q=q8_0 ffn_up"), tells=["bad.txt", "'ffn_up'"])
        self.refused(FAILED, "quantize", MODEL_F16, self.out, "Q4_0", "--tensor-type-file",
                     self.file("bad.txt", "attn_q=q9_9"), tells=["bad.txt", "'q9_9'"])
        self.refused(FAILED, "quantize", MODEL_F16, self.out, "Q4_0", "--tensor-type-file",
                     self.folder / "none.txt", tells=["none.txt"])

    def test_requantizing(self):
        self.refused(FAILED, "quantize", MODEL, self.out, "Q4_0", tells=["--allow-requantize"])
        self.assertEqual(self.names(), [])
        self.done("quantize", MODEL, self.out, "Q4_0", "--allow-requantize")
        self.assertEqual(self.types(self.out)["blk.0.attn_q.weight"], "Q4_0")

    def test_importance(self):
        matrix, text = self.imatrix()
        self.quantize("Q4_K_M")
        without, names = read_bytes(self.out), set(self.types(self.out))
        self.quantize("Q4_K_M", "--imatrix", matrix)
        self.assertNotEqual(read_bytes(self.out), without)
        meta = self.meta(self.out)
        entries = sum(name.startswith("blk.") and "norm" not in name for name in names) + 1
        self.assertEqual({key: value for key, value in meta.items() if key.startswith("quantize.")},
                         {"quantize.imatrix.file": str(matrix), "quantize.imatrix.dataset": text,
                          "quantize.imatrix.entries_count": entries,
                          "quantize.imatrix.chunks_count": meta["quantize.imatrix.chunks_count"]})
        self.assertGreater(meta["quantize.imatrix.chunks_count"], 1)
        self.refused(FAILED, "quantize", MODEL_F16, self.out, "Q2_K_S", tells=["--imatrix"])
        self.quantize("Q2_K_S", "--imatrix", matrix)
        self.assertEqual(self.meta(self.out)["general.file_type"], 21)

    def test_overrides(self):
        self.quantize("Q8_0", "--override-kv", "llama.context_length=int:77", "--override-kv",
                      "llama.rope.freq_base=float:5e5", "--override-kv", "general.name=str:a=b:c",
                      "--override-kv", "tokenizer.ggml.add_bos_token=bool:false", "--override-kv",
                      "my.number=int:-3", "--override-kv", "my.large=int:99999999999")
        before, meta = self.meta(MODEL_F16), self.meta(self.out)
        self.assertEqual((meta["llama.context_length"], meta["llama.rope.freq_base"], meta["general.name"],
                          meta["tokenizer.ggml.add_bos_token"], meta["my.number"], meta["my.large"]),
                         (77, 5e5, "a=b:c", False, -3, 99999999999))
        self.assertEqual(meta["llama.embedding_length"], before["llama.embedding_length"])
        for bad in ("a", "a=int", "=int:3", "a=int:3.5", "a=int:99999999999999999999", "a=float:x", "a=float:1e60",
                    "a=float:nan", "a=bool:1", "a=array:3", "general.alignment=int:64", "split.count=int:3", ""):
            self.refused(WRONG_USAGE, "quantize", MODEL_F16, self.out, "Q8_0", "--override-kv", bad,
                         tells=["--override-kv"])

    def test_pruned_layers(self):
        blocks = self.meta(MODEL_F16)["llama.block_count"]
        before = self.types(MODEL_F16)
        self.quantize("Q4_K_M", "--prune-layers", "3,1,3")
        self.assertEqual(self.meta(self.out)["llama.block_count"], blocks - 2)
        kept = [layer for layer in range(blocks) if layer not in (1, 3)]
        renamed = {re.sub(r"^blk\.(\d+)\.", lambda m: f"blk.{kept.index(int(m[1]))}.", name)
                   for name in before if not name.startswith(("blk.1.", "blk.3."))}
        self.assertEqual(set(self.types(self.out)), renamed)
        self.json("run", self.out, "-p", "the", "-n", 2, "--json")
        for bad, code in ((str(blocks), FAILED), (",".join(map(str, range(blocks))), FAILED), ("x", WRONG_USAGE),
                          ("-1", WRONG_USAGE), ("1;2", WRONG_USAGE)):
            self.refused(code, "quantize", MODEL_F16, self.out, "Q8_0", f"--prune-layers={bad}")

    def test_dry_run(self):
        output = self.done("quantize", MODEL_F16, self.out, "Q4_K_M", "--dry-run").decode().splitlines()
        self.assertEqual(self.names(), [])
        self.assertEqual(len(output), len(self.types(MODEL_F16)) + 2)
        planned = self.quantize("Q4_K_M", "--dry-run")
        self.assertEqual(planned["size_bytes"], self.quantize("Q4_K_M")["size_bytes"])

    def test_nonsense(self):
        def refused(code, *arguments, tells=()):
            self.refused(code, "quantize", *arguments, tells=tells)
            self.assertFalse(self.out.exists())

        refused(WRONG_USAGE)
        refused(WRONG_USAGE, MODEL_F16)
        refused(WRONG_USAGE, MODEL_F16, self.out, "Q4_9", tells=["'Q4_9'", "Q4_K_M"])
        refused(WRONG_USAGE, MODEL_F16, self.out, "Q4_0", "many", tells=["'many'"])
        refused(WRONG_USAGE, MODEL_F16, self.out, "Q4_0", "-1", tells=["-1"])
        refused(WRONG_USAGE, MODEL_F16, self.out, "Q4_0", "--output-tensor-type", "q9", tells=["'q9'"])
        refused(WRONG_USAGE, MODEL_F16, self.out, "Q4_0", "--tensor-type", "attn_q", tells=["REGEX=TYPE"])
        refused(WRONG_USAGE, MODEL_F16, self.out, "Q4_0", "--tensor-type", "=q8_0")
        refused(WRONG_USAGE, MODEL_F16, self.out, "Q4_0", "--pruned", tells=["--pruned"])
        refused(FAILED, MODEL_F16, self.out, "Q4_0", "--tensor-type", "(=q8_0", tells=["'('"])
        refused(FAILED, MODEL_F16, self.out, "Q4_0", "--imatrix", self.folder / "none.gguf", tells=["none.gguf"])
        refused(FAILED, MODEL_F16, self.out, "Q4_0", "--imatrix", MODEL, tells=["no entries"])
        refused(FAILED, self.folder / "none.gguf", self.out, "Q4_0", tells=["none.gguf"])
        refused(FAILED, self.file("text.gguf", "nonsense"), self.out, "Q4_0", tells=["text.gguf"])
        refused(FAILED, self.file("half.gguf", read_bytes(MODEL_F16)[:100000]), self.out, "Q4_0", tells=["half.gguf"])
        refused(FAILED, MODEL_F16, self.folder / "none" / "out.gguf", "Q4_0", tells=["none"])
        refused(FAILED, MODEL_F16, self.folder, "Q4_0")
        same = self.file("same.gguf", read_bytes(MODEL_F16))
        refused(FAILED, same, same, "Q4_0", tells=["the output is the input"])
        self.assertEqual(read_bytes(same), read_bytes(MODEL_F16))
        self.assertEqual(self.names(), ["half.gguf", "same.gguf", "text.gguf"])

    def is_writing(self, process):
        """Whether it has a file open in the folder that is not the model: one without a name, or a temporary one."""
        for descriptor in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
            try:
                path = os.readlink(descriptor)
            except OSError:
                continue
            if path.startswith(str(self.folder)) and path.endswith((" (deleted)", ".tmp")):
                return True
        return False

    def test_signals_leave_what_was_there(self):
        model = self.file("large.gguf", large_model())
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)):
            for times in (1, 2):
                self.out.write_bytes(b"old")
                process = subprocess.Popen([LLMC, "quantize", model, self.out, "Q2_K", "-t", "1"],
                                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                deadline = time.monotonic() + 60
                while not self.is_writing(process) and time.monotonic() < deadline:
                    time.sleep(0.01)
                for _ in range(times):
                    process.send_signal(number)
                    time.sleep(0.01)
                error = process.communicate(timeout=60)[1]
                # The second signal may find the process at its end.
                self.assertIn(process.returncode, (code, -number) if times == 2 else (code,), error)
                self.assertEqual(error, b"")
                self.assertEqual(self.names(), ["large.gguf", "out.gguf"])
                self.assertEqual(self.out.read_bytes(), b"old")


def large_model():
    """An F32 matrix that takes seconds to quantize."""
    columns, rows = 4096, 4096

    def text(value):
        return struct.pack("<Q", len(value)) + value

    head = struct.pack("<4sIQQ", b"GGUF", 3, 1, 1)
    head += text(b"general.architecture") + struct.pack("<I", 8) + text(b"llama")
    head += text(b"blk.0.attn_q.weight") + struct.pack("<IQQIQ", 2, columns, rows, 0, 0)
    head += bytes(-len(head) % 32)
    row = struct.pack(f"<{columns}f", *((i * 7919 % 1009 - 504) / 504 for i in range(columns)))
    return head + row * rows


if __name__ == "__main__":
    unittest.main()
