"""Spectral normalisation against NumPy's singular values, Keras's layer and finite differences."""

import importlib

import keras
import numpy as np
import pytest
from keras import ops

import kgan
from kgan.gan.regularizers import R1
from kgan.gan.update_policies import Always
from kgan.layers import SpectralNormalization
from support.networks import same_bits, small_gan, small_images, small_pair, values

layers = keras.layers
RNG = np.random.default_rng(3)
INPUTS = RNG.normal(size=(5, 4)).astype("float32")


@pytest.fixture(autouse=True)
def same_kernels():
    """The same initial kernels each time: of some, two singular values lie too close for a hundred passes."""
    keras.utils.set_random_seed(0)


def dense(units=3, **kwargs):
    layer = SpectralNormalization(layers.Dense(units, **kwargs))
    layer.build((None, 4))
    layer.layer.kernel.assign(np.random.default_rng(1).normal(size=(4, units)))
    layer.u.assign(np.random.default_rng(2).normal(size=units))
    return layer


def converged(layer, inputs=INPUTS):
    for _ in range(100):
        layer(inputs, training=True)
    return layer


def array(tensor):
    return ops.convert_to_numpy(tensor)


def test_one_pass_is_algorithm_1_by_hand():
    layer = dense(use_bias=False)
    kernel, u = values([layer.layer.kernel, layer.u])
    v = kernel @ u / np.linalg.norm(kernel @ u)
    new_u = v @ kernel / np.linalg.norm(v @ kernel)
    outputs = array(layer(INPUTS, training=True))
    np.testing.assert_allclose(outputs, INPUTS @ (kernel / (v @ kernel @ new_u)), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(values([layer.u])[0], new_u, rtol=1e-5)


def test_rounds_of_the_power_method_are_those_by_hand():
    layer = SpectralNormalization(layers.Dense(3, use_bias=False), power_iterations=3)
    layer.build((None, 4))
    kernel, u = values([layer.layer.kernel, layer.u])
    for _ in range(3):
        v = kernel @ u / np.linalg.norm(kernel @ u)
        u = v @ kernel / np.linalg.norm(v @ kernel)
    outputs = array(layer(INPUTS, training=True))
    np.testing.assert_allclose(outputs, INPUTS @ (kernel / (v @ kernel @ u)), rtol=1e-5, atol=1e-6)
    assert SpectralNormalization.from_config(layer.get_config()).power_iterations == 3
    with pytest.raises(ValueError, match="`power_iterations` must be a positive integer, got 0"):
        SpectralNormalization(layers.Dense(3), power_iterations=0)


def test_vectors_of_an_embedding_are_divided_by_the_largest_singular_value():
    layer, rows = SpectralNormalization(layers.Embedding(6, 3), power_iterations=100), np.array([[0, 5, 2]])
    outputs = array(layer(rows, training=True))
    (matrix,) = values([layer.layer.embeddings])
    largest = np.linalg.svd(matrix, compute_uv=False)[0]
    np.testing.assert_allclose(outputs, matrix[rows] / largest, rtol=1e-4)
    np.testing.assert_array_equal(values([layer.layer.embeddings])[0], matrix)


def test_keras_layer_agrees_in_the_pass_before_it_has_overwritten_its_kernel():
    ours, theirs = dense(), keras.layers.SpectralNormalization(layers.Dense(3))
    theirs.build((None, 4))
    theirs.layer.kernel.assign(ours.layer.kernel)
    theirs.vector_u.assign(ops.reshape(ours.u, (1, 3)))
    np.testing.assert_allclose(
        array(ours(INPUTS, training=True)), array(theirs(INPUTS, training=True)), atol=1e-5
    )
    assert not same_bits(values([ours.layer.kernel]), values([theirs.layer.kernel]))


def test_the_kernel_is_never_written_over_and_u_is_the_only_state():
    layer = dense()
    before, u = values(layer.layer.variables), values([layer.u])
    for training in (True, False, True):
        layer(INPUTS, training=training)
    assert same_bits(before, values(layer.layer.variables))
    assert [id(state) for state in layer.non_trainable_variables] == [id(layer.u)]
    assert not same_bits(u, values([layer.u]))


def test_in_inference_nothing_changes():
    layer = dense()
    before = values(layer.variables)
    first = array(layer(INPUTS, training=False))
    assert same_bits([first], [array(layer(INPUTS))])
    assert same_bits(before, values(layer.variables))


CONVOLUTIONS = {  # with the kernel as the matrix whose columns are the layer's outputs
    "Conv1D": (layers.Conv1D, 1, lambda kernel: kernel.reshape(-1, 5)),
    "Conv2D": (layers.Conv2D, 2, lambda kernel: kernel.reshape(-1, 5)),
    "Conv2DTranspose": (layers.Conv2DTranspose, 2, lambda kernel: np.swapaxes(kernel, -1, -2).reshape(-1, 5)),
}


def test_u_of_a_frozen_layer_stands_still():
    layer = dense()
    layer.trainable = False
    before = values(layer.weights)
    layer(INPUTS, training=True)
    assert same_bits(before, values(layer.weights))


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_the_kernel_that_is_used_has_the_largest_singular_value_1(name):
    kind, dimensions, matrix_of = CONVOLUTIONS[name]
    inputs = RNG.normal(size=(2, *[6] * dimensions, 3)).astype("float32")
    wrapped = SpectralNormalization(kind(5, 3, activation="relu", bias_initializer="normal"))
    converged(wrapped, inputs)
    plain = kind(5, 3, activation="relu")
    plain.build(inputs.shape)
    kernel, bias = values(wrapped.layer.trainable_variables)
    sigma = np.linalg.svd(matrix_of(kernel), compute_uv=False)[0]
    plain.kernel.assign(kernel / sigma)
    plain.bias.assign(bias)
    assert tuple(wrapped.compute_output_shape(inputs.shape)) == tuple(plain(inputs).shape)
    np.testing.assert_allclose(array(wrapped(inputs)), array(plain(inputs)), atol=2e-5)
    # As a matrix, what is used stretches no vector by more than 1.
    assert np.linalg.svd(matrix_of(values([plain.kernel])[0]), compute_uv=False)[0] == pytest.approx(
        1, abs=1e-5
    )


def test_the_gradient_of_the_kernel_goes_through_sigma_as_finite_differences_do():
    layer = converged(dense(use_bias=False))
    weights = np.random.default_rng(4).normal(size=(5, 3))

    def exact(kernel):
        return (weights * np.tanh(INPUTS @ (kernel / np.linalg.svd(kernel, compute_uv=False)[0]))).sum()

    def loss():
        return ops.sum(ops.convert_to_tensor(weights, "float32") * ops.tanh(layer(INPUTS))), None

    (gradient,) = small_gan().record(loss, [layer.layer.kernel]).gradients()
    kernel, step = values([layer.layer.kernel])[0].astype("float64"), 1e-6
    for index in np.ndindex(*kernel.shape):
        unit = np.zeros_like(kernel)
        unit[index] = step
        difference = (exact(kernel + unit) - exact(kernel - unit)) / (2 * step)
        assert float(array(gradient)[index]) == pytest.approx(difference, abs=1e-4)


def normalised_gan(**options):
    """A GAN whose D has spectral normalisation, and both of whose networks descend their gradient."""
    discriminator = keras.Sequential(
        [
            layers.Input((4,)),
            SpectralNormalization(layers.Dense(6)),
            layers.LeakyReLU(0.2),
            SpectralNormalization(layers.Dense(1)),
        ]
    )
    rng = np.random.default_rng(6)
    for variable in discriminator.variables:
        variable.assign(rng.normal(0, 0.5, variable.shape))
    gan = kgan.GAN(small_pair()[0], discriminator, latent_dim=3, update_policy=Always(), **options)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    return gan


def test_it_trains_in_a_gan_with_a_penalty_and_its_u_advances_with_the_losses_alone():
    gan, penalised = normalised_gan(), normalised_gan(regularizers=(R1(),))
    before = values(gan.discriminator.trainable_variables)
    for each in (gan, penalised):
        each.fit(small_images(8), batch_size=8, verbose=0)
    ours, others = (values(each.discriminator.non_trainable_variables) for each in (gan, penalised))
    for u, other in zip(ours, others, strict=True):
        np.testing.assert_allclose(u, other, atol=1e-6)
        assert np.linalg.norm(u) == pytest.approx(1, abs=1e-5)
    assert not same_bits(before, values(gan.discriminator.trainable_variables))
    assert not same_bits(before, values(penalised.discriminator.trainable_variables))


def test_generated_images_pass_once_through_d_as_without_it():
    gan = normalised_gan()
    for_g, _, for_d = gan._training_outputs(ops.ones((2, 4)), ops.ones((2, 4)))
    assert for_g is for_d


def test_a_file_holds_u(tmp_path):
    gan = normalised_gan()
    gan.fit(small_images(16), batch_size=8, verbose=0)
    gan.save(tmp_path / "gan.keras")
    loaded = kgan.load_model(tmp_path / "gan.keras")
    assert same_bits(values(gan.weights), values(loaded.weights))


def test_half_precision_normalises_as_single():
    half = SpectralNormalization(layers.Dense(3, dtype="mixed_bfloat16"), dtype="mixed_bfloat16")
    half.build((None, 4))
    single = converged(dense())
    for ours, theirs in zip(half.variables, single.variables, strict=True):
        ours.assign(theirs)
    outputs = half(INPUTS)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    np.testing.assert_allclose(array(ops.cast(outputs, "float32")), array(single(INPUTS)), atol=0.05)
    assert half.u.dtype == half.layer.kernel.dtype == "float32"


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="the others trace the step themselves")
def test_torch_captures_it_and_trains_as_written():
    captured, eager = normalised_gan(regularizers=(R1(every=2),)), normalised_gan(regularizers=(R1(every=2),))
    eager.run_eagerly = True
    for gan in (captured, eager):
        gan.fit(small_images(32), batch_size=8, verbose=0)
    programs = captured._captures._programs.values()
    program = importlib.import_module("kgan.backend.torch.capture").Program
    assert [type(each) for each in programs] == [program, program]
    for ours, theirs in zip(values(captured.variables), values(eager.variables), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_an_activity_regulariser_is_not_lost():
    layer = dense(activity_regularizer=keras.regularizers.L2(0.5))
    outputs = array(layer(INPUTS))
    (loss,) = layer.losses
    assert float(array(loss)) == pytest.approx(0.5 * (outputs**2).sum() / len(INPUTS), rel=1e-5)


def test_a_kernel_of_zeros_stays_finite():
    layer = dense()
    layer.layer.kernel.assign(np.zeros((4, 3)))
    assert not array(layer(INPUTS, training=True)).any()
    assert np.isfinite(values([layer.u])[0]).all()


@pytest.mark.parametrize("layer", [layers.LeakyReLU(), layers.DepthwiseConv2D(3), "dense"])
def test_another_kind_of_layer_is_refused(layer):
    with pytest.raises(ValueError, match="`layer` must be a Dense layer, an Embedding or a convolution"):
        SpectralNormalization(layer)
