"""The page about a run: one file that needs no network and no server."""

from pathlib import Path

import jinja2
from markupsafe import Markup

from kgan import __version__
from kgan.files import replacing
from kgan.report import gan, lstm

_FOLDER = Path(__file__).parent
_MOST_BYTES = 10_000_000


def write_report(run, *, explorer=None, corners=None):
    """Write the page about a run, over an earlier one; a run that was broken off has one, too.

    Everything is read from the folder; what is not there yet, the page says.

    Args:
        run: `kgan.runs.Run`.
        explorer: `kgan.GAN` whose latents can be walked on the page, or None.
        corners: Dict, name -> latent, of four latents for that walk to begin between, or None.

    Returns:
        Path of the page.

    Raises:
        ValueError: If a file of the run is damaged, the generator has a layer that the page cannot
            run, or the page would be above 10 MB.
        OSError: If a file cannot be read or written.
    """
    html = _rendered(_page_of(run, explorer=_explorer(explorer, corners)))
    if len(html) > _MOST_BYTES:
        size = f"{len(html) / 1e6:.1f} MB"
        raise ValueError(
            f"The page would have {size}, above 10 MB: this generator is too large to run on it."
        )
    with replacing(run.report) as temporary:
        temporary.write_bytes(html)
    return run.report


def _page_of(run, *, explorer):
    config = run.read_config()
    try:
        if "architecture" in config["settings"]:
            return gan.page_of(run, config, explorer=explorer)
        return lstm.page_of(run, config)
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise ValueError(f"A file of {run.path} lacks what its page shows: {error!r}.") from error


def _explorer(model, corners):
    if model is None:
        return None
    from kgan.report.explorer import explorer  # it needs a framework, the rest of the page none

    return explorer(model, corners=corners)


def _rendered(page):
    """The bytes of a page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    kinds = {block["kind"] for section in page["sections"] for block in section["blocks"]}
    scripts = ["page.js", *(["explorer.js"] if "explorer" in kinds else [])]
    text = environment.get_template("page.html").render(
        page, version=__version__, style=_source("style.css"), scripts=[_source(name) for name in scripts]
    )
    return text.encode("utf-8")


def _source(name):
    return Markup((_FOLDER / name).read_text(encoding="utf-8"))  # noqa: S704 - our own, no one else's
