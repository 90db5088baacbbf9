"""Writes the workspace's own users, accounts and people: mostly what the org has no record of."""

from __future__ import annotations

from local_org.sample import texts
from local_org.sample.base import DAY, Row, World, iso_utc
from local_org.sample.companies import domain_of
from local_org.sample.desk import NEW_HIRE, Desk
from local_org.sample.phones import dress
from local_org.sample.users import brokers, email_of, users

ACCOUNTS = 12
PEOPLE = 24
STAGES = ("new", "contacted", "nurture", "client")


def user_rows(world: World) -> list[Row]:
    """Everybody of the org but the integration user, some addresses in another case, and one who is new."""
    known = [*brokers(world), users(world)["inactive"], users(world)["admin"], NEW_HIRE]
    rows = [
        {"email": row["Email"], "name": row["Name"], "time_zone": row["TimeZoneSidKey"], "active": row["IsActive"]}
        for row in known
    ]  # fmt: skip
    rows[4]["email"] = str(rows[4]["email"]).title()
    return rows


def account_rows(world: World) -> list[Row]:
    """Prospects that only the workspace knows."""
    rng = world.stream("workspace accounts")
    rows = []
    for number in range(1, ACCOUNTS + 1):
        city, state, _ = rng.choice(texts.CITIES)
        rows.append({
            "source": "workspace", "external_id": f"wa-{number:04d}", "updated_at": iso_utc(world.now - number * DAY),
            "name": f"{rng.choice(texts.COMPANY_FIRST)} {rng.choice(texts.COMPANY_LAST)} Prospect {number}",
            "domain": f"prospect-{number:02d}.example", "phone": dress(rng, f"+1458555{7000 + number}"),
            "industry": rng.choice(texts.INDUSTRIES), "city": city, "state": state, "stage": rng.choice(STAGES),
            "owner": rng.choice(brokers(world))["Email"],
        })  # fmt: skip
    return rows


def people_rows(world: World, desk: Desk) -> list[Row]:
    """People whom the org does not know yet: half of unknown companies, half of accounts that the org has."""
    rng = world.stream("workspace people")
    rows = []
    for number in range(1, PEOPLE + 1):
        first, last = rng.choice(texts.FIRST), rng.choice(texts.LAST)
        company = (
            f"prospect-{number % ACCOUNTS + 1:02d}.example" if number % 2 else domain_of(rng.choice(desk.accounts))
        )
        rows.append({
            "source": "workspace", "external_id": f"wp-{number:04d}", "updated_at": iso_utc(world.now - number * DAY),
            "first_name": first, "last_name": last, "email": email_of(first, f"{last}-{number}", str(company)),
            "phone": dress(rng, f"+1458555{8000 + number}"), "title": rng.choice(texts.TITLES),
            "account.domain": company, "stage": rng.choice(STAGES), "owner": rng.choice(brokers(world))["Email"],
            "email_opt_out": True if number % 12 == 0 else None, "phone_opt_out": True if number % 15 == 0 else None,
        })  # fmt: skip
    return rows
