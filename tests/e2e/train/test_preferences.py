"""Runs with train_mode dpo and orpo against PyTorch, where the losses are written down from their papers.

As test_replay.py, on pairs of answers: a line of verse, and its words in another order. The reference of dpo is
the model of PyTorch without adapters, which llmc has no copy of.
"""

import json
import random
import unittest

import numpy as np
from test_replay import ARGUMENTS, VERSE, ReplayCase, torch


def pairs(count, seed):
    """JSONL of prompts, each with the words that follow and the same words shuffled."""
    generator = random.Random(seed)
    lines = [line.split() for line in VERSE.read_text().splitlines()]
    for line in generator.sample([words for words in lines if len(words) > 5], count):
        answer = line[3:]
        wrong = answer[:]
        while wrong == answer:
            generator.shuffle(wrong)
        yield json.dumps({"prompt": " ".join(line[:3]), "chosen": " " + " ".join(answer),
                          "rejected": " " + " ".join(wrong)})


class Preferences(ReplayCase):
    sequences = 2

    def setUp(self):
        super().setUp()
        self.data = self.folder / "pairs.jsonl"
        # So few that the second epoch begins on the way.
        self.data.write_text("\n".join(pairs(31, 1)))

    def answers(self, model, ids, mask, accumulated):
        """Of chosen and rejected answers: sums of log p, and their tokens."""
        targets = np.where(mask[:, 1:] == 1, ids[:, 1:], -1)
        sums = []
        for part in range(accumulated):
            rows = slice(part * model.sequences, (part + 1) * model.sequences)
            losses = model.losses(*(torch.from_numpy(x[rows].ravel().astype(np.int64))
                                    for x in (ids[:, :-1], targets)))
            sums.append(-losses.reshape(model.sequences, -1).sum(1))
        tokens = torch.from_numpy(mask.sum(1))
        return [(x[0::2], x[1::2]) for x in (torch.cat(sums), tokens)]

    def step_loss(self, model, ids, mask, accumulated):
        mode = {"beta": 0.1, "dpo_loss_type": "sigmoid", "label_smoothing": 0, **self.mode}
        beta = mode["beta"]
        (chosen, rejected), (chosen_tokens, rejected_tokens) = self.answers(model, ids, mask, accumulated)
        log_sigmoid = torch.nn.functional.logsigmoid
        if mode["train_mode"] == "orpo":
            # Hong et al. 2024, equations 3 to 7: odds of the mean log-likelihood of an answer.
            chosen, rejected = chosen / chosen_tokens, rejected / rejected_tokens
            log_odds = lambda x: x - torch.log(1 - torch.exp(x))
            losses = -chosen - beta * log_sigmoid(log_odds(chosen) - log_odds(rejected))
            rewards = beta * chosen, beta * rejected
        else:
            adapters, model.adapters = model.adapters, {}
            with torch.no_grad():
                (chosen_base, rejected_base), _ = self.answers(model, ids, mask, accumulated)
            model.adapters = adapters
            chosen, rejected = chosen - chosen_base, rejected - rejected_base
            if mode["dpo_loss_type"] == "ipo":
                # Azar et al. 2023, equation 17, with means over tokens.
                chosen, rejected = chosen / chosen_tokens, rejected / rejected_tokens
                losses = (chosen - rejected - 1 / (2 * beta)) ** 2
            elif mode["dpo_loss_type"] == "hinge":
                losses = torch.relu(1 - beta * (chosen - rejected))
            else:
                # Rafailov et al. 2023, equation 7; with smoothing, a label is wrong so often.
                wrong = mode["label_smoothing"]
                h = beta * (chosen - rejected)
                losses = -(1 - wrong) * log_sigmoid(h) - wrong * log_sigmoid(-h)
            rewards = beta * chosen, beta * rejected
        self.rewards = [x.detach().numpy() for x in rewards]
        return losses.mean()

    def check_metrics(self, row):
        chosen, rejected = self.rewards
        for name, value in [("chosen", chosen.mean()), ("rejected", rejected.mean()),
                            ("margins", (chosen - rejected).mean())]:
            self.assertAlmostEqual(row["rewards/" + name], value, delta=1e-4 + 2e-3 * abs(value), msg=name)
        near = np.count_nonzero(abs(chosen - rejected) < 1e-4) / len(chosen)
        self.assertLessEqual(abs(row["rewards/accuracies"] - (chosen > rejected).mean()), near)

    def check_mode(self, type="Q8_0", steps=20, mode=None, **keys):
        self.mode = mode
        self.check(type, steps=steps, batch_size=2, max_seq_length=20, losses=1e-4, **keys)

    def test_dpo(self):
        self.check_mode(mode={"train_mode": "dpo"})

    def test_dpo_default_arithmetic(self):
        self.check_mode("Q4_K_M", mode={"train_mode": "dpo", "beta": 0.3}, compute="auto", gradients=2e-3, last=0.1)

    def test_dpo_accumulated(self):
        self.check_mode("f16", 6, {"train_mode": "dpo", "label_smoothing": 0.2}, gradient_accumulation_steps=2)

    def test_ipo(self):
        self.check_mode("f16", 6, {"train_mode": "dpo", "dpo_loss_type": "ipo"})

    def test_hinge(self):
        self.check_mode("f16", 6, {"train_mode": "dpo", "dpo_loss_type": "hinge"})

    def test_orpo(self):
        self.check_mode(mode={"train_mode": "orpo"})

    def test_orpo_accumulated(self):
        self.check_mode("Q4_K_M", 6, {"train_mode": "orpo", "beta": 0.5}, gradient_accumulation_steps=2)


if __name__ == "__main__":
    unittest.main(argv=["test_preferences.py"] + ARGUMENTS)
