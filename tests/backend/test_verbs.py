"""The verbs of each backend, against derivatives by hand."""

import keras
import numpy as np
import pytest
from keras import ops

from kgan.gan.update_policies import UpdatePolicy
from support.networks import same_bits, small_gan, small_images, values


def variable(value):
    return keras.Variable(ops.convert_to_tensor(value, "float32"))


def array(tensor):
    return ops.convert_to_numpy(tensor)


def test_record_returns_gradients_of_the_variables_asked_for():
    a, b = variable([1.0, 2.0]), variable(3.0)
    gan = small_gan()
    recording = gan.record(lambda: (ops.sum(a * a * b), "beside"), [a])
    assert float(recording.loss) == 15
    assert recording.aux == "beside"
    (of_a,) = recording.gradients()
    np.testing.assert_allclose(array(of_a), [6, 12])  # 2 a b


def test_record_gives_zeros_where_the_loss_does_not_depend_on_a_variable():
    a, unused = variable(2.0), variable([1.0, 1.0])
    of_a, of_unused = small_gan().record(lambda: (a * a, None), [a, unused]).gradients()
    assert float(of_a) == 4
    np.testing.assert_array_equal(array(of_unused), [0, 0])


def test_record_keeps_the_batch_statistics_of_its_forward_pass():
    gan = small_gan(batch_norm=True)
    before = values(gan.generator.non_trainable_variables)
    latents = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    gan.record(
        lambda: (ops.sum(gan.generator(latents, training=True)), None), gan.generator.trainable_variables
    )
    kernel, bias = values(gan.generator.layers[0].weights)
    mean = 0.01 * (latents @ kernel + bias).mean(0)  # Keras's momentum of 0.99, from 0
    after = values(gan.generator.non_trainable_variables)
    assert not same_bits(before, after)
    np.testing.assert_allclose(after[0], mean, atol=1e-6)


@pytest.mark.parametrize("thrown", [True, False, "tensor"])
def test_apply_if_updates_by_the_gradient_or_not_at_all(thrown):
    weight = variable([1.0, 2.0])
    optimizer = keras.optimizers.SGD(0.5)
    optimizer.build([weight])
    calls = []

    def gradients():
        calls.append(1)
        return [ops.convert_to_tensor([2.0, 4.0])]

    condition = ops.convert_to_tensor(True) if thrown == "tensor" else thrown  # noqa: FBT003
    small_gan().apply_if(condition, optimizer, gradients, [weight])
    np.testing.assert_allclose(array(weight), [0, 0] if thrown else [1, 2])
    assert len(calls) == bool(thrown)


@pytest.mark.parametrize("thrown", [True, False, "tensor"])
def test_run_if_assigns_or_does_nothing_at_all(thrown):
    weight, calls = variable([1.0, 2.0]), []
    condition = ops.convert_to_tensor(True) if thrown == "tensor" else thrown  # noqa: FBT003
    small_gan().run_if(condition, lambda: calls.append(1) or weight.assign(weight * 2), [weight])
    np.testing.assert_allclose(array(weight), [2, 4] if thrown else [1, 2])
    assert len(calls) == bool(thrown)


@pytest.mark.parametrize("share", [0.25, "tensor"])
def test_move_towards_goes_the_share_of_the_way(share):
    weights, others = [variable([1.0, 2.0]), variable(8.0)], [variable([5.0, 2.0]), variable(0.0)]
    gan, share = small_gan(), ops.convert_to_tensor(0.25) if share == "tensor" else share
    gan.run_if(True, lambda: gan.move_towards(weights, others, share), weights)  # noqa: FBT003
    np.testing.assert_allclose(array(weights[0]), [2, 2])
    np.testing.assert_allclose(array(weights[1]), 6)
    np.testing.assert_allclose(array(others[0]), [5, 2])
    gan.move_towards([], [], share)


def test_input_gradient_matches_the_derivative_by_hand():
    inputs = ops.convert_to_tensor([[1.0, 2.0], [3.0, -1.0]])
    gradient = small_gan().input_gradient(lambda x: ops.sum(x**3, axis=1), inputs)
    np.testing.assert_allclose(array(gradient), [[3, 12], [27, 3]])


def test_input_gradient_can_be_differentiated_once_more():
    # The squared norm of d/dx (w x^2) = 2 w x is 4 w^2 |x|^2, whose slope in w is 8 w |x|^2.
    gan = small_gan()
    weight = gan.discriminator.layers[-1].bias
    weight.assign([1.5])
    inputs = ops.convert_to_tensor([[1.0, 2.0]])

    def penalty():
        return ops.sum(gan.input_gradient(lambda x: weight * x**2, inputs) ** 2), None

    recording = gan.record(penalty, [weight])
    assert float(recording.loss) == pytest.approx(4 * 1.5**2 * 5)
    assert float(recording.gradients()[0][0]) == pytest.approx(8 * 1.5 * 5)


def test_a_policy_may_give_its_probability_as_a_tensor():
    class _AsTensor(UpdatePolicy):
        def __call__(self, step, epoch, d_loss, g_loss):
            return ops.sigmoid(d_loss - g_loss), 1

    gan = small_gan(update_policy=_AsTensor())
    history = gan.fit(small_images(64), batch_size=8, verbose=0).history
    assert 0 < history["p"][0] < 1


def test_a_step_is_traced_once_for_each_shape_of_batch():
    if keras.backend.backend() == "torch":
        pytest.skip("torch traces nothing")
    traces = []

    class Counting(UpdatePolicy):
        def __call__(self, step, epoch, d_loss, g_loss):
            traces.append(1)
            return 0.5, 1

    gan = small_gan(update_policy=Counting())
    gan.fit(small_images(20), batch_size=8, epochs=2, verbose=0)  # batches of 8, 8 and 4
    first = len(traces)
    gan.fit(small_images(20), batch_size=8, epochs=5, verbose=0)
    assert 1 <= first <= 2
    assert len(traces) == first


@pytest.mark.parametrize("condition", [True, False, "tensor"])
def test_choose_computes_one_of_two(condition):
    calls = []

    def of(name, value):
        def fn():
            calls.append(name)
            return [ops.convert_to_tensor(value)]

        return fn

    thrown = ops.convert_to_tensor(True) if condition == "tensor" else condition  # noqa: FBT003
    (chosen,) = small_gan().choose(thrown, of("one", 1.0), of("other", 2.0))
    assert float(chosen) == (1 if condition else 2)
    if keras.backend.backend() != "jax" or condition != "tensor":  # which JAX traces both of
        assert calls == ["one" if condition else "other"]


def test_what_is_assigned_while_forgetting_is_gone_afterwards():
    gan = small_gan(batch_norm=True)
    before = values(gan.generator.variables)
    with gan.forgetting(gan.generator.variables):
        gan.generator(np.ones((8, 3), "float32"), training=True)
    assert same_bits(before, values(gan.generator.variables))
