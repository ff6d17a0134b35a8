import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def run_tool(monkeypatch: pytest.MonkeyPatch) -> Callable:
    """Runs a tool in this process."""

    def run(tool: Path, *arguments: object) -> None:
        monkeypatch.setattr(sys, 'argv', [str(tool), *map(str, arguments)])
        runpy.run_path(str(tool), run_name='__main__')

    return run
