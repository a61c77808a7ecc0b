"""How good generated digits are: every figure beside that of real training digits."""

import dataclasses

from kgan.evaluation import classes, copies, frechet, kernel, manifold
from kgan.evaluation.classifier import NUM_FEATURES, DigitClassifier
from kgan.evaluation.images import check_images
from kgan.evaluation.metric import Evidence
from kgan.evaluation.reference import Reference
from kgan.spec import check

# Each yields `Metric`s of generated images, given the evidence of them, of real ones, and the reference.
_OF_EVIDENCE = (frechet.metrics, kernel.metrics, manifold.metrics, classes.metrics)


@dataclasses.dataclass(frozen=True)
class Judgement:
    """What generated digits are like.

    Attributes:
        samples: Number of them.
        accuracy: Of the classifier, on MNIST's 10,000 test digits.
        sha256: Of its weights.
        metrics: Tuple of `Metric`.
        shares: `ClassShares` of the samples.
        real: `ClassShares` of MNIST's 10,000 test digits.
        notes: Tuple of sentences on what was not measured.
    """

    samples: int
    accuracy: float
    sha256: str
    metrics: tuple
    shares: classes.ClassShares
    real: classes.ClassShares
    notes: tuple

    def described(self):
        """All of it as dicts, lists, strings and numbers, for JSON."""
        over, under = classes.misrepresented(self.shares, self.real)
        return {
            "samples": self.samples,
            "classifier": {"accuracy": self.accuracy, "sha256": self.sha256},
            "metrics": [dataclasses.asdict(metric) for metric in self.metrics],
            "classes": {
                **{name: values.tolist() for name, values in dataclasses.asdict(self.shares).items()},
                "real": self.real.shares.tolist(),
                "over": over,
                "under": under,
                "sentence": classes.sentence(over, under),
            },
            "notes": list(self.notes),
        }


def judge(images, *, labels=None, training=None, embedding=None):
    """Judge generated digits against MNIST's 10,000 test digits.

    Args:
        images: Array `(n, 28, 28, 1)` in [−1, 1], at least 64 of them; 10,000 for figures to compare.
        labels: The digits that were asked for, integers `(n,)`, or None where none were.
        training: Real images that the generator was trained on, in the order of their data set; or None,
            then memorising is not measured.
        embedding: `Embedding` of the images, where several processes have computed it.

    Returns:
        `Judgement`.

    Raises:
        ValueError: If there are fewer images than features, they are of another shape or range, or not
            finite, or labels are not one for each; or the shipped files are damaged.
    """
    images, fake = _evidence(images, embedding)
    reference, classifier = Reference.load(), DigitClassifier.load()
    real = reference.train.first(len(images))
    measured = [metric for measure in _OF_EVIDENCE for metric in measure(fake, real, reference)]
    if labels is not None:
        measured.append(classes.agreement_metric(fake, labels, accuracy=classifier.accuracy))
    memorising, notes = copies.memorising_metrics(images, training, reference)
    if len(real) < len(images):
        notes = [*notes, f"The floor is that of {len(real):,} real digits, not of {len(images):,}."]
    return Judgement(
        samples=len(images),
        accuracy=classifier.accuracy,
        sha256=classifier.sha256,
        metrics=(*measured, copies.duplicates_metric(images, reference), *memorising),
        shares=classes.class_shares(fake.classes),
        real=classes.class_shares(reference.test_labels),
        notes=tuple(notes),
    )


def quick_judge(images):
    """The figures that are worth a look while a generator trains.

    Args:
        images: As `judge`; 2,000 take a second.

    Returns:
        Dict of floats: "frechet", "frechet_floor", of as many real digits, "total_variation", "confidence",
        "duplicates", "share_0" … "share_9".

    Raises:
        ValueError: As `judge`.
    """
    images, fake = _evidence(images)
    reference = Reference.load()
    floor = reference.train_features[: len(images)]
    shares = classes.class_shares(fake.classes).shares
    real = classes.class_shares(reference.test_labels).shares
    return {
        "frechet": frechet.frechet_distance(reference.test_features, fake.features),
        "frechet_floor": frechet.frechet_distance(reference.test_features, floor),
        "total_variation": classes.total_variation(shares, real),
        "confidence": float(fake.confidence.mean()),
        "duplicates": copies.duplicates(images, reference),
        **{f"share_{digit}": float(share) for digit, share in enumerate(shares)},
    }


def load_judge():
    """Load what `judge` and `quick_judge` need, once in a process.

    Raises:
        ValueError: If a file is not the one that was shipped.
        OSError: If a file cannot be read.
    """
    DigitClassifier.load()
    Reference.load()


def _evidence(images, embedding=None):
    images = check_images("images", images)
    least = float(images.min())  # digits are white on a background of −1
    rule = "in [−1, 1], not in [0, 1]: 2 * images - 1 makes them so"
    check("images", rule, f"none below {least:g}", holds=least < 0)
    check(
        "images",
        f"at least {NUM_FEATURES}, the number of features",
        len(images),
        holds=len(images) >= NUM_FEATURES,
    )
    embedding = DigitClassifier.load().embed(images) if embedding is None else embedding
    return images, Evidence(embedding.features, embedding.classes, embedding.confidence)
