"""Runs a model over rows on many machines, such as a teacher over a transfer set, by Ray Data."""

from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

from .artifacts import PROVIDERS, open_model
from .checkpoint import write_atomic
from .errors import ColaRayError, check_name, check_whole
from .parts import digest_of, require_same_run, run_parts
from .plan import Plan


def score(
    model: str,
    batches: str,
    output_dir: str,
    *,
    workers: int = 1,
    device: str = "cpu",
    cpus_per_worker: int = 1,
    output: str = "",
    split: str = "train",
) -> dict:
    """Scores each row of a folder of `saveRows` once, and writes `scores.safetensors` with one tensor of all rows.

    model: ONNX file. batches: folder of saveRows. output_dir: a batch's scores are a file there, written as a whole or
    not at all; a run that was stopped goes on with the batches that have none. Every machine sees all three paths.
    device: "cpu" or "cuda", one GPU a worker. output: the model's output; its first if empty.
    split: name of the tensor, [rows, ...], as teacherFromFile of @cola/distill reads it.

    Returns the number of rows, of batches that this call scored, and the file.
    Raises ColaRayError for folders and options that do not fit, for an output_dir with scores of another model or of
    other rows, and for scores that are not one a row.
    """
    check_whole("score, workers", workers, 1)
    check_whole("score, cpus_per_worker", cpus_per_worker, 1)
    check_name("score, device", device, PROVIDERS)
    plan = Plan(batches, "rows")
    folder = Path(output_dir).absolute()
    files = [plan.folder / name for name in sorted({batch["file"] for batch in plan.batches})]
    require_same_run(folder, digest_of(Path(model), (plan.folder / "batches.json").read_bytes(), *files))
    missing = [i for i in range(len(plan.batches)) if not _file(folder, i).exists()]
    arguments = (str(Path(model).absolute()), str(Path(batches).absolute()), str(folder), output, device,
                 cpus_per_worker)
    run_parts(_Scorer, arguments, missing, workers=workers, device=device, cpus_per_worker=cpus_per_worker)
    path = folder / "scores.safetensors"
    write_atomic(path, save({split: _joined(folder, plan)}))
    return {"rows": plan.fields["rows"], "scored": len(missing), "file": str(path)}


def _file(folder: Path, batch: int) -> Path:
    return folder / f"scores-{batch:06d}.safetensors"


class _Scorer:
    """An actor with the model."""

    def __init__(self, model, batches, folder, output, device, threads):
        self.session = open_model(model, device, threads)
        self.plan = Plan(batches, "rows")
        self.folder = Path(folder)
        outputs = [one.name for one in self.session.get_outputs()]
        if output and output not in outputs:
            raise ColaRayError("score, output", "no such output", expected=", ".join(outputs), found=output)
        self.output = output or outputs[0]

    def __call__(self, rows: dict) -> dict:
        for batch in rows["part"]:
            planned = self.plan.batches[int(batch)]
            (scores,) = self.session.run([self.output], self.plan.inputs(planned))
            if scores.shape[:1] != (planned["rows"],):
                raise ColaRayError(f'output "{self.output}"', "not one a row", expected=f"[{planned['rows']}, ...]",
                                   found=str(list(scores.shape)))
            write_atomic(_file(self.folder, int(batch)), save({"scores": scores}))
        return rows


def _joined(folder: Path, plan: Plan) -> np.ndarray:
    parts = []
    for i in range(len(plan.batches)):
        with safe_open(str(_file(folder, i)), "numpy") as file:
            parts.append(file.get_tensor("scores"))
    return np.concatenate(parts)
