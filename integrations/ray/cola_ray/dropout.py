"""The dropout masks of @cola/train: functions of seed, batch and mask (random.ts of @cola/data)."""

from functools import lru_cache

import numpy as np

_WORD = 0xFFFFFFFF


def _fnv1a(keys) -> int:
    state = 0x811C9DC5
    for character in "\0".join(map(str, keys)):
        state = ((state ^ ord(character)) * 0x01000193) & _WORD
    return state


@lru_cache(maxsize=None)
def _leap(power: int) -> np.ndarray:
    """2^power steps of Marsaglia's xorshift, which is linear over bits: what each byte of a word adds, [4, 256]."""
    if power > 0:
        half = _leap(power - 1)
        return _apply(half, half)
    words = np.arange(256, dtype=np.uint32) << (8 * np.arange(4, dtype=np.uint32))[:, None]
    for shift, left in ((13, True), (17, False), (5, True)):
        words = words ^ (words << np.uint32(shift) if left else words >> np.uint32(shift))
    return words


def _apply(leap: np.ndarray, words: np.ndarray) -> np.ndarray:
    parts = [leap[byte][(words >> np.uint32(8 * byte)) & np.uint32(255)] for byte in range(4)]
    return parts[0] ^ parts[1] ^ parts[2] ^ parts[3]


def _words(first: int, count: int) -> np.ndarray:
    """The `count` words after `first`, by doubling."""
    words = _apply(_leap(0), np.array([first], np.uint32))
    power = 0
    while len(words) < count:
        words = np.concatenate([words, _apply(_leap(power), words)])
        power += 1
    return words[:count]


@lru_cache(maxsize=16)
def _gaps(keep: float) -> np.ndarray:
    """Ones before a zero at 65536 quantiles, which are geometrically distributed."""
    quantiles = (np.arange(0x10000) + 0.5) / 0x10000
    return np.floor(np.log(quantiles) / np.log(keep)).astype(np.int64)


def mask(seed: int, batch: int, index: int, shape, p: float) -> np.ndarray:
    """A mask as uint8: 1 for kept elements, 0 for dropped ones.

    seed: of the run; batch: batches before this one; index: of the mask in the artifacts; p: probability of a zero.
    """
    size = int(np.prod(shape, dtype=np.int64))
    bits = np.ones(size, np.uint8)
    gaps = _gaps(1 - p)
    # pure-rand's xoroshiro128+ starts from (-1, ~seed, seed, 0): its first word is ~seed.
    word = (~_fnv1a([seed, "dropout", batch, index]) & _WORD) | 1
    at = 0
    while at < size:
        words = _words(word, int((size - at) * p / 2) + 16)
        # Each word has two gaps; the zeros are where their sums end.
        pairs = np.stack([words & np.uint32(0xFFFF), words >> np.uint32(16)], axis=1).ravel()
        zeros = at + np.cumsum(gaps[pairs] + 1) - 1
        bits[zeros[zeros < size]] = 0
        at = int(zeros[-1]) + 1
        word = int(words[-1])
    return bits.reshape(shape)
