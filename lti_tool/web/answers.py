"""What ``frame.mjs`` understands besides pages: go there, save that."""

from __future__ import annotations

from urllib.parse import quote

from flask import Response, jsonify

from lti_tool.services.spreadsheet import Cell, csv_bytes


def go_to(location: str, *, post: bool = False) -> Response:
    """After a form was accepted: the page to show next. JSON, since fetch cannot see a redirect's target.

    ``post``: an empty form is sent there.
    """
    return jsonify(location=location, post=True) if post else jsonify(location=location)


def csv_file(name: str, header: list[str], rows: list[list[Cell]]) -> Response:
    """A table to save; ``name`` may hold any text."""
    return file_to_save(name, csv_bytes(header, rows))


def file_to_save(name: str, content: bytes, kind: str = "text/csv") -> Response:
    """A file to save; a CSV unless ``kind`` says otherwise."""
    safe = "".join(char if char.isascii() and (char.isalnum() or char in "-_.") else "-" for char in name)
    response = Response(content, mimetype=kind)
    response.headers["Content-Disposition"] = (
        f"attachment; filename=\"{safe}\"; filename*=UTF-8''{quote(name, safe='')}"
    )
    return response
