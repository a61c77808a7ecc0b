"""MNIST and its kin: a new one is one row here."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Kin:
    """A data set in MNIST's format: grey 28x28 images of ten classes, in four IDX files.

    Attributes:
        name: What users call it.
        title: What its authors call it.
        builder: Its class in `tfds.image_classification`.
        url: Where that class downloads the files, `{file}.gz`.
        megabytes: Size of the download.
        sha256: By split, the published sum of each file, images then labels. That of a name that ends
            in .gz is of the file as it is published, of another that of its decompressed bytes.
    """

    name: str
    title: str
    builder: str
    url: str
    megabytes: int
    sha256: dict[str, dict[str, str]]

    @property
    def files(self):
        """The published sum of each of the four files."""
        return self.sha256["train"] | self.sha256["test"]


# LeCun, Cortes and Burges; CC BY-SA 3.0.
_MNIST = Kin(
    name="mnist",
    title="MNIST",
    builder="MNIST",
    url="https://storage.googleapis.com/cvdf-datasets/mnist/",
    megabytes=12,
    sha256={
        "train": {
            "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        },
        "test": {
            "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
    },
)

# Xiao, Rasul and Vollgraf (2017); MIT. The sums are of Debian's dataset-fashion-mnist, which
# tests trace back to the published .gz files.
_FASHION_MNIST = Kin(
    name="fashion_mnist",
    title="Fashion-MNIST",
    builder="FashionMNIST",
    url="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    megabytes=31,
    sha256={
        "train": {
            "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        },
        "test": {
            "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
    },
)

# Clanuwat et al. (2018); CC BY-SA 4.0. Only the sums of the .gz files are published.
_KMNIST = Kin(
    name="kmnist",
    title="KMNIST",
    builder="KMNIST",
    url="http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
    megabytes=21,
    sha256={
        "train": {
            "train-images-idx3-ubyte.gz": "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
            "train-labels-idx1-ubyte.gz": "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
        },
        "test": {
            "t10k-images-idx3-ubyte.gz": "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
            "t10k-labels-idx1-ubyte.gz": "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
        },
    },
)

KIN = {kin.name: kin for kin in (_MNIST, _FASHION_MNIST, _KMNIST)}
