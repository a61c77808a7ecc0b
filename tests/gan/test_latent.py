import numpy as np
import pytest

from kgan.gan.latent import interpolate, lerp, sample_latents, slerp

BEGIN, END = sample_latents(2, 100, seed=0)


def test_seven_latents_lie_between_the_two_with_weights_in_eighths():
    rows = interpolate([0.0, 8.0], [8.0, -8.0])
    assert rows.dtype == "float32"
    np.testing.assert_array_equal(rows[:, 0], [0, 1, 2, 3, 4, 5, 6, 7, 8])
    np.testing.assert_array_equal(rows[:, 1], [8, 6, 4, 2, 0, -2, -4, -6, -8])


def test_both_ends_are_the_latents_themselves_for_each_method():
    for method in (lerp, slerp):
        rows = interpolate(BEGIN, END, method=method)
        assert rows.shape == (9, 100)
        np.testing.assert_allclose(rows[0], BEGIN, rtol=1e-6)
        np.testing.assert_allclose(rows[-1], END, rtol=1e-6)


def test_eight_intermediate_latents_make_ten():
    np.testing.assert_allclose(interpolate([0.0], [9.0], num_intermediate=8)[:, 0], np.arange(10), rtol=1e-6)


def test_the_formula_that_counts_from_the_end_is_the_mirror():
    n = 8
    counted_from_end = [(x / n) * BEGIN + ((n - x) / n) * END for x in range(n + 1)]
    np.testing.assert_allclose(interpolate(BEGIN, END)[::-1], counted_from_end, atol=1e-6)
    np.testing.assert_allclose(interpolate(END, BEGIN), counted_from_end, atol=1e-6)


def test_slerp_walks_a_quarter_circle_in_equal_angles():
    rows = slerp([2.0, 0.0], [0.0, 2.0], np.linspace(0, 1, 4))
    angles = np.radians([0, 30, 60, 90])
    np.testing.assert_allclose(rows, 2 * np.stack([np.cos(angles), np.sin(angles)], axis=1), atol=1e-6)


def test_slerp_keeps_the_length_of_normal_latents_where_lerp_loses_it():
    begin, end = BEGIN / np.linalg.norm(BEGIN), END / np.linalg.norm(END)
    middle = [np.linalg.norm(interpolate(begin, end, 1, method=method)[1]) for method in (slerp, lerp)]
    assert middle[0] == pytest.approx(1, abs=1e-6)
    assert middle[1] == pytest.approx(np.sqrt((1 + begin @ end) / 2), abs=1e-6)  # |b + e| / 2


def test_slerp_between_almost_equal_latents_is_the_line():
    near = BEGIN * np.float32(1 + 1e-6)
    np.testing.assert_allclose(interpolate(BEGIN, near, method=slerp), interpolate(BEGIN, near), rtol=1e-6)
    np.testing.assert_allclose(interpolate(BEGIN, BEGIN, method=slerp), np.tile(BEGIN, (9, 1)), rtol=1e-6)


def test_a_method_of_ones_own_gets_the_weights():
    seen = []
    interpolate(BEGIN, END, 3, method=lambda begin, end, weights: seen.extend(weights))
    assert seen == [0, 0.25, 0.5, 0.75, 1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: interpolate(BEGIN, END, 0), "`num_intermediate` must be a positive integer, got 0"),
        (lambda: interpolate(BEGIN, END, 2.5), "`num_intermediate` must be a positive integer, got 2.5"),
        (lambda: interpolate(BEGIN, END, method="slerp"), "`method` must be a function, .* got 'slerp'"),
        (lambda: lerp(BEGIN, END, [0, 1.1]), r"`weights` must be numbers in \[0, 1\], .* got \[0.0, 1.1\]"),
        (lambda: slerp(BEGIN, END, [-0.1]), r"`weights` must be numbers in \[0, 1\], .* got \[-0.1\]"),
        (lambda: lerp(BEGIN, END, [float("nan")]), r"`weights` must be .* got \[nan\]"),
        (lambda: interpolate(BEGIN, END[:3]), r"`end` must be as wide as `begin`, \(100,\), got \(3,\)"),
        (lambda: interpolate([BEGIN], [END]), r"`begin` must be a finite latent .*, got \(1, 100\)"),
        (lambda: interpolate(BEGIN, [np.inf]), "`end` must be a finite latent .* not finite"),
        (lambda: slerp(BEGIN, -BEGIN, [0.5]), "`end` must be no opposite of `begin`, got 'an angle of 3.14"),
        (lambda: slerp(BEGIN, 0 * BEGIN, [0.5]), "`end` must be other than zero, .*, got 0.0"),
    ],
)
def test_values_out_of_range_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_slerp_keeps_to_the_circle_at_small_angles_too():
    for angle in (0.3, 1e-2, 1e-4):
        rows = slerp([1.0, 0.0], [np.cos(angle), np.sin(angle)], [0.25]).astype("float64")
        assert np.arctan2(rows[0, 1], rows[0, 0]) == pytest.approx(angle / 4, rel=1e-6)
        assert np.linalg.norm(rows[0]) == pytest.approx(1, abs=1e-7)
