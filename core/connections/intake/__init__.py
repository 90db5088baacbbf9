"""Intake: rows of files and API calls, read and checked, before anything is decided about them."""

from core.connections.intake.files import parse_json, read_file
from core.connections.intake.rows import Row, check_rows
from core.connections.intake.shapes import SHAPES, template

KINDS = tuple(SHAPES)

__all__ = ["KINDS", "SHAPES", "Row", "check_rows", "parse_json", "read_file", "template"]
