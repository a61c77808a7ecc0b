"""Our figures against those of torch-fidelity and prdc on the same features: the extra "metrics"."""

import importlib
import importlib.util
import sys
from unittest import mock

import numpy as np
import pytest

from kgan.evaluation import Reference, frechet_distance, kernel_distance, manifold_scores


@pytest.fixture(scope="module")
def features():
    """Of 2,000 test digits and of as many training digits, moved a little; float64."""
    reference, rng = Reference.load(), np.random.default_rng(0)
    fake = reference.train_features[:2000] + rng.normal(0.1, 0.2, (2000, 64))
    return reference.test_features[:2000].astype("float64"), fake


@pytest.fixture
def torch_fidelity(monkeypatch):
    """A function that loads a module of torch-fidelity.

    The package imports torchvision for networks and data sets that are not in use here. That of PyPI does
    not load beside a CPU build of torch, so where none loads names stand in for it.
    """
    if importlib.util.find_spec("torch_fidelity") is None:
        pytest.skip("torch-fidelity is not there: pip install 'kgan[metrics]'")
    try:
        importlib.import_module("torchvision")
    except (ImportError, RuntimeError):
        for name in ("torchvision", "torchvision.transforms", "torchvision.transforms.functional"):
            monkeypatch.setitem(sys.modules, name, mock.MagicMock())
        datasets = mock.Mock(CIFAR10=object, CIFAR100=object, STL10=object)
        monkeypatch.setitem(sys.modules, "torchvision.datasets", datasets)
    return lambda name: importlib.import_module(f"torch_fidelity.{name}")


def test_frechet_distance_is_that_of_torch_fidelity(features, torch_fidelity):
    metric = torch_fidelity("metric_fid")
    statistics = [metric.fid_features_to_statistics(metric.torch.from_numpy(x)) for x in features]
    expected = metric.fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert frechet_distance(*features) == pytest.approx(expected, rel=1e-6)
    assert expected > 1


def test_kernel_distance_is_that_of_torch_fidelity(features, torch_fidelity):
    metric = torch_fidelity("metric_kid")
    tensors = [metric.torch.from_numpy(x) for x in features]
    options = {"kid_subsets": 1, "kid_subset_size": 2000, "verbose": False}
    expected = metric.kid_features_to_metric(*tensors, **options)["kernel_inception_distance_mean"]
    assert kernel_distance(*features) == pytest.approx(expected, rel=1e-6)
    assert expected > 0.01


@pytest.mark.parametrize("k", [3, 5])
def test_manifold_scores_are_those_of_prdc(features, k):
    prdc = pytest.importorskip("prdc", reason="prdc is not there: pip install 'kgan[metrics]'")
    expected = prdc.compute_prdc(*features, nearest_k=k)
    scores = manifold_scores(*features, k=k)
    for name, value in expected.items():
        assert getattr(scores, name) == pytest.approx(value, rel=1e-6), name
        assert 0.1 < value < 0.999, name
