import dataclasses
import math
import typing

import pytest

from kgan.gan.averaging import GeneratorAverage
from kgan.gan.regularizers import R1, R2
from kgan.gan.update_policies import EveryK, UpdatePolicy
from kgan.optimizers import SGD, Adam, OptimizerSettings, RMSprop
from kgan.presets import DEFAULT_GAN_PRESET, GAN_PRESETS, GANPreset, stored_preset
from kgan.presets.base import settings_of
from kgan.presets.reading import reader

QUICK = GAN_PRESETS[DEFAULT_GAN_PRESET]


def test_the_rule_of_the_losses_is_that_of_the_reports_and_the_default_is_the_best_cut_short():
    rule = "LossBalanced(temperature=1.0)"
    assert [name for name, row in GAN_PRESETS.items() if repr(row.update_policy) == rule] == ["a", "b"]
    best = GAN_PRESETS["best"].describe()
    differ = {name for name, value in QUICK.describe().items() if value != best[name]}
    assert differ == {"decay", "steps", "sample_every", "evaluate_every"}


@pytest.mark.parametrize("name", sorted(GAN_PRESETS))
def test_every_setting_is_shown_as_the_command_line_would_take_it(name):
    preset = GAN_PRESETS[name]
    for field, shown in preset.describe().items():
        value = getattr(preset, field)
        hint = typing.get_args(settings_of(GANPreset)[field])[0]
        assert reader(hint)(shown) == value if isinstance(shown, str) else shown == value
        assert preset.basis_of(field)
    assert {"seed", "loss", "num_intermediate"} < set(preset.describe())
    assert not {"source", "shows", "basis"} & set(preset.describe())


def test_a_length_in_steps_is_rounded_up_to_whole_epochs():
    preset = dataclasses.replace(QUICK, steps=100, batch_size=64)
    assert preset.num_epochs(4000) == math.ceil(100 / 63)
    assert preset.num_epochs(64 * 100) == 1
    assert dataclasses.replace(preset, steps=None, epochs=7).num_epochs(4000) == 7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 0}, "`batch_size` must be a positive integer, got 0"),
        ({"latent_dim": -2}, "`latent_dim` must be a positive integer, got -2"),
        ({"sample_every": 0}, "`sample_every` must be a positive integer, got 0"),
        ({"epochs": 0, "steps": None}, "`epochs` must be a positive integer, got 0"),
        ({"epochs": None, "steps": None}, "Give one of `epochs` and `steps`, got None and None"),
        ({"epochs": 1, "steps": 1}, "Give one of `epochs` and `steps`, got 1 and 1"),
        ({"judged": 0}, "`judged` must be a positive integer, got 0"),
        ({"evaluate_every": -1}, "`evaluate_every` must be a positive integer, got -1"),
        ({"num_intermediate": 0}, "`num_intermediate` must be a positive integer, got 0"),
        (
            {"basis": {"colour": "stated"}},
            r"`basis` must be a mapping whose keys are settings, got \['colour'\]",
        ),
        (
            {"data": "cifar"},
            "`data` must be one of mnist, fashion_mnist, kmnist, mnist-5k, images, or tfds:NAME of "
            "tensorflow-datasets, got 'cifar'",
        ),
        (
            {"conditional": False, "classification": 0.1},
            "`classification` must be 0 unless `conditional` is true, for labels tell D the classes, got 0.1",
        ),
        ({"architecture": "huge"}, "`architecture` must be one of fully_connected, .*, got 'huge'"),
        ({"seed": 2**31}, r"`seed` must be an integer in \[0, 2\*\*31\), got 2147483648"),
    ],
)
def test_bad_settings_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(QUICK, **change)
    with pytest.raises(TypeError):
        GANPreset(8)


@pytest.mark.parametrize("settings", [Adam(2e-4, beta_1=0.5), RMSprop(), SGD(0.1, momentum=0.9)])
def test_optimizer_settings_build_keras_optimizers_with_their_values(settings):
    config = settings.build().get_config()
    for name, value in settings.get_config().items():
        assert config[name] == pytest.approx(value)


def test_optimizer_defaults_are_those_of_torch():
    optim = pytest.importorskip("torch.optim")
    torch = pytest.importorskip("torch")
    weight = [torch.zeros(1, requires_grad=True)]
    adam, rmsprop = optim.Adam(weight).defaults, optim.RMSprop(weight).defaults
    assert (Adam().learning_rate, (Adam().beta_1, Adam().beta_2)) == (adam["lr"], adam["betas"])
    assert Adam().epsilon == adam["eps"]
    assert (RMSprop().learning_rate, RMSprop().rho) == (rmsprop["lr"], rmsprop["alpha"])
    assert (RMSprop().momentum, RMSprop().epsilon) == (rmsprop["momentum"], rmsprop["eps"])
    assert (SGD().learning_rate, SGD().momentum) == tuple(
        optim.SGD(weight).defaults[k] for k in ("lr", "momentum")
    )
    with pytest.raises(ValueError, match="`learning_rate` must be a positive number, got 0"):
        OptimizerSettings.parse("SGD(learning_rate=0)")


def test_an_optional_spec_and_a_list_of_specs_are_read():
    read = reader(GeneratorAverage | None)
    assert read("GeneratorAverage(decay=0.9)") == GeneratorAverage(0.9)
    assert read("GeneratorAverage") == GeneratorAverage()
    assert read("none") is None
    with pytest.raises(ValueError, match="'Mean' is not one of GeneratorAverage"):
        read("Mean")
    read = reader(tuple[UpdatePolicy, ...])
    policies = read("EveryK(k=3),Always, FixedProbability(0.5)")
    assert [repr(policy) for policy in policies] == ["EveryK(k=3)", "Always()", "FixedProbability(p=0.5)"]
    assert read("none") == ()
    assert read(repr(EveryK(2))) == (EveryK(2),)
    for wrong in ("EveryK(2", "EveryK(2),,", "EveryK(2)],[Always", "EveryK(print(1))"):
        with pytest.raises(ValueError, match="is not of the form"):
            read(wrong)


def test_a_setting_that_a_run_is_older_than_is_as_it_was_without_it(monkeypatch):
    averaged = dataclasses.replace(QUICK, average=GeneratorAverage(0.99), steps=7)
    monkeypatch.setitem(GAN_PRESETS, "quick", averaged)
    settings = averaged.describe()
    assert settings["average"] == "GeneratorAverage(decay=0.99, warm_up=True)"
    assert stored_preset({"preset": "quick", "settings": settings}).average == GeneratorAverage(0.99)
    del settings["average"]
    older = stored_preset({"preset": "quick", "settings": settings})
    assert (older.average, older.steps) == (None, 7)


def test_regularisers_are_read_shown_and_stored_as_one_text():
    read = reader(typing.get_args(settings_of(GANPreset)["regularizers"])[0])
    both = read("R1(weight=0.5, every=4), R2(0.5, every=4)")
    assert both == (R1(0.5, every=4), R2(0.5, every=4))
    settings = dataclasses.replace(QUICK, regularizers=both).describe()
    assert settings["regularizers"] == "R1(weight=0.5, every=4),R2(weight=0.5, every=4)"
    assert stored_preset({"preset": "quick", "settings": settings}).regularizers == both


STATED = {  # what the reports say, by preset
    "a": {"architecture": "fully_connected", "update_policy": "LossBalanced(temperature=1.0)"},
    "b": {"architecture": "fully_connected", "update_policy": "LossBalanced(temperature=1.0)"},
    "c": {
        "architecture": "convolutional",
        "update_policy": "EveryKEpochs(k=2)",
        "epochs": 200,
        "batch_size": 64,
        "sample_every": 1000,
        "num_intermediate": 8,
    },
    "d": {
        "architecture": "template",
        "update_policy": "Always()",
        "latent_dim": 100,
        "batch_size": 64,
        "epochs": 200,
        "sample_every": 500,
        "num_intermediate": 7,
    },
    "e": {
        "architecture": "template",
        "update_policy": "KSteps(k=1)",
        "loss": "NonSaturating(label_smoothing=0.0)",
    },
}


@pytest.mark.parametrize("name", sorted(STATED))
def test_what_a_report_states_is_in_its_preset_and_marked(name):
    settings = GAN_PRESETS[name].describe()
    for setting, value in STATED[name].items():
        assert settings[setting] == value
        assert (
            GAN_PRESETS[name]
            .basis_of(setting)
            .startswith(("stated", "inferred", "widths and sigmoids stated"))
        )
    assert GAN_PRESETS[name].basis_of("seed") == "chosen"


def test_the_reports_optimizers_are_theirs():
    kinds = {name: type(GAN_PRESETS[name].generator_optimizer).__name__ for name in STATED}
    assert kinds == {"a": "Adam", "b": "RMSprop", "c": "Adam", "d": "Adam", "e": "SGD"}
    assert GAN_PRESETS["d"].discriminator_optimizer.learning_rate == 2e-4
    assert GAN_PRESETS["e"].generator_optimizer.momentum > 0


def test_report_c_takes_187_thousand_steps_on_the_full_data():
    assert GAN_PRESETS["c"].num_epochs(60_000) * math.ceil(60_000 / 64) == 187_600


def test_a_preset_is_frozen_throughout():
    assert hash(QUICK) == hash(dataclasses.replace(QUICK))
    with pytest.raises(TypeError):
        GAN_PRESETS["d"].basis["epochs"] = "chosen"
