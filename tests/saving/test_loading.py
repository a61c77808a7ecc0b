"""What honest people save is loaded, bit by bit; what is not loaded is said in one line.

Malicious files are in tests/full/security.
"""

import threading
import zipfile

import keras
import numpy as np
import pytest

import kgan
from kgan.saving import load
from support.networks import same_bits, small_pair, values

layers, ops = keras.layers, keras.ops

VECTOR, SEQUENCE, IMAGE, VIDEO = (8,), (6, 4), (16, 16, 3), (3, 8, 8, 2)


def small():
    return keras.Sequential([keras.Input(VECTOR), layers.Dense(4, name="dense")])


def back(model, path):
    """The model as it comes back from a file, once its weights are seen to be the same."""
    model.save(path)
    loaded = load(path)
    assert same_bits(values(model.weights), values(loaded.weights))
    return loaded


def assert_same_outputs(model, loaded, inputs):
    """Not by the bit: where the arrays lie in memory decides by which instructions they are multiplied."""
    outputs = (keras.ops.convert_to_numpy(m(inputs)) for m in (model, loaded))
    np.testing.assert_allclose(*outputs, rtol=1e-5)


SEQUENCES = {
    "dense layers": (
        VECTOR,
        lambda: [
            layers.Dense(
                8, activation=keras.activations.gelu, kernel_regularizer="l2", bias_constraint="non_neg"
            ),
            layers.BatchNormalization(),
            layers.LayerNormalization(),
            layers.GroupNormalization(2),
            layers.RMSNormalization(),
            layers.UnitNormalization(),
            layers.LeakyReLU(0.2),
            layers.PReLU(),
            layers.ELU(),
            layers.Dropout(0.1, seed=1),
            layers.GaussianNoise(0.1),
            layers.SpectralNormalization(layers.Dense(4, kernel_initializer=keras.initializers.Orthogonal())),
            layers.Rescaling(2.0, -1.0),
            layers.Reshape((2, 2)),
            layers.Permute((2, 1)),
            layers.Flatten(),
            layers.RepeatVector(3),
            layers.Softmax(),
        ],
    ),
    "convolutions": (
        IMAGE,
        lambda: [
            layers.RandomFlip(),
            layers.RandomRotation(0.1),
            layers.Conv2D(4, 3, padding="same", kernel_initializer="he_normal"),
            layers.DepthwiseConv2D(3),
            layers.SeparableConv2D(4, 3),
            layers.Conv2DTranspose(4, 3, strides=2),
            layers.UpSampling2D(),
            layers.ZeroPadding2D(),
            layers.Cropping2D(),
            layers.SpatialDropout2D(0.1),
            layers.MaxPooling2D(),
            layers.AveragePooling2D(2),
            layers.GlobalAveragePooling2D(),
        ],
    ),
    "recurrent layers": (
        SEQUENCE,
        lambda: [
            layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
            layers.RNN(
                layers.StackedRNNCells([layers.LSTMCell(3), layers.GRUCell(2)]), return_sequences=True
            ),
            layers.TimeDistributed(layers.Dense(2)),
            layers.Conv1D(2, 2),
            kgan.layers.LSTM(3, return_sequences=True, forget_bias="chrono", time_lag=9),
            layers.RNN(kgan.layers.LSTMCell(2)),
        ],
    ),
    "pictures in time": (VIDEO, lambda: [layers.ConvLSTM2D(2, 2)]),
    "words": ((5,), lambda: [layers.Embedding(10, 4), layers.EinsumDense("abc,cd->abd", (None, 3))]),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_layers_come_back(name, tmp_path):
    shape, make = SEQUENCES[name]
    model = keras.Sequential([keras.Input(shape), *make()])
    loaded = back(model, tmp_path / "model.keras")
    assert [type(layer) for layer in model.layers] == [type(layer) for layer in loaded.layers]
    inputs = np.ones((2, *shape), "float32")
    assert_same_outputs(model, loaded, inputs)


def graph():
    a, b = keras.Input(VECTOR), keras.Input(VECTOR)
    shared, inner = layers.Dense(4), keras.Sequential([keras.Input((4,)), layers.Dense(4)])
    x = layers.Concatenate()([shared(a), inner(shared(b))])
    x = ops.relu(x) * 2 + 1 - ops.mean(x, axis=-1, keepdims=True) / 3
    x = ops.reshape(x, (-1, 4, 2))
    x = layers.MultiHeadAttention(2, 3)(x, x, use_causal_mask=True)
    return keras.Model([a, b], layers.Add()([x[:, 1:], ops.ones((1, 3, 2))]))


def test_a_graph_with_operations_shared_layers_and_constants_comes_back(tmp_path):
    model = graph()
    loaded = back(model, tmp_path / "model.keras")
    inputs = [np.linspace(-1, 1, 16, dtype="float32").reshape(2, 8)] * 2
    assert_same_outputs(model, loaded, inputs)


@pytest.mark.parametrize("name", ["Adam", "SGD", "RMSprop", "Adafactor", "Muon", "Lion", "Nadam"])
def test_optimizers_come_back_with_their_state(name, tmp_path):
    model = small()
    model.compile(
        getattr(keras.optimizers, name)(), keras.losses.Huber(), metrics=["mae", keras.metrics.AUC()]
    )
    model.fit(np.ones((4, 8)), np.ones((4, 4)), verbose=0)
    loaded = back(model, tmp_path / "model.keras")
    assert same_bits(values(model.optimizer.variables), values(loaded.optimizer.variables))


@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
def test_an_optimizer_that_never_stepped_may_need_more_room_than_the_file_has(tmp_path):
    model = keras.Sequential([keras.Input((512,)), layers.Dense(2048)])  # 4 MB, and 24 MB of slots
    rate = keras.optimizers.schedules.PiecewiseConstantDecay([100_000, 200_000], [0.1, 0.2, 0.3])
    model.compile(keras.optimizers.Adam(rate, amsgrad=True, use_ema=True), keras.losses.mean_squared_error)
    loaded = back(model, tmp_path / "model.keras")
    assert len(loaded.optimizer.variables) > 8


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "bfloat16", "float64"])
def test_every_precision_comes_back(policy, tmp_path):
    if policy == "float64" and keras.backend.backend() == "jax":
        pytest.skip("JAX computes in float32 unless it is told otherwise at its start")
    model = keras.Sequential([keras.Input(VECTOR), layers.Dense(4, dtype=policy)])
    model.compile("adam", "mse")
    model.fit(np.ones((4, 8)), np.ones((4, 4)), verbose=0)
    assert back(model, tmp_path / "model.keras").layers[-1].dtype_policy.name == policy


@keras.saving.register_keras_serializable("tests")
class Doubled(layers.Layer):
    def call(self, x):
        return 2 * x


class Unknown(Doubled):
    pass


def test_a_class_of_ones_own_is_loaded_once_it_is_registered(tmp_path):
    back(keras.Sequential([keras.Input(VECTOR), Doubled()]), tmp_path / "model.keras")
    keras.Sequential([keras.Input(VECTOR), Unknown()]).save(tmp_path / "unknown.keras")
    message = (
        r"unknown\.keras is refused: it names \S+\.Unknown, .* must be registered first, by keras\.saving\."
    )
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "unknown.keras")


def test_a_file_that_was_packed_anew_is_loaded(tmp_path):
    model = small()
    model.save(tmp_path / "model.keras")
    with (
        zipfile.ZipFile(tmp_path / "model.keras") as stored,
        zipfile.ZipFile(tmp_path / "packed.keras", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in stored.namelist():
            packed.writestr(name, stored.read(name))
    assert same_bits(values(model.weights), values(load(tmp_path / "packed.keras").weights))


def test_every_truncation_is_called_truncated_with_the_size_that_is_there(tmp_path):
    path = tmp_path / "model.keras"
    small().save(path)
    whole = path.read_bytes()
    for size in (0, 1, 4, 100, len(whole) // 2, len(whole) - 22, len(whole) - 1):
        path.write_bytes(whole[:size])
        found = f"after {size:,} bytes" if size else "it is empty"
        with pytest.raises(
            ValueError, match=rf"model\.keras is truncated: it .*{found.split()[-1]}"
        ) as caught:
            load(path)
        assert found in str(caught.value)


def test_a_model_of_another_kind_or_above_the_limit_is_refused(tmp_path):
    path = tmp_path / "model.keras"
    small_pair()[0].save(path)
    assert isinstance(load(path, keras.Sequential), keras.Sequential)
    with pytest.raises(ValueError, match=r"model\.keras holds a Sequential, not a GAN\."):
        load(path, kgan.GAN)
    with pytest.raises(ValueError, match=r"members have [\d,]+ bytes, more than the limit of 10,000\."):
        load(path, limit=10_000)
    with pytest.raises(FileNotFoundError, match=r"nothing\.keras does not exist"):
        load(tmp_path / "nothing.keras")


def test_variables_are_counted_in_the_thread_that_loads_and_only_while_it_does(tmp_path, monkeypatch):
    small().save(tmp_path / "model.keras")
    create, made = keras.Variable.__init__, []
    inner = keras.saving.load_model

    def load_model(*arguments, **options):
        thread = threading.Thread(target=lambda: made.append(keras.Variable(np.zeros(10**6, "float32"))))
        thread.start()
        thread.join()
        return inner(*arguments, **options)

    monkeypatch.setattr(keras.saving, "load_model", load_model)
    load(tmp_path / "model.keras")
    assert len(made) == 1  # of 4 MB, where the file allows 1
    assert keras.Variable.__init__ is create
