"""Samples texts from a language model on many machines, such as a transfer set for a student, by Ray Data."""

import json
from itertools import groupby
from pathlib import Path

import numpy as np

from .artifacts import PROVIDERS
from .checkpoint import write_atomic
from .decoder import Decoder, config_of, longest_text
from .errors import ColaRayError, check_name, check_whole
from .next_token import Sampling, next_token
from .parts import digest_of, require_same_run, run_parts


def sample(
    model: str,
    prompts: str,
    output_dir: str,
    *,
    samples: int = 1,
    max_new_tokens: int = 20,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.0,
    repetition_penalty: float = 1.0,
    eos_token_id: int = -1,
    seed: int = 0,
    batch_size: int = 32,
    workers: int = 1,
    device: str = "cpu",
    cpus_per_worker: int = 1,
) -> dict:
    """Continues each prompt `samples` times, and writes `samples.jsonl` with a row for each.

    model: ONNX file of a language model with its config.json, as @cola/lora exports it, with or without a cache.
    prompts: a file with a JSON array of token ids on each line. output_dir: a batch's rows are a file there, written as
    a whole or not at all; a run that was stopped goes on with the batches that have none. Every machine sees all three.
    temperature: 0 takes the most probable token. eos_token_id: -1 for those of config.json. seed: row r of the result
    draws from a stream of (seed, r), whatever machine computes it and however often the run was stopped.
    batch_size: most rows that are computed together; they have prompts of one length, so that nothing is padded.
    device: "cpu" or "cuda", one GPU a worker.

    A row of the result is {"prompt": line, "ids": new tokens without the end token, "finish_reason": "stop" at an end
    token, else "length"}, in the order of the prompts.
    Returns the number of rows, of batches that this call computed, and the file.
    Raises ColaRayError for files and options that do not fit, and for an output_dir with rows of another model, of
    other prompts or of other options.
    """
    for name, value, least in (("samples", samples, 1), ("max_new_tokens", max_new_tokens, 1), ("seed", seed, 0),
                               ("eos_token_id", eos_token_id, -1), ("batch_size", batch_size, 1),
                               ("workers", workers, 1), ("cpus_per_worker", cpus_per_worker, 1)):
        check_whole(f"sample, {name}", value, least)
    check_name("sample, device", device, PROVIDERS)
    sampling = Sampling(temperature, top_k, top_p, min_p, repetition_penalty)
    path, folder = Path(model), Path(output_dir).absolute()
    config = config_of(path)
    ends = config.get("eos_token_id") if eos_token_id < 0 else eos_token_id
    ends = [] if ends is None else [ends] if isinstance(ends, int) else list(ends)
    rows = [prompt for prompt in _read(Path(prompts)) for _ in range(samples)]
    options = dict(max_new_tokens=max_new_tokens, seed=seed, ends=ends, longest=longest_text(config))
    about = json.dumps([options, repr(sampling), batch_size, rows]).encode()
    require_same_run(folder, digest_of(path, about))
    batches = _batches(rows, batch_size)
    missing = [i for i in range(len(batches)) if not _file(folder, i).exists()]
    arguments = (str(path.absolute()), rows, batches, str(folder), sampling, options, device, cpus_per_worker)
    run_parts(_Sampler, arguments, missing, workers=workers, device=device, cpus_per_worker=cpus_per_worker)
    found = sorted((row for i in range(len(batches)) for row in json.loads(_file(folder, i).read_text())),
                   key=lambda row: row["row"])
    result = folder / "samples.jsonl"
    lines = [json.dumps({"prompt": row["row"] // samples, "ids": row["ids"], "finish_reason": row["finish_reason"]})
             for row in found]
    write_atomic(result, "".join(f"{line}\n" for line in lines).encode())
    return {"rows": len(found), "sampled": len(missing), "file": str(result)}


def _read(path: Path) -> list:
    """The prompts of a file."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise ColaRayError(str(path), "cannot be read", found=str(error)) from error
    prompts = []
    for number, line in enumerate(lines, 1):
        try:
            ids = json.loads(line)
        except json.JSONDecodeError:
            ids = None
        if not (isinstance(ids, list) and ids and all(type(one) is int and one >= 0 for one in ids)):
            raise ColaRayError(f"{path}, line {number}", "not the token ids of a prompt",
                               expected="an array of whole numbers, at least one", found=line[:60])
        prompts.append(ids)
    if not prompts:
        raise ColaRayError(str(path), "no prompts", expected="one a line")
    return prompts


def _batches(rows: list, size: int) -> list:
    """Rows of prompts of one length, at most `size` of them: indices."""
    order = sorted(range(len(rows)), key=lambda row: (len(rows[row]), row))
    groups = [list(group) for _, group in groupby(order, key=lambda row: len(rows[row]))]
    return [group[at : at + size] for group in groups for at in range(0, len(group), size)]


def _file(folder: Path, batch: int) -> Path:
    return folder / f"samples-{batch:06d}.json"


class _Sampler:
    """An actor with the model."""

    def __init__(self, model, rows, batches, folder, sampling, options, device, threads):
        self.decoder = Decoder(model, device, threads)
        self.rows, self.batches, self.folder = rows, batches, Path(folder)
        self.sampling, self.options = sampling, options

    def __call__(self, parts: dict) -> dict:
        for part in parts["part"]:
            batch = self.batches[int(part)]
            found = [{"row": row, "ids": ids, "finish_reason": reason} for row, (ids, reason) in
                     zip(batch, generate(self.decoder, [self.rows[row] for row in batch], batch, self.sampling,
                                         **self.options))]
            write_atomic(_file(self.folder, int(part)), json.dumps(found).encode())
        return parts


def generate(decoder: Decoder, prompts: list, names: list, sampling: Sampling, *, max_new_tokens: int, seed: int,
             ends: list, longest: int) -> list:
    """New tokens of prompts of one length, and why each ends. names: the number of each row, for its stream."""
    start = len(prompts[0])
    if longest and start > longest:
        raise ColaRayError(f"prompt of row {names[0]}", "longer than the model takes", expected=f"at most {longest}",
                           found=str(start))
    streams = [np.random.default_rng([seed, name]) for name in names]
    results: list = [None] * len(prompts)
    texts, active = np.array(prompts, np.int64), list(range(len(prompts)))
    cache, before = decoder.start(len(prompts)), 0
    while active:
        logits, cache = decoder.step(texts, cache, before)
        before = texts.shape[1]
        new = [next_token(logits[at], texts[at], sampling, streams[row].random) for at, row in enumerate(active)]
        full = before + 1 - start >= max_new_tokens or (longest > 0 and before + 1 > longest)
        kept = []
        for at, row in enumerate(active):
            if new[at] in ends:
                results[row] = texts[at, start:].tolist(), "stop"
            elif full:
                results[row] = [*texts[at, start:].tolist(), new[at]], "length"
            else:
                kept.append(at)
        active = [active[at] for at in kept]
        if active:
            texts = np.concatenate([texts[kept], np.array([[new[at]] for at in kept], np.int64)], axis=1)
            cache = {name: value[kept] for name, value in cache.items()}
    return results
