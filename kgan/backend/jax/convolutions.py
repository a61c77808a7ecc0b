"""Gradients of convolutions in the form that XLA runs fast on a CPU.

Two gradients with respect to a kernel end in plain nested loops (jaxlib 0.10), 7 to 30 times slower
than XLA's own routines: any within `jax.lax.cond`, for XLA brings layouts into the fast form only
outside of branches; and that of a transposed convolution, which slides a kernel as large as the images.
Both are rewritten here, after JAX has derived them, into the same sums in another order.
"""

import math

import jax
import numpy as np
from jax.extend import core

_INLINED = ("jit", "pjit")  # the name since JAX 0.7 and before


def with_fast_convolutions(fn):
    """`fn` without arguments, each of its convolutions in a form that is fast on a CPU.

    Args:
        fn: Function that returns a tree of arrays.

    Returns:
        A function with the same result to rounding; `fn` itself on other devices.
    """
    return _Rewritten(fn) if jax.default_backend() == "cpu" else fn


class _Rewritten:
    def __init__(self, fn):
        self.fn = fn

    def __call__(self):
        jaxpr, shapes = jax.make_jaxpr(self.fn, return_shape=True)()
        return jax.tree.unflatten(jax.tree.structure(shapes), _run(jaxpr, ()))


def _run(closed, arguments):
    """The results of a traced function, its convolutions rewritten."""
    jaxpr = closed.jaxpr
    values = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*closed.consts, *arguments], strict=True))

    def read(atom):
        return atom.val if isinstance(atom, core.Literal) else values[atom]

    for equation in jaxpr.eqns:
        results = _run_equation(equation, [read(atom) for atom in equation.invars])
        values.update(zip(equation.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _run_equation(equation, operands):
    primitive = equation.primitive
    if primitive.name in _INLINED:
        return _run(equation.params["jaxpr"], operands)
    if primitive.name == "conv_general_dilated":
        return [_convolve(equation, *operands)]
    bound = primitive.get_bind_params(equation.params)
    functions, params = bound if isinstance(bound, tuple) else ((), bound)  # a pair before JAX 0.10
    results = primitive.bind(*functions, *operands, **params)
    return results if primitive.multiple_results else [results]


def _convolve(equation, images, kernel):
    """A convolution of any layout, by way of images NHWC and a kernel HWIO."""
    params = dict(equation.params)
    layout = params.pop("dimension_numbers")
    batch, channels, *spatial = layout.lhs_spec
    images = images.transpose((batch, *spatial, channels))
    filters, inputs, *window = layout.rhs_spec
    kernel = kernel.transpose((*window, inputs, filters))
    batch, channels, *spatial = layout.out_spec
    size = [equation.outvars[0].aval.shape[axis] for axis in spatial]
    convolve = _convolve_swapped if _slides_images(params, kernel, size) else _convolve_straight
    output = convolve(equation.primitive, images, kernel, size=size, **params)
    return output.transpose(np.argsort((batch, *spatial, channels)))


def _slides_images(params, kernel, size):
    """Whether this is the kernel's gradient of a transposed convolution: its window exceeds its output."""
    plain = all(
        math.prod(np.ravel(params[name])) == 1
        for name in ("window_strides", "rhs_dilation", "feature_group_count", "batch_group_count")
    )
    return plain and math.prod(params["lhs_dilation"]) > 1 and math.prod(kernel.shape[:-2]) > math.prod(size)


def _convolve_straight(primitive, images, kernel, *, size, **params):
    last = len(size) + 1
    nhwc = (0, last, *range(1, last))
    layout = jax.lax.ConvDimensionNumbers(nhwc, (last, last - 1, *range(last - 1)), nhwc)
    return primitive.bind(images, kernel, dimension_numbers=layout, **params)


def _convolve_swapped(primitive, images, kernel, *, size, padding, lhs_dilation, rhs_dilation, **params):
    """The same with the two operands in each other's place, and the output mirrored.

    out[o] = Σ_i images[i] · kernel[i·d − o + low] slides the images, dilated by d, over the kernel:
    with o = O − 1 − o', kernel[o' + i·d − low'] where low' = O − 1 − low.
    """
    lows = [length - 1 - low for length, (low, _) in zip(size, padding, strict=True)]
    spans = [(n - 1) * d + 1 for n, d in zip(images.shape[1:-1], lhs_dilation, strict=True)]
    highs = [
        length - 1 + span - n - low
        for length, span, n, low in zip(size, spans, kernel.shape[:-2], lows, strict=True)
    ]
    axes = tuple(range(1, len(size) + 1))
    output = _convolve_straight(
        primitive,
        kernel.transpose((len(size) + 1, *range(len(size)), len(size))),  # HWIO → OHWI, its filters as images
        images.transpose((*axes, len(size) + 1, 0)),
        size=size,
        padding=tuple(zip(lows, highs, strict=True)),
        lhs_dilation=rhs_dilation,  # ones
        rhs_dilation=lhs_dilation,
        **params,
    )
    return jax.numpy.flip(output, axes).transpose((len(size) + 1, *axes, 0))
