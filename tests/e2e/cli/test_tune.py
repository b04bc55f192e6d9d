"""llmc tune, and what its choices may change: speed only."""

import json
import os
import unittest

from llmc_case import DONE, FAILED, MODEL, MODEL_F16, MODELS, WRONG_USAGE, LlmcCase, llmc, read_bytes

TEXT = "To be, or not to be, that is the question: whether 'tis nobler in the mind to suffer. " * 6
# For each CPU the tiles that stand in the table, and others.
WIDTHS = {
    "cascadelake": ([1, 2, 4, 8, 12], [1, 3, 5, 12]),
    "haswell": ([1, 2], [1, 2, 3, 4]),
    "sapphirerapids": ([1, 2, 4, 8, 16], [1, 3, 8, 16]),
}
DOTS = {"cascadelake": "vnni512", "haswell": "avx2", "sapphirerapids": "amx"}


class Tune(LlmcCase):
    def setUp(self):
        super().setUp()
        self.environment = os.environ | {"XDG_CONFIG_HOME": str(self.folder)}
        self.path = self.folder / "llmc" / "tiles.json"

    def keep(self, **choices):
        """Writes choices: CPU/dot -> (tiles, far, near, panels)."""
        self.path.parent.mkdir(exist_ok=True)
        names = ("tiles", "prefetch_far", "prefetch_near", "panel_cache")
        self.path.write_text(json.dumps({key: dict(zip(names, choice)) for key, choice in choices.items()}))

    def test_measures_and_keeps(self):
        answer = self.json("tune", MODEL, "--rounds", 1, "-t", 1, "--json", env=self.environment)
        kept = json.loads(self.path.read_text())
        self.assertEqual(kept, {f"{answer['cpu']}/{answer['dot']}": answer["chosen"]})
        self.assertEqual(answer["kept"], str(self.path))
        self.assertEqual({candidate["stage"] for candidate in answer["candidates"]} - {"tiles", "panels"}, {"prefetch"})
        for stage in {candidate["stage"] for candidate in answer["candidates"]}:
            of_stage = [candidate for candidate in answer["candidates"] if candidate["stage"] == stage]
            self.assertEqual(sum(candidate["chosen"] for candidate in of_stage), 1)
            self.assertTrue(all(candidate["ms"] > 0 for candidate in of_stage))
        target = self.json("inspect", "--target", "--json", env=self.environment)["target"]
        self.assertEqual({name: target[name] for name in answer["chosen"]}, answer["chosen"])

    def test_dry_run_keeps_nothing(self):
        table = self.done("tune", MODEL, "--rounds", 1, "-t", 1, "--dry-run", env=self.environment).decode()
        self.assertIn("| prefetch ", table)
        self.assertIn("nothing is kept", table)
        self.assertEqual(self.names(), [])

    def test_other_choices_stay(self):
        self.keep(**{"other/avx2": ([1, 2], 4096, 2048, 1 << 20)})
        before = json.loads(self.path.read_text())
        self.done("tune", MODEL, "--rounds", 1, "-t", 1, env=self.environment)
        after = json.loads(self.path.read_text())
        self.assertEqual(len(after), 2)
        self.assertEqual(after["other/avx2"], before["other/avx2"])

    def test_results_do_not_depend_on_it(self):
        text = self.file("text.txt", TEXT)
        for cpu, (table, other) in WIDTHS.items():
            for model in MODEL_F16, MODEL, MODELS / "shakespeare-Q2_K.gguf":
                # 19 and 25 tokens leave rests of several widths, of a single token too, in tiles of either kind.
                for context in 19, 25:
                    with self.subTest(cpu=cpu, model=model, context=context):
                        logits = []
                        for tiles, far, panels in (table, 4096, 1 << 20), (other, 64, 1 << 16):
                            self.keep(**{f"{cpu}/{DOTS[cpu]}": (tiles, far, 2048, panels)})
                            path = self.folder / "logits.npy"
                            result = llmc("perplexity", model, "-f", text, "-c", context, "--target-cpu", cpu, "--logits",
                                          path, env=self.environment)
                            if b"does not run" in result.stderr or b"cannot run" in result.stderr:
                                self.skipTest(result.stderr.decode())
                            self.assertEqual(result.returncode, DONE, result.stderr)
                            logits.append(read_bytes(path))
                        self.assertEqual(logits[0], logits[1])

    def test_damaged_choices(self):
        cpu = self.json("inspect", "--target", "--json", "--target-cpu", "haswell")["target"]
        key = f"{cpu['cpu']}/{cpu['dot']}"
        self.path.parent.mkdir()
        good = {"tiles": [1, 2], "prefetch_far": 4096, "prefetch_near": 2048, "panel_cache": 1 << 20}
        for text in ("", "[]", "{", json.dumps({key: 3}), json.dumps({key: {}}),
                     *(json.dumps({key: good | wrong}) for wrong in (
                         {"tiles": []}, {"tiles": [1]}, {"tiles": [2, 4]}, {"tiles": [1, 2, 2]}, {"tiles": [1, "2"]},
                         {"tiles": [1, 2, 4, 8, 16, 32]}, {"prefetch_far": 100}, {"prefetch_near": -64},
                         {"prefetch_near": 1e300}, {"panel_cache": 0}, {"panel_cache": 1 << 60}))):
            with self.subTest(text=text):
                self.path.write_text(text)
                for command in ("run", MODEL, "-p", "x", "-n", 1), ("inspect", "--target"):
                    result = llmc(*command, "--target-cpu", "haswell", env=self.environment)
                    self.assertIn(result.returncode, (FAILED, WRONG_USAGE))
                    self.assertIn(str(self.path).encode(), result.stderr)
                    self.assertEqual(result.stderr.count(b"\n"), 1)

    def test_wrong_usage(self):
        self.done("tune", "--help")
        self.refused(WRONG_USAGE, "tune", "--rounds", "0", tells=["--rounds"])
        self.refused(WRONG_USAGE, "tune", MODEL, "--no-such-flag", tells=["--no-such-flag"])
        self.refused(WRONG_USAGE, "tune", MODEL, "--target-cpu", "abacus", tells=["abacus"])
        self.refused(WRONG_USAGE, "tune", MODEL, "--target-cpu", "znver4x", tells=["znver4x"])
        self.refused(FAILED, "tune", self.folder / "none.gguf", "--rounds", "1", tells=["none.gguf"])
        self.refused(FAILED, "tune", "shape:none:q4_0", "--rounds", "1", tells=["none"])


if __name__ == "__main__":
    unittest.main()
