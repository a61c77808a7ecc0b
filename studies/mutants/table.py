"""The mutants: 40 seeded faults in six areas, chosen by hand."""

import dataclasses

STEP, POLICIES, LOSSES = "training step", "update policies", "losses and penalties"
RECURRENT, SAVING, RESUMING = "LSTM", "saving", "resuming"
AREAS = {  # with the folders of tests/ and tests/full/ that run first
    STEP: ("gan", "backend"),
    POLICIES: ("gan",),
    LOSSES: ("gan",),
    RECURRENT: ("layers", "palindrome"),
    SAVING: ("saving", "gan"),
    RESUMING: ("gan", "experiments", "runs"),
}


@dataclasses.dataclass(frozen=True)
class Mutant:
    """A seeded fault.

    Attributes:
        name: Unique name.
        area: One of `AREAS`.
        file: Path from the project's root.
        old: Text that occurs once in the file.
        new: Text in its place.
        wrong: The wrong behavior, in a few words.
    """

    name: str
    area: str
    file: str
    old: str
    new: str
    wrong: str

    def changed(self, text):
        """Insert the fault into the file's text.

        Raises:
            ValueError: If the old text does not occur exactly once.
        """
        if text.count(self.old) != 1:
            raise ValueError(f"{self.file} must hold {self.old!r} once, got {text.count(self.old)} times.")
        return text.replace(self.old, self.new)


_MODEL, _REGULARIZERS = "kgan/gan/model.py", "kgan/gan/regularizers.py"
_POLICIES, _LOSSES = "kgan/gan/update_policies.py", "kgan/gan/losses.py"
_LAYER, _SEQUENCE = "kgan/layers/lstm.py", "kgan/backend/torch/lstm_sequence.py"
_CHECKPOINTS, _RESUMPTION = "kgan/saving/checkpoints.py", "kgan/saving/resumption.py"

MUTANTS = (
    Mutant(
        "step-not-counted",
        STEP,
        _MODEL,
        "self.step.assign_add(1)",
        "self.step.assign_add(0)",
        "every step draws the numbers of step 0",
    ),
    Mutant(
        "g-loss-of-cut-pass",
        STEP,
        _MODEL,
        "generator_loss(real_logits, g_logits)",
        "generator_loss(real_logits, fake_logits)",
        "G has no gradient where D has dropout or batch norm",
    ),
    Mutant(
        "dropout-in-one-pass",
        STEP,
        _MODEL,
        "for state in self.discriminator.non_trainable_variables)",
        "for state in self.discriminator.non_trainable_weights)",
        "both losses share one dropout mask of D",
    ),
    Mutant(
        "d-penalized-for-g",
        STEP,
        _MODEL,
        "(d_total, self.discriminator)",
        "(d_total, self.generator)",
        "weight penalties of D's layers are not trained on",
    ),
    Mutant(
        "average-follows-d",
        STEP,
        _MODEL,
        "self._average_if(update_g)",
        "self._average_if(update_d)",
        "the average of G moves where D was updated",
    ),
    Mutant(
        "warm-up-off-by-one",
        STEP,
        "kgan/gan/averaging.py",
        "9 / (10 + updates))  #",
        "9 / (9 + updates))  #",
        "the average moves too far in its warm-up, in the first update all the way",
    ),
    Mutant(
        "adam-epsilon-uncorrected",
        STEP,
        "kgan/backend/torch/adam.py",
        "eps=optimizer.epsilon / (1 - optimizer.beta_2**step) ** 0.5",
        "eps=optimizer.epsilon",
        "the fused Adam takes larger first steps than Keras's where gradients are small",
    ),
    Mutant(
        "seed-generators-alike",
        STEP,
        "kgan/gan/randomness.py",
        "stream + 2 * index + half",
        "stream + half",
        "latents and every dropout layer draw from the same seed",
    ),
    Mutant(
        "balance-reversed",
        POLICIES,
        _POLICIES,
        "ops.sigmoid((d_loss - g_loss)",
        "ops.sigmoid((g_loss - d_loss)",
        "D is updated more often the better it does",
    ),
    Mutant(
        "temperature-multiplies",
        POLICIES,
        _POLICIES,
        "(d_loss - g_loss) / self.temperature",
        "(d_loss - g_loss) * self.temperature",
        "a lower temperature makes the policy laxer",
    ),
    Mutant(
        "k-steps-first",
        POLICIES,
        _POLICIES,
        "step % self.k == self.k - 1",
        "step % self.k == 0",
        "G is updated on the first of k batches, not on the last",
    ),
    Mutant(
        "epochs-are-steps",
        POLICIES,
        _POLICIES,
        "epoch % self.k == 0",
        "step % self.k == 0",
        "EveryKEpochs counts steps",
    ),
    Mutant(
        "coins-without-seed",
        POLICIES,
        _MODEL,
        "randomness.coin(p_d, self.seed,",
        "randomness.coin(p_d, 0,",
        "D's coins are the same for every seed",
    ),
    Mutant(
        "coins-alike",
        POLICIES,
        _MODEL,
        "randomness.coin(p_g, self.seed, randomness.UPDATE_GENERATOR",
        "randomness.coin(p_g, self.seed, randomness.UPDATE_DISCRIMINATOR",
        "G's coin falls as D's does",
    ),
    Mutant(
        "smoothing-sharpens",
        LOSSES,
        _LOSSES,
        "of_real = of_real + self.label_smoothing",
        "of_real = of_real - self.label_smoothing",
        "label smoothing draws D to larger logits",
    ),
    Mutant(
        "least-squares-not-halved",
        LOSSES,
        _LOSSES,
        "(ops.mean(ops.square(real_logits - 1)) + ops.mean(ops.square(fake_logits))) / 2",
        "ops.mean(ops.square(real_logits - 1)) + ops.mean(ops.square(fake_logits))",
        "L(D) is twice as large",
    ),
    Mutant(
        "relativistic-mean-inside",
        LOSSES,
        _LOSSES,
        "ops.mean(ops.softplus(fake_logits - real_logits))",
        "ops.softplus(ops.mean(fake_logits - real_logits))",
        "L(D) compares the means, not the pairs",
    ),
    Mutant(
        "slope-mean-for-sum",
        LOSSES,
        _REGULARIZERS,
        "ops.sum(ops.square(slopes)",
        "ops.mean(ops.square(slopes)",
        "the norm of a slope is smaller by the root of the number of pixels",
    ),
    Mutant(
        "share-of-each-pixel",
        LOSSES,
        _REGULARIZERS,
        "share = uniform(_one_number_an_image(real))",
        "share = uniform(real.shape)",
        "WGAN-GP's points are not on the line between two images",
    ),
    Mutant(
        "one-sided-penalty",
        LOSSES,
        _REGULARIZERS,
        "ops.square(_norms(slopes) - 1)",
        "ops.square(ops.relu(_norms(slopes) - 1))",
        "slopes below 1 are not penalized",
    ),
    Mutant(
        "lazy-penalty-once",
        LOSSES,
        _MODEL,
        "scale_loss(group[0].every * penalty)",
        "scale_loss(penalty)",
        "a penalty of every k-th step is k times too small",
    ),
    Mutant(
        "forget-gate-of-new-cell",
        RECURRENT,
        _SEQUENCE,
        "torch.mul(dc, c[t], out=p)",
        "torch.mul(dc, c[t + 1], out=p)",
        "the forget gate's gradient is of the cell after the step",
    ),
    Mutant(
        "masked-cell-moves",
        RECURRENT,
        _SEQUENCE,
        "torch.where(mask, c[t + 1], c_before, out=c[t + 1])",
        "torch.where(mask, c[t + 1], c[t], out=c[t + 1])",
        "without a backward pass, or with `checkpoint`, c changes at masked steps",
    ),
    Mutant(
        "masked-gradient-lost",
        RECURRENT,
        _SEQUENCE,
        "            dc += kept[1]\n",
        "",
        "the gradient of c ends at a masked step",
    ),
    Mutant(
        "input-gradient-at-start",
        RECURRENT,
        _SEQUENCE,
        "out=self.x[start + t : start + until]",
        "out=self.x[t:until]",
        "from the 33rd step on, gradients of inputs are written in other steps' places",
    ),
    Mutant(
        "chrono-opens-inputs",
        RECURRENT,
        _LAYER,
        "            i = -f\n",
        "            i = f\n",
        "chrono initialization opens the input gate that it should close",
    ),
    Mutant(
        "state-shown-before-mask",
        RECURRENT,
        _LAYER,
        'ops.cumsum(ops.cast(mask, "int32"), axis=0) > 0',
        'ops.cumsum(ops.cast(mask, "int32"), axis=0) >= 0',
        "before the first step that counts, the output is the initial state instead of zeros",
    ),
    Mutant(
        "split-by-answer",
        RECURRENT,
        "kgan/palindrome/data.py",
        "half[:, 1:-1].sum(",
        "half[:, :-1].sum(",
        "the digit to recall decides between training and validation",
    ),
    Mutant(
        "checksum-not-compared",
        SAVING,
        _CHECKPOINTS,
        "if hashlib.sha256(data).hexdigest() != sha256:",
        "if len(data) > bytes:",
        "a flipped bit in a checkpoint's model is not seen by `last`",
    ),
    Mutant(
        "replaced-before-flush",
        SAVING,
        "kgan/files.py",
        "            flush(temporary)\n",
        "",
        "after a power cut, a file that was replaced may be empty",
    ),
    Mutant(
        "optimizer-not-finite",
        SAVING,
        "kgan/saving/models.py",
        "[*model.weights, *(optimizer.variables if optimizer else ())]",
        "model.weights",
        "NaN in the state of an optimizer is saved",
    ),
    Mutant(
        "one-more-kept",
        SAVING,
        _CHECKPOINTS,
        "whole[self.keep - 1 :]",
        "whole[self.keep :]",
        "one checkpoint too many is kept",
    ),
    Mutant(
        "optimizer-of-g-for-d",
        SAVING,
        _MODEL,
        "keras.optimizers.serialize(self.discriminator_optimizer)",
        "keras.optimizers.serialize(self.generator_optimizer)",
        "a loaded GAN trains D with the settings of G's optimizer",
    ),
    Mutant(
        "seed-not-saved",
        SAVING,
        _MODEL,
        '            "seed": self.seed,\n',
        "",
        "a loaded GAN draws by seed 0",
    ),
    Mutant(
        "order-begins-again",
        RESUMING,
        _MODEL,
        '"first_epoch": int(self.epoch.value)}',
        '"first_epoch": 0}',
        "the images of a resumed epoch have the order of the first",
    ),
    Mutant(
        "metrics-not-restored",
        RESUMING,
        _RESUMPTION,
        "            restore(self.model.metrics_variables, metrics)\n",
        "            self.model.reset_metrics()\n",
        "the logs of a resumed epoch are of its last steps alone",
    ),
    Mutant(
        "batches-left-out",
        RESUMING,
        _RESUMPTION,
        "data.begin_at(0)",
        "data.begin_at(saved.batch)",
        "every epoch after the resumed one lacks its first batches",
    ),
    Mutant(
        "decay-factor-not-restored",
        RESUMING,
        "kgan/callbacks/learning_rates.py",
        'self.factor = state["factor"]',
        "self.factor = 1.0",
        "learning rates that had fallen fall by that factor again",
    ),
    Mutant(
        "palindromes-again",
        RESUMING,
        "kgan/palindrome/curriculum.py",
        '{"first_epoch": self.stage.rounds}',
        '{"first_epoch": 0}',
        "a resumed length trains on its first palindromes again",
    ),
    Mutant(
        "batches-counted-twice",
        RESUMING,
        "kgan/experiments/training.py",
        "(saved.step - saved.batch, saved.fit_epoch)",
        "(saved.step, saved.fit_epoch)",
        "learning rates of a run that is resumed within an epoch fall too slowly",
    ),
)
