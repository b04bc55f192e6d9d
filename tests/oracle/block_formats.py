#!/usr/bin/python3
"""GGUF tensor formats: decoders and random blocks.

Every format is written down once, as the place of each weight's bits inside a block (byte, shift,
mask) and the formula of the weight. Decoding is exact in float64; rounding that to float32 gives
what ggml's float32 formula gives, because every product fits 24 bits and at most one subtraction
rounds.

  decode(name, raw, dtype)          bytes -> flat array of weights
  random_blocks(name, n, rng, std)  n random blocks over the full range of the quants, as bytes
  edge_blocks(name)                 blocks at the ends of every field, as bytes

Run as a program, it checks itself (see README.md).
"""
import numpy as np

IQ4_VALUES = np.array([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113])
# Twice the E2M1 values, so that they are integers; the block scale is halved instead.
MXFP4_VALUES = np.array([0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12])


class Format:
    """One GGUF tensor type: `weights` per block, `bytes` per block, and how to read one."""

    def __init__(self, name, id, weights, bytes, read, draw):
        self.name, self.id, self.weights, self.bytes = name, id, weights, bytes
        self.read, self.draw = read, draw


def _bits(blocks, byte, shift, mask):
    """The fields at (byte[w], shift[w]) of each block, as int64 [n, len(byte)]."""
    return (blocks[:, byte].astype(np.int64) >> shift) & mask


def _f16(blocks, at):
    return blocks[:, at : at + 2].copy().view("<f2").astype(np.float64)


# Places of the weights. A block of 32 holds weight w in the low half of byte w for w < 16 and in
# the high half of byte w - 16 otherwise.
W32 = np.arange(32)
NIBBLE32 = (W32 % 16, 4 * (W32 // 16))
BIT32 = (W32 // 8, W32 % 8)
W256 = np.arange(256)
# 2-bit planes: two halves of 128 weights, each 32 bytes that hold 4 planes of 32.
PLANE2 = (32 * (W256 // 128) + W256 % 32, 2 * (W256 // 32 % 4))
# 4-bit: four chunks of 64 weights, each 32 bytes: 32 low halves, then 32 high halves.
NIBBLE64 = (32 * (W256 // 64) + W256 % 32, 4 * (W256 // 32 % 2))
# One bit plane of 32 bytes: bit w/32 of byte w%32.
PLANE1 = (W256 % 32, W256 // 32)


def _q8_0(b):
    return _f16(b, 0) * b[:, 2:].view(np.int8)


def _q4_0(b):
    byte, shift = NIBBLE32
    return _f16(b, 0) * (_bits(b, 2 + byte, shift, 15) - 8)


def _q4_1(b):
    byte, shift = NIBBLE32
    return _f16(b, 0) * _bits(b, 4 + byte, shift, 15) + _f16(b, 2)


def _q5(b, high_at):
    byte, shift = NIBBLE32
    byte1, shift1 = BIT32
    return _bits(b, high_at + 4 + byte, shift, 15) | _bits(b, high_at + byte1, shift1, 1) << 4


def _q5_0(b):
    return _f16(b, 0) * (_q5(b, 2) - 16)


def _q5_1(b):
    return _f16(b, 0) * _q5(b, 4) + _f16(b, 2)


def _q2_k(b):
    # scales[16] (low half: scale, high half: min, per 16 weights), qs[64], d, dmin
    byte, shift = PLANE2
    sc, m = b[:, W256 // 16] & 15, b[:, W256 // 16] >> 4
    return _f16(b, 80) * sc * _bits(b, 16 + byte, shift, 3) - _f16(b, 82) * m


def _tq2_0(b):
    # qs[64], d
    byte, shift = PLANE2
    return _f16(b, 64) * (_bits(b, byte, shift, 3) - 1)


def _q3_k(b):
    # hmask[32], qs[64], scales[12] (16 of 6 bits), d. A clear high bit means minus 4.
    byte, shift = PLANE2
    byte1, shift1 = PLANE1
    q = _bits(b, 32 + byte, shift, 3) - 4 * (1 - _bits(b, byte1, shift1, 1))
    j = np.arange(16)
    low = _bits(b, 96 + j % 8, 4 * (j // 8), 15)
    high = _bits(b, 104 + j % 4, 2 * (j // 4), 3)
    return _f16(b, 108) * ((low | high << 4) - 32)[:, W256 // 16] * q


def _scales_and_mins(b, at):
    """The 8 scales and 8 mins of 6 bits that Q4_K and Q5_K keep in 12 bytes."""
    s = b[:, at : at + 12].astype(np.int64)
    a, m, rest = s[:, 0:4], s[:, 4:8], s[:, 8:12]
    scales = np.concatenate([a & 63, (rest & 15) | (a >> 6) << 4], axis=1)
    mins = np.concatenate([m & 63, (rest >> 4) | (m >> 6) << 4], axis=1)
    return scales, mins


def _q4_k(b):
    # d, dmin, scales[12], qs[128]
    byte, shift = NIBBLE64
    sc, m = _scales_and_mins(b, 4)
    q = _bits(b, 16 + byte, shift, 15)
    return _f16(b, 0) * sc[:, W256 // 32] * q - _f16(b, 2) * m[:, W256 // 32]


def _q5_k(b):
    # d, dmin, scales[12], qh[32], qs[128]
    byte, shift = NIBBLE64
    byte1, shift1 = PLANE1
    sc, m = _scales_and_mins(b, 4)
    q = _bits(b, 48 + byte, shift, 15) | _bits(b, 16 + byte1, shift1, 1) << 4
    return _f16(b, 0) * sc[:, W256 // 32] * q - _f16(b, 2) * m[:, W256 // 32]


def _q6_k(b):
    # ql[128], qh[64], scales[16] (signed), d. Of each 128 weights: planes 0, 1 are the low halves
    # of 64 bytes of ql, planes 2, 3 the high halves; qh keeps plane p at bits 2p.
    half, plane, l = W256 // 128, W256 // 32 % 4, W256 % 32
    low = _bits(b, 64 * half + 32 * (plane % 2) + l, 4 * (plane // 2), 15)
    high = _bits(b, 128 + 32 * half + l, 2 * plane, 3)
    sc = b[:, 192:208].view(np.int8).astype(np.int64)
    return _f16(b, 208) * sc[:, W256 // 16] * ((low | high << 4) - 32)


def _iq4_nl(b):
    byte, shift = NIBBLE32
    return _f16(b, 0) * IQ4_VALUES[_bits(b, 2 + byte, shift, 15)]


def _iq4_xs(b):
    # d, scales_h (16 bits, 2 per 32 weights), scales_l[4] (4 bits per 32 weights), qs[128]
    g = np.arange(8)
    low = _bits(b, 4 + g // 2, 4 * (g % 2), 15)
    high = _bits(b, 2 + g // 4, 2 * (g % 4), 3)
    q = IQ4_VALUES[_bits(b, 8 + 16 * (W256 // 32) + W256 % 16, 4 * (W256 % 32 // 16), 15)]
    return _f16(b, 0) * ((low | high << 4) - 32)[:, W256 // 32] * q


def _mxfp4(b):
    # One power-of-two exponent, then 16 bytes.
    byte, shift = NIBBLE32
    d = np.ldexp(1.0, b[:, 0:1].astype(np.int64) - 128)
    return d * MXFP4_VALUES[_bits(b, 1 + byte, shift, 15)]


def _bf16(b):
    return (b.view("<u2").astype(np.uint32) << 16).view(np.float32).astype(np.float64)


# How to draw blocks: random bytes, then the float fields. A spec is (at of d, at of the offset or
# None, the offset in units of d that centres the weights, may d be negative).
def _draw_float(dtype):
    def draw(n, rng, std):
        return np.frombuffer(rng.normal(0, std, n).astype(dtype).tobytes(), np.uint8)

    return draw


def _draw_bf16(n, rng, std):
    x = rng.normal(0, std, n).astype(np.float32).view(np.uint32)
    return np.frombuffer(((x + 0x8000) >> 16).astype("<u2").tobytes(), np.uint8)


def _draw_scaled(weights, bytes, read, at, offset_at=None, centre=0.0, signed=True):
    def draw(n, rng, std):
        b = rng.integers(0, 256, (n, bytes), dtype=np.uint8)
        # Each block gets a scale of its own, so that a scale read from the wrong block shows.
        d = rng.uniform(0.5, 1.5, n) * (rng.choice([-1.0, 1.0], n) if signed else 1.0)

        def put(factor):
            b[:, at : at + 2] = (d * factor).astype("<f2").view(np.uint8).reshape(n, 2)
            if offset_at is not None:
                off = d * factor * centre * jitter
                b[:, offset_at : offset_at + 2] = off.astype("<f2").view(np.uint8).reshape(n, 2)

        jitter = rng.uniform(0.9, 1.1, n)
        unit = 2.0**-7  # keeps the products of the trial decode far from f16's ends
        put(unit)
        put(unit * std / np.sqrt(np.mean(read(b) ** 2)))
        return b.reshape(-1)

    return draw


def _draw_mxfp4(n, rng, std):
    b = rng.integers(0, 256, (n, 17), dtype=np.uint8)
    d = std / np.sqrt(np.mean(MXFP4_VALUES.astype(float) ** 2))
    e = int(np.floor(np.log2(d)))
    p = (d * d / 4.0**e - 1) / 3  # mixture of 2^e and 2^(e+1) with the wanted mean square
    b[:, 0] = np.clip(e + (rng.random(n) < p) + 128, 0, 254)
    return b.reshape(-1)


def _make():
    def scaled(name, id, weights, bytes, read, *spec, **kw):
        return Format(name, id, weights, bytes, read, _draw_scaled(weights, bytes, read, *spec, **kw))

    f32 = lambda b: b.view("<f4").astype(np.float64)
    f16 = lambda b: b.view("<f2").astype(np.float64)
    formats = [
        Format("F32", 0, 1, 4, f32, _draw_float("<f4")),
        Format("F16", 1, 1, 2, f16, _draw_float("<f2")),
        Format("BF16", 30, 1, 2, _bf16, _draw_bf16),
        scaled("Q8_0", 8, 32, 34, _q8_0, 0),
        scaled("Q4_0", 2, 32, 18, _q4_0, 0),
        scaled("Q4_1", 3, 32, 20, _q4_1, 0, 2, -7.5, signed=False),
        scaled("Q5_0", 6, 32, 22, _q5_0, 0),
        scaled("Q5_1", 7, 32, 24, _q5_1, 0, 2, -15.5, signed=False),
        # Scales and mins are drawn from the same range, so this ratio centres the weights.
        scaled("Q2_K", 10, 256, 84, _q2_k, 80, 82, 1.5, signed=False),
        scaled("Q3_K", 11, 256, 110, _q3_k, 108),
        scaled("Q4_K", 12, 256, 144, _q4_k, 0, 2, 7.5, signed=False),
        scaled("Q5_K", 13, 256, 176, _q5_k, 0, 2, 15.5, signed=False),
        scaled("Q6_K", 14, 256, 210, _q6_k, 208),
        scaled("IQ4_NL", 20, 32, 18, _iq4_nl, 0),
        scaled("IQ4_XS", 23, 256, 136, _iq4_xs, 0),
        scaled("TQ2_0", 35, 256, 66, _tq2_0, 64),
        Format("MXFP4", 39, 32, 17, _mxfp4, _draw_mxfp4),
    ]
    return {f.name: f for f in formats}


FORMATS = _make()
BY_ID = {f.id: f for f in FORMATS.values()}
# What llama-quantize takes when a row is no multiple of the block.
FALLBACK = {
    "Q2_K": "Q4_0", "Q3_K": "Q4_0", "Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0",
    "IQ4_XS": "IQ4_NL", "TQ2_0": "Q4_0",
}


def fitting(name, row):
    """`name`, or the type llama-quantize falls back to for rows of `row` weights."""
    name = name.upper()
    if row % FORMATS[name].weights:
        name = FALLBACK.get(name, "F16")
    return name if row % FORMATS[name].weights == 0 else "F16"


def decode(name, raw, dtype=np.float32):
    """Bytes (or a uint8 array) of whole blocks -> flat array of weights."""
    f = FORMATS[name]
    b = np.frombuffer(raw, np.uint8) if isinstance(raw, (bytes, memoryview)) else raw
    b = np.ascontiguousarray(b).reshape(-1)
    if b.size % f.bytes:
        raise ValueError(f"{name}: {b.size} bytes is no multiple of {f.bytes}")
    out = np.empty(b.size // f.bytes * f.weights, dtype)
    step = max(1, (1 << 20) // f.weights) * f.bytes  # bounds the temporaries
    with np.errstate(over="ignore"):  # what does not fit float32 is infinite there too
        for at in range(0, b.size, step):
            part = f.read(b[at : at + step].reshape(-1, f.bytes)).reshape(-1)
            out[at // f.bytes * f.weights :][: part.size] = part
    return out


def random_blocks(name, n, rng, scale=0.02):
    """n blocks as bytes: quants random over their full range, weights centred with deviation
    about `scale`, all finite."""
    return FORMATS[name].draw(n, rng, scale).tobytes()


def edge_blocks(name, d=0.01):
    """Blocks with every bit field at an end (all bits clear, all set, alternating), scale d."""
    f = FORMATS[name]
    if f.weights == 1:
        values = np.array([0, -0.0, 1, -1, 6e-5, -6e-8, 60000, -60000], np.float32)
        if name == "BF16":
            return (values.view(np.uint32) >> 16).astype("<u2").tobytes()
        return values.astype("<f4" if name == "F32" else "<f2").tobytes()
    half = {"Q2_K": (80, 82), "Q3_K": (108,), "Q6_K": (208,), "Q4_1": (0, 2), "Q5_1": (0, 2),
            "Q4_K": (0, 2), "Q5_K": (0, 2), "TQ2_0": (64,)}.get(name, (0,))
    out = []
    for fill in (0x00, 0xFF, 0x55, 0xAA, 0x0F, 0xF0):
        for value in (0.0, d, -d):
            b = np.full(f.bytes, fill, np.uint8)
            if name == "MXFP4":
                b[0] = {0.0: 0, d: 121, -d: 128}[value]
            else:
                for at in half:
                    b[at : at + 2] = np.array([value], "<f2").view(np.uint8)
            out.append(b)
    return np.concatenate(out).tobytes()


if __name__ == "__main__":
    import check_formats

    check_formats.main()
