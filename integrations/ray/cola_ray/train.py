"""Data-parallel training. The driver counts steps and keeps checkpoints; the workers hold equal replicas."""

import importlib.util
import json
from pathlib import Path

import ray

from .artifacts import PROVIDERS, Description, divisor
from .checkpoint import BEST, CHECKPOINT, load_checkpoint, save_checkpoint
from .errors import CollectiveError, ColaRayError, check_name, check_whole
from .plan import Plan
from .worker import Worker

COLLECTIVES = ("auto", "ray", "gloo", "nccl")

# What Ray raises when a worker, or its machine with the objects that it held, is gone.
_LOST = (ray.exceptions.RayActorError, ray.exceptions.ObjectLostError)


def train(
    artifacts: str,
    batches: str,
    output_dir: str,
    *,
    workers: int = 1,
    device: str = "cpu",
    cpus_per_worker: int = 1,
    save_steps: int = 0,
    max_failures: int = 3,
    collective: str = "auto",
    collective_timeout: float = 300,
    start_timeout: float = 600,
    resume: bool = True,
    on_event=None,
) -> dict:
    """Runs a plan of `saveBatches` on `workers` workers; the result does not depend on their number.

    artifacts: folder of saveArtifacts. batches: folder of saveBatches. Every machine sees both under these paths.
    output_dir: folder for checkpoint.safetensors, best.safetensors and log.jsonl; the driver's machine alone needs it.
    device: "cpu" or "cuda", one GPU a worker. cpus_per_worker: threads of each.
    save_steps: optimizer steps between checkpoints, besides those at the end of each epoch; 0 for none.
    max_failures: how often the workers are started again, from the last checkpoint, after one of them has died.
    collective: "ray" adds gradients through Ray's objects, "gloo" and "nccl" by torch.distributed; "auto" takes the
    latter where torch is installed. collective_timeout: seconds after which torch gives up on a silent worker.
    start_timeout: seconds to wait until the cluster has room for all workers.
    resume: whether a checkpoint in output_dir is continued.
    on_event: is told of each event: workers, step, epoch, restart.

    Returns the losses of this call's steps, the history of epochs, and the number of restarts.
    Raises ColaRayError for folders and options that do not fit, or a loss that is not finite.
    """
    check_whole("train, workers", workers, 1)
    check_whole("train, cpus_per_worker", cpus_per_worker, 1)
    check_whole("train, save_steps", save_steps, 0)
    check_whole("train, max_failures", max_failures, 0)
    check_name("train, device", device, PROVIDERS)
    check_name("train, collective", collective, COLLECTIVES)
    run = _Run(artifacts, batches, Path(output_dir), on_event or (lambda event: None))
    group = _Group(artifacts, batches, workers, device, cpus_per_worker, _chosen(collective, device, workers),
                   collective_timeout, start_timeout)
    if not ray.is_initialized():
        ray.init(log_to_driver=False)
    run.load(resume)
    restarts = 0
    while True:
        try:
            run.on_event({"event": "workers", "pids": group.start(run.tensors, run.state["step"])})
            while run.state["step"] < len(run.plan.steps):
                run.end_step(group.step(run.state["step"], run.plan))
                if run.must_save(save_steps):
                    run.save(group.state())
            return {"losses": run.losses, "history": run.state["history"], "restarts": restarts}
        except (*_LOST, CollectiveError) as error:
            restarts += 1
            if restarts > max_failures:
                fix = "Raise max_failures, or look at the workers' logs."
                raise ColaRayError(f"step {run.state['step'] + 1}", f"workers died {restarts} times",
                                   found=str(error), fix=fix) from error
            run.load(True)
            run.on_event({"event": "restart", "step": run.state["step"], "because": str(error).split("\n")[0]})
        finally:
            group.stop()


def _chosen(collective: str, device: str, workers: int) -> str:
    if collective == "auto":
        has_torch = workers > 1 and importlib.util.find_spec("torch") is not None
        return "ray" if not has_torch else "nccl" if device == "cuda" else "gloo"
    if collective != "ray" and importlib.util.find_spec("torch") is None:
        raise ColaRayError("train, collective", f'"{collective}" needs torch', fix='Install it, or choose "ray".')
    return collective


class _Group:
    """The workers of one attempt."""

    def __init__(self, artifacts, batches, size, device, cpus, collective, timeout, start_timeout):
        self.arguments = (str(Path(artifacts).absolute()), str(Path(batches).absolute()))
        self.size, self.device, self.cpus = size, device, cpus
        self.collective, self.timeout, self.start_timeout = collective, timeout, start_timeout
        self.workers = []

    def start(self, tensors, step: int) -> list:
        options = Worker.options(num_cpus=self.cpus, num_gpus=1 if self.device == "cuda" else 0)
        self.workers = [options.remote(*self.arguments, rank, self.size, self.device, self.cpus)
                        for rank in range(self.size)]
        try:
            started = _get([worker.address.remote() for worker in self.workers], self.start_timeout)
        except ray.exceptions.GetTimeoutError as error:
            raise ColaRayError("train, workers", f"{self.size} did not start in {self.start_timeout} s",
                               found=f"a cluster with {ray.cluster_resources()}",
                               fix="Ask for fewer workers or cpus_per_worker, or add machines.") from error
        addresses, pids = zip(*started)
        if self.collective != "ray":
            self.each("join_group", self.collective, addresses[0], self.timeout)
        self.each("restore", None if tensors is None else ray.put(tensors), step)
        return list(pids)

    def each(self, method: str, *arguments) -> list:
        return _get([getattr(worker, method).remote(*arguments) for worker in self.workers])

    def step(self, at: int, plan: Plan) -> list:
        """One optimizer step; the terms' sums of each worker."""
        if self.collective != "ray":
            return self.each("train_step", at)
        parts = [worker.gradient_parts.options(num_returns=1 + self.size).remote(at) for worker in self.workers]
        sums = [worker.add.remote(*(part[1 + rank] for part in parts)) for rank, worker in enumerate(self.workers)]
        done = [worker.apply_parts.remote(plan.steps[at]["learning_rate"], *sums) for worker in self.workers]
        # Errors of the first call come before those of the calls that wait for it.
        terms = _get([part[0] for part in parts])
        _get(done)
        return terms

    def state(self) -> dict:
        return _get([self.workers[0].state.remote()])[0]

    def stop(self) -> None:
        for worker in self.workers:
            ray.kill(worker)
        self.workers = []


def _get(references: list, timeout: float | None = None) -> list:
    """Results of the workers; an error of this package is raised as it is."""
    try:
        return ray.get(references, timeout=timeout)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, (ColaRayError, *_LOST)):
            raise error.cause from None
        raise


class _Run:
    """The state of a run, its checkpoints and its log."""

    def __init__(self, artifacts: str, batches: str, folder: Path, on_event):
        self.parameters = list(Description(artifacts).parameters)
        self.plan = Plan(batches, "training")
        self.folder = folder
        self.on_event = on_event
        self.losses: list = []
        self.started_at = None

    def load(self, resume: bool) -> None:
        """The checkpoint, or the start."""
        path = self.folder / CHECKPOINT
        fingerprint = self.plan.fields["fingerprint"]
        self.tensors, self.state = None, _first_state(fingerprint)
        if resume and path.exists():
            self.tensors, self.state = load_checkpoint(path)
            if self.state["fingerprint"] != fingerprint:
                raise ColaRayError(str(path), "it belongs to another run: model, rows or options differ",
                                   expected=fingerprint, found=self.state["fingerprint"],
                                   fix="Choose another output_dir, or resume=False.")
        elif not resume:
            path.unlink(missing_ok=True)
        if self.started_at is None:
            self.started_at = self.state["step"]
        self.losses = self.losses[:max(0, self.state["step"] - self.started_at)]
        self._open_log()

    def _open_log(self) -> None:
        """Brings the log to the state, as jsonl-log.ts does: no lines of later steps, and each epoch that has ended."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "log.jsonl"
        step = self.state["step"]
        lines = self.log.read_text("utf-8").splitlines() if self.log.exists() else []
        entries = [entry for entry in map(_entry, lines if step else []) if entry and entry["step"] <= step]
        steps = [entry for entry in entries if entry.get("event") != "epoch"]
        # The sort is stable: of one step, its epoch is last.
        merged = sorted([*steps, *self.state["history"]], key=lambda entry: entry["step"])
        self.log.write_text("".join(f"{json.dumps(entry)}\n" for entry in merged), "utf-8")

    def end_step(self, terms_of_workers: list) -> None:
        state, at = self.state, self.state["step"]
        terms = [_total(parts) for parts in zip(*terms_of_workers)]
        planned = self.plan.steps[at]
        state["step"] += 1
        state["batch"] += len(planned["batches"])
        state["batches"] += len(planned["batches"])
        sums = state["epochSums"]
        sums["terms"] = [_total(parts) for parts in zip(sums["terms"], terms)] if sums["terms"] else terms
        loss = _mean(terms)
        self.losses.append(loss)
        self.write({"event": "step", "step": state["step"], "epoch": planned["epoch"] + 1,
                    "total_steps": len(self.plan.steps), "loss": loss, "learning_rate": planned["learning_rate"]})

    def must_save(self, save_steps: int) -> bool:
        at = self.state["step"]
        return self.plan.is_last_of_epoch(at - 1) or (save_steps > 0 and at % save_steps == 0)

    def save(self, tensors: dict) -> None:
        """A checkpoint, after the end of the epoch if this was its last step."""
        state = self.state
        log = self._end_epoch(tensors) if self.plan.is_last_of_epoch(state["step"] - 1) else None
        save_checkpoint(self.folder / CHECKPOINT, tensors, state)
        self.tensors = tensors
        if log:
            self.write(log)

    def _end_epoch(self, tensors: dict) -> dict:
        state = self.state
        loss = _mean(state["epochSums"]["terms"])
        best = loss == loss and ("best" not in state or loss < state["best"]["value"])
        log = {"event": "epoch", "epoch": state["epoch"] + 1, "step": state["step"], "train_loss": loss,
               "train_metrics": {}, "eval_metrics": {}, "best": best}
        if best:
            state["best"] = {"epoch": log["epoch"], "value": loss}
        state["history"].append(log)
        state.update(epoch=state["epoch"] + 1, batch=0, epochSums=_no_sums())
        if best:
            save_checkpoint(self.folder / BEST, {name: tensors[name] for name in self.parameters}, state)
        return log

    def write(self, event: dict) -> None:
        with open(self.log, "a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")
        self.on_event(event)


def _no_sums() -> dict:
    return {"terms": [], "predictions": [], "rows": []}


def _first_state(fingerprint: str) -> dict:
    return {"version": 2, "fingerprint": fingerprint, "step": 0, "batches": 0, "epoch": 0, "batch": 0,
            "epochSums": _no_sums(), "history": []}


def _total(parts) -> dict:
    return {name: sum(part[name] for part in parts) for name in ("sum", "count")}


def _mean(terms: list) -> float:
    return sum(term["sum"] / divisor(term["count"]) for term in terms)


def _entry(line: str):
    """The entry of a line; None for an incomplete one: the process was killed while writing it."""
    try:
        entry = json.loads(line)
        return entry if isinstance(entry["step"], int) else None
    except (ValueError, KeyError, TypeError):
        return None
