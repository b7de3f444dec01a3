"""Runs jobs on one local Ray: a JSON list of {command, options, kill_at?} on standard input, results on output.

kill_at: the step after which the last worker is killed, once. The command "remove" removes files.
"""

import json
import os
import signal
import sys

import ray

from cola_ray import ColaRayError, sample, score, train

jobs = json.load(sys.stdin)
ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, object_store_memory=200 * 2**20)


def run(job):
    if job["command"] == "remove":
        for path in job["options"]["paths"]:
            os.remove(path)
        return {}
    if job["command"] != "train":
        return {"score": score, "sample": sample}[job["command"]](**job["options"])
    pids, events = [], []

    def on_event(event):
        events.append(event["event"])
        if event["event"] == "workers":
            pids.append(event["pids"])
        if event.get("event") == "step" and event["step"] == job.get("kill_at") and len(pids) == 1:
            os.kill(pids[0][-1], getattr(signal, "SIGKILL", signal.SIGTERM))

    return {**train(**job["options"], on_event=on_event), "events": events}


results = []
for job in jobs:
    try:
        results.append(run(job))
    except ColaRayError as error:
        results.append({"error": str(error)})
print(json.dumps(results))
