"""llmc train: options, files, errors, and runs that are stopped or killed."""

import json
import math
import os
import pathlib
import pty
import random
import resource
import signal
import struct
import subprocess
import time
import unittest

from llmc_case import DONE, FAILED, INTERRUPTED, LLMC, MODEL, MODELS, WRONG_USAGE, LlmcCase, llmc
from test_lora import adapter

VERSE = pathlib.Path(__file__).resolve().parents[1] / "model" / "verse.txt"


class TrainCase(LlmcCase):
    def config(self, name="config.yaml", **keys):
        """A config file; keys with a dot are written as they are."""
        values = {
            "model": MODEL,
            "data": self.folder / "text.txt",
            "output_dir": self.folder / "out",
            "max_seq_length": 16,
            "batch_size": 2,
            "max_steps": 6,
            "learning_rate": "1e-3",
            "lora": "{rank: 2}",
            "save_steps": 2,
            "eval_steps": 3,
            "val_size": 40,
            "threads": 1,
        }
        values.update(keys)
        lines = (f"{key}: {value}\n" for key, value in values.items() if value is not None)
        return self.file(name, "".join(lines))

    def setUp(self):
        super().setUp()
        self.file("text.txt", VERSE.read_bytes()[:3000])

    def train(self, *arguments, config=None, **options):
        return self.json("train", "--lora", config or self.config(), "--json", *arguments, **options)

    def start(self, config, **options):
        return subprocess.Popen([LLMC, "train", "--lora", str(config)], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options)

    def metrics(self, folder="out"):
        """metrics.jsonl without what depends on time."""
        lines = (self.folder / folder / "metrics.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        for row in rows:
            row.pop("seconds", None)
            row.pop("tokens_per_second", None)
        return rows

    def expect_whole(self, folder="out"):
        """Every file that is there is one, and no other is."""
        out = self.folder / folder
        known = {"adapter.gguf", "model.gguf", "resolved-config.yaml", "loss.svg", "metrics.jsonl", "peft",
                 "report.html"}
        for path in out.iterdir() if out.exists() else []:
            if path.name.startswith("checkpoint-"):
                content = path.read_bytes()
                length = struct.unpack_from("<Q", content)[0]
                header = json.loads(content[8 : 8 + length])
                end = max(t["data_offsets"][1] for n, t in header.items() if n != "__metadata__")
                self.assertEqual(len(content), 8 + length + end, path)
            elif path.suffix == ".tmp":  # of a process that was killed
                self.assertTrue(path.name.startswith(".llmc-"), path)
            else:
                self.assertIn(path.name, known)
        if (out / "loss.svg").exists():
            self.assertTrue((out / "loss.svg").read_text().endswith("</svg>\n"))
        if (out / "report.html").exists():
            self.assertTrue((out / "report.html").read_text().endswith("</html>\n"))
        if (out / "adapter.gguf").exists():
            self.done("run", MODEL, "-p", "a", "-n", 1, "--lora", out / "adapter.gguf")


class TrainConfig(TrainCase):
    def test_print_config(self):
        text = self.done("train", "--print-config").decode()
        self.assertIn("learning_rate: 2e-4", text.replace("0.0002", "2e-4"))
        config = self.file("all.yaml", text)
        again = self.done("train", "--lora", config, "--print-config", "--set", "lora.rank=3").decode()
        changed = [pair for pair in zip(text.splitlines(), again.splitlines()) if pair[0] != pair[1]]
        self.assertEqual(len(changed), 1, changed)
        self.assertTrue(changed[0][1].strip().startswith("rank: 3"))

    def test_usage(self):
        self.refused(WRONG_USAGE, "train", tells=["--lora CONFIG.yaml"])
        self.refused(WRONG_USAGE, "train", "--lora", self.config(), "--target-cpu", "pdp11")

    def test_errors(self):
        """One line that names file, place and remedy, exit 1, and nothing is written."""
        for keys, tells in [
            ({"larning_rate": "1e-3"}, ["config.yaml:13", "larning_rate", "did you mean learning_rate?"]),
            ({"learning_rate": ".nan"}, ["config.yaml:7", "learning_rate", "is not a number; give one that is between"]),
            ({"learning_rate": "-1"}, ["config.yaml:7", "out of range"]),
            ({"model": self.folder / "none.gguf"}, ["none.gguf"]),
            ({"model": self.folder / "text.txt"}, ["text.txt"]),
            ({"model": None}, ["config.yaml", "model is not given"]),
            ({"data": self.folder / "none.txt"}, ["none.txt"]),
            ({"data": self.file("empty.txt", "")}, ["empty.txt"]),
            ({"data": self.file("bytes.txt", b"a\xff\xfe")}, ["bytes.txt", "UTF-8"]),
            ({"data": self.file("bad.jsonl", '{"text": "a"}\n{"text":\n')}, ["bad.jsonl:2"]),
            ({"data": self.file("long.jsonl", json.dumps({"text": "word " * 40})), "long_samples": "error"},
             ["long.jsonl:1", "max_seq_length is 16"]),
            ({"lora": "{rank: 2, target_modules: [attn_x]}"}, ["config.yaml:8", "attn_x"]),
            ({"lora": "{rank: 2, target_modules: [attn_q], rank_pattern: {attn_k: 4}}"},
             ["attn_k is not trained"]),
            ({"adapter_init": self.file("other.gguf", adapter(width=128, rows=128))}, ["other.gguf"]),
            ({"adapter_init": self.file("arch.gguf", adapter(architecture="gpt2"))}, ["arch.gguf", "gpt2"]),
            ({"rope_freq_base": 20000}, ["config.yaml", "rope_freq_base", "remove it"]),
        ]:
            with self.subTest(keys=keys):
                self.refused(FAILED, "train", "--lora", self.config(**keys), tells=tells)
                self.assertFalse((self.folder / "out").exists())
        self.refused(FAILED, "train", "--lora", self.config(), "--set", "rank", tells=["--set rank", "'='"])
        self.refused(FAILED, "train", "--lora", self.folder / "none.yaml", tells=["none.yaml"])

    def test_compiled_model(self):
        compiled = self.folder / "model.llmc"
        self.done("compile", MODEL, "-o", compiled)
        self.refused(FAILED, "train", "--lora", self.config(model=compiled), tells=["model.llmc", "GGUF"])


class Train(TrainCase):
    def test_files_and_report(self):
        result = self.train("--set", "output_dir=" + str(self.folder / "json"))
        for key, value in {"steps": 6, "total_steps": 6, "resumed_from": 0, "tokens": 6 * 2 * 16,
                           "interrupted": False, "stopped_early": ""}.items():
            self.assertEqual(result[key], value, key)
        self.assertGreater(result["ppl_before"], 1)
        self.assertEqual(set(result["sample"]), {"prompt", "before", "after"})
        text = llmc("train", "--lora", self.config())
        self.assertEqual(text.returncode, DONE, text.stderr)
        output, notes = text.stdout.decode(), text.stderr.decode()
        for part in ["without adapter", "with adapter", "perplexity", "6 steps", "adapter.gguf"]:
            self.assertIn(part, output)
        for part in ["393 samples", "40 samples are held back", "step 6 of 6", "step 3: validation loss"]:
            self.assertIn(part, notes)
        self.assertEqual(self.metrics(), self.metrics("json"))
        names = sorted(path.name for path in (self.folder / "out").iterdir())
        self.assertEqual(names, ["adapter.gguf", "checkpoint-000002.safetensors",
                                 "checkpoint-000004.safetensors", "checkpoint-000006.safetensors",
                                 "loss.svg", "metrics.jsonl", "peft", "report.html", "resolved-config.yaml"])
        self.expect_whole()
        # Done is done.
        again = self.train()
        self.assertEqual(again["resumed_from"], 6)
        self.assertEqual(again["ppl_after"], result["ppl_after"])

    def test_nothing_changed(self):
        config = self.config(learning_rate="1e-12", max_steps=1)
        output = self.done("train", "--lora", config).decode()
        self.assertIn("changed nothing that can be measured", output)

    def test_plan(self):
        plan = self.train("--plan")
        self.assertEqual(plan["matrices"], 42)
        self.assertEqual(plan["parameters"], sum(m["parameters"] for m in plan["modules"].values()))
        shapes = [(c["max_seq_length"], c["batch_size"]) for c in plan["choices"]]
        self.assertEqual(shapes, [(16, 2), (8, 2), (32, 2), (16, 1), (16, 4)])
        for choice in plan["choices"]:
            self.assertEqual(choice["memory_bytes"], sum(choice["memory"].values()))
            self.assertGreater(choice["seconds_per_step"], 0)
        self.assertIn("double batch", self.done("train", "--lora", self.config(), "--plan").decode())
        self.assertFalse((self.folder / "out").exists())

    def test_terminal(self):
        """A line that is rewritten, as wide as the terminal at most."""
        master, terminal = pty.openpty()
        process = subprocess.Popen([LLMC, "train", "--lora", str(self.config(max_steps=400, eval_steps=0))],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=terminal)
        os.close(terminal)
        shown = b""
        while b"training" not in shown:
            shown += os.read(master, 1000)
        process.send_signal(signal.SIGINT)
        while process.poll() is None:
            try:
                shown += os.read(master, 1000)
            except OSError:  # the terminal was closed
                process.wait()
        os.close(master)
        self.assertEqual(process.returncode, INTERRUPTED)
        self.assertRegex(shown, rb"training +\d+ %  step \d+ of 400  loss \d")

    def test_interrupted(self):
        keys = {"max_steps": 12, "eval_steps": 5, "lora": "{rank: 2, dropout: 0.1}"}
        self.done("train", "--lora", self.config("whole.yaml", **keys, output_dir=self.folder / "whole"))
        for signal_number, code in [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, 143)]:
            process = self.start(self.config(**keys))
            for line in process.stderr:
                if b"step" in line and b" of 12" in line and b"loss" in line:
                    break
            process.send_signal(signal_number)
            rest = process.stderr.read()
            self.assertEqual(process.wait(), code, rest)
            process.stderr.close()
            self.assertIn(b"the same command goes on from there", rest)
            self.expect_whole()
        self.done("train", "--lora", self.config(**keys))
        self.assertEqual(self.metrics(), self.metrics("whole"))

    def test_killed(self):
        """kill -9 at random moments never damages a file, and the losses are those of one run."""
        keys = {"max_steps": 120, "eval_steps": 10, "save_steps": 2, "eval_batches": 1,
                "lora": "{rank: 2, dropout: 0.1}", "gradient_accumulation_steps": 2}
        start = time.monotonic()
        self.done("train", "--lora", self.config("whole.yaml", **keys, output_dir=self.folder / "whole"))
        whole_seconds = time.monotonic() - start
        config = self.config(**keys)
        generator = random.Random(1)
        kills = 0
        while kills < 20:
            process = self.start(config)
            try:
                process.communicate(timeout=generator.uniform(0, 0.5 * whole_seconds))
                self.assertEqual(process.returncode, DONE)
                # It was too fast: take the end away again.
                for path in (self.folder / "out").glob("checkpoint-*"):
                    if path.name > "checkpoint-000117":
                        path.unlink()
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                kills += 1
            self.expect_whole()
        self.done("train", "--lora", config)
        self.assertEqual(self.metrics(), self.metrics("whole"))
        for name in ["adapter.gguf", "peft/adapter_model.safetensors", "checkpoint-000120.safetensors"]:
            same = (self.folder / "out" / name).read_bytes() == (self.folder / "whole" / name).read_bytes()
            # A checkpoint also says where output_dir is not: it is the same in both.
            self.assertTrue(same, name)

    def test_full_disk(self):
        limit = 200_000  # of a file; checkpoints are larger

        def small_files():
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        result = llmc("train", "--lora", self.config(), preexec_fn=small_files)
        self.assertEqual(result.returncode, FAILED)
        self.assertEqual(result.stdout, b"")
        errors = [line for line in result.stderr.decode().splitlines() if "error: " in line]
        self.assertEqual(len(errors), 1)
        self.assertIn("checkpoint-000002.safetensors: cannot write: File too large", errors[0])
        names = sorted(path.name for path in (self.folder / "out").iterdir())
        self.assertEqual(names, ["metrics.jsonl", "resolved-config.yaml"])

    def test_no_place(self):
        config = self.config(output_dir=self.folder / "text.txt" / "out")
        result = llmc("train", "--lora", config)
        self.assertEqual(result.returncode, FAILED)
        self.assertIn("text.txt/out: cannot make the directory", result.stderr.decode())

    def test_another_config(self):
        self.train()
        result = llmc("train", "--lora", self.config(lora="{rank: 4}"))
        self.assertEqual(result.returncode, FAILED)
        self.assertIn("lora.rank was 2 and is 4", result.stderr.decode())
        self.assertEqual(self.train(config=self.config(resume_from_checkpoint="none"))["resumed_from"], 0)

    def test_dumps(self):
        self.train("--set", f"debug.dump_batches={self.folder}/dump", "--set", "debug.dump_gradients=[2]")
        ids = (self.folder / "dump" / "step-000001.ids.npy").read_bytes()
        self.assertIn(b"'shape': (2, 17)", ids)
        self.assertEqual(len(ids), 128 + 4 * 2 * 17)
        self.assertTrue((self.folder / "dump" / "gradients-000002.safetensors").exists())
        self.assertTrue((self.folder / "dump" / "adapter-000000" / "adapter_config.json").exists())

    def task(self):
        """A task with one right answer."""
        generator = random.Random(4)
        lines = []
        for _ in range(80):
            name = "".join(generator.choice("abcdefghijklm") for _ in range(6))
            lines.append(json.dumps({"prompt": f"{name} and his horse", "completion": " went to Padua."}))
        return self.file("task.jsonl", "\n".join(lines))

    def test_learns(self):
        """The adapter gives the right answer on unseen inputs, merged or not."""
        result = self.train(config=self.config(
            data=self.task(), max_seq_length=24, batch_size=4, max_steps=60,
            learning_rate="5e-3", lora="{rank: 4}", val_size=16, eval_steps=0))
        self.assertGreater(result["ppl_before"], 20)
        self.assertLess(result["ppl_after"], 1.5)
        self.assertTrue(result["measurable"])
        self.assertIn("went to Padua.", result["sample"]["after"])
        adapter_file, merged = self.folder / "out" / "adapter.gguf", self.folder / "merged.gguf"
        self.done("export-lora", MODEL, "--lora", adapter_file, "-o", merged, "--type", "Q8_0")
        prompt = ["-p", "nopqrs and his horse", "-n", 5, "--temp", 0, "--json"]
        for arguments, right in [([MODEL], False), ([MODEL, "--lora", adapter_file], True),
                                 ([MODEL, "--lora", self.folder / "out" / "peft"], True), ([merged], True)]:
            text = self.json("run", *arguments, *prompt)["text"]
            self.assertEqual(text.startswith(" went to Pa"), right, (arguments, text))

    def test_moments_in_blocks(self):
        """8-bit moments take a quarter of the memory, and the losses hardly change."""
        losses, optimizer = {}, {}
        for name in ("adamw", "adamw_bnb_8bit"):
            config = self.config(output_dir=self.folder / name, optimizer=name, lora="{rank: 16}", max_seq_length=32,
                                 max_steps=80, learning_rate="2e-3", val_size=0, save_steps="never")
            self.train(config=config)
            losses[name] = [row["loss"] for row in self.metrics(name)]
            plan = self.json("train", "--lora", config, "--plan", "--json")
            optimizer[name] = plan["choices"][0]["memory"]["optimizer"]
        floats, blocks = losses.values()
        self.assertNotEqual(floats, blocks)
        differences = [abs(a - b) for a, b in zip(floats, blocks)]
        self.assertLess(sum(differences) / len(differences), 0.01)
        self.assertLess(max(differences), 0.05)
        self.assertGreater(sum(floats[:10]) - sum(blocks[-10:]), 10 * 0.3)  # it learned
        self.assertLess(optimizer["adamw_bnb_8bit"], 0.3 * optimizer["adamw"])

    def test_full(self):
        """All weights of the model: a file that runs, exact resume, and what cannot be trained so."""
        model = MODELS / "shakespeare-f16.gguf"
        keys = dict(model=model, fine_tune_type="full", lora=None, data=self.task(), max_seq_length=24, val_size=16,
                    learning_rate="1e-3", max_steps=12, save_steps=6)
        result = self.train(config=self.config(**keys))
        self.assertEqual(result["steps"], 12)
        self.assertTrue(result["measurable"])
        self.assertLess(result["ppl_after"], result["ppl_before"] / 2)
        trained = self.folder / "out" / "model.gguf"
        self.assertEqual(result["model"], str(trained))
        text = self.json("run", trained, "-p", "ROMEO:", "-n", 4, "--temp", 0, "--json")["text"]
        self.assertTrue(text)
        # The same tensors, of the same types, with other values.
        tensors = [self.json("inspect", path, "--tensors", "--json")["tensors"] for path in (model, trained)]
        self.assertEqual(*(sorted((t["name"], t["type"], t["shape"]) for t in file) for file in tensors))
        self.assertNotEqual(model.read_bytes(), trained.read_bytes())

        checkpoint = self.folder / "out" / "checkpoint-000006.safetensors"
        again = self.train(config=self.config(**keys, output_dir=self.folder / "again",
                                              resume_from_checkpoint=checkpoint))
        self.assertEqual(again["resumed_from"], 6)
        self.assertEqual(trained.read_bytes(), (self.folder / "again" / "model.gguf").read_bytes())

        plan = self.json("train", "--lora", self.config(**keys), "--plan", "--json")
        self.assertEqual(plan["parameters"], sum(math.prod(tensor["shape"]) for tensor in tensors[0]))
        for changed, text in [(dict(model=MODEL), "fine_tune_type: full changes F32, F16 and BF16 only"),
                              (dict(adapter_init="a.gguf"), "adapter_init: is of an adapter")]:
            failed = llmc("train", "--lora", self.config(**{**keys, **changed}))
            self.assertEqual(failed.returncode, FAILED)
            self.assertIn(text, failed.stderr.decode())

    def test_dora(self):
        """A PEFT directory, which export-lora merges, and which nothing else takes for a plain adapter."""
        result = self.train(config=self.config(data=self.task(), max_seq_length=24, val_size=16, max_steps=20,
                                               learning_rate="5e-3", lora="{rank: 4, use_dora: true}"))
        out = self.folder / "out"
        self.assertLess(result["ppl_after"], result["ppl_before"] / 2)
        self.assertEqual(result["adapter"], str(out / "peft"))
        self.assertFalse((out / "adapter.gguf").exists())
        config = json.loads((out / "peft" / "adapter_config.json").read_text())
        self.assertTrue(config["use_dora"])
        refused = llmc("run", MODEL, "--lora", out / "peft", "-p", "a", "-n", 1)
        self.assertEqual(refused.returncode, FAILED)
        self.assertIn("is DoRA, which runs when it is merged: llmc export-lora", refused.stderr.decode())
        merged = self.folder / "merged.gguf"
        self.done("export-lora", MODEL, "--lora", out / "peft", "-o", merged, "--type", "F32")
        prompt = ["-p", "nopqrs and his horse", "-n", 5, "--temp", 0, "--json"]
        before, after = (self.json("run", model, *prompt)["text"] for model in (MODEL, merged))
        self.assertNotEqual(before, after)
        for keys, text in [("{use_dora: true, dropout: 0.1}", "does not go with lora.dropout"),
                           ("{use_dora: true, target_modules: [token_embd]}", "not of token_embd")]:
            failed = llmc("train", "--lora", self.config(lora=keys))
            self.assertEqual(failed.returncode, FAILED)
            self.assertIn(text, failed.stderr.decode())

    def test_other_models(self):
        """Other block formats, and all kinds of matrices."""
        for model in ["shakespeare-f16.gguf", "shakespeare-Q8_0.gguf"]:
            config = self.config(model=MODELS / model, output_dir=self.folder / model,
                                 lora="{rank: 2, target_modules: [attn_q, ffn_down, token_embd]}")
            result = self.train(config=config)
            self.assertEqual(result["steps"], 6)

    def test_variants(self):
        """Noise on embeddings changes training only; PiSSA's first step is the base's, and its adapter loads."""
        losses = {}
        for name, keys in [("plain", {}), ("noise", {"neftune_noise_alpha": 1}),
                           ("pissa", {"lora": "{rank: 2, init: pissa_niter_4}"})]:
            result = self.train(config=self.config(name + ".yaml", **keys, output_dir=self.folder / name))
            losses[name] = [result["loss_before"], self.metrics(name)[0]["loss"], result["loss_after"]]
            self.expect_whole(name)
        self.assertEqual(losses["noise"][0], losses["plain"][0])
        self.assertNotEqual(losses["noise"][1], losses["plain"][1])
        self.assertAlmostEqual(losses["noise"][1], losses["plain"][1], delta=0.5)
        self.assertAlmostEqual(losses["pissa"][0], losses["plain"][0], delta=1e-5)
        self.assertAlmostEqual(losses["pissa"][1], losses["plain"][1], delta=1e-3)
        self.assertNotEqual(losses["pissa"][2], losses["pissa"][0])
        config = json.loads((self.folder / "pissa" / "peft" / "adapter_config.json").read_text())
        self.assertEqual(config["r"], 4)
        self.done("train", "--lora", self.config(lora="{rank: 2, init: pissa}"), "--plan")

    def pairs(self, count, seed):
        """Answers in which a word makes the difference, after prompts that do not come twice."""
        generator = random.Random(seed)
        word = lambda: "".join(generator.choice("abcdefghijklm") for _ in range(5))
        for _ in range(count):
            place = generator.choice(["Padua", "Verona", "Venice", "Rome"])
            yield json.dumps({"prompt": f"{word()} and his horse", "chosen": f" rode to {place}.",
                              "rejected": f" went to {place}."})

    def test_preferences(self):
        """On pairs that are held back margin and accuracy rise, and the adapter answers as it should."""
        data = self.file("pairs.jsonl", "\n".join(self.pairs(80, 5)))
        for mode in ["dpo", "orpo"]:
            keys = dict(data=data, max_seq_length=24, batch_size=4, max_steps=40, learning_rate="2e-3",
                        lora="{rank: 4}", val_size=16, eval_steps=20, save_steps=0, train_mode=mode,
                        output_dir=self.folder / mode)
            result = self.train(config=self.config(mode + ".yaml", **keys))
            self.assertEqual(result["eval_pairs"], 16)
            self.assertLess(result["loss_after"], 0.8 * result["loss_before"])
            self.assertGreater(result["margin_after"], result["margin_before"] + (0.5 if mode == "dpo" else 0.02))
            self.assertGreater(result["accuracy_after"], 0.9)
            self.assertGreater(result["likelier_after"], result["likelier_before"])
            self.assertTrue(result["measurable"])
            rows = self.metrics(mode)
            self.assertLess(rows[0]["rewards/margins"], rows[-2]["rewards/margins"])
            self.assertEqual(rows[-1]["eval_rewards/accuracies"], result["accuracy_after"])
            text = llmc("train", "--lora", self.config(mode + ".yaml", **keys))
            self.assertIn("held-back pairs", text.stdout.decode())
            self.assertNotIn("perplexity", text.stdout.decode())
        self.done("train", "--lora", self.config(**keys), "--plan")

    def test_diverged(self):
        """No result of a run that has lost its weights."""
        result = llmc("train", "--lora", self.config(weight_decay=1e9, max_steps=8, save_steps=100))
        self.assertEqual(result.returncode, FAILED)
        self.assertIn(b"not finite; give a lower learning_rate", result.stderr.splitlines()[-1])
        self.assertFalse((self.folder / "out" / "adapter.gguf").exists())

    def test_inputs_are_not_written_over(self):
        (self.folder / "out").mkdir()
        data = self.folder / "out" / "metrics.jsonl"
        data.write_text(json.dumps({"text": "a b c"}) + "\n")
        self.refused(FAILED, "train", "--lora", self.config(data=data), tells=["data: ", "is what the run writes"])
        self.assertEqual(data.read_text(), json.dumps({"text": "a b c"}) + "\n")

    def test_full_has_no_keys_of_adapters(self):
        for key, value in [("num_layers", 1), ("lora", "{target_modules: [attn_q]}"), ("lora", "{use_dora: true}")]:
            self.refused(FAILED, "train", "--lora", self.config(fine_tune_type="full", **{key: value}),
                         tells=["is of adapters"])

    def test_a_template_that_writes_the_date(self):
        """The data file's, so that a run goes on another day."""
        template = self.file("dated.jinja", "{{ strftime_now('%Y') }}{% for m in messages %}{{ m.content }};{% endfor %}")
        data = self.file("chat.jsonl", "".join(json.dumps({"messages": [
            {"role": "user", "content": "a"}, {"role": "assistant", "content": word}]}) + "\n" for word in ["b", "c"] * 9))
        keys = dict(data=data, chat_template=template, val_size=2, max_steps=2)
        os.utime(data, (0, 0))
        self.train(config=self.config(**keys))
        self.assertEqual(self.train(config=self.config(**keys))["resumed_from"], 2)
        os.utime(data, (10**9, 10**9))
        other = llmc("train", "--lora", self.config(**keys))
        self.assertEqual(other.returncode, FAILED)
        self.assertIn(b"the data is not what it was", other.stderr.splitlines()[-1])

    def test_one_run_in_a_folder(self):
        process = self.start(self.config(max_steps=100000))
        for line in process.stderr:
            if b"step 1 of" in line:
                break
        second = llmc("train", "--lora", self.config(max_steps=100000))
        self.assertEqual(second.returncode, FAILED)
        self.assertIn(b"out: another process writes there", second.stderr.splitlines()[-1])
        process.send_signal(signal.SIGKILL)
        process.stderr.read()
        process.wait()
        process.stderr.close()
        self.train("--set", "max_steps=2", "--set", "resume_from_checkpoint=none")

    def test_preferences_interrupted(self):
        """Of whole epochs, so that references come from other batches after the run goes on."""
        keys = {"data": self.file("pairs.jsonl", "\n".join(self.pairs(23, 6))), "train_mode": "dpo",
                "max_seq_length": 24, "max_steps": 40, "val_size": 5, "eval_steps": 9}
        self.done("train", "--lora", self.config("whole.yaml", **keys, output_dir=self.folder / "whole"))
        process = self.start(self.config(**keys))
        for line in process.stderr:
            if b"step 15 of 40" in line:
                break
        process.send_signal(signal.SIGKILL)
        process.stderr.read()
        process.wait()
        process.stderr.close()
        self.assertGreater(self.train(config=self.config(**keys))["resumed_from"], 10)
        self.assertEqual(self.metrics(), self.metrics("whole"))


if __name__ == "__main__":
    unittest.main()
