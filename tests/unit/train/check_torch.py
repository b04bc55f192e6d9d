#!/usr/bin/python3
"""AdamW, clipping and schedules against PyTorch's.

  check_torch.py OPTIMIZER_TRACE

Exits with 77 (skipped) where Debian's python3-torch is not installed.
"""
import subprocess
import sys

import numpy as np

try:
    import torch
except ImportError:
    print("skipped: python3-torch is not installed (apt-get install python3-torch)")
    sys.exit(77)

tool = sys.argv[1]
failures = 0


def report(what, error, limit):
    global failures
    bad = not error <= limit
    failures += bad
    print(f"{'FAILED ' if bad else ''}{what}: largest relative error {error:.2e}, limit {limit:.1e}")


def torch_adam(start, gradients, lr, decay, max_norm, scale, factor, dtype):
    matrix = torch.tensor(start[:35].reshape(5, 7), dtype=dtype, requires_grad=True)
    vector = torch.tensor(start[35:], dtype=dtype, requires_grad=True)
    optimizer = torch.optim.AdamW([{"params": [matrix], "weight_decay": decay, "lr": lr * factor},
                                   {"params": [vector], "weight_decay": 0.0}], lr=lr)
    values, norms = [], []
    for gradient in gradients:
        matrix.grad = torch.tensor(gradient[:35].reshape(5, 7), dtype=dtype) * scale
        vector.grad = torch.tensor(gradient[35:], dtype=dtype) * scale
        norms.append(torch.nn.utils.clip_grad_norm_([matrix, vector],
                                                    max_norm or float("inf")).item())
        optimizer.step()
        values.append(np.concatenate([matrix.detach().numpy().ravel(), vector.detach().numpy()]))
    return np.array(values, np.float64), np.array(norms)


def check_adam(steps, lr, decay, max_norm, scale, factor=1.0):
    rng = np.random.default_rng(steps)
    start = rng.standard_normal(46).astype(np.float32)
    gradients = rng.standard_normal((steps, 46)).astype(np.float32)
    # Parts whose sizes differ by orders of magnitude, and exact zeros.
    gradients[:, :10] *= 1e-4
    gradients[:, 10:20] *= 1e3
    gradients[:, 40] = 0
    args = [tool, "adam", str(steps), repr(lr), repr(decay), repr(max_norm), repr(scale),
            repr(factor)]
    out = subprocess.run(args, input=start.tobytes() + gradients.tobytes(), stdout=subprocess.PIPE,
                         check=True).stdout
    ours = np.frombuffer(out, np.float32).reshape(steps, 47).astype(np.float64)

    # PyTorch in float64 is the truth, and in float32 shows what rounding does to such a run.
    exact, norms = torch_adam(start, gradients, lr, decay, max_norm, scale, factor,
                              torch.float64)
    rounded, _ = torch_adam(start, gradients, lr, decay, max_norm, scale, factor, torch.float32)

    def error(values):
        return np.max(np.abs(values - exact) / np.max(np.abs(exact), axis=1, keepdims=True))

    report(f"AdamW, {steps} steps, lr {lr} x {factor}, decay {decay}, norm {max_norm}", error(ours[:, :46]),
           2 * error(rounded) + 1e-7)
    report("  gradient norm", np.max(np.abs(ours[:, 46] - norms) / norms), 1e-6)
    moved = np.max(np.abs(ours[-1, :46] - start))
    assert moved > lr, "nothing was trained"


def rates(scheduler, optimizer, steps):
    out = []
    for _ in range(steps):
        out.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return np.array(out)


def check_schedule(kind, warmup, total, decay_steps=0, growth=1, ratio=0.0, lr=0.3):
    args = [tool, "schedule", kind, repr(lr), str(warmup), str(total), str(decay_steps),
            str(growth), repr(ratio)]
    ours = np.frombuffer(subprocess.run(args, stdout=subprocess.PIPE, check=True).stdout)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    s = torch.optim.lr_scheduler
    length = decay_steps or total - warmup
    after = {
        "constant": lambda: s.LambdaLR(optimizer, lambda step: 1.0),
        "linear": lambda: s.LinearLR(optimizer, 1.0, ratio, length),
        "cosine": lambda: s.CosineAnnealingLR(optimizer, length, ratio * lr),
        "cosine_with_restarts":
            lambda: s.CosineAnnealingWarmRestarts(optimizer, length, growth, ratio * lr),
    }[kind]
    theirs = rates(after(), optimizer, total - warmup)
    if warmup:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
        rising = s.LinearLR(optimizer, 1 / warmup, 1.0, warmup - 1)
        theirs = np.concatenate([rates(rising, optimizer, warmup), theirs])
    assert len(ours) == total
    report(f"{kind}, warm-up {warmup}, {total} steps, decay {decay_steps} x {growth}, to {ratio}",
           np.max(np.abs(ours - theirs)) / lr, 1e-9)


check_adam(50, 1e-3, 0.0, 0.0, 1.0)
check_adam(50, 1e-2, 0.1, 0.0, 0.25)
check_adam(200, 1e-2, 0.01, 1.0, 1 / 512)
check_adam(3, 0.5, 0.3, 1e-3, 1.0)
# LoRA+: parameter groups with learning rates of their own.
check_adam(50, 1e-3, 0.1, 1.0, 1.0, factor=16.0)
for kind in ("constant", "linear", "cosine"):
    check_schedule(kind, 0, 50)
    check_schedule(kind, 7, 50, ratio=0.1)
check_schedule("cosine_with_restarts", 0, 60, 10)
check_schedule("cosine_with_restarts", 5, 75, 10, 2, 0.1)
sys.exit(1 if failures else 0)
