"""TensorFlow trains in one process."""

from kgan.backend.alone import Alone as Ranks

__all__ = ["Ranks"]
