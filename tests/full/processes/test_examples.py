"""Examples as processes."""

import importlib.util
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from support.processes import ROOT, start_python


@pytest.mark.parametrize("data", ["array", "dataloader", "tf_data"])
def test_own_networks_train_on_own_images_by_an_own_policy(data, tmp_path, monkeypatch):
    if data == "tf_data" and not importlib.util.find_spec("tensorflow"):
        pytest.skip("TensorFlow is not installed")
    monkeypatch.chdir(tmp_path)
    arguments = (f"--data={data}", "--epochs=2", "--num-images=160")
    backend = keras.backend.backend()
    with start_python(ROOT / "examples" / "own_networks.py", *arguments, backend=backend) as process:
        out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert "Epoch 2/2" in out
    assert sorted(path.name for path in Path("own_networks").iterdir()) == [
        "epoch-0000.png",
        "epoch-0002.png",
        "samples.gif",
    ]
    with Image.open("own_networks/epoch-0002.png") as picture:
        assert np.asarray(picture).shape == (8 * 17 * 3, 8 * 17 * 3, 3)
