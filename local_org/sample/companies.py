"""Makes the accounts: owners, tenants and investors of four hundred kinds, with the blemishes of a lived-in org."""

from __future__ import annotations

import random

from local_org.sample import hostile, texts
from local_org.sample.base import Row, World, audit, to18
from local_org.sample.phones import PhoneBook, dress
from local_org.sample.users import brokers, users

ACCOUNT_STATUSES = ("Prospect", "Active Client", "Past Client", "Do Not Pursue", None)
# Two Ids that are the same but for the case of their letters.
CASE_TWINS = (to18("001HpTwinaBcDeF"), to18("001HpTwinAbCdEf"))


def add_accounts(world: World, book: PhoneBook) -> None:
    """About 400 accounts at scale 1, some of them hostile in name, twins in Id, or without a website."""
    rng = world.stream("accounts")
    taken: set[str] = set()
    twins = dict(zip(("Twin Rivers Storage", "Twin Peaks Leasing"), CASE_TWINS, strict=True))
    for name in (*_names(rng, world.count(400, 40) - 2), *twins):
        world.add("Account", _account(rng, world, book, name, taken), record_id=twins.get(name))
    rows = world.of("Account")
    inactive = users(world)["inactive"]["Id"]
    world.planted["hostile_accounts"] = [row["Id"] for row in rows if row["Name"] in hostile.COMPANIES]
    world.planted["case_twin_accounts"] = list(CASE_TWINS)
    world.planted["accounts_without_website"] = [row["Id"] for row in rows if row["Website"] is None]
    world.planted["accounts_of_inactive_owner"] = [row["Id"] for row in rows if row["OwnerId"] == inactive]


def pick_owner(rng: random.Random, world: World) -> str:
    """Mostly an active broker; one record in twenty-five still belongs to the one who left."""
    if rng.random() < 0.04:
        return str(users(world)["inactive"]["Id"])
    return str(rng.choice(brokers(world))["Id"])


def domain_of(account: Row) -> str | None:
    """The bare domain behind an account's website, whatever its spelling."""
    site = account["Website"]
    if site is None:
        return None
    bare = str(site).lower().split("//")[-1].split("/")[0]
    return bare.removeprefix("www.")


def _account(rng: random.Random, world: World, book: PhoneBook, name: str, taken: set[str]) -> Row:
    """One account; its owner is one of us, its place one of ours."""
    city, state, postal = rng.choice(texts.CITIES)
    owner = pick_owner(rng, world)
    number = len(world.of("Account")) + 1
    return {
        "Name": name, "Type": rng.choice(("Prospect", "Customer - Direct", "Other", None)),
        "Industry": rng.choice((*texts.INDUSTRIES, None)), "Phone": dress(rng, book.next_us()),
        "Website": _website(rng, _domain(name, taken)) if rng.random() > 0.08 else None,
        "BillingStreet": f"{rng.randint(100, 9900)} {rng.choice(texts.STREETS)}", "BillingCity": city,
        "BillingState": state, "BillingPostalCode": postal, "BillingCountry": "USA",
        "NumberOfEmployees": rng.choice((None, rng.randint(3, 4_000))),
        "AnnualRevenue": rng.choice((None, float(rng.randint(2, 900) * 100_000))),
        "Rating": rng.choice(("Hot", "Warm", "Cold", None)), "OwnerId": owner, "ParentId": None,
        "Description": rng.choice((None, texts.task_text(rng, name)[1] or None)), "MasterRecordId": None,
        "Health_Score__c": round(rng.uniform(5, 100), 1) if rng.random() < 0.7 else None,
        "External_Ref__c": f"HP-A-{number:06d}", "Account_Status__c": rng.choice(ACCOUNT_STATUSES),
        "Engagement_Score__c": None, "Last_Engagement__c": None,
        **audit(rng, world, owner, oldest_days=1_400),
    }  # fmt: skip


def _names(rng: random.Random, wanted: int) -> list[str]:
    """Company names, each once; past the number of combinations a city tells them apart."""
    pairs = [f"{first} {last}" for first in texts.COMPANY_FIRST for last in texts.COMPANY_LAST]
    rng.shuffle(pairs)
    names = []
    for number in range(wanted - len(hostile.COMPANIES)):
        turn, index = divmod(number, len(pairs))
        base = pairs[index] if turn == 0 else f"{pairs[index]} of {texts.CITIES[(turn - 1) % len(texts.CITIES)][0]}"
        names.append(
            f"{base} {rng.choice(texts.COMPANY_FORM)}".strip() if turn <= len(texts.CITIES) else f"{base} {turn}"
        )
    return names[:3] + list(hostile.COMPANIES) + names[3:]


def _domain(name: str, taken: set[str]) -> str:
    """A domain that no other account has, under the top-level domain kept for examples."""
    slug = "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in name.lower()).split()[:3])
    while f"{slug}.example" in taken:
        slug += "-co"
    taken.add(f"{slug}.example")
    return f"{slug}.example"


def _website(rng: random.Random, domain: str) -> str:
    """The domain as people type a website."""
    return rng.choice((
        f"https://www.{domain}", f"https://{domain}", f"http://www.{domain}/", f"www.{domain}", domain,
        f"HTTPS://WWW.{domain.upper()}/contact", f"https://{domain}/",
    ))  # fmt: skip
