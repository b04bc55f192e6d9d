"""Training with several processes: what one process learns from batches as large as theirs together.

Skipped where there is no mpirun.
"""

import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import numpy as np

LLMC = os.environ["LLMC"]
HERE = pathlib.Path(__file__).resolve().parent
MODEL = HERE.parents[1] / "models" / "shakespeare-f16.gguf"
VERSE = HERE.parent / "model" / "verse.txt"
MPIRUN = ["mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "--mca", "btl", "self,vader"]

if not shutil.which("mpirun"):
    print("no mpirun here")
    sys.exit(77)


def tensors(path):
    content = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack_from("<Q", content)
    return {name: np.frombuffer(content[8 + length :][slice(*entry["data_offsets"])], np.float32)
            for name, entry in json.loads(content[8 : 8 + length]).items() if name != "__metadata__"}


class Mpi(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def command(self, processes, out, **keys):
        values = {"model": MODEL, "data": VERSE, "output_dir": self.folder / out, "max_seq_length": 32,
                  "batch_size": 2, "max_steps": 6, "learning_rate": 1e-3, "warmup_steps": 0, "lr_scheduler": "constant",
                  "lora": "{rank: 4, alpha: 8}", "val_size": 4, "eval_batches": 5, "save_steps": 2,
                  "save_total_limit": 0, "adam_epsilon": 1e-3,
                  "compute": "f32", "logging_steps": 1, **keys}
        config = self.folder / f"{out}.yaml"
        config.write_text("".join(f"{key}: {value}\n" for key, value in values.items() if value is not None))
        llmc = [LLMC, "train", "--lora", config, "--threads", "1", "--json"]
        return [*MPIRUN, "-n", str(processes), *llmc] if processes > 1 else llmc

    def train(self, processes, out, **keys):
        done = subprocess.run(self.command(processes, out, **keys), capture_output=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.notes = done.stderr.decode()
        return json.loads(done.stdout)  # one document, whoever else there is

    def metrics(self, out):
        return [json.loads(line) for line in (self.folder / out / "metrics.jsonl").read_text().splitlines()]

    def losses(self, out):
        return [row["loss"] for row in self.metrics(out) if "loss" in row]

    def checkpoints(self, out):
        return list((self.folder / out).glob("checkpoint-*.safetensors"))

    def adapter(self, out):
        return tensors(self.folder / out / "peft" / "adapter_model.safetensors")

    def assert_same(self, is_, want, bound=1e-5):
        np.testing.assert_allclose(self.losses(is_), self.losses(want), rtol=bound)
        found, wanted = self.adapter(is_), self.adapter(want)
        self.assertEqual(found.keys(), wanted.keys())
        (found_state,), (wanted_state,) = (
            [tensors(path) for path in self.checkpoints(out) if path.stem.endswith("06")] for out in (is_, want))
        self.assertEqual(found_state.keys(), wanted_state.keys())  # both moments, too
        found.update(found_state)
        wanted.update(wanted_state)
        for name in wanted:
            scale = np.linalg.norm(wanted[name])
            self.assertLess(np.linalg.norm(found[name] - wanted[name]), bound * scale, name)

    def test_two_are_one_with_twice_the_batch(self):
        one = self.train(1, "one", batch_size=4)
        two = self.train(2, "two")
        self.assert_same("two", "one")
        self.assertEqual((one["steps"], one["tokens"]), (two["steps"], two["tokens"]))
        for key in ("loss_before", "loss_after"):
            self.assertAlmostEqual(one[key], two[key], delta=1e-5 * one[key])
        self.assertGreater(abs(two["loss_after"] - two["loss_before"]), 1e-3)  # something was learned
        # One process speaks.
        self.assertEqual(self.notes.count("trains "), 1)
        self.assertIn("2 processes summed", self.notes)

    def test_accumulation_and_all_weights(self):
        keys = {"fine_tune_type": "full", "gradient_accumulation_steps": 2, "learning_rate": 1e-4, "max_steps": 3}
        self.train(1, "one", batch_size=4, **keys)
        self.train(2, "two", **keys)
        np.testing.assert_allclose(self.losses("two"), self.losses("one"), rtol=1e-5)

    def test_preferences(self):
        lines = VERSE.read_text().splitlines()
        pairs = [{"prompt": lines[i], "chosen": lines[i + 1], "rejected": lines[i + 2]} for i in range(0, 30, 3)]
        data = self.folder / "pairs.jsonl"
        data.write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
        keys = {"data": data, "train_mode": "dpo", "max_seq_length": 48, "max_steps": 3, "val_size": 3}
        one = self.train(1, "one", batch_size=4, **keys)
        two = self.train(2, "two", **keys)
        np.testing.assert_allclose(self.losses("two"), self.losses("one"), rtol=1e-5)
        self.assertAlmostEqual(one["loss_after"], two["loss_after"], delta=1e-5)

    def go_back(self, out, step):
        """As if the run had ended after this step."""
        for path in self.checkpoints(out):
            if int(path.stem.split("-")[-1]) > step:
                path.unlink()

    def test_resumed_by_other_numbers(self):
        # Where nothing is learned, losses say which samples a step has.
        still = {"learning_rate": 1e-30, "val_size": 0, "max_steps": 10, "save_steps": 2}
        self.train(1, "each", **still)
        each = self.losses("each")  # of two rows
        for processes, step in ((2, 0), (1, 2), (2, 4)):
            self.go_back("is", step)
            outcome = self.train(processes, "is", **{**still, "max_steps": 6})
            self.assertEqual((outcome["resumed_from"], outcome["steps"]), (step, 6))
        want = [np.mean(each[0:2]), np.mean(each[2:4]), each[4], each[5], np.mean(each[6:8]), np.mean(each[8:10])]
        np.testing.assert_allclose(self.losses("is"), want, rtol=1e-5)

    def test_epochs_resumed_by_other_numbers(self):
        # The rest of the epoch, with the learning rates of a run that always had as many processes.
        verse = VERSE.read_text()
        data = self.folder / "data.jsonl"
        data.write_text("".join(json.dumps({"text": verse[at : at + 300]}) + "\n" for at in range(0, 24 * 60, 60)))
        keys = {"data": data, "learning_rate": 1e-30, "val_size": 0, "max_steps": None, "epochs": 1, "save_steps": 2,
                "lr_scheduler": "linear"}
        self.train(1, "each", **keys)
        each = self.losses("each")
        self.assertEqual(len(each), 12)
        self.train(1, "is", **keys)
        self.go_back("is", 4)
        outcome = self.train(2, "is", **keys)
        self.assertEqual((outcome["resumed_from"], outcome["steps"]), (4, 8))
        want = [*each[:4], *(np.mean(each[at : at + 2]) for at in range(4, 12, 2))]
        np.testing.assert_allclose(self.losses("is"), want, rtol=1e-5)
        rates = [row["learning_rate"] / 1e-30 for row in self.metrics("is") if "loss" in row]
        np.testing.assert_allclose(rates[4:], [1 - step / 6 for step in range(2, 6)])

    def test_resumed_is_not_interrupted(self):
        self.train(2, "is")
        losses, adapter = self.losses("is"), self.adapter("is")
        self.go_back("is", 2)
        self.assertEqual(self.train(2, "is")["resumed_from"], 2)
        self.assertEqual(self.losses("is"), losses)
        for name, values in self.adapter("is").items():
            np.testing.assert_array_equal(values, adapter[name])

    def test_a_process_that_dies_ends_the_run(self):
        command = self.command(2, "killed", max_steps=100000)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
            until = time.monotonic() + 120
            while not self.checkpoints("killed") and time.monotonic() < until:
                time.sleep(0.1)
            children = pathlib.Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
            ranks = [pid for pid in map(int, children)
                     if pathlib.Path(f"/proc/{pid}/comm").read_text().startswith("llmc")]
            self.assertEqual(len(ranks), 2)
            os.kill(ranks[1], signal.SIGKILL)
            _, error = run.communicate(timeout=60)
        self.assertNotEqual(run.returncode, 0)
        self.assertEqual(error.decode().count("llmc: error: "), 1, error.decode())
        self.assertIn("another process of the run has ended", error.decode())
        # What is there is whole, and goes on.
        last = max(int(path.stem.split("-")[-1]) for path in self.checkpoints("killed"))
        with subprocess.Popen(self.command(1, "killed", max_steps=100000), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as run:
            note = next(line for line in run.stderr if b"goes on after step" in line).decode()
            next(line for line in run.stderr if b"loss" in line)
            run.send_signal(signal.SIGINT)
            run.communicate(timeout=60)
        self.assertIn(f"goes on after step {last} of", note)
        self.assertEqual(run.returncode, 130)

    def test_what_all_refuse_is_told_once(self):
        done = subprocess.run(self.command(2, "bad", model=self.folder / "none.gguf"), capture_output=True, timeout=120)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stderr.decode().count("llmc: error: "), 1, done.stderr.decode())


if __name__ == "__main__":
    unittest.main(verbosity=2)
