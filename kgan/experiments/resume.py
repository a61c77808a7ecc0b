"""Going on with a run of either half."""

from kgan.experiments import together
from kgan.experiments.gan import resume_gan
from kgan.experiments.palindrome import resume_lstm
from kgan.runs import Run
from kgan.spec import check


def resume(
    run_dir,
    *,
    override=False,
    progress=True,
    checkpoint_every=1.0,
    data_dir=None,
    tensorboard=False,
    explorer=False,
    stream=None,
    **changes,
):
    """Go on with a run that was broken off by a signal, a kill or an error, to the bits it would have had.

    That is so on the same backend, machine, versions and number of threads. A run that has no checkpoint
    yet is begun anew in its folder; of one that has ended, what comes after training is done again.

    Args:
        run_dir: Folder of the run.
        override: Whether settings and backend may differ from those it was begun with.
        progress: Whether to show a progress bar.
        checkpoint_every: Minutes between two checkpoints.
        data_dir: Folder of a GAN's data, or None for where they were.
        tensorboard: Whether a GAN's run writes TensorBoard's files; one that has does so again.
        explorer: Whether a GAN's generator goes into the report; where it was to, it does.
        stream: Whether images are read when they are wanted; None to decide as `train_gan` does.
        **changes: Settings that are to differ, such as steps=6000; they are written into config.json.

    Returns:
        `Result` of a GAN, `LSTMResult` of the palindrome task.

    Raises:
        FileNotFoundError: If there is no such run.
        ValueError: If settings or the backend differ and `override` is not given, the data are others, or no
            checkpoint is whole.
        BlockingIOError: If another process is training the run.
        DivergedError: If numbers are no longer finite.
    """
    run = Run.open(run_dir)
    shared = {"override": override, "changes": changes, "progress": progress}
    shared["checkpoint_every"] = checkpoint_every
    options = {"data_dir": data_dir, "tensorboard": tensorboard, "explorer": explorer, "stream": stream}
    with together.held(run), together.own_folder(run) as run:
        if not run.is_of_palindromes:
            return resume_gan(run, **shared, **options)
        for name, value in options.items():
            check(name, "left out: the run is of the palindrome task", value, holds=not value)
        return resume_lstm(run, **shared)
