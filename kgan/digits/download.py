"""Downloads by tensorflow-datasets, without TensorFlow, in a process of their own.

Its threads wait without a limit and keep an interpreter from ending, and it prints, logs and adds
handlers as it likes; a process can be ended and leaves nothing behind. Only that process imports it.
"""

import contextlib
import dataclasses
import io
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from kgan.digits import cache, idx, preparing
from kgan.digits.kin import Kin
from kgan.files import sweep, temporary_name

STALL = 120  # seconds in which nothing is written

_CHILD = "from kgan.digits.download import main; main()"
_BATCH = 5000  # read record by record, 60,000 take four times as long


def download(kin):
    """The arrays of a data set's four files, checked, as tensorflow-datasets downloads them.

    Args:
        kin: `kgan.digits.kin.Kin`.

    Returns:
        Dict of file name to uint8 array.

    Raises:
        OSError: If they cannot be had; nothing is left behind.
    """
    with workplace(kin.name) as folder:
        task = {"kin": dataclasses.asdict(kin)}
        reason = run_child(task, folder, title=kin.title, num_bytes=kin.megabytes * 10**6)
        if reason:
            raise OSError(
                f"{kin.title} could not be downloaded from {kin.url}: {reason}. Nothing was kept: try again, "
                "or give data_dir (--data-dir) a folder with its four files."
            )
        return {file: np.load(folder / f"{file}.npy") for file in kin.files}


@contextlib.contextmanager
def workplace(name):
    """A folder below the cache, removed in the end; what killed processes left there goes first."""
    root = cache.directory()
    try:
        root.mkdir(parents=True, exist_ok=True)
        sweep(root, ".kgan-*")
        folder = tempfile.mkdtemp(prefix=temporary_name("download-"), dir=root)
    except OSError:  # a cache that can't be written costs time, not the run
        folder = tempfile.mkdtemp(prefix=f"kgan-{name}-")
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_child(task, folder, *, title, num_bytes=None):
    """Why the child that fills a folder failed, or None.

    Args:
        task: Dict of what `main` is to do.
        folder: `pathlib.Path`.
        title: What the progress bar says.
        num_bytes: Size of the download, if that is known.
    """
    task = json.dumps(task | {"folder": str(folder)})
    path = os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])
    with subprocess.Popen(  # noqa: S603 (this interpreter, this module)
        [sys.executable, "-P", "-W", "ignore", "-c", _CHILD, task],
        env=os.environ | {"PYTHONPATH": path},
        stdin=subprocess.PIPE,  # it ends when this is closed, however that comes about
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the parent to act on
    ) as child:
        try:
            stalled = _watch(child, folder, title=title, total=num_bytes)
        finally:
            child.kill()
            child.wait()  # after Ctrl-C leaving the block does not: the child would still write
        said = child.stdout.read().strip()
    if stalled:
        return f"nothing arrived for {STALL} s"
    return (said or f"its process ended with status {child.returncode}") if child.returncode else None


def _watch(child, folder, *, title, total):
    """Wait for the child's end behind a progress bar; True, early, if it writes nothing any more."""
    from tqdm import tqdm

    size, since = -1, time.monotonic()
    with tqdm(desc=title, total=total, unit="B", unit_scale=True, leave=False, disable=None) as bar:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(timeout=0.2)
                return False
            before, size = size, _bytes_below(folder)
            if size != before:
                since = time.monotonic()
            elif time.monotonic() - since > STALL:
                return True
            bar.update(min(size, total or size) - bar.n)  # files of the later stages are not downloaded


def _bytes_below(folder):
    total = 0
    for parent, _, names in os.walk(folder):  # which, unlike rglob, passes over a folder that is gone by now
        for name in names:
            with contextlib.suppress(OSError):  # renamed in the meantime
                total += (Path(parent) / name).stat().st_size
    return total


def main():
    """The child: what its last argument describes, into the folder named there."""
    sys.excepthook = _say_reason
    task = json.loads(sys.argv[-1])
    folder = Path(task["folder"])
    threading.Thread(target=_end_with_parent, args=(folder,), daemon=True).start()
    logging.disable(logging.WARNING)
    with contextlib.redirect_stdout(io.StringIO()):
        if "catalogued" in task:
            preparing.fill(folder, **task["catalogued"])
        else:
            prepare(Kin(**task["kin"]), folder)


def _say_reason(_, error, __):
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    sys.stdout.write(first.rstrip(":."))


def _end_with_parent(folder):
    os.read(0, 1)  # not sys.stdin, whose lock a daemon thread would hold at the interpreter's end
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def prepare(kin, folder):
    """Download, prepare and read back a data set; leave an array for each file.

    Args:
        kin: `kgan.digits.kin.Kin`.
        folder: `pathlib.Path`, for everything that is written.

    Raises:
        Exception: Whatever tensorflow-datasets and the network raise.
        ValueError: If a file is not the published one.
    """
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()  # the parent shows one
    builder = _builder_class(tfds, kin)(data_dir=folder / "data", file_format="array_record")
    builder.download_and_prepare(
        download_dir=folder / "files",
        download_config=tfds.download.DownloadConfig(try_download_gcs=False),
    )
    for split, files in kin.sha256.items():
        for file, array in zip(files, _read_back(builder.as_data_source(split)), strict=True):
            if not np.array_equal(array, builder.arrays[file]):
                raise ValueError(
                    f"tensorflow-datasets {tfds.__version__} gives back other arrays than {file}"
                )
            np.save(folder / f"{file}.npy", array)


def _read_back(source):
    """Images `(n, 28, 28)` and labels `(n,)`, uint8, of a data source."""
    rows, examples = range(len(source)), []
    for start in rows[::_BATCH]:
        examples += source.__getitems__(rows[start : start + _BATCH])
    images = np.stack([example["image"] for example in examples])[..., 0]
    return images, np.array([example["label"] for example in examples], "uint8")


def _builder_class(tfds, kin):
    from PIL import Image

    class KganDigits(getattr(tfds.image_classification, kin.builder)):
        """The builder of tensorflow-datasets, less what needs TensorFlow: its gzip and its PNG encoder."""

        def _info(self):
            features = super()._info().features
            return tfds.core.DatasetInfo(builder=self, features=features, disable_shuffling=True)

        def _split_generators(self, dl_manager):
            # One by one: where one fails, no other is under way.
            self.arrays = {file: _fetch(dl_manager, kin, file) for file in kin.files}
            return {
                split: self._generate_examples(*(self.arrays[file] for file in files))
                for split, files in kin.sha256.items()
            }

        def _generate_examples(self, images, labels):
            for index, (image, label) in enumerate(zip(images, labels, strict=True)):
                yield index, {"image": Image.fromarray(image), "label": int(label)}

    return KganDigits


def _fetch(dl_manager, kin, file):
    url = f"{kin.url}{file.removesuffix('.gz')}.gz"
    path = Path(dl_manager.download(url))
    return idx.read(path, sha256=kin.files[file], packed=file.endswith(".gz"), name=url)
