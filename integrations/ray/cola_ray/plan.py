"""Reads what `saveBatches` and `saveRows` of @cola/train write: batches.json, and batches in safetensors files."""

import json
from functools import lru_cache
from pathlib import Path

from safetensors import safe_open

from .errors import ColaRayError


class Plan:
    """The batches of a folder, and for training the steps that read them."""

    def __init__(self, folder: str, kind: str):
        self.folder = Path(folder)
        path = self.folder / "batches.json"
        try:
            plan = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            fix = "Write the folder with saveBatches or saveRows of @cola/train; every machine must see it."
            raise ColaRayError(str(path), "no such file", fix=fix) from None
        except json.JSONDecodeError as error:
            raise ColaRayError(str(path), "not JSON", found=str(error)) from error
        found = (plan.get("version"), plan.get("kind")) if isinstance(plan, dict) else plan
        if found != (1, kind):
            fix = {"training": "Write it with saveBatches.", "rows": "Write it with saveRows."}[kind]
            raise ColaRayError(str(path), "another kind of plan", expected=str((1, kind)), found=str(found), fix=fix)
        self.fields = plan
        if kind == "training":
            # The number of batches before each step: the position of the dropout generator.
            self.batches_before = [0]
            for step in plan["steps"]:
                self.batches_before.append(self.batches_before[-1] + len(step["batches"]))

    @property
    def steps(self) -> list:
        return self.fields["steps"]

    @property
    def batches(self) -> list:
        return self.fields["batches"]

    def is_last_of_epoch(self, step: int) -> bool:
        return step + 1 == len(self.steps) or self.steps[step + 1]["epoch"] != self.steps[step]["epoch"]

    def inputs(self, batch: dict) -> dict:
        """The arrays of a batch by input; only they are read from the file."""
        prefix = f"{batch['key']}/"
        file, names = _open(str(self.folder / batch["file"]))
        return {name[len(prefix):]: file.get_tensor(name) for name in names.get(batch["key"], ())}


@lru_cache(maxsize=4)
def _open(path: str):
    try:
        file = safe_open(path, "numpy")
    except FileNotFoundError:
        raise ColaRayError(path, "no such file", fix="Copy the folder whole.") from None
    names: dict = {}
    for name in file.keys():
        names.setdefault(name.split("/", 1)[0], []).append(name)
    return file, names
