"""A `.keras` file holds everything, and any backend reads it."""

import dataclasses
import json

import keras
import pytest

import kgan
from kgan.gan.update_policies import KSteps, UpdatePolicy
from support.networks import same_bits, small_gan, small_images, small_pair, values

IMAGES = small_images(20)


def trained_gan(epochs=2):
    gan = small_gan(batch_norm=True, dropout=0.3, seed=7, update_policy=KSteps(3))
    gan.fit(IMAGES, batch_size=8, epochs=epochs, verbose=0)
    return gan


def state(gan):
    return values([*gan.weights, *gan.optimizer.variables])


def test_a_file_restores_networks_statistics_optimizers_step_and_epoch(tmp_path):
    gan = trained_gan()
    gan.save(tmp_path / "gan.keras")
    loaded = kgan.load_model(tmp_path / "gan.keras")
    assert same_bits(state(gan), state(loaded))
    assert int(loaded.step.value) == 6
    assert int(loaded.epoch.value) == 2
    assert (loaded.seed, loaded.latent_dim, loaded.update_policy) == (7, 3, KSteps(3))
    assert loaded.adversarial_loss == gan.adversarial_loss
    assert loaded.compiled
    assert loaded.generator_optimizer.get_config() == gan.generator_optimizer.get_config()


def test_a_loaded_model_goes_on_to_the_same_bits_as_one_never_interrupted(tmp_path):
    whole = trained_gan(epochs=4)
    trained_gan(epochs=2).save(tmp_path / "half.keras")
    half = kgan.load_model(tmp_path / "half.keras")
    half.fit(IMAGES, batch_size=8, epochs=2, verbose=0)
    assert same_bits(state(whole), state(half))


def test_weights_files_hold_step_and_epoch(tmp_path):
    gan = trained_gan()
    gan.save_weights(tmp_path / "gan.weights.h5")
    fresh = small_gan(batch_norm=True, dropout=0.3)
    fresh.load_weights(tmp_path / "gan.weights.h5")
    assert same_bits(state(gan), state(fresh))


@keras.saving.register_keras_serializable("tests")
@dataclasses.dataclass(frozen=True)
class Never(UpdatePolicy):
    threshold: float = 0.5

    def __call__(self, step, epoch, d_loss, g_loss):
        return 0, 1


def test_a_policy_of_the_users_own_is_saved(tmp_path):
    gan = small_gan(update_policy=Never(0.25))
    gan.save(tmp_path / "gan.keras")
    assert kgan.load_model(tmp_path / "gan.keras").update_policy == Never(0.25)


def test_execution_settings_are_saved_as_they_were_given(tmp_path):
    gan = small_gan()
    gan.compile("adam", "adam", jit_compile=False, run_eagerly=True)
    gan.save(tmp_path / "gan.keras")
    loaded = kgan.load_model(tmp_path / "gan.keras")
    assert (loaded.jit_compile, loaded.run_eagerly) == (False, True)


def test_a_file_of_another_model_is_refused(tmp_path):
    small_pair()[0].save(tmp_path / "generator.keras")
    with pytest.raises(
        ValueError, match=r"`path` must be a file that a GAN was saved in, got '.*generator.keras'"
    ):
        kgan.load_model(tmp_path / "generator.keras")


def test_an_uncompiled_gan_is_saved_uncompiled(tmp_path):
    gan = kgan.GAN(*small_pair(), latent_dim=3)
    gan.save(tmp_path / "gan.keras")
    loaded = kgan.load_model(tmp_path / "gan.keras")
    assert not loaded.compiled
    assert same_bits(values(gan.weights), values(loaded.weights))


def test_a_file_that_would_run_code_is_refused(tmp_path):
    gan = small_gan()
    config = gan.get_config()
    config["generator"]["config"]["layers"].append(
        {
            "module": "keras.layers",
            "class_name": "Lambda",
            "config": {
                "name": "evil",
                "function": {
                    "class_name": "__lambda__",
                    "config": {"code": "", "defaults": None, "closure": None},
                },
            },
        }
    )
    with pytest.raises(ValueError, match=r"safe mode|unsafe"):
        kgan.GAN.from_config(json.loads(json.dumps(config)))


def test_a_file_that_is_not_there_or_not_whole_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gan\.keras does not exist"):
        kgan.load_model(tmp_path / "gan.keras")
    (tmp_path / "gan.keras").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(ValueError, match=r"gan\.keras is truncated: it breaks off after 14 bytes"):
        kgan.load_model(tmp_path / "gan.keras")
