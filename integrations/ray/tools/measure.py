"""Measures scaling efficiency on this machine: one worker of one core beside two workers of one core each.

    python tools/measure.py ARTIFACTS BATCHES [--rounds 3]

Needs two idle cores and a plan with an even number of equal batches a step. The same plan is run by one and by two
workers in turns; the efficiency is the ratio of the medians of their steps' times, by two.
"""

import argparse
import json
import os
import statistics
import tempfile
import time

import ray

from cola_ray import train

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("artifacts")
parser.add_argument("batches")
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--collective", default="auto")
given = parser.parse_args()

ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
seconds: dict = {1: [], 2: []}
load = os.getloadavg()[0]
for _ in range(given.rounds):
    for workers, times in seconds.items():
        ends = []

        def on_event(event, ends=ends):
            if event["event"] == "step":
                ends.append(time.perf_counter())

        with tempfile.TemporaryDirectory() as folder:
            train(given.artifacts, given.batches, folder, workers=workers, collective=given.collective,
                  on_event=on_event)
        # The first step warms up.
        times += [later - earlier for earlier, later in zip(ends[1:], ends[2:])]
one, two = (statistics.median(seconds[workers]) for workers in (1, 2))
print(json.dumps({"load_before": load, "one_worker_s": one, "two_workers_s": two, "efficiency": one / two / 2}))
