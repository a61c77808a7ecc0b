"""The GAN as a `keras.Model`: one step, written once for all backends."""

import functools
import itertools
import warnings

import keras
import numpy as np
from keras import ops

from kgan.backend import BackendModel, ranks
from kgan.backend.nesting import all_layers
from kgan.batches import ShuffledBatches
from kgan.gan import augmentations as augmenting
from kgan.gan import averaging, losses, randomness, regularizers, update_policies
from kgan.gan.checks import built_image_shape, check_data, check_options, check_shape, checked_images
from kgan.gan.data import ShuffledImages
from kgan.gan.latent import sample_latents
from kgan.gan.optimizer_pair import OptimizerPair
from kgan.gan.regularizers import by_period, checked_regularizers
from kgan.layers import SpectralNormalization
from kgan.saving import Saved, fit_from, load
from kgan.spec import check, is_count, is_seed

_KINDS = (
    losses.Loss,
    update_policies.UpdatePolicy,
    regularizers.Regularizer,
    augmenting.Augmentation,
    averaging.GeneratorAverage,
)
for _spec in (spec for kind in _KINDS for spec in kind.choices().values()):
    if _spec.__module__.startswith("kgan."):  # a user's own, defined before this import, has its own name
        keras.saving.register_keras_serializable("kgan")(_spec)


@keras.saving.register_keras_serializable("kgan")
class GAN(BackendModel):
    """A generator and a discriminator, trained against each other by `fit`.

    One step takes one batch of real images x and one of latents z. Both gradients are taken
    at the weights before the step; then G is applied, then D, each with the probability that
    the update policy gives it:

        L(G), L(D)   from the logits of D(G(z)) and D(x), by the loss
        p            e^{L(D)} / (e^{L(D)} + e^{L(G)}) for `LossBalanced`

    A skipped update runs no backward pass and changes no weight, slot or counter. Batch
    statistics of D, if it has any, do advance in its forward pass, skipped or not; penalties
    on D's slope, which are taken where D is updated alone, do not advance them again.

    `fit` logs, each as its mean over the steps of the epoch: `d_loss`, `g_loss`, `p` (the
    probability to update D), `d_updates` (the share of steps that did), `d_real` and `d_fake`
    (the mean sigmoid of D's outputs for real and for generated images: by `NonSaturating` the
    probability that D gives them to be real; by other losses only a number in (0, 1)); with
    regularisers that penalise, `penalty`, over the steps that had one. L(D) is without it.

    Args:
        generator: Model `(batch, latent_dim) -> (batch, *image_shape)`, images in [−1, 1].
        discriminator: Model `(batch, *image_shape) -> (batch, 1)`, logits.
        latent_dim: Width of a latent.
        loss: `kgan.losses.Loss`; `NonSaturating()` if None. Kept as `adversarial_loss`.
        update_policy: `kgan.update_policies.UpdatePolicy`; `LossBalanced()` if None.
        augmentations: Sequence of `kgan.augmentations.Augmentation`, by which real and generated images are
            changed before D in training.
        average: `kgan.GeneratorAverage`, by which samples come from an average of the generator's weights; or
            None. Training is the same to the bit.
        regularizers: Sequence of `kgan.regularizers.Regularizer`, what D's training is bounded by.
        seed: Integer in [0, 2³¹) that fixes the data order, the latents, the coins and the
            dropout masks. Weights are initialised before: seed them by the initialisers or
            `keras.utils.set_random_seed`.
        **kwargs: `name` and `dtype` of a `keras.Model`.

    Raises:
        ValueError: If the shapes of the two networks do not fit each other or `latent_dim`, or
            another argument breaks its rule.
    """

    num_classes = 0  # whose labels condition both networks

    def __init__(  # noqa: PLR0913  each is an idea of its own
        self,
        generator,
        discriminator,
        *,
        latent_dim=100,
        loss=None,
        update_policy=None,
        augmentations=(),
        average=None,
        regularizers=(),
        seed=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check("latent_dim", "a positive integer", latent_dim, holds=is_count(latent_dim))
        check("seed", "an integer in [0, 2**31)", seed, holds=is_seed(seed))
        self.adversarial_loss = losses.NonSaturating() if loss is None else loss
        self.update_policy = update_policies.LossBalanced() if update_policy is None else update_policy
        _check_kind("loss", self.adversarial_loss, losses.Loss)
        _check_kind("update_policy", self.update_policy, update_policies.UpdatePolicy)
        holds = average is None or isinstance(average, averaging.GeneratorAverage)
        check("average", "None or a kgan.GeneratorAverage, such as GeneratorAverage()", average, holds=holds)
        self.regularizers = checked_regularizers(regularizers)
        self.generator = generator
        self.discriminator = discriminator
        self.latent_dim = int(latent_dim)
        self.seed = int(seed)
        self.image_shape = built_image_shape(
            generator, discriminator, self.latent_dim, num_classes=self.num_classes
        )
        self.augmentations = augmenting.checked_augmentations(augmentations, self.image_shape)
        self.latent_seeds = keras.random.SeedGenerator(self.seed)
        self.step = self._counter("step")
        self.epoch = self._counter("epoch")
        self.average = average
        if average is not None:
            self.average_generator = averaging.averaged_clone(generator, self.input_dim)
            self.average_updates = self._counter("average_updates")
        self._means = {name: keras.metrics.Mean(name) for name in _LOGS}
        if by_period(self.regularizers):
            self._means["penalty"] = keras.metrics.Mean("penalty")
        self._warn_of_unbounded_loss()
        self.built = True

    def _counter(self, name):
        return self.add_weight(shape=(), dtype="int32", initializer="zeros", trainable=False, name=name)

    def _warn_of_unbounded_loss(self):
        if self.update_policy.compares_losses and not self.adversarial_loss.bounded_below:
            warnings.warn(
                f"{self.update_policy} compares L(D) with L(G), which {self.adversarial_loss} leaves "
                "unbounded below: D would soon be updated always. Use NonSaturating() or FixedProbability().",
                stacklevel=3,
            )

    def compile(
        self,
        generator_optimizer,
        discriminator_optimizer,
        *,
        run_eagerly=False,
        steps_per_execution=1,
        jit_compile="auto",
    ):
        """Give each network its optimiser.

        Their learning rates may differ, each a time scale of its own (TTUR, Heusel et al., 2017).

        A network of the policy "mixed_float16" gets its own wrapped in a
        `keras.optimizers.LossScaleOptimizer`: its gradients would vanish in half precision.

        Args:
            generator_optimizer: `keras.optimizers.Optimizer` or the name of one.
            discriminator_optimizer: Another one.
            run_eagerly: As in `keras.Model.compile`.
            steps_per_execution: As in `keras.Model.compile`.
            jit_compile: As in `keras.Model.compile`.

        Raises:
            ValueError: If one optimiser object is given for both.
        """
        generator, discriminator = map(keras.optimizers.get, (generator_optimizer, discriminator_optimizer))
        if generator is discriminator:
            raise ValueError("`discriminator_optimizer` must be another object than `generator_optimizer`.")
        pair = OptimizerPair(
            generator=_scaling_loss(generator, self.generator),
            discriminator=_scaling_loss(discriminator, self.discriminator),
            generator_variables=self.generator.trainable_variables,
            discriminator_variables=self.discriminator.trainable_variables,
        )
        super().compile(
            optimizer=pair,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
            jit_compile=jit_compile,
            auto_scale_loss=False,  # the loss scale would wrap the pair, not its children
        )
        self._requested_jit_compile = jit_compile
        for known in ("_seed_states", "_passes_differ"):  # a network may be another since
            self.__dict__.pop(known, None)

    @property
    def generator_optimizer(self):
        """The optimiser of the generator, once compiled."""
        return self.optimizer.generator

    @property
    def discriminator_optimizer(self):
        """The optimiser of the discriminator, once compiled."""
        return self.optimizer.discriminator

    @property
    def input_dim(self):
        """Width of what the generator takes: `latent_dim`, and with labels `num_classes` more."""
        return self.latent_dim + self.num_classes

    @property
    def metrics(self):
        """The means that `fit` logs."""
        return list(self._means.values())

    @property
    def sampled_generator(self):
        """What draws samples: the average of the generator's weights if there is one, else the generator."""
        return self.generator if self.average is None else self.average_generator

    def call(self, latents, training=False):
        """Images of latents, in inference mode of the `sampled_generator`.

        Args:
            latents: Tensor `(batch, input_dim)`.
            training: Whether batch norm and dropout act as in training.

        Returns:
            Tensor `(batch, *image_shape)`.
        """
        return (self.generator if training else self.sampled_generator)(latents, training=training)

    def sample(self, n, *, seed=None, batch_size=1000):
        """Generated images, in inference mode.

        Args:
            n: Number of images.
            seed: Integer ≥ 0: the same seed gives the same latents on every backend. None
                draws new ones.
            batch_size: Images generated at a time.

        Returns:
            Array `(n, *image_shape)`, float32.

        Raises:
            ValueError: If a count is not positive, or the seed is negative.
        """
        return self.generate(self.sample_latents(n, seed=seed), batch_size=batch_size)

    def sample_latents(self, n, *, seed=None):
        """What `sample` generates its images from.

        Args:
            n: Number of latents.
            seed: As in `sample`.

        Returns:
            Array `(n, input_dim)`, float32, standard normal.

        Raises:
            ValueError: If a value breaks its rule.
        """
        check("n", "a positive integer", n, holds=is_count(n))
        check("seed", "None or an integer in [0, 2**31)", seed, holds=seed is None or is_seed(seed))
        return sample_latents(n, self.latent_dim, seed=seed)

    def generate(self, latents, *, batch_size=1000):
        """Images of given latents, in inference mode.

        Args:
            latents: Array `(n, input_dim)`, such as `kgan.latent.interpolate` returns.
            batch_size: Images generated at a time.

        Returns:
            Array `(n, *image_shape)`, float32.

        Raises:
            ValueError: If the latents have another shape, or there is none.
        """
        check("batch_size", "a positive integer", batch_size, holds=is_count(batch_size))
        latents = np.asarray(latents, dtype="float32")
        holds = latents.ndim == 2 and len(latents) > 0 and latents.shape[1] == self.input_dim
        check("latents", f"of shape (n, {self.input_dim}), n at least 1", latents.shape, holds=holds)
        batches = [
            self.predict_on_batch(latents[start : start + batch_size])
            for start in range(0, len(latents), batch_size)
        ]
        return np.concatenate(batches).astype("float32", copy=False)

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        *,
        callbacks=None,
        shuffle=True,
        resume=None,
        **kwargs,
    ):
        """Train on images; as `keras.Model.fit`, with these differences.

        Args:
            x: Array of images `(num_images, *image_shape)` in [−1, 1], or a
                `keras.utils.PyDataset`, torch `DataLoader` or `tf.data.Dataset` of batches
                `(images,)` or `(images, labels)`. Labels are ignored. The range is checked in
                arrays and in the first batch of a PyDataset, the shape everywhere.
            y: Ignored.
            batch_size: For arrays, images a batch; 32 if None.
            epochs: Number of epochs.
            callbacks: As in `keras.Model.fit`.
            shuffle: For arrays, whether to visit them in a new order each epoch, a function of
                (seed, epoch). Data sets keep the order that they have.
            resume: `kgan.saving.Saved` that a `kgan.callbacks.Checkpoint` wrote in an earlier call of
                this with the same arguments and callbacks; this is its model, `resume.load()`. Training
                goes on from there to the same bits; `epochs` counts those before, too.
            **kwargs: Other arguments of `keras.Model.fit`, such as `verbose` and
                `validation_data`; no weights and no `validation_split`, and for arrays no
                `steps_per_epoch`.

        Raises:
            ValueError: If images have another shape or range than the generator's, batches hold weights,
                `batch_size` or `epochs` are not positive or larger than the data, or `resume` is of
                another model.
        """
        self._check_ready(x, kwargs)
        check("epochs", "a positive integer", epochs, holds=is_count(epochs))
        if hasattr(x, "shape"):
            x = self._batches(x, y, batch_size=batch_size, shuffle=shuffle, **kwargs)
            y = batch_size = None
        elif isinstance(x, keras.utils.PyDataset):
            images, labels, _ = keras.utils.unpack_x_y_sample_weight(x[0])
            self._checked_labels(labels, num_images=len(checked_images(images, self.image_shape)))
        if "validation_data" in kwargs:
            kwargs["validation_data"] = _undivided(kwargs["validation_data"])
        self._start_average()
        self._join_ranks()
        callbacks = keras.tree.flatten(callbacks) if callbacks else []
        for callback in callbacks:
            if hasattr(callback, "watch"):
                callback.watch(callbacks)
        kwargs |= {"y": y, "batch_size": batch_size, "epochs": epochs, "shuffle": False}
        kwargs["callbacks"] = [_CountEpochs(), *callbacks]
        if resume is None:
            return super().fit(x, **kwargs)
        self._check_resumed(resume)
        first = kwargs.get("initial_epoch")
        check("initial_epoch", "left out where `resume` is given", first, holds=first is None)
        return fit_from(resume, super().fit, x, model=self, **kwargs)

    def _join_ranks(self):
        """Begin at the same state in every process that trains this model."""
        ranks.give_to_all([*self.weights, *self.optimizer.variables])
        for network in (self.generator, self.discriminator):
            ranks.synchronise_batch_norm(network)

    def _check_resumed(self, saved):
        rule = "a kgan.saving.Saved, such as kgan.saving.Checkpoints(directory).last()"
        check("resume", rule, saved, holds=isinstance(saved, Saved))
        here = int(self.step.value)
        rule = f"a checkpoint of this model, which is at step {here:,}: train `resume.load()`"
        check("resume", rule, f"one of step {saved.step:,}", holds=saved.step == here)

    def evaluate(self, x=None, y=None, *args, **kwargs):
        """Mean losses on images, in inference mode; arguments as in `keras.Model.evaluate`.

        They are those of the two networks that are trained, not of an average of one. The latents are the
        same in each evaluation, and nothing of the model changes.

        Returns:
            `d_loss`, `g_loss`, `d_real` and `d_fake`, as a list, or with `return_dict` a dict.

        Raises:
            ValueError: If an array of images has another shape or range than the generator's.
        """
        self._check_ready(x, kwargs)
        if hasattr(x, "shape"):
            y = self._checked_labels(y, num_images=len(checked_images(x, self.image_shape)))
        return super().evaluate(_undivided(x), y, *args, **kwargs)

    def _check_ready(self, x, options):
        check_data(x)
        check_options(options)
        if not self.compiled:
            raise ValueError("Call `compile(generator_optimizer, discriminator_optimizer)` first.")

    def _checked_labels(self, y, *, num_images):
        """The labels that condition the networks: none."""

    def _batches(self, x, y, *, batch_size, shuffle, steps_per_epoch=None, **_):
        """The images of an array, and their labels, as a data set, once they are seen to fit."""
        images = checked_images(x, self.image_shape)
        batch_size = 32 if batch_size is None else batch_size
        check("batch_size", "a positive integer", batch_size, holds=is_count(batch_size))
        rule = f"at most the number of images, {len(images)}"
        check("batch_size", rule, batch_size, holds=batch_size <= len(images))
        rule = "None for arrays, whose epoch is a pass over all images"
        check("steps_per_epoch", rule, steps_per_epoch, holds=steps_per_epoch is None)
        labels = self._checked_labels(y, num_images=len(images))
        order = {"seed": self.seed if shuffle else None, "first_epoch": int(self.epoch.value)}
        return ShuffledImages(images, labels, batch_size=batch_size, **order)

    def draw_latents(self, n):
        """Latents `(n, latent_dim)` of the current step. Override to draw from elsewhere."""
        return keras.random.normal((n, self.latent_dim), seed=self.latent_seeds)

    def _conditioned(self, latents, labels):
        """What the generator takes: the latents."""
        return latents

    def adversarial_step(self, real, labels=None):
        """One update of both networks, as the class describes it.

        Args:
            real: Tensor `(batch, *image_shape)`.
            labels: Ignored.

        Returns:
            Dict of the logs.
        """
        check_shape(real, self.image_shape)
        real = ops.cast(real, self.variable_dtype)  # float64 would not mix with what D and G compute
        step = self.known(self.step)
        randomness.reseed(self._seed_states, self._draws_seed, randomness.SEEDS, step)
        bits = randomness.random_bits(self._draws_seed, randomness.GLOBAL_DRAWS, step)
        with self.global_draws_from(bits):
            latents = self._conditioned(self.draw_latents(ops.shape(real)[0]), labels)
            return self._adversarial_step(real, latents, step)

    def _adversarial_step(self, real, latents, step):
        inputs = (real, latents, *self._draws(ops.shape(real)[0], step))
        groups = (self.generator.trainable_variables, self.discriminator.trainable_variables)
        parts = (self.generator, self.discriminator, self.adversarial_loss, *self.augmentations)
        g, d = self.record_losses(self._adversarial_losses, inputs, groups, parts=parts)
        *scalars, real, fake = (ops.stop_gradient(value) for value in g.aux)
        # Of the whole batch: each process that has a part of it sees the same p, and throws the same coins.
        g_loss, d_loss, d_real, d_fake = ranks.mean(scalars)

        p, update_d, update_g = self._throw_coins(step, d_loss, g_loss)
        # G first: torch refuses a backward pass through weights that were changed in place.
        self.apply_if(update_g, self.generator_optimizer, _of_all(g.gradients), groups[0])
        self._average_if(update_g)
        if self.regularizers:
            seen = real, ops.cast(fake, real.dtype), latents
            self._update_regularized(update_d, d.gradients, seen, step)
        else:
            self.apply_if(update_d, self.discriminator_optimizer, _of_all(d.gradients), groups[1])
        self.step.assign_add(1)
        logs = self._log(d_loss=d_loss, g_loss=g_loss, p=p, d_updates=update_d, d_real=d_real, d_fake=d_fake)
        return logs | {name: self._means[name].result() for name in self._means if name not in logs}

    def _update_regularized(self, condition, gradients, seen, step):
        """As `apply_if` of D, with the gradients of the penalties that are due, and its weights bounded."""
        optimizer, weights = self.discriminator_optimizer, self.discriminator.trainable_variables

        def update():
            regularized = ranks.mean(self._with_penalties(gradients(), seen, step))
            self.apply_if(True, optimizer, lambda: regularized, weights)  # noqa: FBT003
            for regularizer in self.regularizers:
                if not regularizer.penalises:
                    for weight in weights:
                        weight.assign(regularizer.constrain(weight.value))

        logged = self._means["penalty"].variables if "penalty" in self._means else []
        self.run_if(condition, update, [*weights, *optimizer.variables, *logged])

    def _with_penalties(self, gradients, seen, step):
        groups = by_period(self.regularizers)
        for number, (every, group) in enumerate(groups.items()):
            due = every == 1 or step % every == 0
            uniform = self._uniform_draws(randomness.REGULARIZERS + 32 * number, step)
            penalised = functools.partial(self._with_penalty, gradients, group, seen, uniform)
            nothing = ops.zeros((), self.variable_dtype)
            penalty, gradients = self.choose(due, penalised, functools.partial(_pair, nothing, gradients))
            if due is not False:
                (penalty,) = ranks.mean([penalty])
                self._count_penalty(penalty, due, every=every, least=min(groups))
        return gradients

    def _with_penalty(self, gradients, group, seen, uniform):
        """The penalty of regularisers of one period, and the gradients with those of it added."""
        real, fake, latents = seen
        points = [regularizer.points(real, fake, uniform) for regularizer in group]
        weights, parts = self.discriminator.trainable_variables, (self.discriminator, *group)
        loss_fn = functools.partial(self._penalty_loss, group)
        (recording,) = self.record_losses(loss_fn, (latents, *points), (weights,), parts=parts)
        both = zip(gradients, recording.gradients(), strict=True)
        return ops.stop_gradient(recording.aux), [gradient + own for gradient, own in both]

    def _penalty_loss(self, group, latents, *points):
        """What the penalties add to what D is trained on; beside it their sum."""
        with self.forgetting(self.discriminator.variables):  # no batch statistics advance a second time
            logits = functools.partial(self._logits, latents=latents, training=True)
            slopes = [self.input_gradient(logits, at) for at in points]
        penalty = sum(regularizer.penalty(of) for regularizer, of in zip(group, slopes, strict=True))
        return (self.discriminator_optimizer.scale_loss(group[0].every * penalty),), penalty

    def _uniform_draws(self, stream, step):
        """A function of a shape, which draws from one stream after the other."""
        streams = itertools.count(stream)
        return lambda shape: randomness.uniforms(shape, self._draws_seed, next(streams), step)

    def _count_penalty(self, penalty, due, *, every, least):
        # The mean is over the steps of the most frequent penalties; rarer ones count for more in theirs.
        total, count = self._means["penalty"].variables
        total.assign_add(ops.cast(every / least * penalty, total.dtype))
        if every == least:
            count.assign_add(ops.cast(due, count.dtype))

    def _draws(self, n, step):
        """What augmentations draw for n real and n generated images, `(2, n, draws)`, if there are any."""
        draws = sum(augmentation.num_draws for augmentation in self.augmentations)
        shape, stream = (2, n, draws), randomness.AUGMENTATIONS
        return (randomness.uniforms(shape, self._draws_seed, stream, step),) if draws else ()

    def _start_average(self):
        """Let the average begin at the weights that the generator has where training begins."""
        if self.average is not None and int(self.average_updates.value) == 0:
            averaging.copy_weights(self.generator, self.average_generator)

    def _average_if(self, updated):
        """Where G was updated, move the average towards its weights, and take over its batch statistics."""
        if self.average is None:
            return
        pairs = list(zip(self.average_generator.weights, self.generator.weights, strict=True))

        def move():
            trained = [pair for pair in pairs if pair[1].trainable]
            share = self.average.share(self.known(self.average_updates))
            self.move_towards([average for average, _ in trained], [weight for _, weight in trained], share)
            for average, weight in pairs:
                if not weight.trainable:
                    average.assign(weight)
            self.average_updates.assign_add(1)

        self.run_if(updated, move, [*self.average_generator.weights, self.average_updates])

    def evaluation_step(self, real, labels=None):
        """Both losses on a batch, in inference mode; nothing is updated.

        Args:
            real: Tensor `(batch, *image_shape)`.
            labels: Ignored.

        Returns:
            Dict of `d_loss`, `g_loss`, `d_real` and `d_fake`.
        """
        check_shape(real, self.image_shape)
        # The number of batches evaluated so far gives each its own latents, the same in each evaluation.
        batch = self.known(self._means["d_loss"].count)
        randomness.reseed(self._seed_states, self.seed, randomness.EVALUATION_SEEDS, batch)
        latents = self._conditioned(self.draw_latents(ops.shape(real)[0]), labels)
        fake = self.generator(latents, training=False)
        fake_logits = self._logits(fake, latents, training=False)
        real_logits = self._logits(real, latents, training=False)
        g_loss = self.adversarial_loss.generator_loss(real_logits, fake_logits)
        d_loss = self.adversarial_loss.discriminator_loss(real_logits, fake_logits)
        d_real, d_fake = _mean_probability(real_logits), _mean_probability(fake_logits)
        return self._log(d_loss=d_loss, g_loss=g_loss, d_real=d_real, d_fake=d_fake)

    def _adversarial_losses(self, real, latents, draws=None):
        """What each network is trained on; beside it what is logged, and the images as D sees them."""
        real, fake = self._seen(real, self.generator(latents, training=True), draws)
        outputs = self._training_outputs(real, fake)
        g_logits, real_logits, fake_logits = (self._chosen(logits, latents) for logits in outputs)
        g_loss = self.adversarial_loss.generator_loss(real_logits, g_logits)
        d_loss = self.adversarial_loss.discriminator_loss(real_logits, fake_logits)
        d_total = self._with_classification(d_loss, outputs[1], latents)
        totals = (
            self.generator_optimizer.scale_loss(_with_regularisers(g_loss, self.generator)),
            self.discriminator_optimizer.scale_loss(_with_regularisers(d_total, self.discriminator)),
        )
        probabilities = _mean_probability(real_logits), _mean_probability(fake_logits)
        return totals, (g_loss, d_loss, *probabilities, real, fake)

    def _seen(self, real, fake, draws):
        """Real and generated images as D sees them in training."""
        if draws is None:
            return real, fake
        return tuple(
            augmenting.augmented(images, own, self.augmentations)
            for images, own in ((real, draws[0]), (fake, draws[1]))
        )

    def _training_outputs(self, real, fake):
        """What D gives for G(z) in L(G), for x, and for G(z) in L(D)."""
        # One pass over the generated images serves both losses, unless two of them would differ: by
        # dropout, or by the batch statistics that each advances.
        if not self._passes_differ:
            of_real = self._outputs(real, training=True)
            of_fake = self._outputs(fake, training=True)
            return of_fake, of_real, of_fake
        of_g = self._outputs(fake, training=True)
        of_real = self._outputs(real, training=True)
        return of_g, of_real, self._outputs(ops.stop_gradient(fake), training=True)

    @functools.cached_property
    def _passes_differ(self):
        # What spectral normalisation keeps depends on the weights alone.
        layers = all_layers(self.discriminator)
        alike = {id(layer.u) for layer in layers if isinstance(layer, SpectralNormalization)}
        return any(id(state) not in alike for state in self.discriminator.non_trainable_variables)

    def _outputs(self, images, *, training):
        # In the precision of the weights: losses, and p, would be coarse in half.
        return ops.cast(self.discriminator(images, training=training), self.variable_dtype)

    def _chosen(self, outputs, latents):
        """The logits `(batch, 1)` of D's; what the generator takes says of which classes, if of any."""
        return outputs

    def _with_classification(self, d_loss, outputs, latents):
        """What D is trained on: L(D), and what a GAN with classes adds for what D gives for real images."""
        return d_loss

    def _logits(self, images, latents, *, training):
        """D's logits `(batch, 1)` of images."""
        return self._chosen(self._outputs(images, training=training), latents)

    def _throw_coins(self, step, d_loss, g_loss):
        counters = ops.convert_to_tensor(self.step), ops.convert_to_tensor(self.epoch)
        p_d, p_g = self.update_policy(*counters, d_loss, g_loss)
        update_d = randomness.coin(p_d, self.seed, randomness.UPDATE_DISCRIMINATOR, step)
        update_g = randomness.coin(p_g, self.seed, randomness.UPDATE_GENERATOR, step)
        return p_d, update_d, update_g

    @functools.cached_property
    def _seed_states(self):
        # All state that is not weights: this model's seed generator and those of dropout layers.
        weights = {id(weight) for weight in self.weights}
        return [variable for variable in self.variables if id(variable) not in weights]

    @property
    def _draws_seed(self):
        """The seed of what is drawn for a batch, or for this process's part of it."""
        return randomness.seed_of_part(self.seed, ranks.drawing)

    def _log(self, **values):
        return self.add_to_means(self._means, values)

    def get_config(self):
        """The networks, loss, policy and numbers that `from_config` needs."""
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "generator": serialize(self.generator),
            "discriminator": serialize(self.discriminator),
            "latent_dim": self.latent_dim,
            "loss": serialize(self.adversarial_loss),
            "update_policy": serialize(self.update_policy),
            "augmentations": [serialize(augmentation) for augmentation in self.augmentations],
            "average": serialize(self.average),
            "regularizers": [serialize(regularizer) for regularizer in self.regularizers],
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config):
        """The GAN that `get_config` described, with fresh weights."""
        parts = ("generator", "discriminator", "loss", "update_policy", *_OPTIONAL_PARTS)
        deserialize = keras.saving.deserialize_keras_object
        return cls(**config | {part: deserialize(config[part]) for part in parts if part in config})

    def get_compile_config(self):
        """Both optimisers and the way of execution, for `compile_from_config`."""
        if not self.compiled:
            return {}
        return {
            "generator_optimizer": keras.optimizers.serialize(self.generator_optimizer),
            "discriminator_optimizer": keras.optimizers.serialize(self.discriminator_optimizer),
            "run_eagerly": self.run_eagerly,
            "steps_per_execution": self.steps_per_execution,
            "jit_compile": self._requested_jit_compile,  # what "auto" came to here is wrong elsewhere
        }

    def compile_from_config(self, config):
        """Compile as `get_compile_config` described."""
        parts = ("generator_optimizer", "discriminator_optimizer")
        self.compile(**config | {part: keras.optimizers.deserialize(config[part]) for part in parts})


def load_model(path):
    """The GAN of a `.keras` file, with its optimisers, step and epoch.

    Args:
        path: File that `GAN.save` wrote, on any backend.

    Returns:
        A `GAN`, compiled if it was when saved. Its file is looked at as `kgan.saving.load` describes: it
        runs no code and reads no other file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is truncated, damaged or refused, or holds another model.
    """
    model = load(path)
    check("path", "a file that a GAN was saved in", str(path), holds=isinstance(model, GAN))
    return model


_OPTIONAL_PARTS = ("regularizers", "augmentations", "average")  # which older files lack
_LOGS = ("d_loss", "g_loss", "p", "d_updates", "d_real", "d_fake")


class _CountEpochs(keras.callbacks.Callback):
    """Counts the epochs of the model's life, before any other callback sees the epoch's end."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.epoch.assign_add(1)


def _check_kind(argument, value, kind):
    rule = f"a kgan {kind.__name__}, such as {next(iter(kind.choices()))}()"
    check(argument, rule, value, holds=isinstance(value, kind))


def _scaling_loss(optimizer, network):
    wrapped = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    if wrapped or network.dtype_policy.name != "mixed_float16":
        return optimizer
    return keras.optimizers.LossScaleOptimizer(optimizer)


def _with_regularisers(loss, network):
    # The networks' own weight penalties are trained on, but no policy sees them.
    return sum(network.losses, start=loss)


def _undivided(data):
    return data.whole() if isinstance(data, ShuffledBatches) else data


def _of_all(gradients):
    """The function that gives the means of a function's gradients over all processes."""
    return lambda: ranks.mean(gradients())


def _pair(one, other):
    return one, other


def _mean_probability(logits):
    return ops.mean(ops.sigmoid(logits))
