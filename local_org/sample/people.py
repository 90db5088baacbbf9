"""Makes contacts and leads: mostly plain people, with every blemish that a match or a consent check must survive."""

from __future__ import annotations

import random

from local_org.sample import hostile, texts
from local_org.sample.base import Row, World, audit, day_of, to18
from local_org.sample.companies import domain_of, pick_owner
from local_org.sample.phones import PhoneBook, dress, with_extension
from local_org.sample.users import add_queue, email_of, users

CONTACT_STATUSES = ("New", "Attempting", "Engaged", "Nurture", "Client", None)
LEAD_STATUSES = ("Open - Not Contacted", "Working - Contacted", "Closed - Not Converted")
# Two contact Ids that are the same but for the case of their letters.
CASE_TWINS = (to18("003HpTwinaBcDeF"), to18("003HpTwinAbCdEf"))


def add_contacts(world: World, book: PhoneBook) -> None:
    """About 2,000 contacts at scale 1 spread over the accounts, a few accounts with many."""
    rng = world.stream("contacts")
    accounts = world.of("Account")
    weights = [rng.paretovariate(1.2) for _ in accounts]
    taken: set[str] = set()
    for account in rng.choices(accounts, weights, k=world.count(2_000, 150) - len(hostile.PEOPLE) - 2):
        first, last = rng.choice(texts.FIRST), rng.choice(texts.LAST)
        world.add("Contact", contact(rng, world, book, account, first, last, taken))
    _add_odd_ones(rng, world, book, taken)
    _plant_flags(rng, world)
    _plant_extensions(rng, world, book)
    inactive = users(world)["inactive"]["Id"]
    world.planted["contacts_of_inactive_owner"] = [
        row["Id"] for row in world.of("Contact") if row["OwnerId"] == inactive
    ]


def contact(
    rng: random.Random, world: World, book: PhoneBook, account: Row, first: str, last: str, taken: set[str]
) -> Row:
    """One contact of an account: own phone mostly, mobile often, a direct mobile sometimes."""
    owner = account["OwnerId"] if rng.random() < 0.7 else pick_owner(rng, world)
    domain = domain_of(account) or "mail.example"
    return {
        "AccountId": account["Id"], "FirstName": first or None, "LastName": last, "Name": f"{first} {last}".strip(),
        "Salutation": rng.choice((None, None, "Ms.", "Mr.", "Dr.")), "Title": rng.choice((*texts.TITLES, None)),
        "Email": _odd_case(rng, unique_email(first, last, domain, taken)) if rng.random() > 0.1 else None,
        "Phone": dress(rng, book.next(rng)) if rng.random() < 0.9 else None,
        "MobilePhone": dress(rng, book.next(rng)) if rng.random() < 0.5 else None,
        "Mobile_Direct__c": dress(rng, book.next(rng)) if rng.random() < 0.15 else None,
        "MailingCity": account["BillingCity"], "MailingState": account["BillingState"],
        "LeadSource": rng.choice(("Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other", None)),
        "HasOptedOutOfEmail": False, "DoNotCall": False, "Newsletter__c": rng.random() < 0.35,
        "Contact_Status__c": rng.choice(CONTACT_STATUSES), "Engagement_Score__c": None, "Last_Engagement__c": None,
        "OwnerId": owner, "MasterRecordId": None,
        **audit(rng, world, owner, oldest_days=1_200),
    }  # fmt: skip


def add_leads(world: World, book: PhoneBook) -> None:
    """About 600 leads at scale 1; some work for a company whose account exists (its domain tells)."""
    rng = world.stream("leads")
    accounts = [row for row in world.of("Account") if row["Website"]]
    taken = {str(row["Email"]).lower() for row in world.of("Contact") if row["Email"]}
    plant = world.planted
    plant["leads_of_known_domains"] = []
    queue = add_queue(world)
    for _ in range(world.count(600, 50)):
        account = rng.choice(accounts) if rng.random() < 0.4 else None
        row = world.add("Lead", _lead(rng, world, book, account, taken))
        if account is not None and row["Email"]:
            plant["leads_of_known_domains"].append(row["Id"])
    plant["leads_of_queue"] = [row["Id"] for row in rng.sample(world.of("Lead"), world.count(18, 3))]
    for record_id in plant["leads_of_queue"]:
        world.by_id[record_id].update(OwnerId=queue, Status="Open - Not Contacted")


def live_people(world: World) -> list[Row]:
    """The contacts and unconverted leads outside the recycle bin."""
    return world.live("Contact") + [row for row in world.live("Lead") if not row["IsConverted"]]


def unique_email(first: str, last: str, domain: str, taken: set[str]) -> str:
    """An address at the domain that nobody else in the org has."""
    local, _, _ = email_of(first, last, domain).partition("@")
    local = local.strip(".-") or "info"
    while ".." in local:
        local = local.replace("..", ".")
    email, number = f"{local}@{domain}", 1
    while email in taken:
        number += 1
        email = f"{local}{number}@{domain}"
    taken.add(email)
    return email


def _lead(rng: random.Random, world: World, book: PhoneBook, account: Row | None, taken: set[str]) -> Row:
    first, last = rng.choice(texts.FIRST), rng.choice(texts.LAST)
    company = f"{rng.choice(texts.COMPANY_FIRST)} {rng.choice(texts.COMPANY_LAST)}"
    domain = (account and domain_of(account)) or f"{company.lower().replace(' ', '')}.example"
    owner = pick_owner(rng, world)
    city, state, _ = rng.choice(texts.CITIES)
    return {
        "FirstName": first, "LastName": last, "Name": f"{first} {last}", "Title": rng.choice((*texts.TITLES, None)),
        "Company": account["Name"] if account else company, "Status": rng.choice(LEAD_STATUSES),
        "Email": _odd_case(rng, unique_email(first, last, domain, taken)) if rng.random() > 0.12 else None,
        "Phone": dress(rng, book.next(rng)) if rng.random() < 0.85 else None,
        "MobilePhone": dress(rng, book.next(rng)) if rng.random() < 0.35 else None,
        "City": city, "State": state, "Country": "USA",
        "LeadSource": rng.choice(("Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other")),
        "Rating": rng.choice(("Hot", "Warm", "Cold", None)), "Industry": rng.choice((*texts.INDUSTRIES, None)),
        "HasOptedOutOfEmail": rng.random() < 0.03, "DoNotCall": rng.random() < 0.02, "Newsletter__c": False,
        "IsConverted": False, "ConvertedDate": None, "ConvertedAccountId": None, "ConvertedContactId": None,
        "ConvertedOpportunityId": None, "MasterRecordId": None, "Engagement_Score__c": None,
        "Last_Engagement__c": None, "OwnerId": owner,
        **audit(rng, world, owner, oldest_days=500),
    }  # fmt: skip


def _odd_case(rng: random.Random, email: str) -> str:
    """The address as typed: one in eight with capitals somewhere."""
    if rng.random() > 0.125:
        return email
    return rng.choice((email.upper(), email.title(), email[0].upper() + email[1:]))


def _add_odd_ones(rng: random.Random, world: World, book: PhoneBook, taken: set[str]) -> None:
    """People whose names break careless code, and two whose Ids differ only by case."""
    for first, last in hostile.PEOPLE:
        row = contact(rng, world, book, rng.choice(world.of("Account")), first, last, taken)
        row["Description"] = rng.choice(hostile.NOTES)
        world.planted.setdefault("hostile_contacts", []).append(world.add("Contact", row)["Id"])
    for record_id, first in zip(CASE_TWINS, ("Minnie", "Max"), strict=True):
        row = contact(rng, world, book, rng.choice(world.of("Account")), first, "Casewell", taken)
        world.add("Contact", row, record_id=record_id)
    world.planted["case_twin_contacts"] = list(CASE_TWINS)


def _plant_flags(rng: random.Random, world: World) -> None:
    """Opt-outs by channel, and a record of who has no address or no phone at all."""
    rows = world.of("Contact")[: -len(hostile.PEOPLE) - 2]
    for flag, share in (("HasOptedOutOfEmail", 0.04), ("DoNotCall", 0.03)):
        for row in rng.sample(rows, max(4, round(len(rows) * share))):
            row[flag] = True
    plant = world.planted
    plant["contacts_without_email"] = [r["Id"] for r in world.of("Contact") if r["Email"] is None]
    plant["contacts_without_any_phone"] = [
        r["Id"] for r in world.of("Contact") if not (r["Phone"] or r["MobilePhone"] or r["Mobile_Direct__c"])
    ]
    plant["contacts_midnight_birthdays"] = []
    for row in rng.sample(rows, min(6, len(rows))):
        row["Birthdate"] = day_of(-rng.randint(0, 5_000) * 86_400)
        plant["contacts_midnight_birthdays"].append(row["Id"])


def _plant_extensions(rng: random.Random, world: World, book: PhoneBook) -> None:
    """A few direct numbers with an extension, each number held by one person only."""
    plant = world.planted["contacts_with_extension"] = []
    for row in rng.sample([r for r in world.of("Contact") if r["Id"] not in CASE_TWINS], world.count(25, 6)):
        row["Phone"] = with_extension(rng, dress(rng, book.next_us()), str(rng.randint(2, 899)))
        plant.append(row["Id"])
