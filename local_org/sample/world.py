"""Builds the whole sample world from scale, seed and reference moment; the same three give the same world."""

from __future__ import annotations

from datetime import datetime

from local_org.sample.base import World, epoch
from local_org.sample.companies import add_accounts
from local_org.sample.cre import add_real_estate
from local_org.sample.history import add_history
from local_org.sample.lineage import add_lineage
from local_org.sample.people import add_contacts, add_leads
from local_org.sample.phones import PhoneBook
from local_org.sample.users import add_users

SEED = 7


def build_world(*, scale: float = 1.0, seed: int = SEED, now: datetime) -> World:
    """Everything the org will hold, and what was planted in it.

    Args:
        scale: 1 is about 400 accounts, 2,000 contacts, 600 leads and 4,000 activities.
        seed: same seed, same world.
        now: the moment that the world looks back from, with a time zone.

    Raises:
        ValueError: ``now`` has no time zone, or ``scale`` is not above zero.
    """
    if now.tzinfo is None:
        raise ValueError("now needs a time zone")
    if scale <= 0:
        raise ValueError("scale must be above zero")
    world = World(scale=scale, seed=seed, now=epoch(now))
    book = PhoneBook(offset=world.stream("phones").randrange(500_000))
    add_users(world)
    add_accounts(world, book)
    add_contacts(world, book)
    add_leads(world, book)
    add_real_estate(world)
    add_lineage(world, book)
    add_history(world)
    return world
