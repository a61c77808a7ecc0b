"""The runs of kgan's own two scripts that faults are done to."""

from faults.jobs import Job
from kgan.cli import train_gan, train_lstm

EVERY = ("--checkpoint-every", "0.01")  # minutes
_GAN = (
    *("--data", "mnist-5k", "--architecture", "compact", "--latent-dim", "32", "--batch-size", "64"),
    *("--steps", "189", "--sample-every", "30", "--num-intermediate", "3"),
)
_POLICIES = ("EveryK(k=2)", "KSteps(k=3)", "FixedProbability(p=0.4)", "EveryKEpochs(k=2)", "Always()")
_SMALL = ("--units", "8", "--batch-size", "32")
_DIRECT = ("--preset", "quick", "--lengths", "5", "--steps", "120", "--evaluate-every", "20", *_SMALL)
_CURRICULUM = ("--preset", "curriculum", "--networks", "lstm", "--max-length", "20", *_SMALL)


def gan_job(policy="LossBalanced()", *, judged=False):
    """A small run of train_gan.py, three epochs; where it is `judged` with two evaluations in training."""
    judging = (
        ("--evaluate-every", "100", "--judged", "64")
        if judged
        else ("--evaluate-every", "none", "--judged", "none")
    )
    name = " ".join(["train_gan.py", policy, *["judged"] * judged])
    chosen = (*_GAN, "--update-policy", policy, *judging)
    return Job(name, train_gan, chosen, script="train_gan.py", resuming=EVERY)


def lstm_job(*, curriculum):
    """A small run of train_lstm.py."""
    job = f"train_lstm.py {'--curriculum' if curriculum else '--lengths 5'}"
    chosen = _CURRICULUM if curriculum else _DIRECT
    return Job(job, train_lstm, chosen, script="train_lstm.py", resuming=EVERY)


def gan_jobs():
    """Runs of train_gan.py with each update policy; their generator has batch norm."""
    return [gan_job(judged=True), *map(gan_job, _POLICIES)]


def lstm_jobs():
    """Runs of train_lstm.py, of both kinds."""
    return [lstm_job(curriculum=True), lstm_job(curriculum=False)]


SCRIPTS = {"train_gan.py": gan_jobs, "train_lstm.py": lstm_jobs}
