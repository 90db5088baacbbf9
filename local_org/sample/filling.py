"""Fills an org with the sample world: its schema additions, its users with their profiles, its rows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from local_org.org import permissions
from local_org.sample.base import Row, World
from local_org.sample.schema import SAMPLE, with_sample
from local_org.sample.views import add_list_views
from local_org.sample.world import SEED, build_world

if TYPE_CHECKING:
    from local_org.org.engine import Org

_ORDER = (
    "User", "Group", "QueueSobject", "Account", "Contact", "Lead", "Property__c", "Listing__c", "Deal__c",
    "Opportunity", "OpportunityContactRole", "Task", "Event", "TaskRelation", "EventRelation",
)  # fmt: skip


def fill(org: Org, *, scale: float = 1.0, seed: int = SEED, now: datetime) -> dict[str, int]:
    """Fill an org that holds no sample yet; all of it or, on an error, none.

    Args:
        org: The org; its schema is extended where it lacks the sample's objects and fields.
        scale: 1 is about 400 accounts, 2,000 contacts, 600 leads and 4,000 activities.
        seed: Same seed, same rows.
        now: The moment that the rows look back from, with a time zone; at or before the org's clock.

    The three arguments are kept in the org's setting ``sample``, for whoever writes the matching intake later.

    Returns:
        How many rows were loaded, by object.
    """
    world = build_world(scale=scale, seed=seed, now=now)
    with org.write():
        org.replace_schema(with_sample(org.schema), SAMPLE.touched)
        loaded = {name: org.bulk_load(name, _rows(org, world, name)) for name in _ORDER}
        loaded["ListView"] = add_list_views(org, world)
        org.save_meta("sample", json.dumps({"scale": scale, "seed": seed, "now": now.isoformat()}))
    org.forget_access()
    return loaded


def _rows(org: Org, world: World, name: str) -> Iterable[Row]:
    """The rows of one object as the org stores them."""
    if name == "User":
        profiles = _profiles(org, {str(row["profile_name"]) for row in world.of("User")})
        return [
            {key: value for key, value in row.items() if key != "profile_name"}
            | {"ProfileId": profiles[row["profile_name"]]}
            for row in world.of("User")
        ]
    return world.of(name)


def _profiles(org: Org, wanted: set[str]) -> dict[str, str]:
    """The Ids of profiles by name; a standard one that is missing is made."""
    known = {str(name): str(row_id) for row_id, name in org.connection().execute('SELECT "Id", "Name" FROM "Profile"')}
    for name in sorted(wanted - known.keys()):
        known[name] = permissions.add_profile(org, name, **permissions.STANDARD_PROFILES[name])
    return known
