"""Records: what is written is what is read, exactly; what is not a record is refused in one sentence."""

from __future__ import annotations

import io
import json
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

from exitprune.errors import BadInput
from exitprune.evaluation.arrays import unpacked
from exitprune.evaluation.record_reading import read_own, read_record
from exitprune.evaluation.records import SWEPT, Outcomes, write_record
from tests.synthetic import COUNTS, write_data, write_run


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("records")
    return write_run(folder, 0, "joint", write_data(folder / "data.safetensors"), rounds=2)


@pytest.fixture
def copy(record: Path, tmp_path: Path) -> Path:
    """A record to be spoilt."""
    (tmp_path / record.name).mkdir()
    for file in record.iterdir():
        (tmp_path / record.name / file.name).write_bytes(file.read_bytes())
    return tmp_path / record.name


def test_what_is_written_again_has_the_same_bytes(record: Path, tmp_path: Path) -> None:
    read = read_record(record)
    write_record(tmp_path, read.about.model_dump(exclude={"format", "outcomes"}), read.outcomes)
    assert {file.name: file.read_bytes() for file in record.iterdir()} == {
        file.name: file.read_bytes() for file in tmp_path.iterdir()
    }


def test_outcomes_are_kept_to_the_last_bit(tmp_path: Path, record: Path) -> None:
    draw = np.random.default_rng(0)
    given = {
        split: Outcomes(draw.random((7, num), np.float32), draw.random((7, num)) < 0.5, np.arange(7)[:, None] + 1)
        for split, num in COUNTS.items()
        if split != "train"
    }
    about = read_record(record).about.model_dump(exclude={"format", "outcomes"})
    write_record(tmp_path, about, dict.fromkeys(SWEPT, given))
    for splits in read_record(tmp_path).outcomes.values():
        for split, outcomes in splits.items():
            for name, array in vars(given[split]).items():
                found = getattr(outcomes, name)
                assert found.dtype == array.dtype
                assert np.array_equal(found, array)


def test_a_record_of_ten_thousand_images_and_seven_exits_takes_some_hundred_kilobytes_per_state(
    record: Path, tmp_path: Path
) -> None:
    draw = np.random.default_rng(0)
    sizes = {"validation": 5_000, "test": 10_000}
    given = {
        split: Outcomes(
            (1 - 10 ** -draw.gamma(2, 1, (7, num))).clip(0.1).astype(np.float32),
            draw.random((7, num)) < 0.9,
            np.arange(7)[:, None],
        )
        for split, num in sizes.items()
    }
    about = read_record(record).about.model_dump(exclude={"format", "outcomes"})
    write_record(tmp_path, about, dict.fromkeys(SWEPT, given))
    assert all(file.stat().st_size < 400_000 for file in tmp_path.iterdir())


def test_a_list_of_numbers_is_one_line_so_that_a_difference_is_one_line(record: Path) -> None:
    text = (record / "record.json").read_text()
    assert json.loads(text)["levels"]
    lines = [line for line in text.splitlines() if line.strip().startswith('"sample": [')]
    assert len(lines) == 4
    assert all(line.count(",") >= 6 for line in lines)


def test_outcomes_of_another_record_are_refused_by_name(copy: Path) -> None:
    (copy / "final.npz").write_bytes((copy / "recovered.npz").read_bytes())
    with pytest.raises(BadInput, match=r"final\.npz: not the file that record\.json beside it was written with"):
        read_record(copy)


def test_a_missing_file_is_named(copy: Path) -> None:
    (copy / "unpruned.npz").unlink()
    with pytest.raises(BadInput, match=r"unpruned\.npz"):
        read_record(copy)
    (copy / "record.json").unlink()
    with pytest.raises(BadInput, match=r"record\.json: is not there; run snakemake"):
        read_record(copy)


SPOILT: list[tuple[str, Any]] = [
    ("levels", []),
    ("levels", "many"),
    ("seed", -1),
    ("seed", "0"),
    ("format", 2),
    ("blocks", None),
    ("outcomes", {"final": 3}),
    ("unheard_of", 1),
]


@pytest.mark.parametrize(("key", "value"), SPOILT)
def test_what_is_not_a_record_is_refused_by_the_first_thing_that_is_wrong(copy: Path, key: str, value: Any) -> None:
    about = json.loads((copy / "record.json").read_text())
    del about["sha256"]
    (copy / "record.json").write_text(json.dumps({**about, key: value}))
    with pytest.raises(BadInput, match=rf"record\.json: not a record that this version reads: {key}"):
        read_record(copy)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "\x00"])
def test_no_json_at_all_is_refused(copy: Path, text: str) -> None:
    (copy / "record.json").write_text(text)
    with pytest.raises(BadInput, match="not a record"):
        read_record(copy)


@pytest.mark.parametrize("header", ["{'descr': (", "{1: 2, 'a': 3, 'shape': (3,)}"])
def test_an_array_with_another_header_is_refused(header: str) -> None:
    start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    stream = io.BytesIO()
    with ZipFile(stream, "w") as archive:
        archive.writestr("one.npy", start)
    with pytest.raises(BadInput, match="holds no outcomes"):
        unpacked(stream.getvalue(), {"one": (("float32",), ((3,),))}, Path("final.npz"))


@pytest.mark.parametrize(
    ("shape", "num_bytes", "said"),
    [
        ((10**6,), 400, "would take 4,000,000 bytes, more than are read or can be in the file"),
        ((2**30,), 400, "would take 4,294,967,296 bytes, more than are read or can be in the file"),
        ((100,), 396, "has not the 400 bytes that its header says"),
        ((100,), 404, "has not the 400 bytes that its header says"),
    ],
)
def test_an_array_that_is_not_as_long_as_its_header_says_is_refused(
    shape: tuple[int, ...], num_bytes: int, said: str
) -> None:
    start, stream = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array_header_1_0(start, {"descr": "<f4", "fortran_order": False, "shape": shape})
    with ZipFile(stream, "w") as archive:
        archive.writestr("one.npy", start.getvalue() + bytes(num_bytes))
    with pytest.raises(BadInput, match=f"one.npy {said}"):
        unpacked(stream.getvalue(), {"one": (("float32",), (shape,))}, Path("final.npz"))


def test_a_pickle_is_not_opened(copy: Path) -> None:
    stream = io.BytesIO()
    np.savez(stream, validation_confidence=np.array([print], dtype=object))
    (copy / "final.npz").write_bytes(stream.getvalue())
    about = json.loads((copy / "record.json").read_text())
    del about["sha256"]
    about["outcomes"]["final"] = sha256(stream.getvalue()).hexdigest()
    (copy / "record.json").write_text(json.dumps(about))
    with pytest.raises(BadInput, match="holds no outcomes"):
        read_record(copy)


def test_a_record_of_before_there_were_seals_is_read(copy: Path) -> None:
    about = json.loads((copy / "record.json").read_text())
    del about["sha256"]
    (copy / "record.json").write_text(json.dumps(about))
    assert read_record(copy).about.seed == about["seed"]


def test_a_record_in_a_folder_of_another_name_is_not_that_seeds(copy: Path) -> None:
    assert read_own(copy).about.seed == 0
    other = copy.rename(copy.with_name("1-joint"))
    with pytest.raises(BadInput, match="holds the record of 0-joint"):
        read_own(other)
