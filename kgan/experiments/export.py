"""A run's generator for other programs."""

import importlib.util
import logging
import warnings
from pathlib import Path

import keras
import numpy as np

from kgan.experiments.saved import load
from kgan.extras import check_installed
from kgan.files import replacing
from kgan.runs import Run
from kgan.spec import check

_MOST_DIFFERENCE = 1e-5  # of images in [-1, 1]
_CONVERTERS = {"torch": None, "jax": "jax2onnx", "tensorflow": "tf2onnx"}  # that Keras's export needs
_CHATTER = (  # of the converters, of each shape that they follow; the check runs two of them
    "Converting a tensor to a Python (integer|boolean)",
    "torch.tensor results are registered as constants",
    "You are using the legacy TorchScript-based ONNX export",
    "The feature will be removed",
    "In the future `np.object`",
)


def export(run_dir, *, format="onnx", path=None):  # noqa: A002 - as keras.Model.export calls it
    """Write the generator of a run for other programs.

    In the file, "latents" `(batch, input_dim)`, float32, become "images" `(batch, *image_shape)` in
    [−1, 1], in inference mode, for any number of them. It is checked against the model where
    onnxruntime is installed.

    Args:
        run_dir: Folder of the run.
        format: "onnx".
        path: File to write; the run's generator.onnx if None.

    Returns:
        Path of the file.

    Raises:
        FileNotFoundError: If there is no such run, or it holds no model.
        ValueError: If there is no such format, or what was written differs from the model.
        ImportError: If a package is missing.
    """
    check("format", f"one of {', '.join(_FORMATS)}", format, holds=format in _FORMATS)
    run = Run.open(run_dir)
    path = run.path / f"generator.{format}" if path is None else Path(path)
    check("path", f"a file that ends in .{format}", str(path), holds=path.suffix == f".{format}")
    run.saved_model()
    write = _FORMATS[format]
    with replacing(path) as temporary:
        write(temporary, run.path)
    return path


def _write_onnx(path, run_dir):
    check_installed("onnx", use="The export")
    _check_converter(keras.backend.backend(), run_dir=run_dir)
    gan = load(run_dir)[1]
    generator = _in_float32(gan.sampled_generator)
    signature = [keras.InputSpec(shape=(None, gan.input_dim), dtype="float32", name="latents")]
    with warnings.catch_warnings():
        for message in _CHATTER:
            warnings.filterwarnings("ignore", message=f".*{message}")
        generator.export(str(path), format="onnx", verbose=False, input_signature=signature)
    _name_output(path)
    _check_images(path, generator, gan=gan)


def _in_float32(generator):
    """The network itself, or where it computes in half precision one that does not, of the same weights."""
    if all(layer.compute_dtype == "float32" for layer in generator.layers):
        return generator

    def single(layer):
        return type(layer).from_config(layer.get_config() | {"dtype": "float32"})

    twin = keras.models.clone_model(generator, clone_function=single)
    for copy, variable in zip(twin.weights, generator.weights, strict=True):
        copy.assign(variable)
    return twin


def _check_converter(backend, *, run_dir):
    package = _CONVERTERS[backend]
    if package is not None and importlib.util.find_spec(package) is None:
        raise ImportError(
            f"The export on {backend} needs the package {package}, and on torch none: "
            f"KERAS_BACKEND=torch kgan export {run_dir}."
        )


def _name_output(path):
    """Call the output "images", and the first axis of both "batch"."""
    import onnx

    model = onnx.load(path)
    (output,) = model.graph.output
    old, output.name = output.name, "images"
    for node in model.graph.node:
        node.output[:] = ["images" if name == old else name for name in node.output]
    (latents,) = model.graph.input
    for value in (latents, output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _check_images(path, generator, *, gan):
    """Raise ValueError unless the file draws the images of the network, for one latent and for several."""
    if importlib.util.find_spec("onnxruntime") is None:
        logging.getLogger("kgan").warning(
            "kgan: what was exported was not checked: that needs onnxruntime, pip install 'kgan[onnx]'."
        )
        return
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for n in (1, 7):
        latents = gan.sample_latents(n, seed=n)
        (images,) = session.run(["images"], {"latents": latents})
        difference = float(np.abs(images - generator.predict_on_batch(latents)).max())
        if not difference <= _MOST_DIFFERENCE:
            raise ValueError(
                f"The exported generator's images differ by {difference:.2g} from the model's, "
                f"above {_MOST_DIFFERENCE:g}: nothing was written."
            )


_FORMATS = {"onnx": _write_onnx}
