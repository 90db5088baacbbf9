"""Reads schemas from files: the standard objects, packages, a user's own; and declares custom objects and fields."""

from __future__ import annotations

from local_org.org.catalog.custom import custom_field, custom_object, extend
from local_org.org.catalog.files import Declared, grown, named, standard_schema

__all__ = ["Declared", "custom_field", "custom_object", "extend", "grown", "named", "standard_schema"]
