"""`kgan.layers.LSTM` beside the layers a user would pick instead: time, and memory on torch.

python -m benchmarks.lstm [--quick]

Batch 128, 128 units, one-hot digits; forward pass, backward pass and the gradients of all weights, on one
thread of torch; JAX takes the cores it is given. The floor is the arithmetic of the three products of a step,
5 · 10⁷ operations, at the rate of one of them.
"""

import argparse
import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np

import kgan
from benchmarks.tables import Limit, Row, show
from benchmarks.timing import compare
from kgan.experiments.palindrome import build_recaller
from kgan.palindrome import Curriculum, FixedPalindromes, PalindromeStream, compile_recaller, lengths_between
from kgan.presets import LSTM_PRESETS

BATCH, UNITS, DIGITS = 128, 128, 10


def main():
    """Show one row after the other."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few turns of short sequences")
    parser.add_argument("--memory", nargs=3, help=argparse.SUPPRESS)  # the fresh process
    options = parser.parse_args()
    if options.memory:
        kind, length, checkpoint = options.memory
        sys.stdout.write(json.dumps(memory_of_a_step(kind, int(length), checkpoint)))
    elif keras.backend.backend() == "jax":
        on_jax(quick=options.quick)
    else:
        on_torch(quick=options.quick)


def one_hot(length):
    """Digits as `(128, length, 10)`, made without a copy that would count as the peak of memory."""
    x = np.zeros((BATCH, length, DIGITS), "float32")
    rows, steps = np.ogrid[:BATCH, :length]
    x[rows, steps, np.random.default_rng(0).integers(0, DIGITS, (BATCH, length), dtype="int8")] = 1
    return x


def on_torch(*, quick):
    """The tables of time, of memory, and of the curriculum."""
    import torch

    torch.set_num_threads(1)
    turns, longest = (1, 20) if quick else (None, 10**9)
    kinds = {
        "torch.nn.LSTM": (torch_module, ((20, 1.0, 41), (100, 0.6, 21), (1000, 0.65, 9))),
        "keras.layers.LSTM": (keras.layers.LSTM, ((20, 0.4, 15), (100, 0.13, 7), (400, 0.02, 3))),
        "keras.layers.RNN(LSTMCell)": (wrapped_cell, ((20, 0.4, 15), (100, 0.35, 9))),
    }
    for against, (kind, rows) in kinds.items():
        for length, target, own_turns in rows:
            if length <= longest:
                show_time(against, kind(UNITS), length, target=target, turns=turns or own_turns)
    length = 20 if quick else 1000
    show_time("torch.nn.LSTM", torch_module(UNITS), length, target=0.75, turns=turns or 9, checkpoint="sqrt")
    show_memory(quick=quick)
    show_curriculum(quick=quick)


def show_time(against, peer, length, *, target, turns, checkpoint=None):
    """A row for sequences of a length."""
    import torch

    x = torch.from_numpy(one_hot(length))
    ours = kgan.layers.LSTM(UNITS, checkpoint=checkpoint)
    runs = [training_step(layer, x) for layer in (peer, ours)]
    what = f"LSTM, T = {length:,}" + (f", checkpoint {checkpoint!r}" if checkpoint else "")
    show(Row(what, against, compare(*runs, turns=turns, warm_up=1), target, floor=length * floor_of_a_step()))


def training_step(layer, x):
    """A function that computes the gradients of a layer's weights."""

    def run():
        layer.zero_grad()
        outputs = layer(x)
        outputs = outputs[0][:, -1] if isinstance(outputs, tuple) else outputs
        outputs.sum().backward()

    run()  # builds it
    return run


def torch_module(units):
    """`torch.nn.LSTM`, whose kernels are oneDNN's."""
    import torch

    return torch.nn.LSTM(DIGITS, units, batch_first=True)


def wrapped_cell(units):
    """Keras's cell in Keras's loop."""
    return keras.layers.RNN(keras.layers.LSTMCell(units))


def floor_of_a_step():
    """Seconds of the arithmetic of one step: z, dh and dA."""
    from benchmarks.floor import matmul_rate

    rows = UNITS + DIGITS + 1
    operations = 2 * BATCH * 4 * UNITS * (rows + UNITS + rows)
    return operations / matmul_rate(BATCH, rows, 4 * UNITS)


def show_memory(*, quick):
    """What one training step adds to the peak of a fresh process, in MiB beyond the input."""
    rows = [("kgan", 1_000, "sqrt", 45), ("torch", 1_000, "None", None), ("kgan", 1_000, "None", None)]
    rows += [("kgan", 10_000, "sqrt", 200), ("kgan", 100_000, "sqrt", 512)]
    for kind, length, checkpoint, target in rows[:1] if quick else rows:
        command = [sys.executable, "-m", "benchmarks.lstm", "--memory", kind, str(length), checkpoint]
        environment = os.environ | {"KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        name = "torch.nn.LSTM" if kind == "torch" else f"LSTM, checkpoint {checkpoint}"
        show(Limit(f"{name}, one step at T = {length:,}, MiB", (json.loads(done.stdout),), target))


def memory_of_a_step(kind, length, checkpoint):
    """MiB that a training step adds to the peak of this process; the input is there before."""
    import torch

    layer = (
        torch_module(UNITS)
        if kind == "torch"
        else kgan.layers.LSTM(UNITS, checkpoint=None if checkpoint == "None" else checkpoint)
    )
    training_step(layer, torch.from_numpy(one_hot(10)))
    x = torch.from_numpy(one_hot(length))
    before = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins again
    training_step(layer, x)
    return status("VmHWM") - before


def status(name):
    """A figure of this process's memory, in MiB."""
    return int(re.search(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024


def show_curriculum(*, quick):
    """The work of `train_lstm.py --preset curriculum`: its evaluations and training steps."""
    preset = dataclasses.replace(LSTM_PRESETS["curriculum"], networks=("lstm",))
    short = {"max_length": preset.min_length, "max_steps": preset.lstm_round_steps, "num_validation": 100}
    preset = dataclasses.replace(preset, **short) if quick else preset
    ours, peer = build_recaller(preset, "lstm"), build_recaller(preset, "lstm")
    recurrent = keras.layers.LSTM(ours.layers[0].units)
    peer = keras.Sequential([keras.Input((None, DIGITS)), recurrent, peer.layers[-1]])
    recurrent.set_weights(ours.layers[0].get_weights())
    compile_recaller(peer, preset.optimizer_of("lstm").build(global_clipnorm=preset.clip_norm))
    stages = _stages(preset, ours)
    steps = sum(stage.steps for stage in stages)
    last = stages[-1].length
    found = compare(
        lambda: follow(peer, preset, stages),
        lambda: follow(ours, preset, stages),
        turns=1 if quick else 3,
        warm_up=0,
    )
    show(Row(f"curriculum to {last}, {steps:,} steps", "keras.layers.LSTM in its place", found, 0.33))


def _stages(preset, model):
    curriculum = Curriculum(
        lengths=lengths_between(preset.min_length, preset.max_length),
        round_steps=preset.lstm_round_steps,
        max_steps=preset.max_steps,
        target_loss=preset.lstm_target_loss,
        batch_size=preset.batch_size,
        encoding=preset.encoding,
        seed=preset.seed,
    )
    return curriculum.run(model).stages


def follow(model, preset, stages):
    """The same rounds of training and evaluations again."""
    data = {"encoding": preset.encoding, "seed": preset.seed}
    for stage in stages:
        held_out = FixedPalindromes(
            preset.num_validation, stage.length, batch_size=preset.chunk, part="validation", **data
        )
        model.evaluate(held_out, verbose=0)
        for _ in range(stage.steps // preset.lstm_round_steps):
            stream = PalindromeStream(
                stage.length, batch_size=preset.batch_size, steps=preset.lstm_round_steps, **data
            )
            model.fit(stream, shuffle=False, verbose=0)
            model.evaluate(held_out, verbose=0)


def on_jax(*, quick):
    """Jitted, on the cores that the process may use."""
    import jax

    for length, target in ((20, None), (100, 0.75), (1000, None))[: 1 if quick else 3]:
        x = jax.numpy.asarray(one_hot(length))
        runs = [jitted(kind(UNITS), x) for kind in (keras.layers.LSTM, kgan.layers.LSTM)]
        found = compare(*runs, turns=1 if quick else 15)
        show(Row(f"LSTM, T = {length:,}", "keras.layers.LSTM", found, target))


def jitted(layer, x):
    """A function that computes the gradients of a layer's weights by a compiled program."""
    import jax

    layer.build(x.shape)

    def loss(weights, x):
        return layer.stateless_call(weights, [v.value for v in layer.non_trainable_variables], x)[0].sum()

    gradients = jax.jit(jax.grad(loss))
    weights = [variable.value for variable in layer.trainable_variables]
    return lambda: jax.block_until_ready(gradients(weights, x))


if __name__ == "__main__":
    main()
