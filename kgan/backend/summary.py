"""TensorBoard's files, by PyTorch's writer, whatever the backend: Keras's own needs TensorFlow."""

import importlib.util


def check_tensorboard():
    """Raise ImportError, which says the way out, if the package tensorboard is missing."""
    if importlib.util.find_spec("tensorboard") is None:
        raise ImportError(
            "TensorBoard's files need the package tensorboard: pip install -e '.[tensorboard]'."
        )


def summary_writer(directory):
    """A `torch.utils.tensorboard.SummaryWriter` of a folder."""
    from torch.utils.tensorboard import SummaryWriter  # fails where the package is missing

    return SummaryWriter(str(directory))
