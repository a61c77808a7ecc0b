"""What goes wrong in a GAN's training, said in one line when it does."""

import dataclasses
import logging
import math

import numpy as np

from kgan.callbacks.intervals import AtIntervals
from kgan.callbacks.window import LogWindow
from kgan.evaluation import NUM_CLASSES
from kgan.spec import check, is_count, is_number, is_seed

_OF_A_CLASS = 4  # samples at least
_MOST, _VANISHED = 0.6, 0.005  # shares of a class, of 0.1


@dataclasses.dataclass(frozen=True)
class Alarm:
    """What was seen.

    Attributes:
        kind: "alike", "classes", "discriminator" or "not finite".
        saw: What, in words.
        since: Step of the model's life at which it was seen first.
        step: Step at which it was said.
        advice: What to try.
    """

    kind: str
    saw: str
    since: int
    step: int
    advice: str

    def __str__(self):
        """One line."""
        return f"{self.saw} since step {self.since:,} (seen at {self.step:,}): {self.advice}."

    def described(self):
        """The attributes and the line as a dict of plain values."""
        return dataclasses.asdict(self) | {"text": str(self)}


class CollapseAlarm(AtIntervals):
    """Warns in one line when samples have become alike, D has won, or numbers are no longer finite.

    It looks every n steps. What it sees so often in a row that it will not pass by itself is said once,
    and again only after it was gone:

    - alike: the standard deviation over the samples of fixed latents, averaged over the pixels, is
      under a tenth of that of the real images, or, without these, of the largest it has been; of a
      `kgan.ConditionalGAN` that within a class, averaged over the classes, for those differ anyway;
    - classes: by the evaluations of an `Evaluate`, one digit holds more than 60 % of the samples, or
      one fewer than 0.5 %, in twice as many in a row, for early samples are no digits yet;
    - discriminator: over the steps since it last looked, D told real images from generated ones nearly
      always, by `kgan.losses.Loss.won`: D(x) above 0.9 and D(G(z)) below 0.1 of `NonSaturating`, an L(D) near
      its least value of others. `Wasserstein` has none, nor a loss of your own that does not define it;
    - not finite: losses or samples are NaN or infinite; said at once.

    On MNIST a run that works has a spread of 0.34 to 0.44 as soon as it draws digits, as real digits
    have, and one that has collapsed of 0.03 or less.

    Args:
        images: Real images `(n, *image_shape)`, of which the first 1,000 are looked at, or None.
        labels: Their classes `(n,)`, or None.
        every_steps: Steps between two looks.
        evaluate: `Evaluate` that stands before it among the callbacks, or None.
        patience: Looks in a row before it is said.
        least_spread: Share of the real spread under which samples are alike.
        samples: Number of samples of each look.
        seed: Integer in [0, 2³¹), of their latents.

    Attributes:
        alarms: List of `Alarm`s so far.

    Raises:
        ValueError: If a number breaks its rule.
    """

    def __init__(
        self,
        images=None,
        labels=None,
        *,
        every_steps=250,
        evaluate=None,
        patience=2,
        least_spread=0.1,
        samples=64,
        seed=0,
    ):
        super().__init__(every_steps=every_steps)
        for name, value in (("patience", patience), ("samples", samples)):
            check(name, "a positive integer", value, holds=is_count(value))
        check("seed", "an integer in [0, 2**31)", seed, holds=is_seed(seed))
        holds = is_number(least_spread) and 0 < least_spread < 1
        check("least_spread", "a number between 0 and 1", least_spread, holds=holds)
        self.evaluate, self.patience, self.least_spread = evaluate, patience, least_spread
        self.samples, self.seed = samples, seed
        self.alarms = []
        self._by_class = labels is not None
        labels = None if labels is None else np.asarray(labels[:1000])
        self._reference = 0.0 if images is None else _spread(np.asarray(images[:1000]), labels)
        self._of = "its largest so far" if images is None else "the real images'"
        self._conditions, self._num_evaluations = {}, 0
        self._restored = None

    def on_train_begin(self, logs=None):
        """Look from here on."""
        self._window = self._restored or LogWindow(int(self.model.step.value))
        self._restored = None

    def on_epoch_begin(self, epoch, logs=None):
        """Keras's means begin anew."""
        super().on_epoch_begin(epoch, logs)
        self._window.begin_epoch(int(self.model.step.value))

    def on_train_batch_end(self, batch, logs=None):
        """Look where the interval has passed."""
        self._window.see(batch, logs)
        super().on_train_batch_end(batch, logs)

    def state(self):
        """The alarms, and what was seen since."""
        return {
            "alarms": [dataclasses.asdict(alarm) for alarm in self.alarms],
            "conditions": self._conditions,
            "reference": self._reference,
            "evaluations": self._num_evaluations,
            "window": self._window.state(),
        }

    def restore(self, state, *, in_epoch):
        """Look on from what was seen."""
        self.alarms = [Alarm(**alarm) for alarm in state["alarms"]]
        self._conditions = {kind: tuple(seen) for kind, seen in state["conditions"].items()}
        self._reference, self._num_evaluations = state["reference"], state["evaluations"]
        self._restored = LogWindow.of(state["window"], in_epoch=in_epoch)

    def act(self):
        """Look."""
        means, spread = self._window.take(), self._spread_of_samples()
        finite = math.isfinite(spread) and all(map(math.isfinite, means.values()))
        self._note("not finite", "" if finite else "losses or samples are not finite", patience=1)
        if finite:
            self._note("alike", self._alike(spread))
            self._note("discriminator", self._won(means))
            self._look_at_classes()

    def _spread_of_samples(self):
        if not (self.model.num_classes and self._by_class):
            return _spread(self.model.sample(self.samples, seed=self.seed))
        num_classes = max(1, min(self.model.num_classes, self.samples // _OF_A_CLASS))
        labels = np.arange(self.samples) % num_classes
        return _spread(self.model.sample(self.samples, labels=labels, seed=self.seed), labels)

    def _alike(self, spread):
        if self._of.startswith("its"):
            self._reference = max(self._reference, spread)
        if spread >= self.least_spread * self._reference:
            return ""
        share = 100 * spread / self._reference
        return f"samples are alike (their spread is {share:.1f} % of {self._of})"

    def _won(self, means):
        won = self.model.adversarial_loss.won(means) if means else ""
        return won and f"D has won ({won}, L(G) {means['g_loss']:.1f})"

    def _look_at_classes(self):
        rows = self.evaluate.rows if self.evaluate else []
        for row in rows[self._num_evaluations :]:
            self._note("classes", _one_sided(row), step=row["step"], patience=2 * self.patience)
        self._num_evaluations = len(rows)

    def _note(self, kind, saw, *, step=None, patience=None):
        """Count what was seen, an empty text being nothing; say it once it was seen often enough."""
        seen, since = self._conditions.get(kind, (0, None))
        if not saw:
            self._conditions[kind] = (0, None)
            return
        since = (self._window.step if step is None else step) if since is None else since
        self._conditions[kind] = (seen + 1, since)
        if seen + 1 == (self.patience if patience is None else patience):
            alarm = Alarm(kind, saw, since=since, step=self._window.step, advice=_advice(kind, self.model))
            self.alarms.append(alarm)
            logging.getLogger("kgan").warning("kgan: %s", alarm)


def _spread(images, labels=None):
    """Standard deviation over the images, or over those of a class, averaged over the pixels and classes."""
    labels = np.zeros(len(images)) if labels is None else labels
    with np.errstate(invalid="ignore", over="ignore"):
        of_each = [images[labels == k].std(axis=0, dtype="float64").mean() for k in np.unique(labels)]
    return float(np.mean(of_each))


def _one_sided(row):
    """What an evaluation says of the classes, if one is all or nothing."""
    shares = [row.get(f"share_{k}", math.nan) for k in range(NUM_CLASSES)]
    largest = int(np.argmax(shares))
    if shares[largest] > _MOST:
        return f"{100 * shares[largest]:.0f} % of the samples are taken for {largest}"
    missing = [str(k) for k in range(NUM_CLASSES) if shares[k] < _VANISHED]
    return f"fewer than 0.5 % of the samples are taken for {', '.join(missing)}" if missing else ""


def _advice(kind, model):
    """What to try, of what docs/presets.md found to help."""
    inner = [getattr(each, "inner_optimizer", each) for each in model.optimizer.optimizers]
    beta = max(getattr(each, "beta_1", 0.0) for each in inner)
    tried = []
    if beta > 0.5:
        tried.append(f"Adam's beta_1 at 0.5 (here {beta:g})")
    if kind in ("discriminator", "not finite"):
        tried.append("a lower rate for D" if kind == "discriminator" else "lower rates")
    comparable = model.adversarial_loss.bounded_below and not model.update_policy.compares_losses
    if kind == "discriminator" and comparable:
        tried.append("LossBalanced(), which then trains D less often")
    if kind in ("alike", "classes"):
        activations = [getattr(layer, "activation", None) for layer in model.generator.layers]
        if "selu" not in [getattr(activation, "__name__", "") for activation in activations]:
            tried.append("SELU in G with its own initialiser")
        tried.append("a lower rate for G")
    return f"try {', or '.join(tried)}"
