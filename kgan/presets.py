"""Every experiment as a row. Nothing here imports a framework.

A new preset is one entry of `GAN_PRESETS`; the command line offers it by its name.
"""

import ast
import dataclasses
import importlib.util
import math
from pathlib import Path
from typing import Annotated

from kgan.digits import NAMES
from kgan.gan.losses import Loss, NonSaturating
from kgan.gan.optimizers import Adam, OptimizerSettings
from kgan.gan.update_policies import LossBalanced, UpdatePolicy
from kgan.spec import check, is_count, is_seed


def architecture_names():
    """The public functions of `kgan.gan.architectures`, read without importing Keras."""
    source = Path(importlib.util.find_spec("kgan.gan.architectures").origin).read_text(encoding="utf-8")
    functions = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return [name for name in functions if not name.startswith("_")]


@dataclasses.dataclass(frozen=True, kw_only=True)
class GANPreset:
    """All that decides what a GAN run computes, except the backend.

    Its length is either `epochs` or `steps`; the other is None. `source` says where the values
    come from and `shows` what to expect of the run.

    Raises:
        ValueError: If a value breaks its rule.
    """

    source: str
    shows: str
    data: Annotated[str, f"data set: {', '.join(NAMES)}; mnist without --data-dir is mnist-5k"] = "mnist"
    architecture: Annotated[str, f"pair of networks: {', '.join(architecture_names())}"] = "template"
    latent_dim: Annotated[int, "width of a latent"] = 100
    loss: Annotated[Loss, "adversarial loss"]
    update_policy: Annotated[UpdatePolicy, "when D and G are updated, such as 'EveryK(k=2)'"]
    generator_optimizer: Annotated[OptimizerSettings, "such as 'Adam(learning_rate=0.0002)'"]
    discriminator_optimizer: Annotated[OptimizerSettings, "likewise; what is left out is as in torch.optim"]
    batch_size: Annotated[int, "images a batch"] = 64
    epochs: Annotated[int | None, "length of the run in epochs"] = None
    steps: Annotated[int | None, "length of the run in steps, rounded up to whole epochs"] = None
    sample_every: Annotated[int, "steps between two sample grids"] = 500
    seed: Annotated[int, "seed of weights, data order, latents and coins"] = 0

    def __post_init__(self):
        """Check every value that has a rule."""
        for name in ("latent_dim", "batch_size", "sample_every"):
            check(name, "a positive integer", getattr(self, name), holds=is_count(getattr(self, name)))
        for name in ("epochs", "steps"):
            value = getattr(self, name)
            check(name, "a positive integer", value, holds=value is None or is_count(value))
        if (self.epochs is None) == (self.steps is None):
            raise ValueError(f"Give one of `epochs` and `steps`, got {self.epochs!r} and {self.steps!r}.")
        for name, choices in (("data", NAMES), ("architecture", architecture_names())):
            value = getattr(self, name)
            check(name, f"one of {', '.join(choices)}", value, holds=value in choices)
        check("seed", "an integer in [0, 2**31)", self.seed, holds=is_seed(self.seed))

    def num_epochs(self, num_images):
        """Length of a run on this many images, in epochs.

        Raises:
            ValueError: If a batch is larger than the data.
        """
        rule = f"at most the number of images, {num_images}"
        check("batch_size", rule, self.batch_size, holds=self.batch_size <= num_images)
        return self.epochs or math.ceil(self.steps / math.ceil(num_images / self.batch_size))

    def describe(self):
        """The settings by name, as the command line would accept them."""
        return {field.name: _shown(getattr(self, field.name)) for field in dataclasses.fields(self)}


def _shown(value):
    return value if value is None or isinstance(value, int | str) else repr(value)


GAN_PRESETS = {
    "quick": GANPreset(
        source=(
            "Chosen: of ten settings tried on the embedded digits for three minutes, the one whose digits "
            "were the most readable. D's higher rate makes up for the updates that the rule skips."
        ),
        shows="Readable digits after 3,000 steps, some of them malformed; p between 0.4 and 0.5.",
        architecture="compact",
        loss=NonSaturating(),
        update_policy=LossBalanced(),
        generator_optimizer=Adam(learning_rate=1e-3, beta_1=0.5),
        discriminator_optimizer=Adam(learning_rate=2e-3, beta_1=0.5),
        steps=3000,
        sample_every=250,
    ),
}
DEFAULT_GAN_PRESET = "quick"
