"""Going on in `fit` where a checkpoint was written."""

import contextlib
import logging

import keras

from kgan.backend.generators import restore_generators
from kgan.batches import NumberedEpochs
from kgan.spec import check


def fit_from(saved, fit, data, *, model, callbacks, epochs, verbose="auto", **options):
    """Call `fit` so that it goes on where a checkpoint was written; `kgan.GAN.fit` does so for its `resume`.

    It goes on in the midst of an epoch where the data can begin there, as kgan's own can; others begin the
    epoch anew, and a warning says so. The metrics of that epoch, the model's seed generators and the
    callbacks that have `state` and `restore` are what they were.

    Args:
        saved: `Saved`.
        fit: `model.fit`.
        data: Its first argument.
        model: `keras.Model` that `saved` loaded, or one of the same state.
        callbacks: The callbacks, the same as before the interruption and in their order.
        epochs: Epochs of the whole training, those before the checkpoint included.
        verbose: As in `fit`.
        **options: Further arguments of `fit`.

    Returns:
        What `fit` returns.
    """
    done = saved.fit_epoch + bool(saved.batch)
    check("epochs", f"at least {done}, those that were begun", epochs, holds=epochs >= done)
    resumption = _Resumption(saved, callbacks, data)
    callbacks, options = [resumption, *callbacks], options | {"verbose": verbose}
    if not resumption.in_epoch:
        return fit(data, initial_epoch=saved.fit_epoch, epochs=epochs, callbacks=callbacks, **options)
    # Keras takes all epochs of a call to be of one length: what is left of this one is a call of its own.
    shown = {"add_progbar": verbose != 0, "verbose": verbose}
    both = _BothCalls(callbacks, add_history=True, **shown, model=model, epochs=epochs, steps=len(data))
    following = saved.fit_epoch + 1
    both.in_last_call = following >= epochs
    data.begin_at(saved.batch)
    try:
        with contextlib.nullcontext() if both.in_last_call else _averaging_on(model.optimizer):
            history = fit(data, initial_epoch=saved.fit_epoch, epochs=following, callbacks=both, **options)
    finally:
        data.begin_at(0)
    if both.in_last_call:
        return history
    both.in_last_call = True
    epochs = following if model.stop_training else epochs
    return fit(data, initial_epoch=following, epochs=epochs, callbacks=both, **options)


@contextlib.contextmanager
def _averaging_on(optimizer):
    """Inside, the end of `fit` is not that of training, at which averaged weights take the weights' place."""
    optimizer.finalize_variable_values = lambda _: None
    try:
        yield
    finally:
        del optimizer.finalize_variable_values


class _BothCalls(keras.callbacks.CallbackList):
    """Callbacks that take two calls of `fit` for one training."""

    has_begun = in_last_call = False

    def on_train_begin(self, logs=None):
        if not self.has_begun:
            self.has_begun = True
            super().on_train_begin(logs)

    def on_train_end(self, logs=None):
        if self.in_last_call:
            super().on_train_end(logs)


class _Resumption(keras.callbacks.Callback):
    """Puts callbacks, metrics and seed generators where they were. It stands before the other callbacks."""

    def __init__(self, saved, callbacks, data):
        super().__init__()
        self._saved, self._data = saved, data
        self.in_epoch = bool(saved.batch) and isinstance(data, NumberedEpochs)
        batches = saved.state.get("batches")
        if batches and isinstance(data, NumberedEpochs):
            rule = f"of {batches} batches, as before: the same data and batch_size"
            check("x", rule, f"{len(data)}", holds=len(data) == batches)
        if saved.batch and not self.in_epoch:
            logging.getLogger("kgan").warning(
                "kgan: the checkpoint was written after batch %d of an epoch, and these data cannot begin "
                "there: the epoch begins anew, so this is not the run that would have been without the "
                "interruption. Exact are arrays and kgan's own data sets, and others at an epoch's end if "
                "they draw from Python's, NumPy's or PyTorch's global generator or from none.",
                saved.batch,
            )
        for callback in callbacks:
            if hasattr(callback, "resume_from"):
                callback.resume_from(saved, batch=saved.batch if self.in_epoch else 0)
        states = saved.state["callbacks"]
        for name, callback in stateful(callbacks).items():
            if name in states:
                callback.restore(states[name], in_epoch=self.in_epoch)

    def on_train_begin(self, logs=None):
        """Restore the seed generators, which no file of Keras holds."""
        if self._saved.state["seeds"]:
            restore(seed_states(self.model), self._saved.state["seeds"])

    def on_epoch_begin(self, epoch, logs=None):
        """Restore what the data may draw from, and the metrics of an epoch in its midst."""
        if epoch == self._saved.fit_epoch and "generators" in self._saved.state:
            restore_generators(self._saved.state["generators"])
        if self.in_epoch and epoch == self._saved.fit_epoch:
            self._data.forget_look()
            metrics = self._saved.state["metrics"]
            if len(self.model.metrics_variables) < len(metrics):
                _build_metrics(self.model, self._data)
            restore(self.model.metrics_variables, metrics)


def _build_metrics(model, data):
    """Build those of `compile`, which a model that was loaded has on TensorFlow after a step only."""
    inputs, targets = data.batch(0)
    model.compute_metrics(inputs, targets, model(inputs))
    model.reset_metrics()


def stateful(callbacks):
    """Those callbacks that have `state()` and `restore(state, *, in_epoch)`, by a name for each."""
    found = {}
    for callback in callbacks:
        if hasattr(callback, "state") and hasattr(callback, "restore"):
            name, number = type(callback).__name__, 1
            while name in found:
                number += 1
                name = f"{type(callback).__name__}-{number}"
            found[name] = callback
    return found


def seed_states(model):
    """The state of a model's seed generators, those of dropout layers and the like."""
    others = {id(variable) for variable in [*model.weights, *model.metrics_variables]}
    return [variable for variable in model.variables if id(variable) not in others]


def values(variables):
    """The numbers of variables, as lists that JSON holds to the last bit."""
    return [keras.ops.convert_to_numpy(variable).tolist() for variable in variables]


def restore(variables, numbers):
    """Give variables the numbers that `values` returned."""
    for variable, number in zip(variables, numbers, strict=True):
        variable.assign(number)
