"""The commands about GANs."""

import functools
from pathlib import Path

from kgan.cli.parser import (
    INTERRUPTED,
    Parser,
    add_dry_run,
    add_preset,
    add_settings,
    add_version,
    answer,
    chosen_preset,
    resolved,
    say,
    settings_table,
)
from kgan.digits import find_digits
from kgan.extras import check_installed
from kgan.gan import latent
from kgan.presets import DEFAULT_GAN_PRESET, GAN_PRESETS
from kgan.runs import refuse_existing

_METHODS = {method.__name__: method for method in (latent.lerp, latent.slerp)}
_add_preset = functools.partial(add_preset, presets=GAN_PRESETS, default=DEFAULT_GAN_PRESET)


def train_gan(argv=None, prog="train_gan.py"):
    """Train a GAN and leave pictures, a log and the model in a new folder.

    Args:
        argv: Arguments; those of the process if None.
        prog: Name of the command in messages.

    Returns:
        Exit status: 0, 2 for bad input, 130 after Ctrl-C.
    """
    parser = _gan_parser(prog, chosen_preset(argv, prog=prog, add_preset=_add_preset))
    return answer(_train_gan, parser.parse_args(argv), prog=prog)


def sample(argv=None, prog="kgan sample"):
    """Draw images with the GAN of a run.

    Arguments and exit status are as for `train_gan`.
    """
    parser = Parser(prog=prog, description="Draw images with the GAN that a run left behind.")
    _add_run(parser)
    parser.add_argument("-n", type=int, default=64, help="number of images (default: 64)")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help=".png for a grid, .npy for an array in [-1, 1] (default: RUN/samples/n-64-seed-0.png)",
    )
    return answer(_sample, parser.parse_args(argv), prog=prog)


def interpolate(argv=None, prog="kgan interpolate"):
    """Draw the images between two different digits of a run's GAN.

    Arguments and exit status are as for `train_gan`.
    """
    parser = Parser(
        prog=prog, description="Draw latents until two images are of different digits, and the way between."
    )
    _add_run(parser)
    parser.add_argument(
        "--num-intermediate",
        type=int,
        metavar="N",
        help="images between the two (default: as the run's preset says)",
    )
    parser.add_argument(
        "--method",
        choices=sorted(_METHODS),
        default="lerp",
        help="along the straight line or the great arc (default: lerp)",
    )
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="folder of the data by which classes are told"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="PNG to write (default: RUN/plots/interpolation-lerp-7-seed-0.png)",
    )
    return answer(_interpolate, parser.parse_args(argv), prog=prog)


def _add_run(parser):
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run, such as runs/gan-quick-1")
    parser.add_argument("--seed", type=int, default=0, help="seed of the latents (default: 0)")


def _gan_parser(prog, preset):
    parser = Parser(
        prog=prog,
        description="Train a GAN on handwritten digits; leave pictures, a log and the model in a new folder.",
    )
    _add_preset(parser)
    add_version(parser)
    run = parser.add_argument_group("this run")
    run.add_argument("--data-dir", type=Path, metavar="DIR", help="folder with the data set's four IDX files")
    run.add_argument(
        "--run-dir", type=Path, metavar="DIR", help="folder to create (default: runs/gan-PRESET-N)"
    )
    run.add_argument(
        "--tensorboard",
        action="store_true",
        help="write TensorBoard's files too (pip install -e '.[tensorboard]')",
    )
    add_dry_run(run)
    add_settings(parser, name=preset, row=GAN_PRESETS[preset])
    return parser


def _train_gan(options):
    preset = resolved(GAN_PRESETS[options.preset], vars(options))
    if options.dry_run:
        say(_planned(options, preset))
        return 0
    from kgan import experiments

    result = experiments.train_gan(
        preset,
        name=options.preset,
        data_dir=options.data_dir,
        run_dir=options.run_dir,
        tensorboard=options.tensorboard,
    )
    say(_summary(result))
    return INTERRUPTED if result.interrupted else 0


def _sample(options):
    from kgan import experiments

    say(str(experiments.sample(options.run, options.n, seed=options.seed, path=options.out)))
    return 0


def _interpolate(options):
    from kgan import experiments

    strip = experiments.interpolate(
        options.run,
        seed=options.seed,
        num_intermediate=options.num_intermediate,
        method=_METHODS[options.method],
        data_dir=options.data_dir,
        path=options.out,
    )
    begin, end = strip.classes
    say(f"{strip.picture}: from {begin} to {end} in {len(strip.latents)} images")
    return 0


def _planned(options, preset):
    """The settings of a run, once what can be refused without loading anything is refused."""
    if options.run_dir is not None:
        refuse_existing(options.run_dir)
    if options.tensorboard:
        check_installed("tensorboard", use="--tensorboard")
    source = find_digits(preset.data, data_dir=options.data_dir)
    if source.folder is not None:  # quick to read, unlike a download
        preset.num_epochs(len(source.arrays("train")[0]))
    further = {"digits": f"{source.name}: {source.description}"}
    return settings_table(options.preset, preset, further=further)


def _summary(result):
    run, minutes, seconds = result.run, *divmod(round(result.seconds), 60)
    plots = sorted(path.name for path in run.plots.glob("*.png"))
    strips = f"; kgan interpolate {run.path}" if "interpolation.png" in plots else ""
    return "\n".join(
        [
            f"{'Interrupted' if result.interrupted else 'Trained'} after {int(result.model.step.value):,} "
            f"steps on {result.num_images:,} images, {minutes} min {seconds:02d} s, {result.model.device}.",
            f"  look at   {result.picture}  (the last; samples.gif beside it plays them)",
            f"  plots     {run.plots}  ({', '.join(plots)})",
            f"  log       {run.log}  (a row an epoch; {run.steps.name} beside it every 50 steps)",
            f"  settings  {run.config}",
            f"  model     {run.model}",
            f"  draw more kgan sample {run.path} -n 64 --seed 1{strips}",
        ]
    )
