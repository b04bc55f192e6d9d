"""llmc compile --dump-phases: where lines come from, what kernels cost, and the page in a browser."""

import pathlib
import re
import shutil
import sys
import tempfile
import unittest

from llmc_case import MODEL, LlmcCase, llmc
from phase_page import BROWSER, Browser, Dump

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "oracle"))
from block_formats import FORMATS  # noqa: E402
from gguf_io import Gguf  # noqa: E402

folder = None


def packed_bytes(tensor):
    """Of a matrix in groups of 16 rows and units of as many blocks as fill whole lines of 64 bytes."""
    rows, columns = tensor.shape
    format = FORMATS[tensor.format]
    unit = next(n for n in range(1, 65) if 16 * format.bytes * n % 64 == 0)
    units = -(-columns // (format.weights * unit))
    return -(-rows // 16) * 16 * units * unit * format.bytes


def setUpModule():
    global folder, dump
    folder = pathlib.Path(tempfile.mkdtemp())
    result = llmc("compile", MODEL, f"--dump-phases={folder / 'dump'}", "-t", 2)
    assert result.returncode == 0, result.stderr.decode()
    dump = Dump(folder / "dump")


def tearDownModule():
    shutil.rmtree(folder)


class Data(LlmcCase):
    def test_texts_are_the_files(self):
        self.assertEqual(dump.names[0], "source")
        for phase in list(dump.phases.values())[1:]:
            self.assertEqual(phase["text"], (dump.folder / phase["file"]).read_text())
            self.assertEqual(len(phase["origins"]), len(phase["lines"]))
        self.assertLess(len(dump.page), 3 << 20)

    def test_looking_changes_nothing(self):
        for emit, phase in [("vector", "vector"), ("asm", "object")]:
            self.assertEqual(self.done("compile", MODEL, f"--emit={emit}").decode(), dump.phases[phase]["text"])

    def test_origins_are_lines(self):
        for before, name in zip(dump.names, dump.names[1:]):
            most = len(dump.phases[before]["lines"])
            for line in range(1, len(dump.phases[name]["lines"]) + 1):
                for origin in dump.origins(name, line):
                    self.assertTrue(1 <= origin <= most, (name, line, origin))

    def test_fused_operations_come_from_all_their_parts(self):
        def parts(line):
            return sorted(re.search(r"llm\.\w+", dump.text("import", origin))[0][4:]
                          for origin in dump.back("fuse", line, "import"))
        for line in dump.find("fuse", r"llm\.fused_attention"):
            self.assertEqual(parts(line), ["attention", "cache_write", "rope", "rope"])
        self.assertEqual([parts(line) for line in dump.find("fuse", r"llm\.fused_linear")][:4],
                         [["linear"] * 3 + ["rms_norm"], ["add", "linear"],
                          ["linear", "linear", "rms_norm", "swiglu"], ["add", "linear"]])

    def test_products_come_from_their_tensors(self):
        """The weight that a matmul reads is that of the tensors that it is traced back to."""
        for line in dump.find("kernel", r"kernel\.matmul"):
            weight = re.search(r"kernel\.matmul %\d+, (%\d+),", dump.text("kernel", line))[1]
            function = dump.symbol("kernel", line)
            (get,) = [l for l in dump.find("kernel", rf"^ *{weight} = kernel\.get_weight")
                      if function["first"] <= l <= function["last"]]
            tensor = dump.back("kernel", get, "source")
            self.assertEqual(len(tensor), 1)
            self.assertLessEqual(tensor, dump.back("kernel", line, "source"))
            name = dump.text("source", *tensor).split()[0]
            self.assertIn(f'from "{name}"', "\n".join(dump.phases["import"]["lines"]))

    def test_calls_keep_their_callee(self):
        """A call in the assembly comes from a call of the same function, in each phase that has it."""
        calls = [(line, match[1].strip('"')) for line in dump.find("object", r"^\tcallq\t")
                 if (match := re.match(r'\tcallq\t("[^"]+"|[^@]+)(@PLT)?$', dump.text("object", line)))]
        self.assertGreater(len(calls), 100)
        known = 0
        for line, callee in calls:
            for phase in ["llvm", "vector"]:
                for origin in dump.back("object", line, phase):
                    known += 1
                    self.assertRegex(dump.text(phase, origin), rf'call @"?{re.escape(callee)}"?\(')
        self.assertGreater(known, 1.8 * len(calls))

    def test_instructions_keep_their_intrinsic(self):
        lines = dump.find("object", r"^\tvpdpbusd\t")
        for line in lines:
            for origin in dump.origins("object", line):
                self.assertIn("vpdpbusd", dump.text("llvm", origin))
        if lines:
            self.assertTrue(any(dump.origins("object", line) for line in lines))

    def test_most_instructions_have_a_line(self):
        instructions = dump.find("object", r"^\t[a-z]")
        known = sum(1 for line in instructions if dump.origins("object", line))
        self.assertGreater(known, 0.8 * len(instructions))

    def test_shared_functions_name_all_users(self):
        """Who calls a kernel's function is who it says it is shared by."""
        (add,) = [s for s in dump.phases["vector"]["symbols"] if s["name"] == "map.copy"]
        self.assertEqual(add["users"], dump.find("kernel", r"kernel\.map copy"))
        for symbol in dump.phases["vector"]["symbols"]:
            match = re.fullmatch(r"matmul\.(\w+)\.(store|add|swiglu)", symbol["name"])
            if match:
                users = [l for l in dump.find("kernel", rf"kernel\.matmul .*!llm\.block<{match[1]}>")
                         if re.search(rf"epilogue<{match[2]}>", dump.text("kernel", l)) or
                         match[2] == "store" and "epilogue" not in dump.text("kernel", l)]
                self.assertEqual(symbol["users"], users, symbol["name"])

    def test_remarks_have_lines(self):
        lines = self.done("compile", MODEL, "--remarks").decode().splitlines()[:-1]
        self.assertEqual(len(lines), len(dump.data["remarks"]))
        for remark, line in zip(dump.data["remarks"], lines):
            self.assertIn(remark["text"], line)
            self.assertTrue(remark["lines"])

    def test_costs_are_the_models(self):
        """A token multiplies with each weight of each matrix once, and reads each once."""
        matrices = [t for name, t in Gguf.read(MODEL).tensors.items()
                    if len(t.shape) == 2 and name != "token_embd.weight"]
        work = [(k, k["token"]) for k in dump.data["costs"]["kernels"] if "matmul" in k["label"]]
        self.assertEqual(sum(k["calls"] * w["multiplyAdds"] for k, w in work),
                         sum(t.shape[0] * t.shape[1] for t in matrices))
        self.assertEqual(sum(k["calls"] * w["weights"] for k, w in work), sum(map(packed_bytes, matrices)))
        for kernel, w in work:
            rows = 1 if kernel["function"] == "logits" else 512
            self.assertEqual(kernel["prompt"]["multiplyAdds"], rows * w["multiplyAdds"])
        self.assertGreater(dump.data["speed"]["read"], 1e8)
        for name in ["int8 dot", "f32"]:
            self.assertGreater(dump.data["speed"]["peaks"][name], 1e8, name)

    def test_attention_costs(self):
        meta = Gguf.read(MODEL).meta
        heads, width = meta["llama.attention.head_count"], meta["llama.embedding_length"]
        (kernel,) = {k["label"]: k for k in dump.data["costs"]["kernels"] if k["label"] == "attention"}.values()
        self.assertEqual(kernel["token"]["multiplyAdds"], heads * 513 * 2 * (width // heads))
        split = 3 if kernel["prompt"]["arithmetic"] == "bf16 tiles" else 1
        self.assertEqual(kernel["prompt"]["multiplyAdds"], split * heads * (512 * 513 // 2) * 2 * (width // heads))


@unittest.skipUnless(BROWSER, "chromium is not installed; the page is not looked at")
class Page(LlmcCase):
    def setUp(self):
        super().setUp()
        self.browser = Browser(self.folder / "profile")

    def tags(self, fragment, path=None):
        tags, console = self.browser.tags(path or dump.folder / "index.html", fragment)
        self.assertEqual(console, [])
        self.assertTrue(tags.find("body", data_ready="true"))
        return tags

    def test_selecting_attention(self):
        tags = self.tags("columns=fuse,kernel,object&select=fuse:llm.fused_attention")
        marked = {a["data-phase"]: int(a["data-marked"]) for a in tags.find("button") if "data-marked" in a}
        self.assertEqual(list(marked), dump.names)
        self.assertEqual(marked["fuse"], 1)
        for phase in ["import", "kernel", "vector", "llvm", "object"]:
            self.assertGreater(marked[phase], 1)
        columns = tags.find("section", **{"class": "column"})
        self.assertEqual([c["data-phase"] for c in columns], ["fuse", "kernel", "object"])
        for column in columns:
            self.assertGreater(int(column["data-marked"]), 0)
        rows = [a["class"] for a in tags.find("div") if a.get("class", "").startswith("line ")]
        self.assertGreater(sum(c.split()[1] in ("own", "others") for c in rows), 20)

    def test_views(self):
        for view, tag, wanted in [("overview", "tr", "data-phase"), ("graph", "g", "data-node"),
                                  ("roofline", "circle", "data-node"), ("remarks", "tr", "class")]:
            with self.subTest(view=view):
                tags = self.tags(f"view={view}")
                self.assertGreater(len([a for a in tags.find(tag) if wanted in a]), 3)

    def test_names_are_text(self):
        name = "<img src=x onerror=console.log(1)>&'\"<!--<script>.gguf"
        model = self.folder / name
        model.symlink_to(MODEL)
        self.done("compile", model, f"--dump-phases={self.folder / 'dump'}")
        tags = self.tags("", self.folder / "dump" / "index.html")
        self.assertEqual(tags.find("img"), [])
        self.assertEqual(tags.texts["title"], name)


if __name__ == "__main__":
    unittest.main()
