"""The exact forward pass of architecture `llama`, experts included.

`attention.sliding_window` is honoured: llama.cpp ignores it for this architecture, as
Llama(path, sliding_window=0) does.
"""
from decoder import Decoder
# What tests of this architecture need beside it.
from likelihood import log_softmax, mean_kl, perplexity  # noqa: F401


class Llama(Decoder):
    architecture = "llama"
