"""Every GAN as a row.

A new preset is one entry of `GAN_PRESETS`; the command line offers it by its name.
"""

import ast
import dataclasses
import importlib.util
import math
from pathlib import Path
from typing import Annotated, ClassVar

from kgan.digits import NAMES, check_name
from kgan.gan.augmentations import Augmentation
from kgan.gan.averaging import GeneratorAverage
from kgan.gan.losses import Loss, NonSaturating, Relativistic
from kgan.gan.regularizers import R1, R2, Regularizer
from kgan.gan.update_policies import Always, EveryKEpochs, KSteps, LossBalanced, UpdatePolicy
from kgan.optimizers import SGD, Adam, LinearDecay, OptimizerSettings, RMSprop
from kgan.presets.base import ON_NAN, STATED, Preset
from kgan.spec import check, is_number, is_seed


def architecture_names():
    """The public functions of `kgan.gan.architectures`, read without importing Keras."""
    source = Path(importlib.util.find_spec("kgan.gan.architectures").origin).read_text(encoding="utf-8")
    functions = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return [name for name in functions if not name.startswith("_")]


LEAST_JUDGED = 64  # samples: the judge's features, for which there must be an image each
_COUNTS = ("latent_dim", "batch_size", "sample_every", "evaluate_every", "num_intermediate", "judged")


@dataclasses.dataclass(frozen=True)
class GANClaim:
    """What a report says of its GAN.

    Attributes:
        text: The claim in words.
        measure: What of a run answers it: "classes", "confidence", "interpolation", "p" or "steps".
    """

    text: str
    measure: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class GANPreset(Preset):
    """All that decides what a GAN run computes, except the backend.

    Its length is either `epochs` or `steps`; the other is None. `claims` are those of its source.

    Raises:
        ValueError: If a value breaks its rule.
    """

    fixed: ClassVar[tuple] = ("data", "image_size", "channels", "architecture", "latent_dim", "conditional")

    data: Annotated[
        str,
        f"{', '.join(NAMES)}; images, the files in --data-dir; tfds:NAME of tensorflow-datasets; without "
        "--data-dir, the one that is at hand",
    ] = "mnist"
    image_size: Annotated[int | None, "pixels a side to crop and scale images to, or none for their own"] = (
        None
    )
    channels: Annotated[int | None, "1 for grey, 3 for colour, or none for what the images are"] = None
    architecture: Annotated[str, f"pair of networks: {', '.join(architecture_names())}"] = "template"
    latent_dim: Annotated[int, "width of a latent"] = 100
    conditional: Annotated[
        bool, "labels condition both networks; data without labels train without them, and one line says so"
    ] = False
    classification: Annotated[float, "weight at which a conditional GAN's D learns the classes"] = 0.0
    loss: Annotated[Loss, "adversarial loss"]
    update_policy: Annotated[UpdatePolicy, "when D and G are updated, such as 'EveryK(k=2)'"]
    generator_optimizer: Annotated[OptimizerSettings, "such as 'Adam(learning_rate=0.0002)'"]
    discriminator_optimizer: Annotated[OptimizerSettings, "likewise; what is left out is as in torch.optim"]
    decay: Annotated[
        LinearDecay | None,
        "of both learning rates over the run, such as 'LinearDecay(begin=0.5, end=0.05)'; or none",
    ] = None
    regularizers: Annotated[
        tuple[Regularizer, ...],
        "of D, such as 'R1(weight=1.0, every=4), R2(weight=1.0, every=4)'; or none",
    ] = ()
    augmentations: Annotated[
        tuple[Augmentation, ...], "of what D sees, such as 'Translation(ratio=0.125),Cutout'; or none"
    ] = ()
    average: Annotated[
        GeneratorAverage | None,
        "of G's weights, which draws the samples, such as 'GeneratorAverage(decay=0.999)'; or none",
    ] = None
    batch_size: Annotated[int, "images a batch"] = 64
    epochs: Annotated[int | None, "length of the run in epochs"] = None
    steps: Annotated[int | None, "length of the run in steps, rounded up to whole epochs"] = None
    sample_every: Annotated[int, "steps between two sample grids"] = 500
    evaluate_every: Annotated[int | None, "steps between two evaluations of MNIST's digits, or none"] = 1000
    judged: Annotated[int | None, "samples of MNIST's digits that are judged at the end, or none"] = 10_000
    num_intermediate: Annotated[int, "images between the two ends of the interpolation"] = 7
    seed: Annotated[int, "seed of weights, data order, latents and coins"] = 0
    on_nan: Annotated[str, f"where numbers are no longer finite: {ON_NAN}"] = "stop"
    claims: tuple = ()

    def __post_init__(self):
        """Check every value that has a rule."""
        super().__post_init__()
        self._check_counts(*_COUNTS)
        self._check_length()
        self._check_on_nan()
        holds = isinstance(self.conditional, bool)
        check("conditional", "True or False", self.conditional, holds=holds)
        holds = is_number(self.classification) and self.classification >= 0
        check("classification", "a number of at least 0", self.classification, holds=holds)
        rule = "0 unless `conditional` is true, for labels tell D the classes"
        check("classification", rule, self.classification, holds=self.conditional or not self.classification)
        check_name(self.data)
        names = architecture_names()
        rule = f"one of {', '.join(names)}"
        check("architecture", rule, self.architecture, holds=self.architecture in names)
        check("seed", "an integer in [0, 2**31)", self.seed, holds=is_seed(self.seed))
        rule = f"None or at least {LEAST_JUDGED}"
        check("judged", rule, self.judged, holds=self.judged is None or self.judged >= LEAST_JUDGED)

    def num_epochs(self, num_images):
        """Length of a run on this many images, in epochs.

        Raises:
            ValueError: If a batch is larger than the data.
        """
        rule = f"at most the number of images, {num_images}"
        check("batch_size", rule, self.batch_size, holds=self.batch_size <= num_images)
        return self.epochs or math.ceil(self.steps / math.ceil(num_images / self.batch_size))


_LABELLED = (
    "Chosen: labels as in Miyato & Koyama (2018), loss and penalties as in Huang et al. (2024), G averaged."
)

GAN_PRESETS = {
    "quick": GANPreset(
        source=f"{_LABELLED} As `best`, cut short.",
        shows="The digit that is asked for, readable in 24 of 25 samples, after a minute or two.",
        architecture="compact",
        latent_dim=64,
        conditional=True,
        loss=Relativistic(),
        update_policy=Always(),
        generator_optimizer=Adam(learning_rate=2e-3, beta_1=0.0, beta_2=0.99),
        discriminator_optimizer=Adam(learning_rate=2e-3, beta_1=0.0, beta_2=0.99),
        regularizers=(R1(weight=0.3, every=4), R2(weight=0.3, every=4)),
        average=GeneratorAverage(decay=0.9995),
        steps=3000,
        sample_every=250,
        evaluate_every=500,
    ),
    "best": GANPreset(
        source=f"{_LABELLED} Its numbers were the best of some forty settings (studies/quality.md).",
        shows="Samples at three times the floor of the Fréchet distance; 98 of 100 are the digit asked for.",
        architecture="compact",
        latent_dim=64,
        conditional=True,
        loss=Relativistic(),
        update_policy=Always(),
        generator_optimizer=Adam(learning_rate=2e-3, beta_1=0.0, beta_2=0.99),
        discriminator_optimizer=Adam(learning_rate=2e-3, beta_1=0.0, beta_2=0.99),
        regularizers=(R1(weight=0.3, every=4), R2(weight=0.3, every=4)),
        average=GeneratorAverage(decay=0.9995),
        decay=LinearDecay(begin=0.5, end=0.05),
        steps=24_000,
    ),
    "fast": GANPreset(
        source=f"{_LABELLED} As `best`, fully connected.",
        shows="The digit that is asked for after three minutes; less varied than those of `best`.",
        architecture="slim",
        latent_dim=64,
        conditional=True,
        classification=0.05,
        loss=Relativistic(),
        update_policy=Always(),
        generator_optimizer=Adam(learning_rate=5e-4, beta_1=0.0, beta_2=0.99),
        discriminator_optimizer=Adam(learning_rate=5e-4, beta_1=0.0, beta_2=0.99),
        regularizers=(R1(weight=0.3, every=4), R2(weight=0.3, every=4)),
        average=GeneratorAverage(decay=0.999),
        decay=LinearDecay(begin=0.75, end=0.05),
        steps=12_000,
    ),
    "a": GANPreset(
        source="Report A: the update rule on fully connected networks.",
        shows="All ten digits, readable, after 20 epochs; epoch means of p between 0.44 and 0.49.",
        architecture="fully_connected",
        loss=NonSaturating(),
        update_policy=LossBalanced(),
        generator_optimizer=Adam(learning_rate=2e-4, beta_1=0.5),
        discriminator_optimizer=Adam(learning_rate=2e-4, beta_1=0.5),
        epochs=20,
        claims=(GANClaim("D learns faster than G; by the rule it is trained with probability p.", "p"),),
        basis={
            "data": STATED,
            "architecture": "widths and sigmoids stated; SELU in G, LeakyReLU in D chosen",
            "loss": "stated: BCE; which form of L(G) chosen",
            "update_policy": STATED,
            "generator_optimizer": "inferred: Adam, from report B; its numbers chosen",
            "discriminator_optimizer": "inferred: Adam, from report B; its numbers chosen",
        },
    ),
    "b": GANPreset(
        source="Report B: as A, with RMSprop instead of Adam.",
        shows=(
            "All ten digits, readable, after 20 epochs; epoch means of p between 0.44 and 0.49. Not "
            "reproduced: that 0 and 1 are drawn more often than 4 (docs/reports.md)."
        ),
        architecture="fully_connected",
        loss=NonSaturating(),
        update_policy=LossBalanced(),
        generator_optimizer=RMSprop(learning_rate=2e-4),
        discriminator_optimizer=RMSprop(learning_rate=2e-4),
        epochs=20,
        sample_every=1000,
        claims=(
            GANClaim("D learns faster than G; by the rule it is trained with probability p.", "p"),
            GANClaim(
                "Simple digits such as 0 and 1 are generated more often than complex ones like 4.", "classes"
            ),
        ),
        basis={
            "data": STATED,
            "architecture": "widths and sigmoids stated; SELU in G, LeakyReLU in D chosen",
            "loss": "stated: BCE; which form of L(G) chosen",
            "update_policy": STATED,
            "generator_optimizer": "stated: RMSprop; its numbers chosen",
            "discriminator_optimizer": "stated: RMSprop; its numbers chosen",
            "sample_every": "start, middle and end stated (progress.png); the steps between chosen",
        },
    ),
    "c": GANPreset(
        source="Report C: convolutional networks, D trained in every second epoch.",
        shows=(
            "Scribbles after four epochs: G overtakes D in the epochs in which D rests, even at a tenth of "
            "its rate. Not reproduced in four epochs of 200: a way from a 4 to a 1 (docs/reports.md)."
        ),
        architecture="convolutional",
        loss=NonSaturating(),
        update_policy=EveryKEpochs(k=2),
        generator_optimizer=Adam(learning_rate=2e-5, beta_1=0.5),
        discriminator_optimizer=Adam(learning_rate=2e-4, beta_1=0.5),
        epochs=200,
        sample_every=1000,
        num_intermediate=8,
        claims=(
            GANClaim("Samples from step 0 to 187,000, D trained in every second epoch.", "steps"),
            GANClaim("A 4 becomes a 1 through eight images.", "interpolation"),
        ),
        basis={
            "data": STATED,
            "architecture": STATED,
            "loss": "inferred: BCE, from D's sigmoid; which form of L(G) chosen",
            "update_policy": STATED,
            "batch_size": "inferred from the number of steps",
            "epochs": "inferred from the number of steps",
            "sample_every": STATED,
            "num_intermediate": STATED,
        },
    ),
    "d": GANPreset(
        source="Report D: the course template's networks and Adam.",
        shows=(
            "All ten digits after five epochs, with L(D) at 0.55 and L(G) at 1.1. Not reproduced in 20 "
            "epochs of 200: readable half way, close to handwriting at the end (docs/reports.md)."
        ),
        architecture="template",
        loss=NonSaturating(),
        update_policy=Always(),
        generator_optimizer=Adam(learning_rate=2e-4, beta_1=0.5),
        discriminator_optimizer=Adam(learning_rate=2e-4, beta_1=0.5),
        epochs=200,
        sample_every=500,
        claims=(
            GANClaim(
                "Noise at the start, readable digits half way, close to handwriting at the end.", "confidence"
            ),
            GANClaim("Between two classes lie seven weighted averages.", "interpolation"),
        ),
        basis={
            "data": STATED,
            "architecture": "inferred to be E's",
            "latent_dim": STATED,
            "loss": "stated: cross-entropy, labels 1 and 0",
            "update_policy": "stated: G, then D",
            "generator_optimizer": "stated: Adam, 2e-4; β₁ chosen, the rest PyTorch's",
            "discriminator_optimizer": "stated: Adam, 2e-4; β₁ chosen, the rest PyTorch's",
            "batch_size": STATED,
            "epochs": STATED,
            "sample_every": STATED,
            "num_intermediate": STATED,
        },
    ),
    "e": GANPreset(
        source="Report E: Algorithm 1 of Goodfellow et al. (2014) with k = 1, on the template's networks.",
        shows="All ten digits after five epochs; L(D) about 0.6, L(G) 0.9 to 1.2 over ten epochs of 50.",
        architecture="template",
        loss=NonSaturating(),
        update_policy=KSteps(k=1),
        generator_optimizer=SGD(learning_rate=0.1, momentum=0.5),
        discriminator_optimizer=SGD(learning_rate=0.1, momentum=0.5),
        epochs=50,
        claims=(GANClaim("D is trained once for each step of G.", "p"),),
        basis={
            "data": STATED,
            "architecture": STATED,
            "loss": "stated: G descends −log D(G(z))",
            "update_policy": (
                "stated: k = 1, D first, fresh noise for G; here one batch of latents and both gradients "
                "at the weights before the step, as G first would have it, which the report allows"
            ),
            "generator_optimizer": "stated: momentum; its numbers chosen",
            "discriminator_optimizer": "stated: momentum; its numbers chosen",
        },
    ),
}
DEFAULT_GAN_PRESET = "quick"
