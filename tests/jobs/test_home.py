from __future__ import annotations

import os
import pwd

import pytest

from exitprune.errors import BadInput
from exitprune.jobs.home import check_home


def test_a_user_of_whom_the_system_knows_nothing_is_told_to_set_home(monkeypatch: pytest.MonkeyPatch) -> None:
    check_home()
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)
    assert os.path.expanduser("~") == "~"  # noqa: PTH111  (what pathlib asks)
    with pytest.raises(BadInput, match="set HOME to a folder that can be written"):
        check_home()
