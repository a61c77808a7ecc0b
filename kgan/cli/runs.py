"""The commands about a run of a GAN that is there."""

import textwrap
from pathlib import Path

from kgan.cli.parser import Parser, add_run, answer, say
from kgan.gan import latent

_METHODS = {method.__name__: method for method in (latent.lerp, latent.slerp)}


def sample(argv=None, prog="kgan sample"):
    """Draw images with the GAN of a run.

    Arguments and exit status are as for `train_gan`.
    """
    parser = Parser(prog=prog, description="Draw images with the GAN that a run left behind.")
    _add_run_and_seed(parser)
    parser.add_argument("-n", type=int, default=64, help="number of images (default: 64)")
    parser.add_argument(
        "--labels",
        type=_labels,
        metavar="7",
        help="of a GAN that was trained on labels: the class of all images, or as 0,1,2 the classes "
        "they have in turn (default: as often as in training)",
    )
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
        prog=prog,
        description="Draw latents until two images are surely of different digits, and the way between, "
        "with what a classifier takes each image for.",
    )
    _add_run_and_seed(parser)
    _add_ends(parser)
    _add_way(parser)
    parser.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="folder of the data by which classes are told, for runs on other data than MNIST",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help=".png or .svg (default: RUN/plots/interpolation-4-to-1-lerp-7-seed-0.png and the like; "
        "then the run's report shows this way too)",
    )
    return answer(_interpolate, parser.parse_args(argv), prog=prog)


def _add_ends(parser):
    ends = parser.add_argument_group("from where to where (default: any two digits)")
    ends.add_argument("--from", type=int, metavar="DIGIT", dest="begin", help="digit at the begin")
    ends.add_argument("--to", type=int, metavar="DIGIT", dest="end", help="digit at the end")
    ends.add_argument(
        "--all-pairs", action="store_true", help="all 45 pairs of digits in one picture, plots/pairs.png"
    )


def _add_way(parser):
    parser.add_argument(
        "--min-confidence",
        type=float,
        default=0.99,
        metavar="P",
        help="of the classifier in both ends, at most 1 (default: 0.99)",
    )
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


def evaluate(argv=None, prog="kgan evaluate"):
    """Judge the samples of a run's GAN: how near they are to real digits, and which digits they are.

    Arguments and exit status are as for `train_gan`.
    """
    parser = Parser(
        prog=prog,
        description="Judge samples of a GAN that was trained on MNIST, by a classifier of kgan's own; write "
        "RUN/evaluation.json and RUN/plots/classes.png and print a table.",
    )
    _add_run_and_seed(parser)
    parser.add_argument("-n", type=int, default=10_000, help="number of samples (default: 10000)")
    parser.add_argument(
        "--best",
        action="store_true",
        help="judge best.keras, the best of those that were evaluated in training, instead of the last model",
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="folder of the training images, to look for copies (default: as in training, if at hand)",
    )
    return answer(_evaluate, parser.parse_args(argv), prog=prog)


def _add_run_and_seed(parser):
    add_run(parser)
    parser.add_argument("--seed", type=int, default=0, help="seed of the latents (default: 0)")


def _labels(text):
    return [int(label) for label in text.split(",")]


_labels.__name__ = "comma-separated int"  # as in its error


def _sample(options):
    from kgan import experiments

    how = {"seed": options.seed, "labels": options.labels, "path": options.out}
    say(str(experiments.sample(options.run, options.n, **how)))
    return 0


def _interpolate(options):
    _check_ends(options)
    from kgan import experiments

    shared = {
        "seed": options.seed,
        "num_intermediate": options.num_intermediate,
        "method": _METHODS[options.method],
        "min_confidence": options.min_confidence,
        "data_dir": options.data_dir,
        "path": options.out,
    }
    if options.all_pairs:
        say(_pairs_drawn(experiments.interpolate_pairs(options.run, **shared)))
        return 0
    classes = None if options.begin is None else (options.begin, options.end)
    say(_strip_drawn(experiments.interpolate(options.run, classes=classes, **shared)))
    return 0


def _check_ends(options):
    if (options.begin is None) != (options.end is None):
        raise ValueError("Give both of --from and --to, or neither for any two digits.")
    if options.all_pairs and options.begin is not None:
        raise ValueError("Give either --all-pairs or --from and --to.")
    ends = (options.begin, options.end)
    if options.begin is not None and not (set(ends) <= set(range(10)) and len(set(ends)) == 2):
        raise ValueError(
            "--from and --to must be two different digits from 0 to 9, got {} and {}.".format(*ends)
        )


def _strip_drawn(strip):
    begin, end = strip.classes
    ends = strip.confidence[0, 0], strip.confidence[-1, 1]
    first, last = (f"{confidence:.3f}" for confidence in ends)
    return (
        f"{strip.picture}: from {begin} ({first}) to {end} ({last}) in {len(strip.latents)} images, "
        f"taken for {' '.join(map(str, strip.shown))}"
    )


def _pairs_drawn(pairs):
    missing = [f"{digit} ({confidence:.2f} at best)" for digit, confidence in pairs.missing.items()]
    left_out = f"; without {', '.join(missing)}" if missing else ""
    return f"{pairs.picture}: {len(pairs.drawn)} pairs{left_out}"


def _evaluate(options):
    from kgan import experiments

    found = experiments.evaluate(
        options.run, options.n, seed=options.seed, data_dir=options.data_dir, best=options.best
    )
    say(_judged(found))
    return 0


def _judged(found):
    judgement = found.judgement
    return "\n".join(
        [
            f"{judgement['samples']:,} samples of {judgement['model']}, seed {judgement['seed']}:",
            "",
            *_table(judgement["metrics"]),
            "",
            *[textwrap.fill(text, 100) for text in (judgement["classes"]["sentence"], *judgement["notes"])],
            "",
            f"  look at   {found.picture}",
            f"  numbers   {found.run.evaluation}",
        ]
    )


_BETTER = {"lower": "lower is better", "higher": "higher is better", "floor": "near real is best"}


def _table(metrics):
    rows = [("", "samples", "real digits", "")]
    rows += [
        (
            metric["label"],
            in_words(metric["value"], unit=metric["unit"]),
            in_words(metric["floor"], unit=metric["unit"]),
            _BETTER[metric["better"]],
        )
        for metric in metrics
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"  {label:{widths[0]}}  {value:>{widths[1]}}  {floor:>{widths[2]}}  {better}".rstrip()
        for label, value, floor, better in rows
    ]


def in_words(value, *, unit):
    """A metric's value with three digits, in per cent where that is its unit; a dash for None."""
    if value is None:
        return "–"
    return f"{100 * value:.2f} %" if unit == "%" else f"{value:.3g}"
