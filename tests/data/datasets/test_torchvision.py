"""Sources that torchvision reads: small files of the published formats, with checksums to match, and no network."""

from __future__ import annotations

import hashlib
import pickle
import tarfile
import urllib.request
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from torchvision.datasets import CIFAR10, CIFAR100, SVHN

from exitprune.data.datasets import Extent, Part, Source, _torchvision, cifar10, fashion_mnist
from exitprune.errors import BadInput
from exitprune.variants import variant

BACKED = ["cifar10", "cifar100", "fashion_mnist", "svhn"]
ARCHIVE = "cifar-10-python.tar.gz"


def noise(*shape: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(sum(shape)).integers(0, 256, shape, dtype=np.uint8)


def md5(file: Path) -> str:
    return hashlib.md5(file.read_bytes()).hexdigest()


class OldPickler(pickle.Pickler):
    """Writes a dtype as numpy under Python 2 did, as the published files have it."""

    def reducer_override(self, thing: Any) -> Any:
        return (np.dtype, ("u1", 0, 1), thing.__reduce__()[2]) if isinstance(thing, np.dtype) else NotImplemented


def put_cifar(cls: type[CIFAR10], root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten images in each file of CIFAR-10, twenty in each of CIFAR-100."""
    folder = root / cls.base_folder
    folder.mkdir()
    key, num, num_classes = ("labels", 10, 10) if cls is CIFAR10 else ("fine_labels", 100, 100)

    def put(name: str, content: Any) -> list[str]:
        with (folder / name).open("wb") as file:
            OldPickler(file, 2).dump(content)
        return [name, md5(folder / name)]

    for part in ("train_list", "test_list"):
        files = [name for name, _ in getattr(cls, part)]
        batches = [{"data": noise(num, 3072) // (i + 1), key: list(range(num))[::-1]} for i in range(len(files))]
        monkeypatch.setattr(cls, part, [put(name, batch) for name, batch in zip(files, batches, strict=True)])
    names = [f"class {label}" for label in range(num_classes)]
    meta = put(cls.meta["filename"], {cls.meta["key"]: names})
    monkeypatch.setattr(cls, "meta", {**cls.meta, "md5": meta[1]})


def put_svhn(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty and twenty images; label 10 stands for the digit 0."""
    published = {}
    for split, num in (("train", 30), ("test", 20)):
        url, name, _ = SVHN.split_list[split]
        savemat(root / name, {"X": noise(32, 32, 3, num), "y": (np.arange(num) % 10 + 1)[:, None]})
        published[split] = [url, name, md5(root / name)]
    monkeypatch.setattr(SVHN, "split_list", published)


def put_fashion_mnist(root: Path) -> None:
    """Thirty and twenty images in IDX files; torchvision keeps no checksums of these."""
    raw = root / "FashionMNIST/raw"
    raw.mkdir(parents=True)
    for split, num in (("train", 30), ("t10k", 20)):
        sizes = b"".join(size.to_bytes(4, "big") for size in (num, 28, 28))
        (raw / f"{split}-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03" + sizes + noise(num, 28, 28).tobytes())
        labels = (np.arange(num) % 10).astype(np.uint8)
        (raw / f"{split}-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01" + sizes[:4] + labels.tobytes())


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_network: None) -> Path:
    """A folder with small stand-ins for all four data sets."""
    put_cifar(CIFAR10, tmp_path, monkeypatch)
    put_cifar(CIFAR100, tmp_path, monkeypatch)
    put_svhn(tmp_path, monkeypatch)
    put_fashion_mnist(tmp_path)
    monkeypatch.setattr(fashion_mnist, "extent", lambda path: Extent(30, 20, 10, (1, 28, 28)))
    return tmp_path


def load(name: str, path: Path | None) -> Source:
    source: Source = variant("datasets", name).load(path, None)
    return source


def both(source: Source) -> tuple[Part, Part]:
    assert source.test is not None
    return source.train, source.test


def test_cifar10_has_the_images_of_its_files_in_the_order_of_their_digests(root: Path) -> None:
    source = load("cifar10", root)
    train, test = both(source)
    assert source.classes == tuple(f"class {label}" for label in range(10))
    written = np.concatenate([noise(10, 3072) // (i + 1) for i in range(5)]).reshape(50, 3, 32, 32)
    digests = [hashlib.sha256(image.tobytes()).digest() for image in written]
    order = sorted(range(50), key=digests.__getitem__)
    assert (train.pixels == written[order]).all()
    assert train.labels.tolist() == [9 - i % 10 for i in order]
    assert test.pixels.shape == (10, 3, 32, 32)


def as_files(source: Source, folder: Path) -> None:
    """Written as image files, under names that say nothing."""
    for split, part in zip(("train", "test"), both(source), strict=True):
        for number, (image, label) in enumerate(zip(part.pixels, part.labels, strict=True)):
            file = folder / split / source.classes[label] / f"{number * 7 % 50:02d}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.transpose(1, 2, 0)).save(file)


def test_cifar10_is_the_same_from_image_files(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published = load("cifar10", root)
    as_files(published, tmp_path / "files")
    monkeypatch.setattr(cifar10, "CLASSES", published.classes)
    monkeypatch.setattr(cifar10, "SHA256", cifar10.digest(published))
    source = load("cifar10", tmp_path / "files")
    assert (both(source)[0].pixels == both(published)[0].pixels).all()
    assert (both(source)[1].labels == both(published)[1].labels).all()


def test_cifar10_as_published_is_taken_before_image_files_beside_it(root: Path) -> None:
    published = load("cifar10", root)
    as_files(published, root)
    assert (both(load("cifar10", root))[0].labels == both(published)[0].labels).all()


def test_image_files_of_other_images_are_not_cifar10(root: Path, tmp_path: Path) -> None:
    as_files(load("cifar10", root), tmp_path / "files")
    with pytest.raises(
        BadInput, match=r"files has other images than CIFAR-10.*use it as it is with data\.source: folder"
    ):
        load("cifar10", tmp_path / "files")


def test_cifar100_has_its_fine_labels(root: Path) -> None:
    source = load("cifar100", root)
    assert len(source.classes) == 100
    assert both(source)[1].labels.tolist() == list(range(99, -1, -1))


def test_svhn_has_its_digit_0_as_class_0(root: Path) -> None:
    source = load("svhn", root)
    train, test = both(source)
    assert source.classes == tuple("0123456789")
    assert (train.pixels == noise(32, 32, 3, 30).transpose(3, 2, 0, 1)).all()
    assert test.labels.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0] * 2


def test_fashion_mnist_is_grey(root: Path) -> None:
    source = load("fashion_mnist", root)
    train, test = both(source)
    assert source.classes[0] == "T-shirt/top"
    assert (train.pixels == noise(30, 28, 28)[:, None]).all()
    assert test.labels.tolist() == list(range(10)) * 2


@pytest.mark.parametrize("name", BACKED)
def test_without_a_path_the_data_are_looked_for_where_the_environment_says(
    root: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXITPRUNE_DATA", str(root))
    assert len(load(name, None).train) > 0


def test_without_path_and_environment_it_is_the_cache_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EXITPRUNE_DATA", raising=False)
    monkeypatch.setenv("HOME", "/home/someone")
    assert _torchvision.place(None) == Path("/home/someone/.cache/exitprune")


def test_a_given_folder_that_does_not_exist_is_refused_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"data\.path: there is no folder .*/typo; make it, or leave data\.path at null"):
        load("cifar10", tmp_path / "typo")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("cifar10", ARCHIVE),
        ("cifar100", "cifar-100-python.tar.gz"),
        ("svhn", "train_32x32.mat"),
        ("fashion_mnist", "train-images-idx3-ubyte.gz"),
    ],
)
def test_without_a_network_the_sentence_says_what_to_put_where(tmp_path: Path, name: str, file: str) -> None:
    with pytest.raises(BadInput) as refused:
        load(name, tmp_path)
    sentence = str(refused.value)
    assert sentence.startswith(f"data.source {name}: neither found whole in {tmp_path} nor downloaded (")
    assert "Name or service not known" in sentence
    assert f"put {file} into {tmp_path}" in sentence
    assert "data.path or $EXITPRUNE_DATA" in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("cifar10", "cifar-10-batches-py/data_batch_3"),
        ("cifar100", "cifar-100-python/test"),
        ("svhn", "test_32x32.mat"),
    ],
)
def test_a_file_with_another_checksum_is_named(root: Path, name: str, file: str) -> None:
    (root / file).write_bytes((root / file).read_bytes()[:-1])
    with pytest.raises(BadInput) as refused:
        load(name, root)
    assert f"{root / file} fails its published checksum and no download replaced it" in str(refused.value)


@pytest.mark.parametrize("kept", [0, 3, 20, 1000])
def test_unpacked_fashion_mnist_cut_short_is_refused(root: Path, kept: int) -> None:
    file = root / "FashionMNIST/raw/train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(
        BadInput, match=r"train-images-idx3-ubyte or one beside it is not whole .*move what is unpacked there"
    ):
        load("fashion_mnist", root)


@pytest.mark.parametrize(("split", "label"), [("train", 12), ("t10k", 200)])
def test_unpacked_files_of_other_images_are_not_fashion_mnist(
    root: Path, monkeypatch: pytest.MonkeyPatch, split: str, label: int
) -> None:
    file = root / f"FashionMNIST/raw/{split}-labels-idx1-ubyte"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([label]))
    with pytest.raises(BadInput, match=r"FashionMNIST/raw are not Fashion-MNIST's; move that folder away"):
        load("fashion_mnist", root)
    file.write_bytes(whole)
    monkeypatch.undo()
    with pytest.raises(BadInput, match=r"FashionMNIST/raw are not Fashion-MNIST's; move that folder away"):
        load("fashion_mnist", root)


class Response(BytesIO):
    """What urlopen returns for a file."""

    url = None

    @property
    def length(self) -> int:
        return len(self.getvalue())


def serve(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every download gives these bytes."""
    monkeypatch.setattr(urllib.request, "urlopen", lambda *args, **kwargs: Response(content))


@pytest.fixture
def archive(root: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """CIFAR-10 packed as it is published, and no longer unpacked."""
    with tarfile.open(root / ARCHIVE, "w:gz") as tar:
        tar.add(root / "cifar-10-batches-py", "cifar-10-batches-py")
    (root / "cifar-10-batches-py").rename(root / "unpacked")
    monkeypatch.setattr(CIFAR10, "tgz_md5", md5(root / ARCHIVE))
    content = (root / ARCHIVE).read_bytes()
    (root / ARCHIVE).unlink()
    return content


@pytest.mark.filterwarnings("ignore:Python 3.14 will:DeprecationWarning")  # of torchvision's unpacking
def test_an_archive_on_disk_needs_no_network(root: Path, archive: bytes) -> None:
    (root / ARCHIVE).write_bytes(archive)
    assert len(load("cifar10", root).train) == 50


@pytest.mark.filterwarnings("ignore:Python 3.14 will:DeprecationWarning")
def test_what_is_missing_or_half_there_is_downloaded(
    root: Path, archive: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / ARCHIVE).write_bytes(archive[:100])
    serve(archive, monkeypatch)
    assert len(load("cifar10", root).train) == 50


def test_a_broken_archive_is_named(root: Path, archive: bytes) -> None:
    (root / ARCHIVE).write_bytes(archive[:100])
    with pytest.raises(BadInput, match=f"{ARCHIVE} fails its published checksum and no download replaced it"):
        load("cifar10", root)


def test_a_download_with_another_checksum_is_not_unpacked(
    root: Path, archive: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(archive + b"more", monkeypatch)
    with pytest.raises(BadInput, match=f"{ARCHIVE} fails its published checksum and no download replaced it"):
        load("cifar10", root)
    assert not (root / "cifar-10-batches-py").exists()
