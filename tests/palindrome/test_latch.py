import keras
import numpy as np
import pytest

from kgan.palindrome import (
    FixedPalindromes,
    PalindromeStream,
    compile_recaller,
    digit_recaller,
    draw_palindromes,
    encode,
)
from support.networks import values


@pytest.mark.parametrize("encoding", ["one-hot", "scalar"])
def test_the_untrained_state_is_a_function_of_the_first_digit_alone(encoding):
    keras.utils.set_random_seed(0)
    memory = digit_recaller("lstm", units=16, encoding=encoding, prior="latch").layers[0]
    digits = draw_palindromes(40, 60, seed=1)
    digits[:, 0] = np.arange(40) % 10
    states = values([memory(encode(digits, encoding))])[0]
    np.testing.assert_allclose(states, np.tile(states[:10], (4, 1)), atol=1e-5)
    apart = np.abs(states[:10, None] - states[None, :10]).max(-1) + np.eye(10)
    assert apart.min() > 0.1  # between any two digits


def test_few_steps_solve_a_length_that_the_usual_weights_do_not():
    accuracies = {}
    for prior in (None, "latch"):
        keras.utils.set_random_seed(0)
        model = digit_recaller("lstm", units=32, encoding="one-hot", prior=prior)
        compile_recaller(model, keras.optimizers.Adam(0.03))
        options = {"batch_size": 64, "encoding": "one-hot", "seed": 0}
        model.fit(PalindromeStream(200, steps=10, **options), shuffle=False, verbose=0)
        held_out = FixedPalindromes(200, 200, part="validation", **options)
        accuracies[prior] = model.evaluate(held_out, verbose=0, return_dict=True)["accuracy"]
    assert accuracies["latch"] == 1
    assert accuracies[None] < 0.3


def test_what_does_not_go_with_a_prior_is_refused():
    for arguments, message in (
        ({"prior": "clock"}, "`prior` must be None or one of latch, got 'clock'"),
        (
            {"prior": "latch", "forget_bias": 1.0},
            "`forget_bias` must be None where `prior` is given, got 1.0",
        ),
        ({"prior": "latch", "units": 1}, "`units` must be 2 or more where `prior` is given, got 1"),
    ):
        with pytest.raises(ValueError, match=message):
            digit_recaller("lstm", **{"units": 4, "encoding": "one-hot"} | arguments)
    with pytest.raises(ValueError, match="`prior` must be None unless `network` is 'lstm', got 'latch'"):
        digit_recaller("rnn", units=4, encoding="one-hot", prior="latch")
