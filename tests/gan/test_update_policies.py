import numpy as np
import pytest
from keras import ops

from kgan.gan import randomness
from kgan.gan.update_policies import Always, EveryK, EveryKEpochs, FixedProbability, KSteps, LossBalanced


def probabilities(policy, *, step=0, epoch=0, d_loss=0.5, g_loss=0.5):
    """What a policy answers, as two Python floats."""
    scalars = (ops.convert_to_tensor(value, "int32") for value in (step, epoch))
    losses = (ops.convert_to_tensor(value, "float32") for value in (d_loss, g_loss))
    return tuple(float(p) for p in policy(*scalars, *losses))


@pytest.mark.parametrize(("d_loss", "g_loss"), [(0.7, 1.2), (1.2, 0.7), (0.0, 0.0), (3.0, -2.0)])
def test_loss_balanced_matches_the_formula(d_loss, g_loss):
    p = np.exp(d_loss) / (np.exp(d_loss) + np.exp(g_loss))
    assert probabilities(LossBalanced(), d_loss=d_loss, g_loss=g_loss) == (pytest.approx(p, abs=1e-6), 1)


def test_a_temperature_divides_both_losses():
    p = np.exp(0.7 / 2) / (np.exp(0.7 / 2) + np.exp(1.2 / 2))
    assert probabilities(LossBalanced(2.0), d_loss=0.7, g_loss=1.2)[0] == pytest.approx(p, abs=1e-6)


@pytest.mark.parametrize(
    ("d_loss", "g_loss", "p"), [(1e4, -1e4, 1), (-1e4, 1e4, 0), (1e4, 1e4, 0.5), (1e4, 0, 1), (0, 1e4, 0)]
)
def test_loss_balanced_does_not_overflow(d_loss, g_loss, p):
    assert probabilities(LossBalanced(), d_loss=d_loss, g_loss=g_loss)[0] == p


@pytest.mark.parametrize("p", [0.05, 0.5, 0.95])
def test_over_ten_thousand_steps_of_constant_losses_the_update_rate_is_p(p):
    n = 10_000
    d_loss, g_loss = np.log(p / (1 - p)), 0.0  # the losses at which the formula gives p
    answered, _ = LossBalanced()(0, 0, ops.convert_to_tensor(d_loss, "float32"), g_loss)
    steps = ops.arange(n, dtype="int32")
    updated = ops.convert_to_numpy(randomness.coin(answered, 0, randomness.UPDATE_DISCRIMINATOR, steps))
    assert abs(updated.mean() - p) < 4 * np.sqrt(p * (1 - p) / n)


def test_the_deterministic_policies_by_hand():
    steps = range(6)
    assert [probabilities(Always(), step=s) for s in steps] == [(1, 1)] * 6
    assert [probabilities(EveryK(3), step=s) for s in steps] == [(1, 1), (0, 1), (0, 1)] * 2
    assert [probabilities(KSteps(3), step=s) for s in steps] == [(1, 0), (1, 0), (1, 1)] * 2
    assert [probabilities(KSteps(1), step=s) for s in steps] == [(1, 1)] * 6
    assert [probabilities(EveryKEpochs(2), step=7, epoch=e) for e in range(4)] == [(1, 1), (0, 1)] * 2
    assert probabilities(FixedProbability(0.3)) == (0.3, 1)
