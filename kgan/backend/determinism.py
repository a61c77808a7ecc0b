"""The switch that makes a backend's GPU algorithms add up in a fixed order.

On a CPU all three backends do, with one number of threads. On a GPU the fastest algorithms of some gradients
add by atomics, in whatever order threads come, and two runs differ in the last bits.
"""

import os

import keras

_XLA = "--xla_gpu_deterministic_ops=true"


def make_deterministic():
    """Let this process take such algorithms alone; to be called before anything is computed.

    PyTorch raises RuntimeError for an operation that has none, TensorFlow UnimplementedError.
    """
    _SWITCHES[keras.backend.backend()]()


def _torch():
    import torch

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without which cuBLAS may differ by stream
    torch.use_deterministic_algorithms(mode=True)
    torch.backends.cudnn.benchmark = False


def _jax():
    flags = os.environ.get("XLA_FLAGS", "")  # read when the first array is made
    os.environ["XLA_FLAGS"] = flags if _XLA in flags else f"{flags} {_XLA}".strip()


def _tensorflow():
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()


_SWITCHES = {"torch": _torch, "jax": _jax, "tensorflow": _tensorflow}
