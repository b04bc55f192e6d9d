"""A random model of each block format against the exact forward pass."""

import sys
import unittest

from model_case import ModelCase  # shows where the oracle is
from block_formats import FORMATS


class Formats(ModelCase):
    """One test for each format, made below."""


def add(name):
    def test(self):
        # Rows of 800 are no multiple of 256: formats with such blocks fall back there.
        self.check_model(self.make(type=name, ffn=800, kv=4))

    setattr(Formats, "test_" + name.lower(), test)


for name in FORMATS:
    add(name)

if __name__ == "__main__":
    unittest.main()
