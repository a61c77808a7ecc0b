"""The generator as the page gets it: its weights in few bits, its directions, and what it refuses."""

import base64

import keras
import numpy as np
import pytest

import kgan
from kgan import cli
from kgan.gan import architectures
from kgan.report import network, write_report
from kgan.report.explorer import explorer, principal_directions
from support.networks import small_gan
from support.run_folders import gan_run

layers = keras.layers


def gan_of(*stack, latent_dim=3):
    """A GAN whose generator is a stack of layers."""
    generator = keras.Sequential([layers.Input((latent_dim,)), *stack])
    shape = generator.output_shape[1:]
    discriminator = keras.Sequential([layers.Input(shape), layers.Flatten(), layers.Dense(1)])
    return kgan.GAN(generator, discriminator, latent_dim=latent_dim)


def test_weights_are_the_nearest_of_255_steps_of_each_output():
    kernel = np.array([[1.27, -4.0], [-0.126, 2.0], [0.004, 0.0]], "float32")
    integers, scale = network.quantised(kernel, bits=8)
    assert integers.dtype == "int8"
    assert integers.tolist() == [[127, -127], [-13, 64], [0, 0]]  # 0.126 / 0.01, 2 / (4 / 127)
    np.testing.assert_allclose(scale, [0.01, 4 / 127], rtol=1e-6)


def test_weights_that_are_all_nought_stay_so():
    integers, scale = network.quantised(np.zeros((2, 1), "float32"), bits=16)
    assert (integers.dtype, integers.tolist(), scale.tolist()) == ("int16", [[0], [0]], [1])


def test_a_kernel_in_base64_is_its_integers():
    weights = {"kernel": np.array([[1, -2]], "float32"), "bias": np.zeros(2, "float32")}
    (operation,) = network.packed([{"op": "dense", "weights": weights}], bits=16)
    integers = np.frombuffer(base64.b64decode(operation["weights"]["kernel"]), "<i2")
    assert integers.tolist() == [32767, -32767]
    assert np.frombuffer(base64.b64decode(operation["weights"]["bias"]), "<f4").tolist() == [0, 0]


def test_a_generator_that_eight_bits_do_not_serve_gets_sixteen():
    gan = gan_of(layers.Dense(2), layers.Dense(4, activation="tanh"), layers.Reshape((2, 2, 1)))
    first, last = (layer.kernel for layer in gan.generator.layers[:2])
    first.assign([[0.0, 1.0], [0.0, 0.0], [0.0, 0.0]])  # a unit that is always 0, and one that is not
    last.assign([[1.0] * 4, [0.3] * 4])
    block = explorer(gan)
    assert block["bits"] == block["values"]["bits"] == 8
    assert 1e-6 < float(block["error"].split()[0]) < 0.01
    last.assign([[100.0] * 4, [0.3] * 4])  # which leaves the other steps of 100 / 127
    assert explorer(gan)["bits"] == 16


def test_the_page_runs_the_average_of_the_generators_weights_where_there_is_one():
    gan = gan_of(layers.Dense(4, activation="tanh"), layers.Reshape((2, 2, 1)))
    averaged = kgan.GAN(gan.generator, gan.discriminator, latent_dim=3, average=kgan.GeneratorAverage())
    averaged.average_generator.layers[0].kernel.assign(np.full((3, 4), 0.5))
    block = explorer(averaged)
    (scale,) = {
        float(scale)
        for scale in np.frombuffer(
            base64.b64decode(block["values"]["operations"][0]["weights"]["scale"]), "<f4"
        )
    }
    assert scale == pytest.approx(0.5 / 127)
    assert float(block["error"].split()[0]) < 1e-3  # against samples, which are the average's


def test_the_directions_of_a_linear_generator_are_its_singular_vectors():
    gan = gan_of(layers.Dense(4), layers.Reshape((2, 2, 1)))
    kernel = np.random.default_rng(0).normal(0, 1, (3, 4))
    gan.generator.layers[0].kernel.assign(kernel)
    found = principal_directions(gan, n=2)
    vectors = np.linalg.svd(kernel)[0].T[:2]  # latent = a row
    np.testing.assert_allclose(np.abs(np.sum(found * vectors, axis=1)), 1, atol=1e-4)
    assert (found[np.arange(2), np.abs(found).argmax(axis=1)] > 0).all()
    assert principal_directions(gan, n=9).shape == (3, 3)


@pytest.mark.parametrize("name", ["fully_connected", "template", "slim", "convolutional", "compact"])
def test_every_architecture_can_be_run_on_the_page(name):
    generator = getattr(architectures, name)(4)[0]
    operations = network.described(generator)
    ops = [operation["op"] for operation in operations]
    assert ops[0] == "dense"
    assert ops[-1] == ("tanh" if name in ("convolutional", "compact") else "reshape")
    kernels = [part["weights"]["kernel"] for part in operations if "kernel" in part.get("weights", {})]
    held = [layer.kernel.shape for layer in generator.layers if hasattr(layer, "kernel")]
    assert sum(kernel.size for kernel in kernels) == sum(int(np.prod(shape)) for shape in held)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (layers.Softmax(name="s"), r"cannot run the layer 's', a Softmax; it can run Activation, Batch"),
        (layers.ReLU(max_value=6, name="r"), r"`settings of r` must be those of a plain ReLU"),
        (layers.Dense(4, activation="mish", name="d"), r"`activation of d` must be one of linear, relu"),
    ],
)
def test_a_layer_that_the_page_cannot_run_is_named(layer, message, tmp_path):
    gan = gan_of(layers.Dense(4), layer, layers.Reshape((2, 2, 1)))
    run = gan_run(tmp_path / "gan-1")
    with pytest.raises(ValueError, match=message):
        write_report(run, explorer=gan)
    assert not run.report.exists()


def test_a_generator_that_is_no_stack_or_draws_no_pictures_is_named():
    with pytest.raises(ValueError, match=r"`image_shape` must be \(height, width, 1 or 3\), got \(4,\)"):
        explorer(small_gan())
    latents = layers.Input((3,))
    images = layers.Reshape((2, 2, 1))(layers.Dense(4)(latents))
    with pytest.raises(ValueError, match=r"`generator` must be a keras.Sequential to run on a page, got"):
        network.described(keras.Model(latents, images))


def test_a_generator_that_is_too_large_for_the_page_is_refused_with_its_size():
    gan = gan_of(layers.Dense(3000), layers.Dense(2400), layers.Reshape((40, 60, 1)))
    with pytest.raises(ValueError, match=r"the generator takes 9\.7 MB of a page that may have 10:"):
        explorer(gan)


def test_kgan_report_puts_the_explorer_on_the_page_and_later_pages_keep_it(tmp_path, capsys):
    from kgan.experiments.report import report_on

    run = gan_run(tmp_path / "gan-1", evaluated=False)
    networks = architectures.compact(4)
    gan = kgan.GAN(*networks, latent_dim=4)
    run.save_model(gan)
    assert cli.main(["report", str(run.path)]) == 0
    assert "Walk the latent space" not in run.report.read_text()
    report_on(run)
    assert "Walk the latent space" not in run.report.read_text()
    assert cli.main(["report", str(run.path), "--explorer"]) == 0
    assert capsys.readouterr().out.splitlines() == 2 * [str(run.report)]
    assert "Walk the latent space" in run.report.read_text()
    report_on(run)
    assert "Walk the latent space" in run.report.read_text()
