"""Wrong use of the GAN from Python: an error that names the argument and the rule."""

import pathlib

import keras
import numpy as np
import pytest

import kgan
from kgan.gan.update_policies import FixedProbability
from support.networks import small_gan, small_images, small_pair


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """Change to an empty folder."""
    monkeypatch.chdir(tmp_path)


def uncompiled():
    return kgan.GAN(*small_pair(), latent_dim=3)


def shared_optimizer():
    optimizer = keras.optimizers.Adam()
    uncompiled().compile(optimizer, optimizer)


def fit(images=None, gan=None, **options):
    gan = small_gan() if gan is None else gan
    gan.fit(small_images() if images is None else images, **{"batch_size": 8, "verbose": 0} | options)


def with_nan():
    images = small_images()
    images[5, 0] = np.nan
    return images


def saved_elsewhere():
    """A checkpoint of a GAN that has made steps."""
    fit(callbacks=[kgan.callbacks.Checkpoint("checkpoints")])
    return kgan.saving.Checkpoints("checkpoints").last()


def load(name, content):
    path = pathlib.Path(name)
    path.write_bytes(content)
    return kgan.load_model(path)


class Weighted(keras.utils.PyDataset):
    """A data set whose batches have weights."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return small_images(8), np.zeros(8, "int32"), np.ones(8, "float32")


GAN_CLASS_MISTAKES = {
    "images in [0, 255]": (lambda: fit(127.5 * (small_images() + 1)), ["`x`", "[-1, 1]", "127.5"]),
    "images in [0, 1]": (lambda: fit(np.uint8(small_images() > 0) * 255), ["`x`", "[-1, 1]"]),
    "labels as images": (lambda: fit(np.arange(32)), ["`x`", "(4,)"]),
    "images and labels in a tuple": (lambda: fit((small_images(), np.arange(32))), ["`x`", "fit(images)"]),
    "images of another shape": (lambda: fit(small_images(image_shape=(5,))), ["`x`", "(4,)", "(5,)"]),
    "an image with NaN": (lambda: fit(with_nan()), ["`x`", "finite", "x[5]"]),
    "images with channels first": (
        lambda: fit(small_images(image_shape=(3, 2, 4)), small_gan(image_shape=(2, 4, 3))),
        ["`x`", "(2, 4, 3)", "x.transpose(0, 2, 3, 1)"],
    ),
    "a text for images": (lambda: fit("text"), ["`x`", "array of images", "str"]),
    "weights of classes": (lambda: fit(class_weight={0: 9.0}), ["class_weight", "alike"]),
    "weights of images": (lambda: fit(sample_weight=np.ones(32)), ["sample_weight", "alike"]),
    "weights of evaluated images": (
        lambda: small_gan().evaluate(small_images(), sample_weight=np.ones(32)),
        ["sample_weight", "alike"],
    ),
    "weights in batches": (lambda: fit(Weighted()), ["(images, labels)", "weights"]),
    "a share to validate on": (lambda: fit(validation_split=0.2), ["validation_split", "validation_data"]),
    "no images": (lambda: fit(small_images()[:0]), ["len(x)", "at least 1"]),
    "no data": (lambda: small_gan().fit(), ["`x`", "array"]),
    "a batch larger than the data": (lambda: fit(batch_size=33), ["batch_size", "32", "33"]),
    "no epochs": (lambda: fit(epochs=0), ["epochs", "positive integer"]),
    "steps_per_epoch with an array": (lambda: fit(steps_per_epoch=2), ["steps_per_epoch", "None"]),
    "fit before compile": (lambda: fit(gan=uncompiled()), ["compile", "first"]),
    "one optimiser for both": (shared_optimizer, ["discriminator_optimizer", "another object"]),
    "an unknown optimiser": (lambda: uncompiled().compile("adom", "adam"), ["adom"]),
    "another latent_dim": (lambda: kgan.GAN(*small_pair(), latent_dim=4), ["latent_dim", "(3,)", "(4,)"]),
    "networks the wrong way round": (lambda: kgan.GAN(*small_pair()[::-1], latent_dim=3), ["generator"]),
    "a function for a network": (
        lambda: kgan.GAN(abs, small_pair()[1], latent_dim=3),
        ["generator", "keras.Model"],
    ),
    "a probability of 2": (lambda: FixedProbability(2), ["`p`", "[0, 1]", "2"]),
    "a policy's class": (
        lambda: kgan.GAN(*small_pair(), latent_dim=3, update_policy=FixedProbability),
        ["update_policy", "LossBalanced()"],
    ),
    "a loss of Keras's": (
        lambda: kgan.GAN(*small_pair(), latent_dim=3, loss=keras.losses.BinaryCrossentropy()),
        ["loss", "NonSaturating()"],
    ),
    "a negative seed": (lambda: kgan.GAN(*small_pair(), latent_dim=3, seed=-1), ["seed", "[0, 2**31)"]),
    "no samples": (lambda: small_gan().sample(0), ["`n`", "positive integer"]),
    "latents of another width": (lambda: small_gan().generate(np.zeros((2, 5))), ["latents", "(n, 3)"]),
    "a checkpoint of another model": (lambda: fit(resume=saved_elsewhere()), ["resume", "resume.load()"]),
    "a word for a checkpoint": (lambda: fit(resume="last"), ["resume", "Saved"]),
    "a folder for a checkpoint": (lambda: fit(resume=pathlib.Path()), ["resume", "Saved"]),
    "no checkpoints to keep": (lambda: kgan.callbacks.Checkpoint("c", keep=0), ["keep", "at least 2"]),
    "a checkpoint every 0 steps": (
        lambda: kgan.callbacks.Checkpoint("c", every_steps=0),
        ["every_steps", "positive"],
    ),
    "a model that is not there": (lambda: kgan.load_model("none.keras"), ["none.keras", "exist"]),
    "a truncated model": (lambda: load("cut.keras", b"PK\x03\x04"), ["cut.keras", "truncated"]),
    "a text for a model": (lambda: load("text.keras", b"generator"), ["text.keras"]),
    "a run that is not there": (
        lambda: kgan.experiments.resume("nowhere"),
        ["run", "config.json", "nowhere"],
    ),
}


@pytest.mark.parametrize("mistake", GAN_CLASS_MISTAKES)
def test_the_gan_refuses_what_it_cannot_use_and_names_the_argument_and_the_rule(mistake):
    make, phrases = GAN_CLASS_MISTAKES[mistake]
    with pytest.raises((ValueError, TypeError, FileNotFoundError)) as refused:
        make()
    said = str(refused.value)
    assert [phrase for phrase in phrases if phrase not in said] == [], said


@pytest.mark.filterwarnings("ignore:__array__")  # of Keras, see pyproject.toml; `warns` passes it on
@pytest.mark.parametrize("use", [kgan.GAN.fit, kgan.GAN.evaluate])
def test_images_without_negative_values_are_warned_about(use):
    with pytest.warns(UserWarning, match=r"in \[-1, 1\], got \[.*\]; for 0 to 1, give 2 \* x - 1"):
        use(small_gan(), np.abs(small_images()), batch_size=8, verbose=0)


def test_there_are_thirty_mistakes_at_least():
    assert len(GAN_CLASS_MISTAKES) >= 30
