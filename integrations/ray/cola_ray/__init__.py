"""Runs the artifacts of @cola/train on a Ray cluster: data-parallel training, and scoring of rows."""

from .errors import ColaRayError
from .score import score
from .train import train

__all__ = ["ColaRayError", "score", "train"]
