"""The judgement on a run's samples."""

import dataclasses
from pathlib import Path

import numpy as np

from kgan import digits, plots
from kgan.backend import ranks
from kgan.batches import own_part
from kgan.evaluation import NUM_CLASSES, NUM_FEATURES, READ_DATA, DigitClassifier, Embedding, judge
from kgan.experiments.report import report_on
from kgan.experiments.saved import load
from kgan.runs import Run
from kgan.spec import check, is_count, is_seed


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """A judgement and where it lies.

    Attributes:
        run: `Run`, its folder.
        judgement: Dict, as evaluation.json holds it.
        picture: Path of the plot of the digits' shares.
    """

    run: Run
    judgement: dict
    picture: Path

    def metric(self, name):
        """The dict of a metric, with its value and floor."""
        return next(metric for metric in self.judgement["metrics"] if metric["name"] == name)


def evaluate(run_dir, n=10_000, *, seed=0, data_dir=None, best=False):
    """Judge samples of the GAN of a run: how far they are from real digits, and which digits they are.

    Writes the run's evaluation.json and plots/classes.png, and its report.html anew.

    Args:
        run_dir: Folder of the run.
        n: Number of samples.
        seed: Integer in [0, 2³¹) of their latents.
        data_dir: Folder of the training images, to see whether samples are copies of them; as in
            training if None. Where they are not at hand, a note says so; nothing is downloaded.
        best: Whether to judge best.keras instead of the last model.

    Returns:
        `Evaluation`.

    Raises:
        FileNotFoundError: If there is no such run, or it holds no such model.
        ValueError: If the run is not one on MNIST, samples are not finite, or a value breaks its rule.
    """
    check("n", f"an integer of at least {NUM_FEATURES}", n, holds=is_count(n) and n >= NUM_FEATURES)
    check("seed", "an integer in [0, 2**31)", seed, holds=is_seed(seed))
    run = Run.open(run_dir)
    model = run.saved_model(best=best).name
    data = run.read_config()["data"]
    rule = f"a run on {' or '.join(READ_DATA)}, whose digits there is a judge for"
    check("run", rule, f"one on {data['name']}", holds=data["name"] in READ_DATA)
    training = _training_images(data, data_dir=data_dir)
    gan = load(run_dir, best=best)[1]
    evaluation = judge_run(run, gan, n=n, seed=seed, model=model, training=training)
    report_on(run)
    return evaluation


def embedded_samples(gan, *, n, seed):
    """Samples of a GAN and what the classifier makes of them, of which each process computes its part.

    Args:
        gan: `GAN`, in the same state everywhere.
        n: Number of samples.
        seed: Of their latents.

    Returns:
        Images `(n, *image_shape)` and their `kgan.evaluation.Embedding`.
    """
    latents = gan.sample_latents(n, seed=seed)
    missing = -n % ranks.number  # so that all parts are of one size
    images = gan.generate(own_part(np.resize(latents, (n + missing, *latents.shape[1:]))))
    embedding = DigitClassifier.load().embed(images)
    parts = images, embedding.features, embedding.probabilities
    images, features, probabilities = (ranks.gathered(part)[:n] for part in parts)
    return images, Embedding(features, probabilities)


def judge_run(run, gan, *, n, seed, model, training, samples=None):
    """Judge samples and write evaluation.json and plots/classes.png.

    Args:
        run: `Run`.
        gan: `GAN`.
        n: Number of samples.
        seed: Of their latents.
        model: Name of the file that the GAN is saved in.
        training: Array of the images that it was trained on, or None.
        samples: What `embedded_samples` returned, or None to compute it here.

    Returns:
        `Evaluation`.
    """
    images, embedding = (gan.sample(n, seed=seed), None) if samples is None else samples
    options = {"labels": _labels(gan, n, seed=seed), "training": training, "embedding": embedding}
    judgement = judge(images, **options).described()
    judgement |= {"samples": n, "seed": seed, "model": model}
    way_out = [] if training is not None else ["--data-dir names the folder of the training images."]
    alarms = [f"In training, {alarm['text']}" for alarm in run.read_results().get("alarms", [])]
    judgement["notes"] = [*judgement["notes"], *way_out, *alarms]
    run.write_evaluation(judgement)  # before a picture, which may fail
    picture = run.plots / "classes.png"
    plots.write_classes(picture, judgement["classes"])
    return Evaluation(run=run, judgement=judgement, picture=picture)


def _labels(gan, n, *, seed):
    """The digits that a GAN is asked for by a seed, or None where it is asked for none."""
    if gan.num_classes != NUM_CLASSES:
        return None
    return gan.sample_latents(n, seed=seed)[:, gan.latent_dim :].argmax(axis=1)


def _training_images(data, *, data_dir):
    """The images that a run was trained on, or None where they are not at hand."""
    recorded = data.get("dir")
    if data_dir is None and recorded is not None and Path(recorded).is_dir():
        data_dir = recorded
    source = digits.find_at_hand(data["name"], data_dir=data_dir)
    return None if source is None else digits.load_split(source, "train")[0]
