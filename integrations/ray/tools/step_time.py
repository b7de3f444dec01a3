"""Prints a model of an optimizer step's time by the number of workers, as a table.

    step = compute * (1 + spread * sqrt(2 ln W)) + 2 (W - 1) / W * bytes / bandwidth + 2 (W - 1) * latency + W * call

The slowest of W workers takes about sqrt(2 ln W) standard deviations more than the mean (normal times). The all-reduce
is a ring. The driver starts each worker's step by a call of its own.
"""

import argparse
import math

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--compute", type=float, default=0.5, help="seconds of a worker's batches on its device")
parser.add_argument("--spread", type=float, default=0.03, help="standard deviation of compute, as a share")
parser.add_argument("--bytes", type=float, default=2.5e6, help="of the gradient")
parser.add_argument("--bandwidth", type=float, default=1.25e9, help="bytes a second of a machine: 10 Gbit/s")
parser.add_argument("--latency", type=float, default=50e-6, help="seconds of a message: TCP in one data centre")
parser.add_argument("--call", type=float, default=200e-6, help="seconds of the driver for one call of an actor")
parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 8, 64, 512])
given = parser.parse_args()


def parts(workers: int, compute: float):
    ring = 2 * (workers - 1)
    return (compute, compute * given.spread * math.sqrt(2 * math.log(workers)),
            ring / workers * given.bytes / given.bandwidth, ring * given.latency, workers * given.call)


one = sum(parts(1, given.compute))
columns = ("workers", "compute", "waiting for the slowest", "sending", "latency", "driver", "step", "efficiency",
           "same global batch")
print(f"| {' | '.join(columns)} |\n|{' ---: |' * len(columns)}")
for workers in given.workers:
    weak = parts(workers, given.compute)
    strong = sum(parts(workers, given.compute / workers))
    numbers = " | ".join(f"{1000 * part:.1f}" for part in (*weak, sum(weak)))
    print(f"| {workers} | {numbers} | {one / sum(weak):.0%} | {one / strong:.1f} times |")
