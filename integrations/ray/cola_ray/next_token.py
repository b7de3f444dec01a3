"""Chooses the next token from logits, as @cola/lora's `nextToken` does: the options and their order are those of
transformers' GenerationConfig (repetition_penalty, temperature, top_k, top_p, min_p)."""

from dataclasses import dataclass

import numpy as np

from .errors import ColaRayError, check_whole


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen; a temperature of 0 takes the most probable one."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0

    def __post_init__(self):
        check_whole("sample, top_k", self.top_k, 0)
        for name, holds, expected in (
            ("temperature", 0 <= self.temperature < np.inf, "a number of at least 0"),
            ("top_p", 0 < self.top_p <= 1, "a number above 0, at most 1"),
            ("min_p", 0 <= self.min_p <= 1, "a number from 0 to 1"),
            ("repetition_penalty", 0 < self.repetition_penalty < np.inf, "a number above 0"),
        ):
            if not holds:
                raise ColaRayError(f"sample, {name}", "not a valid value", expected=expected,
                                   found=repr(getattr(self, name)))


def next_token(logits: np.ndarray, text, options: Sampling, draw) -> int:
    """The next token of a text.

    logits: [vocab_size]. text: the tokens before. draw: gives a uniform number of [0, 1).
    Of equal logits the lower id ranks first.
    """
    scores = logits.astype(np.float64)
    if options.repetition_penalty != 1:
        ids = np.unique(np.asarray(text, np.int64))
        known = scores[ids]
        scores[ids] = np.where(known < 0, known * options.repetition_penalty, known / options.repetition_penalty)
    if options.temperature == 0:
        return int(scores.argmax())
    ranks = np.argsort(-scores, kind="stable")
    if options.top_k > 0:
        ranks = ranks[: options.top_k]
    # The weight of the most probable token is 1.
    weights = np.exp((scores[ranks] - scores[ranks[0]]) / options.temperature)
    kept = len(ranks)
    if options.top_p < 1:
        # Nucleus sampling keeps the first weights whose share reaches p (Holtzman et al. 2020).
        kept = int(np.searchsorted(np.cumsum(weights), options.top_p * weights.sum())) + 1
    if options.min_p > 0:
        kept = min(kept, int((weights >= options.min_p).sum()))
    sums = np.cumsum(weights[: max(1, kept)])
    return int(ranks[min(int(np.searchsorted(sums, draw() * sums[-1], side="right")), len(sums) - 1)])
