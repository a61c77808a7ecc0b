"""What the configuration in a `.keras` file may name.

Keras turns every dict with a `class_name` into an object: of any public name of its own, of any class below
`keras`, or of its own old formats. Here each must be on a list: what computes with numbers alone. Left out is
what runs code that it is given (Lambda, TFSMLayer, TorchModuleWrapper, JaxLayer, FlaxLayer), reads files or
keeps vocabularies (StringLookup, IntegerLookup, TextVectorization, Hashing, HashedCrossing, Discretization),
allocates before it makes a variable (STFTSpectrogram, MelSpectrogram), and all functions but those of
activations, losses and metrics. Classes that this process has registered by
`keras.saving.register_keras_serializable` are allowed: whoever registered them chose to.
"""

import json
import math
import re

import keras

from kgan.saving.archive import RefusedError

_MOST_DEPTH = 128  # of brackets; a GAN has about 16
_MOST_OBJECTS = 30_000  # with a class name; a layer has about eight
_MOST_PARTS = 2_000  # layers, metrics and the like, and calls of layers: Keras's time grows with their square
_MOST_SQUARES = (
    30_000  # of the numbers of layers in each Sequential: Keras builds it anew at each (8 kB a unit)
)
_MOST_ELEMENTS = 1 << 26  # of one example, or of any other shape
_MOST = {"num_thresholds": 100_000}  # of which Keras makes lists at once

_LAYERS = """
Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AdditiveAttention AlphaDropout Attention
AugMix AutoContrast Average AveragePooling1D AveragePooling2D AveragePooling3D BatchNormalization
Bidirectional CategoryEncoding CenterCrop Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D
Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Cropping1D Cropping2D Cropping3D CutMix Dense
DepthwiseConv1D DepthwiseConv2D Dot Dropout ELU EinsumDense Embedding Equalization Flatten GRU GRUCell
GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D
GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization GroupQueryAttention Identity
InputLayer LSTM LSTMCell LayerNormalization LeakyReLU Masking MaxPooling1D MaxPooling2D MaxPooling3D Maximum
Minimum MixUp MultiHeadAttention Multiply Normalization PReLU Permute Pipeline RMSNormalization RNN
RandAugment RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop
RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHue RandomInvert
RandomPerspective RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear
RandomTranslation RandomZoom ReLU RepeatVector Rescaling Reshape Resizing ReversibleEmbedding
SeparableConv1D SeparableConv2D SimpleRNN SimpleRNNCell Softmax Solarization SpatialDropout1D
SpatialDropout2D SpatialDropout3D SpectralNormalization StackedRNNCells Subtract TimeDistributed
UnitNormalization UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
"""
_OPTIMIZERS = """
Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion LossScaleOptimizer MultiOptimizer Muon Nadam
RMSprop SGD ScheduleFreeAdamW
"""
_LOSSES = """
BinaryCrossentropy BinaryFocalCrossentropy CTC CategoricalCrossentropy CategoricalFocalCrossentropy
CategoricalGeneralizedCrossEntropy CategoricalHinge Circle CosineSimilarity Dice Hinge Huber KLDivergence
LogCosh MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError Poisson
SparseCategoricalCrossentropy SquaredHinge Tversky
"""
_METRICS = """
AUC Accuracy BinaryAccuracy BinaryCrossentropy BinaryIoU CategoricalAccuracy CategoricalCrossentropy
CategoricalHinge ConcordanceCorrelation CosineSimilarity F1Score FBetaScore FalseNegatives FalsePositives
Hinge IoU KLDivergence LogCoshError Mean MeanAbsoluteError MeanAbsolutePercentageError MeanIoU
MeanMetricWrapper MeanSquaredError MeanSquaredLogarithmicError OneHotIoU OneHotMeanIoU PearsonCorrelation
Poisson Precision PrecisionAtRecall R2Score Recall RecallAtPrecision RootMeanSquaredError
SensitivityAtSpecificity SparseCategoricalAccuracy SparseCategoricalCrossentropy
SparseTopKCategoricalAccuracy SpecificityAtSensitivity SquaredHinge Sum TopKCategoricalAccuracy
TrueNegatives TruePositives
"""
_NUMPY_OPS = """
Abs Absolute Add Clip Concatenate Cos Divide Einsum Exp ExpandDims Flip GetItem Log Matmul Max Maximum Mean
Min Minimum Mod Moveaxis Multiply Negative Power Prod Reciprocal Reshape Roll Round Sign Sin Sqrt Square
Squeeze Stack Std Subtract Sum Swapaxes Tanh Transpose TrueDivide Var Where
"""
_NN_OPS = """
Elu Gelu HardSigmoid HardTanh LeakyRelu LogSigmoid LogSoftmax Normalize Relu Relu6 Selu Sigmoid Silu Softmax
Softplus Softsign
"""
_CLASSES = {
    "keras": "Sequential Model DTypePolicy",
    "keras.models": "Sequential Model",
    "keras.src.models.functional": "Functional",
    "keras.layers": _LAYERS,
    "keras.optimizers": _OPTIMIZERS,
    "keras.optimizers.schedules": "CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay "
    "PiecewiseConstantDecay PolynomialDecay",
    "keras.losses": _LOSSES,
    "keras.metrics": _METRICS,
    "keras.initializers": "Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity LecunNormal "
    "LecunUniform Ones Orthogonal RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros",
    "keras.regularizers": "L1 L1L2 L2 OrthogonalRegularizer",
    "keras.constraints": "MaxNorm MinMaxNorm NonNeg UnitNorm",
    "keras.dtype_policies": "DTypePolicy DTypePolicyMap FloatDTypePolicy",
    "keras.random": "SeedGenerator",
    "keras.src.ops.numpy": _NUMPY_OPS,
    "keras.src.ops.nn": _NN_OPS,
    "keras.src.ops.core": "Cast",
}
_CLASSES = {module: frozenset(names.split()) for module, names in _CLASSES.items()}
# A backend's own form of an optimiser, by which Keras saves it.
_OWN_OPTIMIZER = re.compile(r"keras\.src\.backend\.(torch|jax|tensorflow)\.optimizers?(\.\w+)?")

_LIGHT = ("keras.initializers", "keras.regularizers", "keras.constraints", "keras.dtype_policies", "builtins")

_FUNCTION_MODULES = ("builtins", "keras.activations", "keras.losses", "keras.metrics")
_FUNCTIONS = """
celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear
log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus
sparse_sigmoid sparsemax squareplus swish tanh tanh_shrink threshold binary_accuracy binary_crossentropy
binary_focal_crossentropy categorical_accuracy categorical_crossentropy categorical_focal_crossentropy
categorical_generalized_cross_entropy categorical_hinge circle concordance_correlation cosine_similarity ctc
dice hinge huber kl_divergence log_cosh mean_absolute_error mean_absolute_percentage_error
mean_squared_error mean_squared_logarithmic_error pearson_correlation poisson sparse_categorical_accuracy
sparse_categorical_crossentropy sparse_top_k_categorical_accuracy squared_hinge top_k_categorical_accuracy
tversky
"""
_FUNCTIONS = frozenset(_FUNCTIONS.split())
_VALUES = ("__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__")
_DTYPE = re.compile(r"(bool|u?int(8|16|32|64)|b?float(16|32|64))")


def read_config(text):
    """The configuration of a model, once everything it names is seen to be allowed.

    Args:
        text: Bytes of a config.json.

    Returns:
        Dict.

    Raises:
        RefusedError: If it is no JSON of a model, too deep or too long, or names what is not on the list.
    """
    config = _parse(text)
    if not isinstance(config, dict) or not {"class_name", "config"} <= set(config):
        raise RefusedError("is refused: its config.json describes no model.")
    _Walk().visit(config, "")
    return config


def _parse(text):
    try:
        text = text.decode("utf-8")
        if _depth(text) > _MOST_DEPTH:
            raise RefusedError(f"is refused: its config.json is nested more than {_MOST_DEPTH} deep.")
        return json.loads(text, object_pairs_hook=_without_doubles)
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        if isinstance(error, RefusedError):
            raise
        raise RefusedError(f"is damaged: its config.json is no JSON ({error}).") from None


def _depth(text):
    depth = deepest = 0
    for match in re.finditer(r'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]', text, re.DOTALL):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        deepest = max(deepest, depth)
    return deepest


def _without_doubles(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        raise RefusedError("is refused: its config.json has a key twice in one object.")
    return found


class _Walk:
    """Visits every value of a configuration, wherever Keras may make an object of it."""

    def __init__(self):
        self.num_objects = self.num_parts = self.squares = 0

    def visit(self, value, key):
        """Raise `RefusedError` unless a value, which lies under a key, and all in it are allowed."""
        if isinstance(value, dict):
            self._visit_dict(value)
        elif isinstance(value, list):
            if "shape" in key:
                _check_shape(value, key)
            for item in value:
                self.visit(item, key)
        elif isinstance(value, int) and abs(value) > min(_MOST.get(key, 2**63), 2**63):
            raise RefusedError(f"is refused: its config.json has {value!r} as {key!r}.")

    def _visit_dict(self, value):
        if {"class_name", "registered_name", "spec_name"} & set(value):
            _check_object(value)
            self._count(value)
        _check_nodes(value.get("inbound_nodes", []))
        for key, item in value.items():
            self.visit(item, key)

    def _count(self, value):
        name = value["class_name"]
        self.num_objects += 1
        if not (name.startswith("__") or name == "DTypePolicy" or value["module"] in _LIGHT):
            self.num_parts += 1 + len(value.get("inbound_nodes", ()))
        if name == "Sequential":
            self.squares += len(value["config"].get("layers", ())) ** 2
        for number, most, what in (
            (self.squares, _MOST_SQUARES, "layers in a Sequential, squared"),
            (self.num_objects, _MOST_OBJECTS, "objects"),
            (self.num_parts, _MOST_PARTS, "layers, metrics and calls of layers"),
        ):
            if number > most:
                raise RefusedError(f"is refused: its config.json describes more than {most:,} {what}.")


def _check_object(value):
    name, config = value.get("class_name"), value.get("config", _MISSING)
    if not isinstance(name, str) or config is _MISSING:
        raise RefusedError(
            "is refused: its config.json has an object without a class name or a configuration."
        )
    if name.startswith("__"):
        return _check_value(name, config)
    if "module" not in value:  # Keras would read it in one of its old formats, which have no safe mode
        raise RefusedError(f"is refused: its config.json names {name!r} without a module.")
    module = value["module"]
    if name == "function":
        allowed = _is_function(config, module, value.get("registered_name"))
        name = config
    else:
        allowed = _is_class(name, module, value.get("registered_name", name))
    if not allowed:
        full = f"{module}.{name}" if module else value.get("registered_name") or name
        raise RefusedError(
            f"is refused: it names {_short(full)}, which is not among what is loaded from files; a class of "
            "your own must be registered first, by keras.saving.register_keras_serializable()."
        )
    return None


_MISSING = object()


def _check_value(name, config):
    if name not in _VALUES:
        raise RefusedError(
            f"is refused: it holds a {_short(name.strip('_'))}, which would run code or load more."
        )
    dtype = config.get("dtype", "float32") if isinstance(config, dict) else "float32"
    if not (isinstance(dtype, str) and _DTYPE.fullmatch(dtype)):
        raise RefusedError(f"is refused: it holds a value of dtype {_short(dtype)}.")


def _is_class(name, module, registered):
    if _is_registered(registered):
        return True
    if registered not in (None, name) or not isinstance(module, str):
        return False
    if _OWN_OPTIMIZER.fullmatch(module):
        module = "keras.optimizers"
    return name in _CLASSES.get(module, ())


def _is_function(name, module, registered):
    if _is_registered(name):
        return True
    return name in _FUNCTIONS and module in _FUNCTION_MODULES and registered in (None, name, "function")


def _is_registered(name):
    return isinstance(name, str) and keras.saving.get_registered_object(name) is not None


def _check_nodes(nodes):
    """Raise unless each call of a layer is on an output of another: Keras would compute it at once."""
    for node in nodes if isinstance(nodes, list) else [nodes]:
        calls = isinstance(node, dict) and set(node) == {"args", "kwargs"}
        if not (calls and _holds_tensor([node["args"], node["kwargs"]])):
            raise RefusedError(
                "is refused: its config.json calls a layer on something else than another's output."
            )


def _holds_tensor(value):
    if isinstance(value, dict):
        return value.get("class_name") == "__keras_tensor__" or any(map(_holds_tensor, value.values()))
    return isinstance(value, list) and any(map(_holds_tensor, value))


def _check_shape(shape, key):
    sizes = [size for size in shape if isinstance(size, int)]
    if math.prod(map(abs, sizes)) > _MOST_ELEMENTS:
        raise RefusedError(
            f"is refused: its config.json declares {key!r} {_short(shape)}, which is too large."
        )


def _short(value):
    text = value if isinstance(value, str) else repr(value)
    text = text if text.isprintable() else repr(text)
    return text if len(text) <= 100 else f"{text[:97]}…"
