"""Work in parts by Ray Data: each part is a file, written as a whole or not at all, so that a run that was stopped goes
on with the parts that have none."""

import hashlib
from pathlib import Path

import ray

from .checkpoint import write_atomic
from .errors import ColaRayError


def require_same_run(folder: Path, digest: str) -> None:
    """Writes what the parts of a folder depend on, or compares it with what is written."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "fingerprint"
    if not path.exists():
        write_atomic(path, digest.encode())
    elif path.read_text() != digest:
        raise ColaRayError(str(folder), "it has results of another model, of other rows or of other options",
                           expected=path.read_text(), found=digest, fix="Choose another output_dir.")


def digest_of(model: Path, *others) -> str:
    """A hash of a model with its external data, and of bytes and files."""
    if not model.exists():
        raise ColaRayError(str(model), "no such file", fix="Every machine must see it under this path.")
    text = model.read_bytes()
    weights = [file for file in sorted(model.parent.iterdir()) if file != model and file.name.encode() in text]
    digest = hashlib.sha256(text)
    for one in (*weights, *others):
        digest.update(one if isinstance(one, bytes) else _ends(one))
    return digest.hexdigest()


def _ends(path: Path, size: int = 2**20) -> bytes:
    """The length of a file, its beginning and its end."""
    length = path.stat().st_size
    with open(path, "rb") as file:
        begin = file.read(size)
        file.seek(max(0, length - size))
        return str(length).encode() + begin + file.read(size)


def run_parts(kind, arguments: tuple, parts: list, *, workers: int, device: str, cpus_per_worker: int) -> None:
    """Gives each part, a number, once to one of the actors of a class. An actor that dies is started again, and its
    part with it."""
    if not parts:
        return
    if not ray.is_initialized():
        ray.init(log_to_driver=False)
    data = _ray_data()
    data.DataContext.get_current().enable_progress_bars = False
    data.from_items([{"part": i} for i in parts], override_num_blocks=len(parts)).map_batches(
        kind, fn_constructor_args=arguments, batch_size=1, concurrency=min(workers, len(parts)),
        num_cpus=cpus_per_worker, num_gpus=1 if device == "cuda" else 0,
    ).materialize()


def _ray_data():
    try:
        import ray.data
    except ImportError as error:
        raise ColaRayError("Ray", "Ray Data is not installed", found=str(error),
                           fix='pip install "cola-ray[score]"') from error
    return ray.data
