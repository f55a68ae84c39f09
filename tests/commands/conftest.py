from __future__ import annotations

import pytest

from tests.exported_study import Study, make_study


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """See `make_study`."""
    return make_study(tmp_path_factory.mktemp("study"))
