"""lora.init: pissa against PyTorch, with W - s B0 A0 as the frozen weight, and numpy's singular values."""

import pathlib
import unittest

import numpy as np
from test_replay import ARGUMENTS, MODELS, Model, ReplayCase, cosine, distance, read_peft, torch

RANK, ALPHA, STEPS = 4, 8, 10


class Pissa(ReplayCase):
    def check_pissa(self, type, init, part, losses, last):
        """`part`: how much more than the best approximation B0 A0 may leave of a weight. Singular vectors of values
        that are nearly the same are not determined, what is left is."""
        path = str(MODELS / f"shakespeare-{type}.gguf")
        values, metrics = self.train(path, STEPS, "f32", {
            "lora": f"{{rank: {RANK}, alpha: {ALPHA}, init: {init}, target_modules: [attn_v, attn_output, ffn_up]}}",
            "max_seq_length": 20, "learning_rate": 2e-3,
            "debug": f"{{dump_batches: {self.folder}/dump, dump_gradients: [1]}}"})
        scale = ALPHA / RANK
        model = Model(path, [], [], values["batch_size"], 0)
        meta, dump = model.m.gguf.meta, self.folder / "dump"
        base = dict(model.w)
        frozen, leaves = {}, {}
        for name, (a, b) in read_peft(dump / "adapter-000000" / "adapter_model.safetensors", meta).items():
            self.assertEqual((a.shape[0], b.shape[1]), (2 * RANK, 2 * RANK))
            self.assertTrue((a[:RANK] == a[RANK:]).all() and (b[:, :RANK] == -b[:, RANK:]).all(), name)
            a, b = a[:RANK], b[:, :RANK]
            weight = base[name].numpy()
            u, s, v = np.linalg.svd(weight, full_matrices=False)
            best = (u[:, :RANK] * s[:RANK]) @ v[:RANK]
            left, least = np.linalg.norm(weight - scale * b @ a), np.linalg.norm(weight - best)
            self.assertLess(left / least - 1, part, name)
            # Singular values are halved among both, and their vectors are orthogonal.
            for gram in (a @ a.T, b.T @ b):
                self.assertLess(distance(scale * gram, np.diag(s[:RANK])), max(part, 1e-4), name)
            frozen[name] = a, b
            model.w[name] = base[name] - torch.from_numpy(scale * b @ a)
            leaves[name] = [torch.from_numpy(x.copy()).requires_grad_() for x in (a, b)]
        model.adapters = {name: (a, b, scale) for name, (a, b) in leaves.items()}
        every = [x for pair in leaves.values() for x in pair]

        rate, warmup = values["learning_rate"], values["warmup_steps"]
        optimizer = torch.optim.AdamW(every, lr=rate, weight_decay=values["weight_decay"])
        schedule = cosine(optimizer, warmup, STEPS)
        worst = 0
        for row in metrics:
            loss = self.batch_loss(model, row["step"])
            optimizer.zero_grad()
            loss.backward()
            if row["step"] == 1:
                found = read_peft(dump / "gradients-000001.safetensors", meta)
                for name, (a, b) in leaves.items():
                    da, db = found[name]
                    self.assertEqual(np.count_nonzero(da[RANK:]) + np.count_nonzero(db[:, RANK:]), 0, name)
                    self.assertLess(distance(da[:RANK], a.grad.numpy()), 1e-4, name)
                    self.assertLess(distance(db[:, :RANK], b.grad.numpy()), 1e-4, name)
            norm = torch.nn.utils.clip_grad_norm_(every, values["max_grad_norm"]).item()
            self.assertLess(abs(row["grad_norm"] / norm - 1), 1e-3, row["step"])
            worst = max(worst, abs(row["loss"] / loss.item() - 1))
            self.assertLess(worst, losses, row["step"])
            optimizer.step()
            schedule.step()
        self.assertLess(self.batch_loss(model, 1).item(), 0.99 * metrics[0]["loss"], "the run learned nothing")
        # What is written is for the base as it is.
        trained = read_peft(self.folder / "out" / "peft" / "adapter_model.safetensors", meta)
        for name, (a, b) in leaves.items():
            now, then = (b @ a).detach().numpy(), frozen[name][1] @ frozen[name][0]
            self.assertLess(distance(trained[name][1] @ trained[name][0], now - then), last, name)
        print(f"{type} {init}: {STEPS} steps, largest relative difference of a loss {worst:.1e}", flush=True)

    def test_exact(self):
        self.check_pissa("f16", "pissa", 1e-6, 1e-5, 0.02)

    def test_randomized(self):
        self.check_pissa("Q4_K_M", "pissa_niter_16", 1e-3, 1e-5, 0.02)


if __name__ == "__main__":
    unittest.main(argv=["test_pissa.py"] + ARGUMENTS)
