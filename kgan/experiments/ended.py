"""What a run of the palindrome task must keep, since some of its trainings have ended."""

import itertools

# Nothing of what a training comes to depends on these.
_FREE = {"lengths", "networks", "on_nan", "checkpoint"}
_OF_ONE = {"lstm": {"lstm_optimizer", "forget_bias", "time_lag", "prior"}, "rnn": {"rnn_optimizer"}}


def changed_settings(preset, saved):
    """Names of the settings in which a preset differs from that of a `kgan.saving.Saved`, a set."""
    before, after = saved.state["own"]["settings"], preset.describe()
    return {name for name in after if after[name] != before.get(name)}


def check_trainings(preset, saved):
    """Raise ValueError if a network that has ended at a length would have been trained otherwise.

    Its row in the table would be compared with others of another training.

    Args:
        preset: `kgan.presets.RecallPreset` to go on with.
        saved: `kgan.saving.Saved` to go on from.
    """
    changed = changed_settings(preset, saved) - _FREE
    for outcome in saved.state["own"]["records"]["outcomes"]:
        network, length, steps = (outcome[name] for name in ("network", "length", "steps"))
        of_others = set().union(*(names for other, names in _OF_ONE.items() if other != network))
        if names := " and ".join(f"`{name}`" for name in sorted(changed - of_others)):
            raise ValueError(
                f"{network}, length {length:,} has ended after {steps:,} steps and would not follow a change "
                f"of {names}: begin a new run, or go on with that as it was."
            )


def check_lengths(preset, network, progress, *, lengths):
    """Raise ValueError if a network's curriculum has come to a length that it would no longer have.

    Args:
        preset: `kgan.presets.CurriculumPreset` to go on with.
        network: Name of the network.
        progress: Its `kgan.palindrome.Progress`.
        lengths: Tuple of the lengths of the preset's curriculum.
    """
    stages = (*progress.stages, *([progress.stage] if progress.stage else []))
    for stage, length in itertools.zip_longest(stages, lengths[: len(stages)]):
        if stage.length != length:
            raise ValueError(
                f"`max_length` must be one that is reached by length {stage.length:,}, to which {network} "
                f"has come, got {preset.max_length}: go on with what it was, or begin a new run."
            )
