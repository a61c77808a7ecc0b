"""TensorBoard's files, by PyTorch's writer, whatever the backend: Keras's own needs TensorFlow."""


def summary_writer(directory):
    """A `torch.utils.tensorboard.SummaryWriter` of a folder."""
    from torch.utils.tensorboard import SummaryWriter  # fails where the package tensorboard is missing

    return SummaryWriter(str(directory))
