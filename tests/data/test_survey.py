"""What a folder holds: equal content is equal wherever it lies, other content never is, and nothing is left out silently."""

from __future__ import annotations

import os
import shutil
import socket
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from exitprune.data.survey import Survey, survey
from exitprune.errors import BadInput

CLASSES = ("ant", "bee")
Change = Callable[[Path], object]


def put(file: Path, value: int, form: str = "BMP") -> Path:
    """An image of one value: all have the same number of bytes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (4, 4), value).save(file, form)
    return file


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two classes, three images to train on and one to test with each, all different."""
    root = tmp_path / "images"
    for label, name in enumerate(CLASSES):
        for number in range(3):
            put(root / "train" / name / f"{number}.bmp", 100 * label + number)
        put(root / "test" / name / "0.bmp", 100 * label + 50)
    return root


@pytest.fixture
def look(tmp_path: Path) -> Callable[[Path], Survey]:
    return lambda root: survey(root, tmp_path / "cache")


def swap(one: Path, other: Path) -> None:
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


def link(place: Path, to: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(to)


def behind_a_link(root: Path) -> Path:
    """Move an image out of the folder, link it back."""
    return (root / "train/ant/0.bmp").rename(root.parent / "elsewhere.bmp")


def decomposed(root: Path) -> None:
    """A name as macOS writes it."""
    for split in ("train", "test"):
        (root / split / "bee").rename(root / split / unicodedata.normalize("NFD", "bée"))


def touch_all(root: Path) -> None:
    for file in root.rglob("*.bmp"):
        file.touch()


def change_behind_a_link(root: Path) -> None:
    link(root / "train/ant/0.bmp", behind_a_link(root))
    put(root.parent / "elsewhere.bmp", 9)


def change_with_the_old_time(root: Path) -> None:
    old = (root / "train/ant/0.bmp").stat()
    put(root / "train/ant/0.bmp", 9)
    os.utime(root / "train/ant/0.bmp", ns=(old.st_atime_ns, old.st_mtime_ns))


def put_a_file_in_its_place(root: Path) -> None:
    shutil.rmtree(root)
    root.write_text("zip")


EQUAL: dict[str, Change] = {
    "touched": touch_all,
    "copied": lambda root: shutil.copytree(root, root.with_name("copy")) and root.rename(root.with_name("old"))
    and root.with_name("copy").rename(root),
    "a file of the Finder": lambda root: (root / "train/ant/.DS_Store").write_bytes(b"Bud1"),
    "a file of the Explorer": lambda root: (root / "train/ant/Thumbs.db").write_bytes(b"x"),
    "resource forks": lambda root: put(root / "train/ant/._0.bmp", 9),
    "a notebook's copies": lambda root: put(root / "train/ant/.ipynb_checkpoints/0-checkpoint.bmp", 9),
    "what an archive of a Mac brings": lambda root: put(root / "train/__MACOSX/ant/0.bmp", 9),
    "previews of a disk station": lambda root: put(root / "train/ant/@eaDir/0.bmp", 9),
    "a text": lambda root: (root / "train/ant/notes.txt").write_text("none"),
    "a backup": lambda root: put(root / "train/ant/0.bmp~", 9),
    "a download that is not done": lambda root: put(root / "train/ant/9.bmp.part", 9),
    "a text without an ending": lambda root: (root / "train/ant/LICENSE").write_text("free"),
    "an image outside the classes": lambda root: put(root / "train/9.bmp", 9),
    "a validation part": lambda root: put(root / "val/ant/9.bmp", 9),
    "an empty folder": lambda root: (root / "train/ant/more").mkdir(),
    "a link of an editor, to nowhere": lambda root: link(root / "train/ant/.#0.bmp", Path("user@host.1:2")),
    "an image that is linked and gone": lambda root: link(root / "train/ant/9.bmp", Path("nowhere.bmp")),
    "a link to itself": lambda root: link(root / "train/ant/9.bmp", Path("9.bmp")),
    "a link back": lambda root: link(root / "train/ant/again", Path("..")),
    "a link to the whole folder": lambda root: link(root / "train/ant/all", root),
    "a link to what the folder is in": lambda root: link(root / "train/ant/disk", Path("/")),
    "a class that is the whole folder": lambda root: link(root / "train/all", Path("..")),
    "a pipe": lambda root: os.mkfifo(root / "train/ant/pipe.bmp"),
    "an image moved out and linked back": lambda root: link(root / "train/ant/0.bmp", behind_a_link(root)),
    "a class moved out and linked back": lambda root: link(
        root / "train/ant", (root / "train/ant").rename(root.parent / "ants")
    ),
    "another name in the same order": lambda root: (root / "train/ant/2.bmp").rename(root / "train/ant/3.bmp"),
}  # fmt: skip

DIFFERENT: dict[str, Change] = {
    "another image of the same size": lambda root: put(root / "train/ant/0.bmp", 9),
    "relabelled": lambda root: (root / "train/ant/2.bmp").rename(root / "train/bee/9.bmp"),
    "swapped between classes": lambda root: swap(root / "train/ant/0.bmp", root / "train/bee/0.bmp"),
    "swapped within a class": lambda root: swap(root / "train/ant/0.bmp", root / "train/ant/1.bmp"),
    "swapped between train and test": lambda root: swap(root / "train/ant/0.bmp", root / "test/ant/0.bmp"),
    "one more": lambda root: put(root / "train/ant/9.bmp", 9),
    "one more without an ending": lambda root: put(root / "train/ant/nine", 9),
    "one more, of another form": lambda root: put(root / "train/ant/9.GIF", 9, "GIF"),
    "one more in a folder of the class": lambda root: put(root / "train/ant/more/9.bmp", 9),
    "one more behind a linked folder": lambda root: link(root / "train/ant/more", put(root.parent / "more/9.bmp", 9).parent),
    "one less": lambda root: (root / "train/ant/0.bmp").unlink(),
    "another name, in another order": lambda root: (root / "train/ant/0.bmp").rename(root / "train/ant/9.bmp"),
    "a class renamed": lambda root: [(root / s / "ant").rename(root / s / "wasp") for s in ("train", "test")],
    "changed behind a link": change_behind_a_link,
    "changed, with its old time": change_with_the_old_time,
}  # fmt: skip


@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
@pytest.mark.parametrize("change", EQUAL)
def test_equal_content_is_equal(root: Path, look: Callable[[Path], Survey], change: str, warm: bool) -> None:
    before = look(root).digest
    if warm:
        trust_all(root, look)
    EQUAL[change](root)
    assert look(root).digest == before


@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
@pytest.mark.parametrize("change", DIFFERENT)
def test_other_content_is_not(root: Path, look: Callable[[Path], Survey], change: str, warm: bool) -> None:
    before = look(root).digest
    if warm:
        trust_all(root, look)
    DIFFERENT[change](root)
    assert look(root).digest != before


def trust_all(root: Path, look: Callable[[Path], Survey]) -> None:
    """Fill the cache as if the files had been still for long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("exitprune.data.digests.STILL", -(10**15))
        look(root)


def test_path_parent_and_spelling_do_not_count(
    root: Path, look: Callable[[Path], Survey], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = look(root).digest
    monkeypatch.chdir(root)
    for spelling in (".", "../images", f"{root}/", "train/.."):
        assert look(Path(spelling)).digest == before
        assert look(Path(spelling)).passed_over == {}
    assert look(root.rename(root.with_name("Ünïcode {v2} 'quoted' $HOME"))).digest == before


def test_a_name_composed_or_decomposed_is_one_class(root: Path, look: Callable[[Path], Survey]) -> None:
    decomposed(root)
    both = look(root)
    (root / "train" / unicodedata.normalize("NFD", "bée")).rename(root / "train" / unicodedata.normalize("NFC", "bée"))
    mixed = look(root)
    assert both.classes == mixed.classes == ("ant", unicodedata.normalize("NFC", "bée"))
    assert both.digest == mixed.digest


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("a file of the Finder", "hidden or of the system: 1 (first: train/ant/.DS_Store)"),
        ("a notebook's copies", "hidden or of the system: 1 (first: train/ant/.ipynb_checkpoints)"),
        ("a text", "not images by ending or content: 1 (first: train/ant/notes.txt)"),
        ("a text without an ending", "not images by ending or content: 1 (first: train/ant/LICENSE)"),
        ("a pipe", "not images by ending or content: 1 (first: train/ant/pipe.bmp)"),
        ("an image outside the classes", "outside the class folders: 1 (first: train/9.bmp)"),
        ("a validation part", "beside train/ and test/: 1 (first: val)"),
        ("an image that is linked and gone", "links that lead nowhere: 1 (first: train/ant/9.bmp)"),
        ("a link to itself", "links that lead nowhere: 1 (first: train/ant/9.bmp)"),
        ("a link back", "links that lead back to a folder they are in: 1 (first: train/ant/again)"),
        ("a link to the whole folder", "links that lead back to a folder they are in: 1 (first: train/ant/all)"),
        ("a link to what the folder is in", "links that lead back to a folder they are in: 1 (first: train/ant/disk)"),
        ("a class that is the whole folder", "links that lead back to a folder they are in: 1 (first: train/all)"),
    ],
)
def test_what_is_passed_over_is_counted_in_one_line(
    root: Path, look: Callable[[Path], Survey], change: str, why: str
) -> None:
    assert look(root).remarks() == []
    EQUAL[change](root)
    assert look(root).remarks() == [f"{root}: passed over: {why}"]


def test_an_image_in_both_parts_is_told(root: Path, look: Callable[[Path], Survey]) -> None:
    shutil.copy(root / "train/bee/1.bmp", root / "test/ant/1.bmp")
    (line,) = look(root).remarks()
    assert "in test/ and in train/ alike" in line
    assert "(first: test/ant/1.bmp is train/bee/1.bmp)" in line


def test_an_image_that_is_there_again_in_its_class_is_told(root: Path, look: Callable[[Path], Survey]) -> None:
    shutil.copy(root / "train/bee/1.bmp", root / "train/bee/one more.bmp")
    (line,) = look(root).remarks()
    assert line.endswith("validation may hold what is trained on: 1 (first: train/bee/one more.bmp is train/bee/1.bmp)")


def test_an_image_in_two_classes_is_told(root: Path, look: Callable[[Path], Survey]) -> None:
    shutil.copy(root / "train/bee/1.bmp", root / "train/ant/1.bmp")
    (line,) = look(root).remarks()
    assert "images of train/ that are in two classes" in line
    assert "in 'ant' and 'bee'" in line


def two_spellings(root: Path) -> None:
    for form in ("NFC", "NFD"):
        put(root / "train" / unicodedata.normalize(form, "bée") / "0.bmp", 9)


def without_classes(root: Path) -> None:
    for name in CLASSES:
        shutil.rmtree(root / "test" / name)


def one_class(root: Path) -> None:
    for split in ("train", "test"):
        shutil.rmtree(root / split / "bee")


SPOILT: dict[str, tuple[Change, str]] = {
    "no folder": (lambda root: root.rename(root.with_name("elsewhere")), "there is no folder {root}/train; wanted: train/"),
    "a file": (put_a_file_in_its_place, "there is no folder {root}/train"),
    "no test part": (lambda root: (root / "test").rename(root / "testing"), "there is no folder {root}/test; wanted"),
    "Test": (lambda root: (root / "test").rename(root / "Test"), "no folder {root}/test (there is 'Test': rename it)"),
    "no classes": (without_classes, "{root}/test: has no class folders"),
    "a class without images": (lambda root: (root / "test/bee/0.bmp").unlink(), "{root}/test/bee: has no images; put some"),
    "a class of texts": (lambda root: (root / "test/bee/0.bmp").rename(root / "test/bee/0.txt"),
                         "{root}/test/bee: has no images (passed over: 1, first: test/bee/0.txt)"),
    "a class to train on alone": (lambda root: put(root / "train/cow/0.bmp", 9), "class 'cow' is in train/ but not in test/"),
    "a class to test with alone": (lambda root: put(root / "test/cow/0.bmp", 9), "class 'cow' is in test/ but not in train/"),
    "a class in other letters": (lambda root: (root / "test/bee").rename(root / "test/Bee"), "class 'Bee' is in test/ but not"),
    "one class": (one_class, "{root}: 'ant' is the only class; wanted: two or more"),
    "a class in two spellings": (two_spellings, "{root}/train: two class folders are called 'bée'"),
    "a class that forges a line": (lambda root: put(root / "train/a\n\x1b[2K/0.bmp", 9), "a\\n\\x1b[2K: a class is named"),
    "a class that is no text": (lambda root: put(root / "train" / os.fsdecode(b"\xff") / "0.bmp", 9), "a class is named"),
}  # fmt: skip


@pytest.mark.parametrize("kind", SPOILT)
def test_a_folder_that_cannot_be_used_is_refused_in_a_sentence(
    root: Path, look: Callable[[Path], Survey], kind: str
) -> None:
    spoil, sentence = SPOILT[kind]
    spoil(root)
    with pytest.raises(BadInput) as refused:
        look(root)
    assert sentence.format(root=root) in str(refused.value)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("what", ["train/ant/more", "train/ant", "train/ant/0.bmp"])
def test_what_may_not_be_read_is_refused(
    root: Path, look: Callable[[Path], Survey], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "train/ant/more").mkdir()

    def refusing(original: Callable[..., object]) -> Callable[..., object]:
        def call(path: object, *rest: object, **more: object) -> object:
            if str(path) == str(root / what):
                raise PermissionError(13, "Permission denied", str(path))
            return original(path, *rest, **more)

        return call

    monkeypatch.setattr(os, "scandir", refusing(os.scandir))  # tests may run as root, who may read everything
    monkeypatch.setattr("builtins.open", refusing(open))
    with pytest.raises(BadInput, match=f"{what}: cannot be read .Permission denied."):
        look(root)


def test_a_socket_is_not_opened(root: Path, look: Callable[[Path], Survey], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root / "train/ant")  # the name of a socket is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        assert len(look(root).files("train")) == 6


def test_images_come_in_the_order_of_their_names_sub_folders_included(
    root: Path, look: Callable[[Path], Survey]
) -> None:
    put(root / "train/ant/1a/x.bmp", 9)
    names = [image.path.relative_to(root / "train/ant") for image in look(root).images["train"]["ant"]]
    assert [str(name) for name in names] == ["0.bmp", "1.bmp", "1a/x.bmp", "2.bmp"]
