#!/usr/bin/python3
"""SentencePiece tokenizer of a GGUF (tokenizer.ggml.model = llama): pair merging by score.

  spm.py MODEL.gguf (-p TEXT | -f FILE) [--no-bos]     ids, one line

Spaces become U+2581; the text starts as its characters, and the neighbouring pair that makes the
piece of the highest score (the leftmost of equals) is joined until none is left. What is no piece
then is written as byte tokens. Control tokens in the text are ordinary text here.
"""
import argparse
import heapq

from gguf_io import Gguf

SPACE = "\u2581"
USER_DEFINED, BYTE = 4, 6


class Spm:
    def __init__(self, meta):
        if meta["tokenizer.ggml.model"] != "llama":
            raise ValueError("the tokenizer is " + meta["tokenizer.ggml.model"] + ", not llama")
        self.tokens = meta["tokenizer.ggml.tokens"]
        self.scores = meta["tokenizer.ggml.scores"]
        self.types = meta["tokenizer.ggml.token_type"]
        self.id = {t: i for i, t in enumerate(self.tokens)}
        self.bos = meta.get("tokenizer.ggml.bos_token_id", 1)
        self.eos = meta.get("tokenizer.ggml.eos_token_id", 2)
        self.unknown = meta.get("tokenizer.ggml.unknown_token_id", 0)
        self.add_bos = meta.get("tokenizer.ggml.add_bos_token", True)
        self.space_prefix = meta.get("tokenizer.ggml.add_space_prefix", True)
        self.user = sorted((t for t, k in zip(self.tokens, self.types) if k == USER_DEFINED and t),
                           key=len, reverse=True)

    def encode(self, text, bos=None):
        out = [self.bos] if (self.add_bos if bos is None else bos) else []
        start = True  # a prefix space goes before text that nothing but BOS precedes
        for part, is_token in self._split(text):
            if is_token:
                out.append(self.id[part])
                start = True
            elif part:
                prefix = " " if self.space_prefix and start else ""
                out += self._merge((prefix + part).replace(" ", SPACE))
                start = False
        return out

    def _split(self, text):
        """Cuts out the user-defined tokens, the longest first."""
        parts = [(text, False)]
        for token in self.user:
            new = []
            for part, is_token in parts:
                if is_token or token not in part:
                    new.append((part, is_token))
                    continue
                for i, rest in enumerate(part.split(token)):
                    if i:
                        new.append((token, True))
                    if rest:
                        new.append((rest, False))
            parts = new
        return parts

    def _merge(self, text):
        piece = list(text)
        left = list(range(-1, len(piece) - 1))
        right = list(range(1, len(piece))) + [-1]
        heap = []

        def offer(i, j):
            if i >= 0 and j >= 0 and piece[i] + piece[j] in self.id:
                joined = piece[i] + piece[j]
                heapq.heappush(heap, (-self.scores[self.id[joined]], i, j, joined))

        for i in range(len(piece) - 1):
            offer(i, i + 1)
        while heap:
            _, i, j, joined = heapq.heappop(heap)
            if piece[i] is None or piece[j] is None or piece[i] + piece[j] != joined:
                continue
            piece[i], piece[j] = joined, None
            right[i] = right[j]
            if right[j] >= 0:
                left[right[j]] = i
            offer(left[i], i)
            offer(i, right[i])
        out = []
        for p in piece:
            if p is None:
                continue
            if p in self.id:
                out.append(self.id[p])
            else:
                raw = p.encode("utf-8", "surrogateescape")
                out += [self.id.get(f"<0x{b:02X}>", self.unknown) for b in raw]
        return out

    def decode(self, ids):
        raw = b""
        for i in ids:
            if self.types[i] == BYTE:
                raw += bytes([int(self.tokens[i][3:5], 16)])
            elif self.types[i] in (1, USER_DEFINED):
                raw += self.tokens[i].replace(SPACE, " ").encode("utf-8", "surrogateescape")
        return raw.decode("utf-8", "replace")


def load(path):
    return Spm(Gguf.read(path).meta)


def main():
    a = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    a.add_argument("model")
    what = a.add_mutually_exclusive_group(required=True)
    what.add_argument("-p", help="text")
    what.add_argument("-f", help="file with the text")
    a.add_argument("--no-bos", action="store_true")
    o = a.parse_args()
    text = o.p
    if o.f:
        with open(o.f, encoding="utf-8", newline="") as file:
            text = file.read()
    print(*load(o.model).encode(text, False if o.no_bos else None))


if __name__ == "__main__":
    main()
