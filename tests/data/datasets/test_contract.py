"""Every file of datasets/ keeps the contract, one that is added tomorrow too."""

from __future__ import annotations

import inspect

import pytest

from exitprune.variants import names_of, variant


@pytest.mark.parametrize("name", names_of("datasets"))
def test_a_source_loads_from_a_path_or_none_in_a_size_or_none(name: str) -> None:
    signature = inspect.signature(variant("datasets", name).load)
    assert [(p.name, p.annotation, p.default) for p in signature.parameters.values()] == [
        ("path", "Path | None", inspect.Parameter.empty),
        ("size", "Size | None", inspect.Parameter.empty),
    ]
    assert signature.return_annotation == "Source"


@pytest.mark.parametrize("name", names_of("datasets"))
def test_a_source_says_how_much_it_has_from_a_path_or_none(name: str) -> None:
    signature = inspect.signature(variant("datasets", name).extent)
    assert [(p.name, p.annotation, p.default) for p in signature.parameters.values()] == [
        ("path", "Path | None", inspect.Parameter.empty)
    ]
    assert signature.return_annotation == "Extent"


@pytest.mark.parametrize("name", names_of("datasets"))
def test_a_source_says_what_it_refuses(name: str) -> None:
    assert "BadInput" in inspect.getdoc(variant("datasets", name).load).split("Raises:")[1]  # type: ignore[union-attr]
