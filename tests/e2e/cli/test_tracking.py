"""What llmc train keeps of a run: TensorBoard's event files, samples over time, and report.html."""

import json
import math
import signal
import struct
import unittest

from event_files import Run, crc32c
from llmc_case import FAILED, INTERRUPTED, MODEL, llmc
from phase_page import BROWSER, Browser
from test_train import TrainCase

HOSTILE = "<img src=x onerror=console.log(1)></script><script>console.log(2)</script>&'\"<!--"


def as_float(value):
    """Rounded to a float, as events have it; what is not finite is null in JSON."""
    return struct.unpack("<f", struct.pack("<f", math.nan if value is None else value))[0]


class Tracking(TrainCase):
    ALL = {"report_to": "[tensorboard, html]"}

    def lines(self, folder="out", name="metrics.jsonl"):
        return [json.loads(line) for line in (self.folder / folder / name).read_text().splitlines()]

    def expect_events(self, folder="out", runs="runs", more=()):
        """The event files say what metrics.jsonl says, each step once."""
        run = Run(self.folder / folder / runs)
        keys = ["loss", "learning_rate", "grad_norm", "epoch", "tokens_per_second", "eval_loss", *more]
        tags = {"eval/" + key[5:] if key.startswith("eval_") else "train/" + key: key for key in keys}
        self.assertEqual(set(run.scalars), set(tags))
        for tag, key in tags.items():
            wanted = [(line["step"], as_float(line[key])) for line in self.lines(folder) if key in line]
            self.assertEqual(run.scalars[tag], wanted, tag)
        self.assertEqual(set(run.versions), {b"brain.Event:2"})
        return run

    def test_checksum(self):
        self.assertEqual(crc32c(b"123456789"), 0xE3069283)  # RFC 3720's, and the catalogues'
        self.assertEqual(crc32c(bytes(32)), 0x8A9136AA)

    def test_events(self):
        self.train(config=self.config(**self.ALL))
        run = self.expect_events()
        self.assertEqual(run.starts, [1])
        self.assertEqual(len(run.files), 1)

    def test_events_of_pairs(self):
        data = self.file("pairs.jsonl", "".join(json.dumps(
            {"prompt": f"Enter {i}", "chosen": " the king.", "rejected": " a dog."}) + "\n" for i in range(24)))
        self.train(config=self.config(train_mode="dpo", data=data, val_size=4, max_seq_length=48, **self.ALL))
        self.expect_events(more=[prefix + "rewards/" + key for prefix in ("", "eval_")
                                 for key in ("chosen", "rejected", "accuracies", "margins")])

    def test_off(self):
        self.train(config=self.config(report_to="none"))
        names = {path.name for path in (self.folder / "out").iterdir()}
        self.assertNotIn("report.html", names)
        self.assertNotIn("runs", names)
        self.assertNotIn("samples.jsonl", names)

    def test_resumed(self):
        """What is done again after a kill counts once."""
        keys = {"max_steps": 12, "save_steps": 5, "sample_steps": 3, "sample_prompts": '["The king"]', **self.ALL}
        self.train(config=self.config("whole.yaml", **keys, output_dir=self.folder / "whole"))
        process = self.start(self.config(**keys))
        for line in process.stderr:
            if b"step 7 of 12" in line:
                break
        process.kill()
        process.communicate()
        self.train(config=self.config(**keys))
        run, whole = self.expect_events(), self.expect_events("whole")
        self.assertEqual(run.starts, [1, 6])
        self.assertEqual(len(run.files), 2)
        for tag in ["train/loss", "eval/loss", "train/grad_norm"]:
            self.assertEqual(run.scalars[tag], whole.scalars[tag])
        self.assertEqual(run.texts, whole.texts)
        self.assertEqual(self.lines(name="samples.jsonl"), self.lines("whole", "samples.jsonl"))
        self.assertEqual([line["step"] for line in self.lines(name="samples.jsonl")], [0, 3, 6, 9, 12])
        # Anew: nothing of before counts.
        self.train(config=self.config(**keys, resume_from_checkpoint="none"))
        self.assertEqual(self.expect_events().starts, [1, 6, 1])

    def test_cut_record(self):
        self.train(config=self.config(**self.ALL))
        (file,) = (self.folder / "out" / "runs").iterdir()
        file.write_bytes(file.read_bytes()[:-7])
        self.train(config=self.config(**self.ALL, max_steps=6))
        self.assertEqual(len(Run(self.folder / "out" / "runs").files), 2)

    def test_later_on(self):
        """Who turns TensorBoard on for the rest of a run sees its beginning, too."""
        process = self.start(self.config(max_steps=300, logging_dir=self.folder / "board"))
        for line in process.stderr:
            if b"step 5 of 300" in line:
                break
        process.send_signal(signal.SIGINT)
        process.communicate()
        self.assertEqual(process.returncode, INTERRUPTED)
        self.train(config=self.config(max_steps=300, logging_dir=self.folder / "board", **self.ALL))
        self.expect_events(runs=self.folder / "board")

    def test_samples(self):
        prompts = ["The king", "Enter a\nfool"]
        self.train(config=self.config(sample_steps=4, sample_max_tokens=7, sample_prompts=json.dumps(prompts), **self.ALL))
        lines = self.lines(name="samples.jsonl")
        self.assertEqual([(line["step"], line["prompt"]) for line in lines],
                         [(step, prompt) for step in (0, 4) for prompt in prompts])
        texts = Run(self.folder / "out" / "runs").texts
        self.assertEqual({tag: [step for step, _ in values] for tag, values in texts.items()},
                         {"samples/prompt_1": [0, 4], "samples/prompt_2": [0, 4]})
        self.assertIn("    Enter a\n    fool", texts["samples/prompt_2"][0][1])
        # Before the first step, the model is the base; after the last one, what the adapter's file makes of it.
        self.train(config=self.config(sample_steps=6, sample_max_tokens=7, sample_prompts=json.dumps(prompts),
                                      output_dir=self.folder / "last"))
        last = self.lines("last", "samples.jsonl")
        for line, adapter in zip(last, [[], [], *[["--lora", self.folder / "last" / "adapter.gguf"]] * 2]):
            answer = self.json("run", MODEL, "-p", line["prompt"], "-n", 7, "--temp", 0, "--json", "-t", 1, *adapter)
            self.assertEqual(line["text"].strip(), answer["text"].strip(), line)

    def test_sample_of_the_data(self):
        self.train(config=self.config(sample_steps=6))
        self.assertEqual([line["step"] for line in self.lines(name="samples.jsonl")], [0, 6])

    def test_errors(self):
        for keys, tells in [
            ({"report_to": "wandb"}, ["report_to", "wandb", "tensorboard, html, none, all"]),
            ({"sample_prompts": "[a]"}, ["config.yaml:", "sample_prompts", "sample_steps"]),
            ({"sample_steps": "-3"}, ["sample_steps"]),
            ({**self.ALL, "logging_dir": self.folder / "text.txt" / "runs"}, ["text.txt/runs", "cannot make"]),
        ]:
            with self.subTest(keys=keys):
                result = llmc("train", "--lora", self.config(**keys))
                self.assertEqual(result.returncode, FAILED)
                for part in tells:
                    self.assertIn(part, result.stderr.decode())


@unittest.skipUnless(BROWSER, "chromium is not installed; the page is not looked at")
class Report(TrainCase):
    def page(self, **keys):
        self.result = self.train(config=self.config(**keys))
        tags, console = Browser(self.folder / "profile").tags(self.folder / "out" / "report.html", "")
        self.assertEqual(console, [])
        self.assertTrue(tags.find("body", data_ready="true"))
        return tags, (self.folder / "out" / "report.html").read_text()

    def test_contents(self):
        tags, text = self.page(sample_steps=3, sample_prompts='["The king"]')
        self.assertEqual([f["data-chart"] for f in tags.find("figure")],
                         ["loss", "learning_rate", "grad_norm", "tokens_per_second"])
        paths = [p["class"] for p in tags.find("path")]
        self.assertEqual(paths, ["faint", "main", "dots", "main", "main", "main"])
        for path in tags.find("path"):
            self.assertNotIn("NaN", path["d"])
        self.assertEqual([li["data-step"] for li in tags.find("li") if "data-step" in li], ["0", "3", "6"])
        for part in [f"{self.result['loss_before']:.4f}", f"{self.result['ppl_after']:.4f}", "all 6 steps",
                     "393 samples", "<code>learning_rate</code></th><td><code>0.001</code>", "held-back data"]:
            self.assertIn(part, text)
        # Nothing is loaded, and nothing leads away.
        for tag, attributes in tags.elements:
            self.assertFalse({"src", "href", "action"} & set(attributes), (tag, attributes))
        self.assertNotRegex(text, r"https?://(?!www\.w3\.org/2000/svg)")

    def test_points_are_the_metrics(self):
        _, text = self.page(max_steps=9)
        data = json.loads(text.partition('id="curve-data">')[2].partition("</script>")[0])
        rows = [json.loads(line) for line in (self.folder / "out" / "metrics.jsonl").read_text().splitlines()]
        loss, mean, validation = (series["points"] for series in data["charts"][0]["series"])
        self.assertEqual(loss, [[r["step"], float(f"{r['loss']:.6g}")] for r in rows if "loss" in r])
        self.assertEqual(validation, [[r["step"], float(f"{r['eval_loss']:.6g}")] for r in rows if "eval_loss" in r])
        self.assertAlmostEqual(mean[-1][1], sum(p[1] for p in loss) / len(loss), 5)

    def test_pairs_of_answers(self):
        """Losses of pairs are not those of tokens, and there are curves of the rewards."""
        data = self.file("pairs.jsonl", "".join(json.dumps(
            {"prompt": f"Enter {i}", "chosen": " the king of France.", "rejected": " a dog, barking."}) + "\n"
            for i in range(24)))
        tags, text = self.page(train_mode="dpo", data=data, val_size=4, max_seq_length=48)
        self.assertEqual([f["data-chart"] for f in tags.find("figure")],
                         ["loss", "learning_rate", "grad_norm", "tokens_per_second", "reward_margin", "reward_accuracy"])
        for part in ["per pair of answers", "held-back pairs", "over 4 pairs", f"{self.result['loss_after']:.4f}"]:
            self.assertIn(part, text)
        self.assertNotIn("perplexity</th>", text)

    def test_texts_are_text(self):
        """Names and texts that are markup, in data, prompts and the model's name."""
        model = self.folder / HOSTILE.replace("/", "_")
        model.symlink_to(MODEL)
        data = self.folder / "a<b>&.jsonl"
        data.write_text("".join(json.dumps({"text": f"{HOSTILE} {i} The king is dead."}) + "\n" for i in range(90)))
        tags, text = self.page(model=json.dumps(str(model)), data=json.dumps(str(data)), sample_steps=6,
                               sample_prompts=json.dumps([HOSTILE]), max_seq_length=64)
        self.assertEqual(tags.find("img"), [])
        self.assertEqual(len(tags.find("script")), 2)
        self.assertIn("&lt;img src=x", text)

    def test_written_while_training(self):
        process = self.start(self.config(max_steps=4000, eval_steps=0))
        for line in process.stderr:
            if b"step 5 of" in line:
                break
        process.kill()
        process.communicate()
        tags, console = Browser(self.folder / "profile").tags(self.folder / "out" / "report.html", "")
        self.assertEqual(console, [])
        self.assertIn(" of 4000", (self.folder / "out" / "report.html").read_text())


if __name__ == "__main__":
    unittest.main()
