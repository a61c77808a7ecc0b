import keras
import numpy as np
import pytest
from keras import ops

from kgan.gan.losses import Hinge, LeastSquares, Loss, Minimax, NonSaturating, Relativistic, Wasserstein
from support.networks import small_gan

REAL = np.array([[0.3], [-1.7], [4.0]])
FAKE = np.array([[-0.2], [2.5], [-3.0]])
ZERO = np.zeros((1, 1), "float32")


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, "float64")))


@pytest.mark.parametrize(
    ("loss", "real", "fake"),
    [
        (NonSaturating(), 3.0, -3.0),
        (Minimax(), 3.0, -3.0),
        (LeastSquares(), 0.95, 0.05),
        (Hinge(), 0.95, -0.95),
        (Relativistic(), 25.0, 10.0),
    ],
)
def test_a_discriminator_has_won_by_its_own_loss(loss, real, fake):
    assert loss.won(means_of(loss, real, fake)) != ""
    assert loss.won(means_of(loss, (real + fake) / 2, (real + fake) / 2)) == ""
    assert loss.won(means_of(loss, real, real)) == ""
    assert Wasserstein().won(means_of(Wasserstein(), real, fake)) == ""


def means_of(loss, real, fake):
    logits = [ops.full((2, 1), number) for number in (real, fake)]
    return {
        "d_loss": value(loss.discriminator_loss(*logits)),
        "d_real": sigmoid(real),
        "d_fake": sigmoid(fake),
    }


def value(loss):
    return float(ops.convert_to_numpy(loss))


def test_the_losses_are_the_binary_cross_entropies_of_their_names():
    real, fake = (ops.convert_to_tensor(x, "float32") for x in (REAL, FAKE))
    d_loss = -(np.log(sigmoid(REAL)).mean() + np.log(1 - sigmoid(FAKE)).mean()) / 2
    for loss in (NonSaturating(), Minimax()):
        assert value(loss.discriminator_loss(real, fake)) == pytest.approx(d_loss, abs=1e-6)
    assert value(NonSaturating().generator_loss(real, fake)) == pytest.approx(
        -np.log(sigmoid(FAKE)).mean(), abs=1e-6
    )
    assert value(Minimax().generator_loss(real, fake)) == pytest.approx(
        np.log(1 - sigmoid(FAKE)).mean(), abs=1e-6
    )


def test_keras_own_cross_entropy_agrees():
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    real, fake = (ops.convert_to_tensor(x, "float32") for x in (REAL, FAKE))
    expected = (cross_entropy(np.ones((3, 1)), real) + cross_entropy(np.zeros((3, 1)), fake)) / 2
    ours = NonSaturating().discriminator_loss(real, fake)
    assert value(ours) == pytest.approx(value(expected), abs=1e-6)


def test_at_equilibrium_both_losses_are_ln_2():
    zero = ops.zeros((4, 1))
    assert value(NonSaturating().generator_loss(zero, zero)) == pytest.approx(np.log(2), abs=1e-6)
    assert value(NonSaturating().discriminator_loss(zero, zero)) == pytest.approx(np.log(2), abs=1e-6)


@pytest.mark.parametrize("logit", [-30.0, -1.0, 0.0, 1.0, 30.0])
@pytest.mark.parametrize(
    ("loss", "slope"),
    [
        (lambda x: NonSaturating().generator_loss(ZERO, x), lambda x: -sigmoid(-x)),
        (lambda x: Minimax().generator_loss(ZERO, x), lambda x: -sigmoid(x)),
        (lambda x: NonSaturating().discriminator_loss(x, ZERO), lambda x: -sigmoid(-x) / 2),
        (lambda x: NonSaturating().discriminator_loss(ZERO, x), lambda x: sigmoid(x) / 2),
    ],
)
def test_gradients_match_their_closed_form_even_where_the_sigmoid_is_flat(loss, slope, logit):
    gradient = small_gan().input_gradient(loss, ops.full((1, 1), logit))
    assert value(gradient[0, 0]) == pytest.approx(slope(logit), rel=1e-5)


def log_sigmoid(x):
    return -np.log1p(np.exp(-x))


# Of each loss: L(G) and L(D) of logits, as its source writes them, in NumPy.
FORMULAS = {
    NonSaturating(): (
        lambda real, fake: -log_sigmoid(fake).mean(),
        lambda real, fake: -(log_sigmoid(real).mean() + log_sigmoid(-fake).mean()) / 2,
    ),
    NonSaturating(label_smoothing=0.1): (
        lambda real, fake: -log_sigmoid(fake).mean(),
        lambda real, fake: (
            -((0.9 * log_sigmoid(real) + 0.1 * log_sigmoid(-real)).mean() + log_sigmoid(-fake).mean()) / 2
        ),
    ),
    Minimax(): (
        lambda real, fake: log_sigmoid(-fake).mean(),
        lambda real, fake: -(log_sigmoid(real).mean() + log_sigmoid(-fake).mean()) / 2,
    ),
    LeastSquares(): (
        lambda real, fake: ((fake - 1) ** 2).mean(),
        lambda real, fake: 0.5 * ((real - 1) ** 2).mean() + 0.5 * (fake**2).mean(),
    ),
    Wasserstein(): (
        lambda real, fake: -fake.mean(),
        lambda real, fake: (fake.mean() - real.mean()) / 2,
    ),
    Hinge(): (
        lambda real, fake: -fake.mean(),
        lambda real, fake: -(np.minimum(0, real - 1).mean() + np.minimum(0, -fake - 1).mean()) / 2,
    ),
    Relativistic(): (
        lambda real, fake: -log_sigmoid(fake - real).mean(),
        lambda real, fake: -log_sigmoid(real - fake).mean(),
    ),
}


def both(loss):
    """L(G) and L(D) of a loss, each with its formula."""
    return zip((loss.generator_loss, loss.discriminator_loss), FORMULAS[loss], strict=True)


def slopes(formula, x):
    """Central differences of a NumPy formula, in float64."""
    step, units = 1e-6, np.eye(x.size).reshape(-1, *x.shape)
    return np.array([formula(x + step * unit) - formula(x - step * unit) for unit in units]) / (2 * step)


def test_every_loss_has_a_formula_here():
    ours = {kind for kind in Loss.choices().values() if kind.__module__ == "kgan.gan.losses"}
    assert {type(loss) for loss in FORMULAS} == ours


@pytest.mark.parametrize("loss", FORMULAS, ids=str)
def test_losses_and_their_slopes_are_those_of_the_formula(loss):
    gan = small_gan()
    real, fake = (ops.convert_to_tensor(x, "float32") for x in (REAL, FAKE))
    for ours, formula in both(loss):
        assert value(ours(real, fake)) == pytest.approx(formula(REAL, FAKE), abs=1e-6)
        of_fake = gan.input_gradient(lambda x, ours=ours: ours(real, x), fake)
        expected = slopes(lambda x, formula=formula: formula(REAL, x), FAKE)
        np.testing.assert_allclose(ops.convert_to_numpy(of_fake).ravel(), expected, atol=1e-6)
    of_real = gan.input_gradient(lambda x: loss.discriminator_loss(x, fake), real)
    expected = slopes(lambda x: FORMULAS[loss][1](x, FAKE), REAL)
    np.testing.assert_allclose(ops.convert_to_numpy(of_real).ravel(), expected, atol=1e-6)


def test_smoothed_labels_are_those_of_keras_for_real_images_alone():
    real, fake = (ops.convert_to_tensor(x, "float32") for x in (REAL, FAKE))
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    expected = (cross_entropy(np.full((3, 1), 0.9), real) + cross_entropy(np.zeros((3, 1)), fake)) / 2
    ours = NonSaturating(label_smoothing=0.1).discriminator_loss(real, fake)
    assert value(ours) == pytest.approx(value(expected), abs=1e-6)
    assert abs(value(ours) - value(NonSaturating().discriminator_loss(real, fake))) > 0.01


@pytest.mark.parametrize("smoothing", [-0.1, 0.5, True, "0.1"])
def test_a_smoothing_that_is_none_is_named(smoothing):
    with pytest.raises(ValueError, match=r"`label_smoothing` must be a number in \[0, 0.5\), got"):
        NonSaturating(label_smoothing=smoothing)


def test_losses_by_hand():
    real, fake = ops.convert_to_tensor([[2.0], [0.5]]), ops.convert_to_tensor([[-3.0], [1.0]])
    assert value(LeastSquares().discriminator_loss(real, fake)) == (1 + 0.25 + 9 + 1) / 4
    assert value(LeastSquares().generator_loss(real, fake)) == (16 + 0) / 2
    assert value(Wasserstein().discriminator_loss(real, fake)) == (-2 - 2.5) / 4
    assert value(Wasserstein().generator_loss(real, fake)) == 1
    assert value(Hinge().discriminator_loss(real, fake)) == (0 + 0.5 + 0 + 2) / 4
    assert value(Hinge().generator_loss(real, fake)) == 1
    assert value(Relativistic().generator_loss(real, fake)) == pytest.approx(
        (np.log(1 + np.exp(5)) + np.log(1 + np.exp(-0.5))) / 2, abs=1e-6
    )


@pytest.mark.parametrize("loss", FORMULAS, ids=str)
def test_a_loss_is_bounded_below_where_no_logits_make_it_very_negative(loss):
    extreme = [np.full((1, 1), x) for x in (-100.0, 100.0)]
    least = min(formula(real, fake) for _, formula in both(loss) for real in extreme for fake in extreme)
    assert loss.bounded_below == (least > -1)


@pytest.mark.parametrize(
    ("loss", "logit", "at_equilibrium"), [(LeastSquares(), 0.5, 0.25), (Relativistic(), 3.0, np.log(2))]
)
def test_bounded_losses_are_equal_at_equilibrium(loss, logit, at_equilibrium):
    logits = ops.full((4, 1), logit)
    for ours, _ in both(loss):
        assert value(ours(logits, logits)) == pytest.approx(at_equilibrium, abs=1e-6)


def test_relativistic_losses_stay_finite_where_a_pair_is_far_apart():
    far = ops.full((1, 1), 200.0)
    assert value(Relativistic().discriminator_loss(-far, far)) == 400
    assert value(Relativistic().generator_loss(-far, far)) == pytest.approx(0, abs=1e-6)
