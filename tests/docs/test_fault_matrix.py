"""Every fault of the matrix has its row in the document and in the table, and names a test that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.integration.fault_matrix.table import TABLE

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| (\d+) \|.*\| (tests/[\w/]+\.py)::(\w+) \|$", re.MULTILINE)


def test_every_row_names_a_test_that_exists() -> None:
    rows = ROW.findall((ROOT / "docs" / "fault-matrix.md").read_text())
    numbers = list(range(1, 53))
    assert [int(number) for number, _, _ in rows] == numbers
    assert sorted({row.number for row in TABLE}) == numbers
    assert len({(row.number, row.variant) for row in TABLE}) == len(TABLE)
    for _, file, name in rows:
        tree = ast.parse((ROOT / file).read_text())
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, (
            f"{file}::{name}"
        )
