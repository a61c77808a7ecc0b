"""What reaches PyTorch's kernels, written down as a graph, and cut into parts that run by themselves."""

import operator

import torch
from torch import fx
from torch.fx.node import map_aggregate

from kgan.backend.torch.private import DispatchMode, is_in_place

aten = torch.ops.aten
_UNREPEATABLE = {
    torch.Tag.nondeterministic_seeded,
    torch.Tag.data_dependent_output,
    torch.Tag.dynamic_output_shape,
}
_ZEROS = {aten.zeros_like.default, aten.zeros.default, aten.new_zeros.default}
# Operations whose result is zero where one of their first so many arguments is.
_FACTORS = {aten.mul.Tensor: 2, aten.mm.default: 2, operator.getitem: 1}
_FACTORS |= dict.fromkeys(
    (
        *(aten.convolution_backward.default, aten.native_batch_norm_backward.default, aten.div.Tensor),
        *(aten.leaky_relu_backward.default, aten.threshold_backward.default, aten.elu_backward.default),
        *(aten.tanh_backward.default, aten.sigmoid_backward.default, aten.softplus_backward.default),
        *(aten.max_pool2d_with_indices_backward.default, aten.avg_pool2d_backward.default),
        *(
            aten.view.default,
            aten._unsafe_view.default,
            aten.permute.default,
            aten.transpose.int,
            aten.t.default,
        ),
        *(
            aten.expand.default,
            aten.clone.default,
            aten.squeeze.dim,
            aten.unsqueeze.default,
            aten.neg.default,
        ),
        *(aten.sum.dim_IntList, aten.detach.default, aten.slice.Tensor, aten.slice_backward.default),
    ),
    1,
)
_LARGE = 2**24 + 2**23  # multiplications; measured


class CannotCaptureError(Exception):
    """What was computed depends on more than its inputs, or in an order that cannot be cut."""


class Tape(DispatchMode):
    """Writes down every operation on tensors that runs inside it, those of backward passes included.

    Args:
        inputs: The tensors whose values will be others when the operations run again.

    Attributes:
        graph: A `torch.fx.Graph` whose placeholders stand for the inputs, then for the constants.
        constants: Tensors that came from elsewhere, and will be the same.

    Raises:
        CannotCaptureError: Where an operation draws a random number, looks at a value or uses a parameter
            that is no input.
    """

    def __init__(self, inputs):
        super().__init__()
        self.graph = fx.Graph()
        self.constants = []
        self._nodes, self._kept = {}, []  # by the identity of tensors, which lasts while they are kept
        for tensor in inputs:
            self._add_placeholder(tensor)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        """Run one operation and write it down."""
        kwargs = kwargs or {}
        if not _UNREPEATABLE.isdisjoint(func.tags):
            raise CannotCaptureError(f"{func} gives another result each time, or looks at values.")
        result = func(*args, **kwargs)
        node = self.graph.call_function(func, *map_aggregate((args, kwargs), self.node))
        self._name(result, node)
        if isinstance(result, tuple | list):
            for index, output in enumerate(result):
                self._name(output, self.graph.call_function(operator.getitem, (node, index)))
        return result

    def node(self, value):
        """What stands for a tensor in the graph; anything else stands for itself."""
        if not isinstance(value, torch.Tensor):
            return value
        if id(value) not in self._nodes:
            self._add_constant(value)
        return self._nodes[id(value)]

    def _name(self, value, node):
        if isinstance(value, torch.Tensor):
            node.meta["like"] = (value.shape, value.dtype)
            self._kept.append(value)
            self._nodes[id(value)] = node

    def _add_placeholder(self, tensor):
        last = next(reversed(self.graph.find_nodes(op="placeholder")), None)
        with self.graph.inserting_after(last) if last else self.graph.inserting_before():  # at the start
            self._name(tensor, self.graph.placeholder(f"x{len(self._kept)}"))

    def _add_constant(self, tensor):
        address = tensor.untyped_storage().data_ptr()
        known = {kept.untyped_storage().data_ptr() for kept in self._kept}
        if isinstance(tensor, torch.nn.Parameter) or (address and address in known):
            raise CannotCaptureError("A tensor is used that may be another the next time.")
        self._add_placeholder(tensor)
        self.constants.append(tensor)


def simplify(graph):
    """Take out what costs time and changes no value but by rounding, in place.

    Args:
        graph: A `torch.fx.Graph` with an output, that will run without autograd.
    """
    in_place = any(is_in_place(node.target) for node in graph.nodes)
    if not in_place:  # else what is read later may have changed
        _drop_zeros(graph)
    for node in graph.nodes:
        if node.target in (aten.detach.default, aten.lift_fresh.default):
            node.replace_all_uses_with(node.args[0])
        elif node.target is aten.add.Tensor and not in_place:
            _add_to_product(graph, node)
    graph.eliminate_dead_code()


def _drop_zeros(graph):
    """Add nothing where zero would be added: so the slopes of layers that do not bend, such as LeakyReLU."""
    zeros = set()
    for node in graph.nodes:
        of = [argument in zeros for argument in node.args if isinstance(argument, fx.Node)]
        if node.target in _ZEROS or any(of[: _FACTORS.get(node.target, 0)]):
            zeros.add(node)
        elif node.target is aten.add.Tensor and True in of and not node.kwargs and len(of) == 2:
            other = node.args[of.index(True) ^ 1]
            if all(of):
                zeros.add(node)
            elif other.meta["like"] == node.meta["like"]:
                node.replace_all_uses_with(other)
    for node in zeros:  # where one is wanted itself, it is not computed
        if node.target not in _ZEROS and not zeros.issuperset(node.users):
            _replace_by_zeros(graph, node)


def _replace_by_zeros(graph, node):
    shape, dtype = node.meta["like"]
    with graph.inserting_before(node):
        zeros = graph.call_function(aten.zeros.default, (list(shape),), {"dtype": dtype})
    zeros.meta["like"] = shape, dtype
    node.replace_all_uses_with(zeros)


def _add_to_product(graph, node):
    """Of a + b·c make one operation, where nothing else uses b·c."""
    for product, other in (node.args[::-1], node.args):
        if _is_own_product(product, node) and isinstance(other, fx.Node) and not node.kwargs:
            with graph.inserting_before(node):
                one = graph.call_function(aten.addmm.default, (other, *product.args))
            one.meta["like"] = node.meta["like"]
            node.replace_all_uses_with(one)
            return


def _is_own_product(product, node):
    is_product = isinstance(product, fx.Node) and product.target is aten.mm.default
    return is_product and len(product.users) == 1 and product.meta["like"] == node.meta["like"]


def multiply_large_by(graph, multiply):
    """Let another function multiply the matrices large enough for its greater cost of a call, in place.

    Args:
        graph: A `torch.fx.Graph` that `simplify` has seen.
        multiply: Callable `(operation, *matrices)`, where the operation is `aten.mm` or `aten.addmm`.
    """
    for node in graph.nodes:
        if node.target in (aten.mm.default, aten.addmm.default) and _is_large_product(node):
            node.args, node.target = (node.target, *node.args), multiply


def _is_large_product(node):
    *summand, (left, _), (right, _) = (matrix.meta["like"] for matrix in node.args)
    return left.numel() * right[1] >= _LARGE and not (summand and len(summand[0][0]) == 2)


def split(graph):
    """Cut a graph into one part for the first of its outputs and one for each of the others.

    Args:
        graph: A `torch.fx.Graph` whose output is lists of nodes, the first list computed before the others.

    Returns:
        A function of the graph's inputs, which gives `[first, saved, saved, …]`; and for each of the others
        one of `*saved`, which gives it.

    Raises:
        CannotCaptureError: If one of the others would change in place what is used elsewhere.
    """
    (outputs, *groups), placeholders = graph.output_node().args[0], graph.find_nodes(op="placeholder")
    order = list(graph.nodes)
    # All until the last that the outputs need runs at once: some of it may change other in place.
    early = dict.fromkeys(order[: 1 + max(order.index(node) for node in (*outputs, *placeholders))])
    functions, all_saved = [], []
    for group in groups:
        late = _needed(order[len(early) :], group)
        if any(is_in_place(node.target) for node in late):
            raise CannotCaptureError("A backward pass changes a tensor in place.")
        used = [node for user in late for node in user.all_input_nodes]
        saved = [node for node in dict.fromkeys([*used, *group]) if node in early]
        all_saved.append(saved)
        functions.append(_function(saved, late, group))
    body = [node for node in early if node.op != "placeholder"]
    return _function(placeholders, body, [outputs, *all_saved]), functions


def _needed(nodes, outputs):
    """Those of the nodes, in their order, on which the outputs depend."""
    needed = set(outputs)
    for node in reversed(nodes):
        if node in needed:
            needed.update(node.all_input_nodes)
    return [node for node in nodes if node in needed]


def _function(inputs, nodes, outputs):
    """The nodes as a function of the values of `inputs`."""
    graph, copies = fx.Graph(), {}
    for index, node in enumerate(inputs):
        copies[node] = graph.placeholder(f"x{index}")
    for node in nodes:
        copies[node] = graph.node_copy(node, copies.__getitem__)
    graph.output(fx.map_arg(outputs, copies.__getitem__))
    return fx.GraphModule({}, graph).forward
