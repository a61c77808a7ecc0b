import keras
import numpy as np
import pytest
from keras import ops

from conftest import small_gan
from kgan.gan.losses import Minimax, NonSaturating

REAL = np.array([[0.3], [-1.7], [4.0]])
FAKE = np.array([[-0.2], [2.5], [-3.0]])
ZERO = np.zeros((1, 1), "float32")


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, "float64")))


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
