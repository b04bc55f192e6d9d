"""Made-up vocabularies of random models, as the tokenizer keys of a GGUF.

  sentencepiece(size)       tokenizer.ggml.model = llama
  byte_pairs(size, split)   tokenizer.ggml.model = gpt2, with the pre-tokenizer of that name
"""
import bpe
from gguf_io import STRING, array

WORDS = """the and of to in that is was he for it with as his on be at by had not are but from or
have an they which one you were her all she there would their we him been has when who will more no
if out so said what up its about into than them can only other new some could time these two may
then do first any my now such like our over man me even most made after also did many before must
through back years where much your way well down should because each just those people how too
little state good very make world still own see men work long get here between both life being under
never day same another know while last might us great old year off come since against go came right
used take three Once upon a time cat dog little girl named Lily play outside park big red ball"""


def learned_pairs(space, limit):
    """What a pair encoder learns from WORDS, each with `space` in front: up to `limit` pairs of
    pieces, in the order in which they are joined."""
    words = [[space] + list(w) for w in WORDS.split()]
    pairs = []
    while len(pairs) < limit:
        count = {}
        for w in words:
            for pair in zip(w, w[1:]):
                count[pair] = count.get(pair, 0) + 1
        if not count:
            break
        best = max(count, key=lambda pair: (count[pair], pair))
        pairs.append(best)
        for w in words:
            i = 0
            while i + 1 < len(w):
                if (w[i], w[i + 1]) == best:
                    w[i : i + 2] = [best[0] + best[1]]
                i += 1
    return pairs


def pieces(size):
    """(tokens, scores, types) of a made-up SentencePiece vocabulary with `size` entries: three
    control tokens, bytes, characters, then the pairs that a pair encoder learns from WORDS."""
    tokens, types = ["<unk>", "<s>", "</s>"], [2, 3, 3]
    if size < len(tokens) + 1:
        raise ValueError(f"a vocabulary of {size} has no room for <unk>, <s>, </s> and a piece")
    if size >= 260:  # smaller ones do without bytes, which llama.cpp does not load
        tokens += [f"<0x{i:02X}>" for i in range(256)]
        types += [6] * 256
    normal = ["\u2581"] + list("etaoinshrdlcumwfgypbvkxjqzETAOINSHRDLCUMWFGYPBVKXJQZ0123456789.,'!?;:-\"()")
    normal += ["\u00e9", "\u00e4", "\u4e2d", "\U0001f600"]
    normal += [a + b for a, b in learned_pairs("\u2581", size - len(tokens) - len(normal))]
    i = 0
    known = set(normal)
    while len(tokens) + len(normal) < size:  # made of pieces that exist: digits
        if str(i) not in known:
            normal.append(str(i))
        i += 1
    normal = normal[: size - len(tokens)]
    scores = [0.0] * len(tokens) + [-float(i) for i in range(len(normal))]
    return tokens + normal, scores, types + [1] * len(normal)


def sentencepiece(size):
    tokens, scores, types = pieces(size)
    return {
        "tokenizer.ggml.model": "llama", "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": tokens, "tokenizer.ggml.scores": scores,
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.bos_token_id": 1, "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.ggml.add_bos_token": True, "tokenizer.ggml.add_eos_token": False,
        "tokenizer.ggml.add_space_prefix": True,
    }


END_OF_TEXT, START_OF_TURN, END_OF_TURN = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
CONTROL, UNUSED = 3, 5


def byte_pairs(size, split):
    """A byte-level vocabulary: the bytes, the pairs learned from WORDS, and three control tokens
    last. Room that is left over is filled with unused tokens before those, as converters do."""
    controls = [END_OF_TEXT, START_OF_TURN, END_OF_TURN]
    tokens = list(bpe.BYTE_CHARACTERS)
    room = size - len(tokens) - len(controls)
    if room < 0:
        raise ValueError(f"a vocabulary of {size} has no room for all bytes and control tokens")
    pairs = learned_pairs(bpe.BYTE_CHARACTERS[ord(" ")], room)
    tokens += [a + b for a, b in pairs]
    types = [1] * len(tokens)
    while len(tokens) < size - len(controls):
        tokens.append(f"[PAD{len(tokens)}]")
        types.append(UNUSED)
    end = len(tokens)
    return {
        "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": split,
        "tokenizer.ggml.tokens": tokens + controls,
        "tokenizer.ggml.token_type": types + [CONTROL] * len(controls),
        "tokenizer.ggml.merges": array(STRING, [f"{a} {b}" for a, b in pairs]),
        "tokenizer.ggml.bos_token_id": end, "tokenizer.ggml.eos_token_id": end,
        "tokenizer.ggml.add_bos_token": False,
    }
