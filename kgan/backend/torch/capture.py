"""The losses of a step and their gradients as lists of operations, written down once and run again.

Keras's layers and PyTorch's autograd spend more time in Python than a digit's networks spend in arithmetic.
JAX and TensorFlow trace the step; so does this file. The losses of the first batch of a shape are computed
on a `Tape`, with the gradients of both. What it wrote down is cut into one part that gives the losses, what
is logged and the batch statistics, and one part a backward pass, each run only when its gradients are
asked for. These parts take over at once, for that first batch too: a run is the same bits wherever it was
interrupted.

What cannot be written down runs as Keras runs it: networks that draw random numbers or look at values,
layers, activations, regularisers and losses that are neither Keras's nor kgan's (a user's Python may do
anything), penalties on activities, scaled losses, `run_eagerly=True`, and whatever is not on a CPU, where
this was never tried. A change of a layer's settings is seen by the next `fit`.
"""

import contextlib
import logging
from functools import partial

import keras
import torch

from kgan.backend.base import Recording
from kgan.backend.nesting import all_layers
from kgan.backend.private import has_own_moments
from kgan.backend.torch.private import copy_all
from kgan.backend.torch.products import fastest_products
from kgan.backend.torch.tape import CannotCaptureError, Tape, multiply_large_by, simplify, split

_OURS = ("keras.", "kgan.layers.spectral_normalization")
_USERS = (keras.layers.Lambda, keras.layers.TorchModuleWrapper)  # Keras's, but run what a user gives them


class Captures:
    """The captured steps of one model, one for each shape of batch."""

    def __init__(self):
        self._programs = {}
        self._settings = {}  # by the parts whose they are
        self._looked_at = set()  # parts whose settings are known to be the same still

    def __deepcopy__(self, _memo):
        """Of a copied model: none yet."""
        return Captures()

    def forget(self):
        """Capture all anew: what steps are made of has changed."""
        self._programs.clear()
        self._settings.clear()
        self.begin()

    def begin(self):
        """Look whether settings have changed, before the next step: `fit` begins."""
        self._looked_at.clear()

    def record(self, losses_fn, inputs, groups, *, parts):
        """As `StepModel.record_losses`, or None if the step must be run as it is written.

        Args:
            losses_fn: Callable `(*inputs) -> (losses, aux)`.
            inputs: Tensors.
            groups: Lists of variables, one for each loss.
            parts: Networks and other objects whose code `losses_fn` runs.
        """
        if any(tensor.device.type != "cpu" for tensor in inputs):
            return None
        of = tuple(map(id, parts))
        if of not in self._looked_at:
            self._forget_if_changed(of, parts)
        key = (
            of,
            *((tensor.shape, tensor.dtype, tensor.device) for tensor in inputs),
            *(tuple(map(id, group)) for group in groups),
        )
        if key not in self._programs:
            self._programs[key] = _captured(losses_fn, inputs, groups, parts)
        program = self._programs[key]
        return None if program is None else program.record(inputs)

    def _forget_if_changed(self, of, parts):
        settings = _settings(parts)  # which hold the parts, so that no others take their identities
        if settings != self._settings.get(of):
            self._programs = {key: program for key, program in self._programs.items() if key[0] != of}
        self._settings[of] = settings
        self._looked_at.add(of)


def _settings(parts):
    """All that a capture takes for granted: the parts, their layers' attributes, and where variables are."""
    layers = [layer for part in parts for layer in (all_layers(part) if _is_layer(part) else (part,))]
    attributes = [{name: _setting(value) for name, value in vars(layer).items()} for layer in layers]
    for of_layer in attributes:
        of_layer.pop("training", None)  # torch.nn.Module's: whether `fit` or `evaluate` ran last
    return parts, attributes, [_place_and_penalty(variable) for variable in _variables(parts)]


def _setting(value):
    return value if isinstance(value, int | float | str | tuple) else _Same(value)


def _place_and_penalty(variable):
    penalty = variable.regularizer
    return _Same(variable.value), _Same(penalty), dict(vars(penalty)) if penalty else None


class _Same:
    """Equal to another of the very same object, and keeps it, so that none takes its place in memory."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return isinstance(other, _Same) and self.value is other.value

    __hash__ = None


def _is_layer(part):
    return isinstance(part, keras.Layer)


def _variables(parts):
    return [variable for part in parts for variable in getattr(part, "variables", ())]


def _captured(losses_fn, inputs, groups, parts):
    if not all(map(_is_known, parts)):
        return None
    try:
        return Program(losses_fn, inputs, groups, parts)
    except Exception as error:  # noqa: BLE001  whatever it is, the step as it is written raises it or does without
        logging.getLogger("kgan").debug("The step is run as it is written: %r", error)
        return None


def _is_known(part):
    """Whether the Python that a part runs is Keras's or kgan's, which has no effect but its result."""
    if not _is_layer(part):
        return type(part).__module__.startswith("kgan.")
    # Penalties on activities are summed up beside the outputs, where the capture does not look.
    penalised = any(layer.activity_regularizer for layer in all_layers(part))
    return not penalised and all(map(_is_ours, _objects_of(part)))


def _objects_of(network):
    for layer in all_layers(network):
        yield type(layer)
        yield vars(layer).get("call")  # a user's, in the place of the class's
        yield from map(type, getattr(layer, "operations", ()))  # of a functional model
        for name in ("activation", "recurrent_activation"):
            yield getattr(layer, name, None)
    yield from (variable.regularizer for variable in network.variables)


def _is_ours(thing):
    has_name = isinstance(thing, type) or hasattr(thing, "__name__")  # a class or a function, or of one
    module = (thing if has_name else type(thing)).__module__
    return thing is None or (module.startswith(_OURS) and thing not in _USERS)


class Program:
    """One captured step; arguments as in `Captures.record`.

    Raises:
        CannotCaptureError: If it would not be the same when run again.
    """

    def __init__(self, losses_fn, inputs, groups, parts):
        variables = _variables(parts)
        values = [variable.value.detach() for variable in variables]
        tape = Tape([*values, *inputs])
        with tape, torch.enable_grad(), _native_batch_norm(parts):
            losses, aux, after = _losses(losses_fn, inputs, groups, variables, values)
            wanted = [_own(group, variables, values) for group in groups]
            gradients = [_gradients(loss, own) for loss, own in zip(losses, wanted, strict=True)]
        changed = [i for i, value in enumerate(after) if value is not values[i]]
        self._aux = keras.tree.map_structure(lambda _: None, aux)
        logged = keras.tree.flatten(aux)
        outputs = [*losses, *logged, *(after[i] for i in changed)]
        if not all(isinstance(output, torch.Tensor) for output in outputs):
            raise CannotCaptureError("Something beside tensors is returned.")
        tape.graph.output([[tape.node(tensor) for tensor in part] for part in (outputs, *gradients)])
        simplify(tape.graph)
        multiply_large_by(tape.graph, _multiply)
        self._forward, self._backward = split(tape.graph)
        self._values = [variable.value for variable in variables]
        self._constants = tape.constants
        self._changed = [self._values[i] for i in changed]
        self._num_losses, self._num_logged = len(losses), len(logged)

    def record(self, inputs):
        """A `Recording` for each loss, at the values that the variables have now."""
        with torch.no_grad():
            outputs, *saved = self._forward(*self._values, *inputs, *self._constants)
            last = self._num_losses + self._num_logged
            if self._changed:
                copy_all(self._changed, outputs[last:])
        aux = keras.tree.pack_sequence_as(self._aux, outputs[self._num_losses : last])
        losses = outputs[: self._num_losses]
        return [
            Recording(loss, aux, partial(_run, backward, own))
            for loss, backward, own in zip(losses, self._backward, saved, strict=True)
        ]


def _multiply(operation, *matrices):
    with fastest_products(matrices[-1].dtype):
        return operation(*matrices)


@torch.no_grad()
def _run(backward, saved):
    return backward(*saved)


def _losses(losses_fn, inputs, groups, variables, values):
    """The losses, what is returned beside them, and the values of all variables afterwards."""
    for value in (value for group in groups for value in _own(group, variables, values)):
        value.requires_grad_()
    with keras.StatelessScope(state_mapping=zip(variables, values, strict=True)) as scope:
        losses, aux = losses_fn(*inputs)
    return losses, aux, [scope.get_current_value(variable) for variable in variables]


def _own(group, variables, values):
    held = {id(variable): value for variable, value in zip(variables, values, strict=True)}
    return [held[id(variable)] for variable in group]


def _gradients(loss, values):
    if not values:
        return []
    settings = {"retain_graph": True, "allow_unused": True, "materialize_grads": True}
    return list(torch.autograd.grad(loss, values, **settings))


@contextlib.contextmanager
def _native_batch_norm(parts):
    """Inside, Keras's batch norm layers run PyTorch's one operation instead of a dozen."""
    layers = [layer for part in parts if _is_layer(part) for layer in all_layers(part)]
    layers = [layer for layer in layers if _is_plain_batch_norm(layer)]
    for layer in layers:
        layer.__dict__["call"] = partial(_batch_norm, layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.__dict__["call"]


def _is_plain_batch_norm(layer):
    plain = type(layer) is keras.layers.BatchNormalization and not layer.synchronized
    plain = plain and not has_own_moments(layer)  # of this process alone
    plain = plain and not getattr(layer, "renorm", False)
    return plain and layer.axis == -1 and layer.compute_dtype == layer.variable_dtype


def _batch_norm(layer, inputs, training=None, mask=None):
    if mask is not None or not (training and layer.trainable):
        return type(layer).call(layer, inputs, training=training, mask=mask)
    gamma, beta = (layer.gamma if layer.scale else None), (layer.beta if layer.center else None)
    gamma, beta = (None if variable is None else variable.value for variable in (gamma, beta))
    images = inputs if inputs.ndim == 2 else inputs.movedim(-1, 1)
    outputs, mean, inverse = torch.native_batch_norm(
        images, gamma, beta, None, None, training=True, momentum=0.0, eps=layer.epsilon
    )
    with torch.no_grad():
        for moving, now in ((layer.moving_mean, mean), (layer.moving_variance, inverse**-2 - layer.epsilon)):
            moving.assign(torch.lerp(moving.value, now, 1.0 - layer.momentum))
    return outputs if inputs.ndim == 2 else outputs.movedim(1, -1)
