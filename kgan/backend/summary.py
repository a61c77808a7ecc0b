"""TensorBoard's files, by PyTorch's writer, whatever the backend: Keras's own needs TensorFlow."""


def summary_writer(directory, *, hide_after=None):
    """A `torch.utils.tensorboard.SummaryWriter` of a folder.

    Args:
        directory: The folder.
        hide_after: Step after which TensorBoard hides what earlier writers wrote there, or None.
    """
    from torch.utils.tensorboard import SummaryWriter  # fails where the package tensorboard is missing

    return SummaryWriter(str(directory), purge_step=None if hide_after is None else hide_after + 1)
