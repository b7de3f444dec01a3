"""Runs the folder that `saveArtifacts` of @cola/train writes: one replica of the parameters, on one device."""

import json
import os
from pathlib import Path

import numpy as np
import onnxruntime as ort
from safetensors import safe_open

from . import dropout
from .errors import ColaRayError, check_name

PROVIDERS = {
    "cpu": ["CPUExecutionProvider"],
    "cuda": ["CUDAExecutionProvider", "CPUExecutionProvider"],
}
_MODELS = ("training_model.onnx", "optimizer_model.onnx")


def open_model(path: str, device: str, threads: int, *, prepack: bool = True) -> ort.InferenceSession:
    """Opens an ONNX file with the options of the TypeScript session (open-session.ts)."""
    check_name("device", device, PROVIDERS)
    if PROVIDERS[device][0] not in ort.get_available_providers():
        raise ColaRayError(f"device {device!r}", "this build of the runtime lacks it",
                           found=", ".join(ort.get_available_providers()), fix="Install onnxruntime-gpu.")
    if not os.path.exists(path):
        raise ColaRayError(path, "no such file", fix="Every machine must see the folder under this path.")
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.disable_prepacking", "0" if prepack else "1")
    return ort.InferenceSession(path, options, providers=PROVIDERS[device])


class Description:
    """What the file `checkpoint` says: initial parameters, blocks, optimizer state, dropout."""

    def __init__(self, folder: str):
        path = Path(folder) / "checkpoint"
        if not path.exists():
            raise ColaRayError(str(path), "no such file", fix="Write the folder with saveArtifacts of @cola/train.")
        with safe_open(str(path), "numpy") as file:
            metadata = file.metadata() or {}
            if "artifacts" not in metadata:
                raise ColaRayError(str(path), "not the checkpoint of training artifacts",
                                   expected='"artifacts" in its metadata')
            self.parameters = {name: file.get_tensor(name).astype(np.float32) for name in file.keys()}
        fields = json.loads(metadata["artifacts"])
        self.blocks = fields["blocks"]
        self.slots = fields["stateSlots"]
        self.dropout_masks = fields["dropoutMasks"]
        self.terms = len(fields["lossTerms"])
        # Artifacts of earlier versions lack these two.
        self.bias_corrections = fields.get("biasCorrections", [])
        self.checkpointing = fields.get("gradientCheckpointing", False)

    def initial_state(self) -> dict:
        """Parameters, and zeros for the optimizer's state, under the names of our checkpoints."""
        zeros = {f"{name}.{slot}": np.zeros_like(value)
                 for slot in self.slots for name, value in self.parameters.items()}
        return {**self.parameters, **zeros}

    def join(self, tensors: dict) -> dict:
        """Tensors by parameter, joined by block."""
        return {_named(block["name"], slot): np.concatenate(
                    [tensors[_named(part["name"], slot)].ravel() for part in block["parts"]]).reshape(block["dims"])
                for slot in ("", *self.slots) for block in self.blocks}

    def split(self, tensors: dict) -> dict:
        """Tensors by block, split by parameter."""
        result = {}
        for slot in ("", *self.slots):
            for block in self.blocks:
                flat, at = tensors[_named(block["name"], slot)].ravel(), 0
                for part in block["parts"]:
                    size = int(np.prod(part["dims"], dtype=np.int64))
                    result[_named(part["name"], slot)] = flat[at:at + size].reshape(part["dims"]).copy()
                    at += size
        return result


def _named(name: str, slot: str) -> str:
    return f"{name}.{slot}" if slot else name


def divisor(count: float) -> float:
    """By what a term's sum is divided: its count, or 1 where nothing is counted."""
    return count if count > 0 else 1.0


class Replica:
    """One copy of the parameters and the optimizer's state, as TrainingSession keeps them."""

    def __init__(self, folder: str, device: str = "cpu", threads: int = 1):
        self.about = Description(folder)
        training, optimizer = (os.path.join(folder, name) for name in _MODELS)
        self.training = open_model(training, device, threads, prepack=not self.about.checkpointing)
        self.optimizer = open_model(optimizer, device, threads, prepack=False)
        self.names = [block["name"] for block in self.about.blocks]
        self.step = 0
        self.tensors: dict = {}

    def restore(self, state: dict, step: int) -> None:
        expected = self.about.initial_state()
        for name, value in expected.items():
            found = state.get(name)
            if found is None or found.shape != value.shape:
                raise ColaRayError(f'tensor "{name}"', "not the checkpoint of these artifacts",
                                   expected=str(list(value.shape)),
                                   found="none" if found is None else str(list(found.shape)))
        self.tensors = self.about.join(state)
        self.step = step

    def state(self) -> dict:
        return self.about.split(self.tensors)

    def gradients(self, batches, window, masks, seed: int):
        """Sums of the loss's terms over batches [(inputs, counts, position)], and their part of the gradient, flat.

        The weight of each term is the batch's part of the step's count, as in accumulation.ts.
        """
        terms = [{"sum": 0.0, "count": 0} for _ in range(self.about.terms)]
        buffers = {name: np.zeros(block["dims"], np.float32) for name, block in zip(self.names, self.about.blocks)}
        loss_name = self.training.get_outputs()[0].name
        means = [loss_name] if self.about.terms == 1 else [f"loss_term.{i}" for i in range(self.about.terms)]
        outputs = [loss_name, *means, *(f"{name}_grad.accumulation.out" for name in self.names)]
        known = {one.name for one in self.training.get_inputs()}
        for first, (inputs, counts, position, shapes) in enumerate(batches):
            feeds = {
                **inputs,
                **{name: self.tensors[name] for name in self.names},
                **{f"{name}_grad.accumulation.buffer": value for name, value in buffers.items()},
                "lazy_reset_grad": np.array([first == 0]),
                **{f"loss_share.{i}": np.array(divisor(count) / divisor(total), np.float32)
                   for i, (count, total) in enumerate(zip(counts, window))},
                **{one["input"]: dropout.mask(seed, position, i, masks[shapes][i], one["p"])
                   for i, one in enumerate(self.about.dropout_masks)},
            }
            missing = sorted(known - set(feeds))
            if missing:
                raise ColaRayError(f'input "{missing[0]}"', "missing from the batch", found=", ".join(sorted(inputs)),
                                   fix="The batches were written for other artifacts: save both again.")
            loss, *results = self.training.run(outputs, {name: feeds[name] for name in feeds if name in known})
            if not np.isfinite(loss).all():
                raise ColaRayError(f"step {self.step + 1}", "the loss is not finite", found=str(loss),
                                   fix="Lower the learning rate, or clip gradients (max_grad_norm).")
            for term, mean, count in zip(terms, results, counts):
                term["sum"] += float(mean) * divisor(count)
                term["count"] += count
            buffers = dict(zip(self.names, results[len(means):]))
        return terms, np.concatenate([buffers[name].ravel() for name in self.names])

    def apply(self, gradient: np.ndarray, learning_rate: float) -> None:
        """One optimizer step with the gradient of the whole batch."""
        gradients, at = {}, 0
        for block in self.about.blocks:
            size = int(np.prod(block["dims"], dtype=np.int64))
            gradients[f"{block['name']}_grad"] = gradient[at:at + size].reshape(block["dims"])
            at += size
        step = self.step + 1
        scalars = {
            "learning_rate": learning_rate,
            "step": step,
            "gradient_scale": 1,
            **{one["input"]: (1 - one["beta"] ** step) ** one["power"] for one in self.about.bias_corrections},
        }
        feeds = {**self.tensors, **gradients, **{name: np.array(value, np.float32) for name, value in scalars.items()}}
        known = {one.name for one in self.optimizer.get_inputs()}
        outputs = [f"{name}.out" for name in self.tensors]
        results = self.optimizer.run(outputs, {name: value for name, value in feeds.items() if name in known})
        self.tensors = dict(zip(self.tensors, results))
        self.step = step
