"""Measures scaling efficiency on this machine: one worker of one core beside two workers of one core each.

    python tools/measure.py ARTIFACTS BATCHES [--rounds 3]

Needs two cores and a plan with an even number of equal batches a step. In turns, the same plan is run by one worker, by
two, and by two that compute their halves of each step's gradient and do nothing else: what the machine itself gives,
which is less than twice where other programs run. An efficiency is the time of one worker's step, by twice that of two.
"""

import argparse
import json
import os
import statistics
import tempfile
import time

import ray

from cola_ray import train
from cola_ray.plan import Plan
from cola_ray.worker import Worker

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("artifacts")
parser.add_argument("batches")
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--collective", default="auto")
given = parser.parse_args()


def steps_of(workers: int) -> list:
    """Seconds of each step; the first ones warm up."""
    ends = []

    def on_event(event):
        if event["event"] == "step":
            ends.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        train(given.artifacts, given.batches, folder, workers=workers, collective=given.collective, on_event=on_event)
    return [later - earlier for earlier, later in zip(ends[1:], ends[2:])]


def halves() -> list:
    """Seconds in which two workers compute their halves of each step's gradient."""
    workers = [Worker.options(num_cpus=1).remote(given.artifacts, given.batches, rank, 2, "cpu", 1) for rank in (0, 1)]
    ray.get([worker.restore.remote(None, 0) for worker in workers])
    seconds = []
    for step in range(len(Plan(given.batches, "training").steps)):
        begin = time.perf_counter()
        ray.get([worker.gradient_parts.remote(step) for worker in workers])
        seconds.append(time.perf_counter() - begin)
    for worker in workers:
        ray.kill(worker)
    return seconds[2:]


ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
measures = {"one worker": lambda: steps_of(1), "two workers": lambda: steps_of(2), "two halves": halves}
seconds: dict = {name: [] for name in measures}
load = [os.getloadavg()[0]]
for _ in range(given.rounds):
    for name, measure in measures.items():
        seconds[name] += measure()
load.append(os.getloadavg()[0])
median = {name: statistics.median(times) for name, times in seconds.items()}
print(json.dumps({
    "load": load, "steps": {name: len(times) for name, times in seconds.items()}, "median_s": median,
    "quartiles_s": {name: statistics.quantiles(times, n=4) for name, times in seconds.items()},
    "efficiency": median["one worker"] / median["two workers"] / 2,
    "efficiency_of_the_machine": median["one worker"] / median["two halves"] / 2,
}, indent=1))
