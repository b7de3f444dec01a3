"""A worker: an actor with a replica, which computes its part of each step's gradient."""

import os
from datetime import timedelta

import numpy as np
import ray

from .artifacts import Replica
from .errors import CollectiveError
from .plan import Plan


@ray.remote(max_restarts=0)
class Worker:
    """Worker `rank` of `size`. It reads batches rank, rank + size, ... of each step."""

    def __init__(self, artifacts: str, batches: str, rank: int, size: int, device: str, threads: int):
        self.replica = Replica(artifacts, device, threads)
        self.plan = Plan(batches, "training")
        self.rank, self.size = rank, size

    def address(self):
        """A free port here, for torch.distributed, and this process's id."""
        import socket

        with socket.socket() as free:
            free.bind(("", 0))
            return f"{ray.util.get_node_ip_address()}:{free.getsockname()[1]}", os.getpid()

    def restore(self, state, step: int) -> None:
        self.replica.restore(self.replica.about.initial_state() if state is None else state, step)

    def state(self) -> dict:
        return self.replica.state()

    def _gradient(self, at: int):
        step, plan = self.plan.steps[at], self.plan
        first = plan.batches_before[at]
        mine = range(self.rank, len(step["batches"]), self.size)
        batches = ((plan.inputs(step["batches"][i]), step["batches"][i]["counts"], first + i,
                    step["batches"][i].get("masks")) for i in mine)
        return self.replica.gradients(batches, step["window"], plan.fields["maskShapes"], plan.fields["dropoutSeed"])

    # All-reduce through Ray's objects: reduce-scatter, then all-gather. Each worker sends and receives
    # 2 (size - 1) / size of the gradient, and adds in the order of the ranks, so that the sum is the same everywhere.

    def gradient_parts(self, at: int):
        """The terms' sums, and the gradient in `size` parts."""
        terms, gradient = self._gradient(at)
        return terms, *np.array_split(gradient, self.size)

    def add(self, *parts):
        total = parts[0].copy()
        for part in parts[1:]:
            total += part
        return total

    def apply_parts(self, learning_rate: float, *parts) -> None:
        self.replica.apply(np.concatenate(parts), learning_rate)

    # All-reduce by torch.distributed.

    def join_group(self, backend: str, address: str, timeout_s: float) -> None:
        import torch.distributed as distributed

        distributed.init_process_group(backend, init_method=f"tcp://{address}", rank=self.rank,
                                       world_size=self.size, timeout=timedelta(seconds=timeout_s))
        self.backend = backend

    def train_step(self, at: int):
        """Gradient, all-reduce, optimizer; returns the terms' sums."""
        import torch
        import torch.distributed as distributed

        terms, gradient = self._gradient(at)
        tensor = torch.from_numpy(gradient)
        tensor = tensor.cuda() if self.backend == "nccl" else tensor
        try:
            distributed.all_reduce(tensor)
        except RuntimeError as error:
            where = f"worker {self.rank}, step {at + 1}"
            raise CollectiveError(where, "all-reduce failed", found=str(error)) from error
        self.replica.apply(tensor.cpu().numpy(), self.plan.steps[at]["learning_rate"])
        return terms
