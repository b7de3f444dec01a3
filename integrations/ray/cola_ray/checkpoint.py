"""Checkpoints in the format of @cola/train (checkpoint.ts): tensors, and the run's state as JSON in the metadata."""

import hashlib
import json
import math
import os
from pathlib import Path

from safetensors import safe_open
from safetensors.numpy import save

from .errors import ColaRayError

CHECKPOINT = "checkpoint.safetensors"
BEST = "best.safetensors"


def save_checkpoint(path: Path, tensors: dict, state: dict) -> None:
    """Writes a file beside the old one and renames it, so that a reader sees one or the other."""
    text = json.dumps(_write_numbers(state), separators=(",", ":"))
    write_atomic(path, save(tensors, {"format": "pt", "state": text, "checksum": _checksum(tensors, text)}))


def load_checkpoint(path: Path):
    """Tensors and state."""
    try:
        with safe_open(str(path), "numpy") as file:
            metadata = file.metadata() or {}
            state = json.loads(metadata.get("state", "null"), object_hook=_read_number)
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except Exception as error:
        raise ColaRayError(str(path), "cannot be read", found=str(error)) from error
    if not isinstance(state, dict) or state.get("version") != 2:
        raise ColaRayError(str(path), "not a checkpoint of @cola/train", expected="a run state of version 2")
    if metadata.get("checksum") not in (None, _checksum(tensors, metadata["state"])):
        raise ColaRayError(str(path), "its bytes have changed since it was written",
                           fix="Copy the file again, or go back to another checkpoint.")
    return tensors, state


def _checksum(tensors: dict, state: str) -> str:
    """SHA-256 of a checkpoint's state and tensors."""
    digest = hashlib.sha256(state.encode())
    for name, value in sorted(tensors.items()):
        dims = ",".join(map(str, value.shape))
        digest.update(f"\n{name} {value.dtype} [{dims}]\n".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()


def write_atomic(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with open(temporary, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def _write_numbers(value):
    """NaN and Infinity, which JSON lacks, as objects."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    if isinstance(value, dict):
        return {name: _write_numbers(item) for name, item in value.items()}
    return [_write_numbers(item) for item in value] if isinstance(value, list) else value


def _read_number(value: dict):
    return float(value["number"]) if list(value) == ["number"] and isinstance(value["number"], str) else value
