from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from exitprune.deployment.extras import extra
from exitprune.errors import BadInput


def test_a_module_that_is_there_is_imported() -> None:
    assert extra("json") is json


@pytest.mark.parametrize(("name", "wanted"), [("onnx", "export"), ("onnxruntime", "predict")])
def test_without_the_extra_one_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, name: str, wanted: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(BadInput) as caught:
        extra(name)
    assert str(caught.value) == f"{name} is not installed; run: pip install '.[{wanted}]' in a checkout of exitprune"


def test_what_a_module_itself_lacks_is_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "needs_more.py").write_text("import a_module_that_does_not_exist")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="a_module_that_does_not_exist"):
        extra("needs_more")
