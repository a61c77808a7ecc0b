"""From one digit to another: two latents that a classifier is sure of, and the way between them."""

import dataclasses
import itertools
import logging
from pathlib import Path

import numpy as np

from kgan import digits, plots
from kgan.evaluation import (
    NUM_CLASSES,
    READ_DATA,
    DigitClassifier,
    Endpoints,
    NearestNeighbours,
    NoEndpointsError,
    best_latents,
    find_endpoints,
    surest_pair,
    walk,
    way,
)
from kgan.experiments.report import report_on
from kgan.experiments.saved import load
from kgan.gan.latent import lerp
from kgan.pictures import write_frames, write_grid
from kgan.presets import GANPreset
from kgan.spec import check, is_count, is_seed

_SUFFIXES = (".png", ".svg")
_FRAMES = 33
_REPORTED = (4, 1)  # the pair of report C
_SURE = 0.99
_DRAWS_AT_THE_END = 1000
_NEIGHBOURS = 5000  # real images by which those of a folder are told


@dataclasses.dataclass(frozen=True)
class Interpolation:
    """A strip of images from one class to another.

    Attributes:
        picture: Path of the strip.
        classes: What the images at its two ends are taken for.
        latents: Array `(num_intermediate + 2, input_dim)`.
        confidence: Array `(num_intermediate + 2, 2)`: the probability of each of these classes.
        shown: Tuple of what each image is taken for.
    """

    picture: Path
    classes: tuple
    latents: np.ndarray
    confidence: np.ndarray
    shown: tuple


@dataclasses.dataclass(frozen=True)
class Pairs:
    """The strips between all pairs of digits.

    Attributes:
        picture: Path of the picture.
        drawn: List of the pairs in it.
        missing: Dict, digit that is not drawn with enough confidence -> its best confidence.
    """

    picture: Path
    drawn: list
    missing: dict


def interpolate(
    run_dir,
    *,
    classes=None,
    seed=0,
    num_intermediate=None,
    method=lerp,
    min_confidence=_SURE,
    data_dir=None,
    path=None,
):
    """Draw latents until two images are surely of different digits, and the way between them.

    Unless `path` is given, the run's interpolation.json and its frames, which its report shows, are
    of this way from now on.

    Args:
        run_dir: Folder of the run.
        classes: Two different digits, such as (4, 1); any two if None.
        seed: Integer in [0, 2³¹) of the latents that are tried.
        num_intermediate: Images between the two; as many as the run's preset says if None.
        method: `kgan.latent.lerp`, `slerp` or any function like them.
        min_confidence: Number in (0, 1], with which the classifier takes both ends for their classes.
        data_dir: Folder of Fashion-MNIST or KMNIST, by whose images the classes of such a run are told;
            as in training, or the one at hand, if None. MNIST's digits need none.
        path: File to write, .png or .svg; a name in the run's plots that says which if None.

    Returns:
        `Interpolation`.

    Raises:
        FileNotFoundError: If there is no such run, or it holds no model.
        ValueError: If the GAN does not draw the classes with that confidence, or a value breaks its rule.
    """
    check("seed", "an integer in [0, 2**31)", seed, holds=is_seed(seed))
    _check_path(path)
    run, gan = load(run_dir)
    config = run.read_config()
    num_intermediate = _num_intermediate(config, num_intermediate)
    classifier = _classifier_of_run(run, config, data_dir=data_dir)
    search = {"num_classes": num_classes(config["data"]), "min_confidence": min_confidence, "seed": seed}
    endpoints = find_endpoints(gan, classifier, classes=classes, **search)
    options = {"num_intermediate": num_intermediate, "method": method}
    if path is None:
        record(run, gan, classifier, endpoints, method=method)
        report_on(run)
        path = run.plots / f"{_name(classes, method, num_intermediate)}-seed-{seed}.png"
    return draw_strip(Path(path), walk(gan, classifier, endpoints, **options), method=method)


def interpolate_pairs(
    run_dir, *, seed=0, num_intermediate=None, method=lerp, min_confidence=_SURE, data_dir=None, path=None
):
    """Draw the ways between all 45 pairs of digits in one picture.

    A digit that the GAN does not draw with enough confidence is left out, and named.

    Args:
        run_dir: Folder of the run.
        seed: As for `interpolate`.
        num_intermediate: Likewise.
        method: Likewise.
        min_confidence: Likewise.
        data_dir: Likewise.
        path: File to write, .png or .svg; the run's plots/pairs.png if None.

    Returns:
        `Pairs`.

    Raises:
        FileNotFoundError: If there is no such run, or it holds no model.
        ValueError: If the GAN draws fewer than two digits with that confidence, or a value breaks its rule.
    """
    _check_path(path)
    run, gan = load(run_dir)
    config = run.read_config()
    classifier = _classifier_of_run(run, config, data_dir=data_dir)
    classes = range(min(NUM_CLASSES, num_classes(config["data"])))
    search = {"classes": classes, "min_confidence": min_confidence, "seed": seed}
    best = best_latents(gan, classifier, **search)
    sure = sorted(k for k, drawn in best.items() if drawn.confidence >= min_confidence)
    if len(sure) < 2:
        raise NoEndpointsError(
            f"`gan` must draw two digits with a confidence of {min_confidence:g} or more, got {sure}: "
            "train it for longer, or lower `min_confidence`."
        )
    options = {"num_intermediate": _num_intermediate(config, num_intermediate), "method": method}
    pairs = list(itertools.combinations(sure, 2))
    walks = [walk(gan, classifier, Endpoints.between(best, pair), **options) for pair in pairs]
    path = run.plots / "pairs.png" if path is None else Path(path)
    plots.write_pairs(path, walks)
    missing = {k: best[k].confidence if k in best else 0.0 for k in classes if k not in sure}
    return Pairs(picture=path, drawn=pairs, missing=missing)


def draw_interpolation(run, gan, *, preset):
    """The strip at the end of a training: from report C's 4 to its 1, or between the surest two digits.

    Args:
        run: `kgan.runs.Run`.
        gan: `GAN`.
        preset: `kgan.presets.GANPreset`.

    Returns:
        `Interpolation`, or None if no two digits are drawn, with a line that says why, or if the images are
        of one class: then the picture is of the way between two latents, whatever they draw.
    """
    config = run.read_config()
    if num_classes(config["data"]) < 2:
        images = _plain_way(gan, preset)
        write_grid(run.plots / "interpolation.png", images, columns=len(images))
        return None
    classifier = classifier_of(config)
    try:
        search = {"min_confidence": _SURE, "seed": preset.seed, "max_draws": _DRAWS_AT_THE_END}
        classes = _REPORTED if config["data"]["name"] in digits.NAMES else None
        best = best_latents(gan, classifier, classes=classes, **search)
        sure = all(k in best and best[k].confidence >= _SURE for k in _REPORTED)
        endpoints = Endpoints.between(best, _REPORTED if sure else surest_pair(best))
    except NoEndpointsError as error:
        logging.getLogger("kgan").warning("kgan: no interpolation was drawn: %s", error)
        return None
    record(run, gan, classifier, endpoints, method=lerp)
    strip = walk(gan, classifier, endpoints, num_intermediate=preset.num_intermediate)
    return draw_strip(run.plots / "interpolation.png", strip, method=lerp)


def _plain_way(gan, preset):
    begin, end = gan.sample_latents(2, seed=preset.seed)
    return gan.generate(way(gan, begin, end, num_intermediate=preset.num_intermediate))


def draw_strip(path, found, *, method):
    """Write the picture of a `Walk`.

    Args:
        path: File to write.
        found: `kgan.evaluation.Walk`.
        method: The function that it was made with, for the title.

    Returns:
        `Interpolation`.
    """
    begin, end = found.classes
    title = f"From {begin} to {end} ({_method_name(method)}) and what a classifier takes each image for"
    plots.write_strip(path, found, title=title)
    return Interpolation(
        picture=path,
        classes=found.classes,
        latents=found.latents,
        confidence=found.confidence,
        shown=tuple(found.shown.tolist()),
    )


def record(run, gan, classifier, endpoints, *, method):
    """Write interpolation.json and the frames that it speaks of.

    Args:
        run: `kgan.runs.Run`.
        gan: `GAN`.
        classifier: As for `kgan.evaluation.walk`.
        endpoints: `Endpoints`.
        method: As for `walk`.
    """
    found = walk(gan, classifier, endpoints, num_intermediate=_FRAMES - 2, method=method)
    frames = run.plots / "interpolation-frames.png"
    write_frames(frames, found.images)
    run.write_interpolation(
        {
            "classes": list(found.classes),
            "method": _method_name(method),
            "frames": frames.relative_to(run.path).as_posix(),
            "num_frames": _FRAMES,
            "confidence": found.confidence.round(4).astype(float).tolist(),
            "classes_shown": found.shown.tolist(),
            "begin": endpoints.begin.astype(float).tolist(),
            "end": endpoints.end.astype(float).tolist(),
        }
    )


def num_classes(data):
    """Number of the classes of a run's images, by the dict of its data in config.json."""
    return data.get("num_classes", NUM_CLASSES)  # a run of before there was such an entry is one on digits


def _classifier_of_run(run, config, *, data_dir):
    rule = "a run on images of two classes or more, to go from one to another"
    check("run", rule, f"{run.path}, of one class", holds=num_classes(config["data"]) > 1)
    return classifier_of(config, data_dir=data_dir)


def classifier_of(config, *, data_dir=None):
    """What tells the classes of a run's images: for MNIST the shipped network, else the nearest images.

    Args:
        config: Dict of the run's config.json.
        data_dir: As for `interpolate`.

    Raises:
        ValueError: If a folder is given for MNIST.
    """
    data = config["data"]
    if data["name"] in READ_DATA:
        rule = f"None for a run on {data['name']}, whose digits the shipped classifier reads"
        check("data_dir", rule, str(data_dir), holds=data_dir is None)
        return DigitClassifier.load()
    recorded = data.get("dir")
    if data_dir is None and recorded is not None and Path(recorded).is_dir():
        data_dir = recorded
    if data["name"] in digits.NAMES:
        source = digits.find_digits(data["name"], data_dir=data_dir)
        return NearestNeighbours(*digits.load_split(source, "train"))
    settings = config["settings"]
    sizes = {name: settings.get(name) for name in ("image_size", "channels")}
    images = digits.lazy_split(digits.find_source(data["name"], data_dir=data_dir, **sizes), "train")
    rows = digits.some_rows(len(images), _NEIGHBOURS)
    return NearestNeighbours(images[rows], images.labels[rows], k=min(5, len(rows)))


def _num_intermediate(config, given):
    # A run of before there was such a setting has none.
    recorded = config["settings"].get("num_intermediate", GANPreset.num_intermediate)
    number = recorded if given is None else given
    check("num_intermediate", "a positive integer", number, holds=is_count(number))
    return number


def _check_path(path):
    suffix = _SUFFIXES[0] if path is None else Path(path).suffix
    check("path", f"a file that ends in {' or '.join(_SUFFIXES)}", str(path), holds=suffix in _SUFFIXES)


def _name(classes, method, num_intermediate):
    pair = "" if classes is None else "-{}-to-{}".format(*classes)
    return f"interpolation{pair}-{_method_name(method)}-{num_intermediate}"


def _method_name(method):
    return getattr(method, "__name__", "own")
