"""Foreign files, bad parameters, bad images: every case of `tests/cases` is refused in a sentence, or works if it must."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

from exitprune.jobs.progress import LOG
from tests.cases import cases
from tests.torture import Row


def run() -> Iterator[Row]:
    """Walk the table of cases."""
    tried: Counter[tuple[str, str]] = Counter()
    held: Counter[tuple[str, str]] = Counter()
    for case in cases():
        of = case.kind.replace("_", " "), "it works" if case.says is None else "refused in one sentence, no traceback"
        tried[of] += 1
        with tempfile.TemporaryDirectory(prefix="torture") as folder:
            try:
                with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
                    fault = case.fault(Path(folder))
            except Exception as error:  # what a person would see as a traceback is what is counted here
                fault = f"{type(error).__name__}: {error}"
        LOG.handlers.clear()  # each command adds its own
        held[of] += fault is None
        if fault:
            print(f"{case}: {fault}")
    for (kind, outcome), num in tried.items():
        yield Row("what was given", kind, num, held[kind, outcome], outcome)
