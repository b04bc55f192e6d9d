"""llmc compile."""

import re
import resource
import unittest

from llmc_case import FAILED, MODEL, WRONG_USAGE, LlmcCase, read_bytes

PHASES = ["import", "simplify", "autodiff", "fuse", "layout", "kernel", "vector", "llvm"]


class Compile(LlmcCase):
    def test_emit(self):
        marks = {"import": b"llm.layers", "fuse": b"llm.fused_", "layout": b"#llm.packed",
                 "kernel": b"kernel.", "vector": b"vector.", "llvm": b"llvm.func", "asm": b".globl"}
        for phase in [*PHASES, "asm"]:
            with self.subTest(phase=phase):
                text = self.done("compile", MODEL, f"--emit={phase}")
                self.assertIn(marks.get(phase, b"module"), text)
        self.assertEqual(self.done("compile", MODEL, "--emit=object")[:4], b"\x7fELF")
        self.refused(WRONG_USAGE, "compile", MODEL, "--emit=nonsense", tells=["nonsense", "kernel"])

    def test_emit_does_not_depend_on_output(self):
        for phase in ["fuse", "object"]:
            path = self.folder / f"{phase}.llmc"
            self.assertEqual(self.done("compile", MODEL, f"--emit={phase}", "-o", path),
                             self.done("compile", MODEL, f"--emit={phase}"))
            self.assertTrue(path.exists())

    def test_artifact(self):
        path = self.folder / "m.llmc"
        line = self.done("compile", MODEL, "-o", path).decode()
        self.assertRegex(line, r"^\S*m\.llmc: \S+ MiB, code \S+ KiB for \S+.*, \d+\.\d+ s\n$")
        self.assertEqual(self.names(), ["m.llmc"])
        arguments = ["-p", "ROMEO:", "-n", 20, "--temp", 0, "-t", 1, "--json"]
        self.assertEqual(self.json("run", path, *arguments)["tokens"],
                         self.json("run", MODEL, *arguments)["tokens"])
        self.assertEqual(self.done("tokenize", path, "-p", "Hark!"), self.done("tokenize", MODEL, "-p", "Hark!"))
        whole = path.read_bytes()
        for size in [100, len(whole) // 3, len(whole) - 8192]:
            self.refused(FAILED, "run", self.file("cut.llmc", whole[:size]), "-p", "x", tells=["cut.llmc"])
        self.refused(FAILED, "compile", path, "-o", self.folder / "again.llmc", tells=["m.llmc"])

    def test_output_is_whole_or_not_there(self):
        model = self.file("m.gguf", read_bytes(MODEL))
        self.refused(WRONG_USAGE, "compile", model, "-o", model, tells=["m.gguf"])
        self.refused(WRONG_USAGE, "compile", model, "-o", self.folder / "." / "m.gguf")
        self.assertEqual(model.read_bytes(), read_bytes(MODEL))
        self.refused(FAILED, "compile", model, "-o", self.folder / "none" / "m.llmc", tells=["none"])
        self.refused(FAILED, "compile", model, "-o", self.folder, tells=[str(self.folder)])
        self.refused(FAILED, "compile", model, "-o", self.folder / "m.llmc", tells=["m.llmc"],
                     preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)))
        self.assertEqual(self.names(), ["m.gguf"])

    def test_dump_phases(self):
        folder = self.folder / "a" / "b"
        self.done("compile", MODEL, f"--dump-phases={folder}")
        files = [f"{i:02}-{phase}.mlir" for i, phase in enumerate(PHASES)] + [f"{len(PHASES):02}-object.s"]
        self.assertEqual(sorted(path.name for path in folder.iterdir()), sorted([*files, "index.html"]))
        for phase in ["import", "kernel"]:
            text = (folder / files[PHASES.index(phase)]).read_bytes()
            self.assertEqual(text, self.done("compile", MODEL, f"--emit={phase}"))
        self.refused(FAILED, "compile", MODEL, "--dump-phases=/dev/null", tells=["/dev/null"])

    def test_time_phases(self):
        table = self.done("compile", MODEL, "--time-phases", "--no-cache").decode()
        rows = dict(re.findall(r"^(\w+) +(\d+\.\d+) +\d+\.\d+$", table, re.MULTILINE))
        self.assertEqual(list(rows), [*PHASES, "object", "total"])
        times = {name: float(value) for name, value in rows.items()}
        self.assertAlmostEqual(times.pop("total"), sum(times.values()), delta=0.1)
        self.assertGreater(times["object"], 1)

    def test_remarks(self):
        lines = self.done("compile", MODEL, "--remarks").decode().splitlines()[:-1]
        self.assertTrue(lines)
        for line in lines:
            self.assertRegex(line, r"^(not )?fused: .+ \(llm-fuse-[a-z-]+ in @\S+\)$")

    def test_shape_without_weights(self):
        whole = read_bytes(MODEL)
        header = self.file("header.gguf", whole[: whole.rindex(b"blk.5.") + 200])
        self.refused(FAILED, "compile", header, tells=["header.gguf"])
        self.assertEqual(self.done("compile", header, "--splat-weights", "--emit=kernel"),
                         self.done("compile", MODEL, "--emit=kernel"))
        times = self.done("compile", header, "--splat-weights", "--time-steps", 3).decode()
        self.assertRegex(times, r"prompt of 512: \d+\.\d+ tokens/s")
        self.assertRegex(times, r"generation of 3: \d+\.\d+ ms/token")
        self.refused(WRONG_USAGE, "compile", MODEL, "--splat-weights", "-o", self.folder / "m.llmc")
        self.refused(WRONG_USAGE, "compile", MODEL, "--time-steps", 3, tells=["--splat-weights"])

    def test_known_shapes(self):
        text = self.done("compile", "shape:llama2-7b:q8_0", "--splat-weights", "--emit=import").decode()
        self.assertIn("tensor<32000x4096x!llm.block<q8_0>>", text)
        self.refused(FAILED, "compile", "shape:llama2-7b", tells=["--splat-weights"])
        self.refused(FAILED, "compile", "shape:llama9", "--splat-weights", tells=["llama9", "llama3-8b"])
        self.refused(FAILED, "compile", "shape:llama2-7b:q9", "--splat-weights", tells=["q9", "q4_K"])
        self.refused(FAILED, "compile", "shape:openllama-3b:q4_K", "--splat-weights", tells=["256", "q4_0"])

    def test_other_cpus(self):
        zen, haswell = (self.done("compile", MODEL, "--emit=asm", f"--target-cpu={name}")
                        for name in ["znver4", "haswell"])
        self.assertIn(b"%zmm", zen)
        self.assertIn(b"%ymm", haswell)
        self.assertNotIn(b"%zmm", haswell)


if __name__ == "__main__":
    unittest.main()
