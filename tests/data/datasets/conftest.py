"""What tests of several sources need."""

from __future__ import annotations

import urllib.request
from typing import Any
from urllib.error import URLError

import pytest


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every download fails as it does without a network."""

    def urlopen(*args: Any, **kwargs: Any) -> Any:
        raise URLError("Name or service not known")

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
