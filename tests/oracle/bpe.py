"""Byte-level pair encoding of a GGUF (tokenizer.ggml.model = gpt2), for text whose digits are ASCII.

Text is cut into words by a pattern, each byte of a word is written as a character of its own, and
the neighbouring pair that comes first in the list of merges is joined until none is left. Control
tokens in the text are ordinary text here.
"""
import re

LETTER, NUMBER, OTHER = r"[^\W\d_]", r"\d", r"(?:[^\s\w]|_)"
SPACES = r"\s+(?!\S)|\s+"
# How words are cut, by the value of tokenizer.ggml.pre.
SPLITS = {
    "gpt-2": f"'(?:[sdmt]|ll|ve|re)| ?{LETTER}+| ?{NUMBER}+| ?{OTHER}+|{SPACES}",
    "qwen2": rf"(?i:'(?:[sdmt]|ll|ve|re))|(?:[^\S\r\n]|{OTHER})?{LETTER}+|{NUMBER}"
             rf"| ?{OTHER}+[\r\n]*|\s*[\r\n]+|{SPACES}",
}


def _byte_characters():
    """The character that stands for each byte: itself if it can be seen, else one from U+0100 on."""
    seen = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table = {byte: chr(byte) for byte in seen}
    for byte in range(256):
        if byte not in table:
            table[byte] = chr(0x100 + len(table) - len(seen))
    return [table[byte] for byte in range(256)]


BYTE_CHARACTERS = _byte_characters()
NORMAL, USER_DEFINED = 1, 4


class Bpe:
    def __init__(self, meta):
        if meta["tokenizer.ggml.model"] != "gpt2":
            raise ValueError("the tokenizer is " + meta["tokenizer.ggml.model"] + ", not gpt2")
        self.tokens = meta["tokenizer.ggml.tokens"]
        self.types = meta["tokenizer.ggml.token_type"]
        self.id = {t: i for i, t in enumerate(self.tokens)}
        self.rank = {tuple(m.split(" ")): i for i, m in enumerate(meta["tokenizer.ggml.merges"])}
        self.split = re.compile(SPLITS[meta["tokenizer.ggml.pre"]])
        self.bos = meta.get("tokenizer.ggml.bos_token_id")
        self.eos = meta.get("tokenizer.ggml.eos_token_id")
        self.add_bos = meta.get("tokenizer.ggml.add_bos_token", False)

    def encode(self, text, bos=None):
        out = [self.bos] if (self.add_bos if bos is None else bos) else []
        for word in self.split.findall(text):
            raw = word.encode("utf-8", "surrogateescape")
            out += [self.id[p] for p in self._merge([BYTE_CHARACTERS[b] for b in raw])]
        return out

    def _merge(self, parts):
        while True:
            ranks = [self.rank.get(pair) for pair in zip(parts, parts[1:])]
            known = [r for r in ranks if r is not None]
            if not known:
                return parts
            at = ranks.index(min(known))
            parts[at : at + 2] = [parts[at] + parts[at + 1]]

    def decode(self, ids):
        byte = {c: b for b, c in enumerate(BYTE_CHARACTERS)}
        text = "".join(self.tokens[i] for i in ids if self.types[i] in (NORMAL, USER_DEFINED))
        return bytes(byte[c] for c in text).decode("utf-8", "replace")
