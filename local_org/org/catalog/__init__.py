"""The standard objects as data, and the helpers that declare custom ones."""

from __future__ import annotations

from local_org.org.catalog.activities import ACTIVITIES
from local_org.org.catalog.custom import custom_field, custom_object, extend, linked
from local_org.org.catalog.people import PEOPLE
from local_org.org.catalog.sales import SALES
from local_org.org.catalog.setup import SETUP
from local_org.org.model import Schema

__all__ = ["custom_field", "custom_object", "extend", "standard_schema"]


def standard_schema() -> Schema:
    """The schema of a new org: standard objects only."""
    return linked((*PEOPLE, *SALES, *ACTIVITIES, *SETUP))
