"""Runs the artifacts of @cola/train on a Ray cluster: data-parallel training, scoring of rows, and sampling."""

from .errors import ColaRayError
from .sample import sample
from .score import score
from .train import train

__all__ = ["ColaRayError", "sample", "score", "train"]
