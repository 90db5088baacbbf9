"""Adds what Harbor & Pine has beside the standard objects; the declarations are in ``schemas/sample.yaml``."""

from __future__ import annotations

from local_org.org.catalog import grown, named, standard_schema
from local_org.org.model import Schema

SAMPLE = named("sample")


def sample_schema() -> Schema:
    """The standard schema with the sample org's own objects and fields."""
    return with_sample(standard_schema())


def with_sample(schema: Schema) -> Schema:
    """The schema with the sample org's objects and fields added; again on top of itself it changes nothing."""
    return grown(schema, SAMPLE)
