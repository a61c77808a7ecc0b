import json
import random
import shutil

import keras
import numpy as np
import pytest

from kgan.digits import load_digits
from kgan.evaluation import DigitClassifier, Reference, classifier
from support.networks import same_bits, values


@pytest.fixture(scope="module")
def digits(cache):
    return load_digits("mnist-5k", "test")


def anew():
    """The shipped classifier, built anew."""
    return classifier._load.__wrapped__()


def convolve(x, kernel, strides):
    """Convolution with padding "same", by sums over windows, in float64."""
    height, width = kernel.shape[:2]
    size = -(-x.shape[1] // strides)
    lacking = (size - 1) * strides + height - x.shape[1]
    pad = (lacking // 2, lacking - lacking // 2)
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(x, ((0, 0), pad, pad, (0, 0))), (height, width), axis=(1, 2)
    )
    return np.einsum("nijchw,hwco->nijo", windows[:, ::strides, ::strides], kernel)


def numpy_embedding(images):
    """Features and probabilities from the shipped weights alone."""
    with np.load(classifier.DATA / classifier.WEIGHTS) as arrays:
        w = {name.removeprefix("judge_"): array.astype("float64") for name, array in arrays.items()}

    def normalize(x, name):
        scale = w[f"{name}/gamma"] / np.sqrt(w[f"{name}/moving_variance"] + 1e-3)
        return (x - w[f"{name}/moving_mean"]) * scale + w[f"{name}/beta"]

    x = images.astype("float64")
    for k, strides in enumerate((2, 1, 2)):
        x = convolve(x, w[f"convolution_{k}/kernel"], strides)
        x = np.maximum(normalize(x, f"batch_norm_{k}"), 0)
    features = normalize(x.reshape(len(x), -1) @ w["dense/kernel"], "features")
    bent = np.where(features > 0, features, 0.1 * features)
    exponentials = np.exp(bent @ w["probabilities/kernel"] + w["probabilities/bias"])
    return features, exponentials / exponentials.sum(axis=1, keepdims=True)


def test_features_and_probabilities_on_this_backend_match_a_forward_pass_in_numpy(digits):
    images = digits[0][:32]
    features, probabilities = numpy_embedding(images)
    embedding = DigitClassifier.load().embed(images)
    np.testing.assert_allclose(embedding.features, features, rtol=0, atol=5e-5)
    np.testing.assert_allclose(embedding.probabilities, probabilities, rtol=0, atol=5e-5)
    assert embedding.features.dtype == embedding.probabilities.dtype == "float32"
    assert features.std(axis=0).min() > 0.2  # no feature is dead


def test_ten_thousand_test_digits_are_read_as_well_as_the_record_says(full_mnist):
    images, labels = load_digits("mnist", "test", full_mnist)
    loaded, reference = DigitClassifier.load(), Reference.load()
    embedding = loaded.embed(images)
    accuracy = (embedding.classes == labels).mean()
    assert loaded.accuracy >= 0.994
    assert accuracy == pytest.approx(loaded.accuracy, abs=2e-4)  # a digit on the edge may fall either way
    np.testing.assert_array_equal(reference.test_labels, labels)
    np.testing.assert_allclose(reference.test_features, embedding.features, rtol=2**-11, atol=1e-4)


def test_classes_and_confidence_are_the_largest_probability(digits):
    images, labels = digits
    loaded = DigitClassifier.load()
    classes, confidence = loaded.classify(images[:250])
    probabilities = loaded.probabilities(images[:250])
    assert classes.dtype == "int64"
    np.testing.assert_array_equal(probabilities[np.arange(250), classes], confidence)
    np.testing.assert_array_equal(confidence, probabilities.max(axis=1))
    assert 0.97 < (classes == labels[:250]).mean() <= 1


def test_what_an_image_gives_does_not_depend_on_the_images_beside_it(digits):
    images = digits[0][:230]
    loaded = DigitClassifier.load()
    together = loaded.embed(images).features
    for start, stop in ((0, 3), (95, 105), (229, 230)):
        alone = loaded.embed(images[start:stop]).features
        np.testing.assert_allclose(alone, together[start:stop], rtol=0, atol=1e-5)


def train_with_random_layers():
    network = keras.Sequential([keras.layers.Dense(4), keras.layers.Dropout(0.5), keras.layers.Dense(1)])
    network.compile("sgd", "mse")
    data = np.linspace(-1, 1, 24, dtype="float32").reshape(8, 3)
    network.fit(data, data[:, :1], batch_size=4, verbose=0)
    return network


def test_loading_changes_no_bit_of_a_training_that_was_seeded(digits):
    keras.utils.set_random_seed(3)
    expected = values(train_with_random_layers().weights)
    keras.utils.set_random_seed(3)
    states = random.getstate(), np.random.get_state()[1].tobytes()  # noqa: NPY002
    anew().classify(digits[0][:2])
    assert states == (random.getstate(), np.random.get_state()[1].tobytes())  # noqa: NPY002
    assert same_bits(values(train_with_random_layers().weights), expected)


def test_loading_takes_no_name_from_layers_to_come():
    keras.backend.clear_session()
    anew()
    assert keras.layers.Conv2D(1, 1).name == "conv2d"
    assert keras.Sequential().name == "sequential"


def test_it_computes_in_float32_whatever_the_policy(digits):
    images = digits[0][:5]
    expected = DigitClassifier.load().embed(images)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        found = anew().embed(images)
    finally:
        keras.config.set_dtype_policy(policy)
    assert same_bits([found.features, found.probabilities], [expected.features, expected.probabilities])


def test_damaged_weights_are_found_out_by_their_checksum(tmp_path, monkeypatch):
    for file in classifier.DATA.iterdir():
        shutil.copy(file, tmp_path)
    path = tmp_path / classifier.WEIGHTS
    raw = bytearray(path.read_bytes())
    raw[500_000] ^= 1
    path.write_bytes(raw)
    monkeypatch.setattr(classifier, "DATA", tmp_path)
    with pytest.raises(
        ValueError, match=r"classifier\.npz is damaged .* install kgan anew\. Its SHA-256 must"
    ):
        anew()


def test_shipped_files_are_small_and_the_record_names_them_all():
    record = json.loads((classifier.DATA / classifier.RECORD).read_text(encoding="utf-8"))
    sizes = {path.name: path.stat().st_size for path in classifier.DATA.iterdir()}
    assert set(record["files"]) == set(sizes) - {classifier.RECORD}
    assert sizes["classifier.npz"] <= 2e6
    assert sizes["reference.npz"] <= 3e6
    assert record["parameters"] == classifier.digit_network().count_params() <= 500_000


IMAGES = np.zeros((70, 28, 28, 1), "float32")


def spoilt(rows, value):
    images = IMAGES.copy()
    images[:rows, 3, 4] = value
    return images


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (IMAGES[..., 0], r"`images` must be an array \(n, 28, 28, 1\) with n > 0, got \(70, 28, 28\)\."),
        (IMAGES[:0], r"with n > 0, got \(0, 28, 28, 1\)"),
        (IMAGES.astype("uint8"), r"`images` must be of floating-point numbers in \[−1, 1\], got 'uint8'"),
        (spoilt(3, np.nan), r"`images` must be finite, got 3 of 70 with NaN or infinity"),
        (spoilt(1, np.inf), r"got 1 of 70 with NaN or infinity"),
        (spoilt(1, 255), r"`images` must be in \[−1, 1\], got \(0\.0, 255\.0\)"),
        (spoilt(1, -1.01), r"`images` must be in \[−1, 1\], got \(-1\.0"),
    ],
)
def test_what_is_no_image_is_refused(images, message):
    with pytest.raises(ValueError, match=message):
        DigitClassifier.load().embed(images)
