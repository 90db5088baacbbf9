"""Plants what breaks a match: shared phones, duplicates, merges in chains, conversions, the recycle bin."""

from __future__ import annotations

import random

from local_org.sample.base import DAY, HOUR, Row, World, day_of, stamps, touch
from local_org.sample.cre import opportunity
from local_org.sample.people import contact
from local_org.sample.phones import PhoneBook, digits, dress
from local_org.sample.users import brokers, users

PHONE_FIELDS = {"Contact": ("Phone", "MobilePhone", "Mobile_Direct__c"), "Lead": ("Phone", "MobilePhone")}
_CONTACT_LOOKUPS = (
    ("Property__c", "Owner_Contact__c"), ("Property__c", "Property_Manager__c"), ("Listing__c", "Contact__c"),
    ("Deal__c", "Contact__c"), ("OpportunityContactRole", "ContactId"),
)  # fmt: skip
_NICKNAMES = {
    "Robert": "Bob",
    "Thomas": "Tom",
    "Margaret": "Peggy",
    "Samuel": "Sam",
    "Deborah": "Deb",
    "Kristen": "Kris",
}


def add_lineage(world: World, book: PhoneBook) -> None:
    """Plant every case, each with people of its own, so that one case never blurs another."""
    rng = world.stream("lineage")
    pool = _plain_contacts(rng, world)
    _switchboards(rng, world, book, pool)
    _shared_with_leads(rng, world, book, pool)
    _duplicates(rng, world, pool)
    _near_duplicates(rng, world, book, pool)
    _merge_contacts(rng, world, pool)
    _merge_accounts(rng, world)
    _convert_leads(rng, world, book)
    _delete_some(rng, world, pool)
    world.planted["ambiguous_phones"] = ambiguous_phones(world)


def holders(world: World) -> dict[str, list[str]]:
    """Every phone number of a live contact or open lead, and who holds it."""
    found: dict[str, list[str]] = {}
    for sobject, names in PHONE_FIELDS.items():
        for row in world.live(sobject):
            if row.get("IsConverted"):
                continue
            for number in {digits(row[name]) for name in names if row[name]}:
                found.setdefault(number, []).append(row["Id"])
    return found


def ambiguous_phones(world: World) -> dict[str, list[str]]:
    """The numbers that more than one live person holds, as E.164."""
    return {f"+{number}": ids for number, ids in holders(world).items() if len(ids) > 1}


def _plain_contacts(rng: random.Random, world: World) -> list[Row]:
    """Contacts that no other case uses and that have an address, a phone and a living owner, in random order."""
    used = {
        record_id for name, ids in world.planted.items()
        if name.startswith(("hostile_contacts", "case_twin", "contacts_with_extension")) for record_id in ids
    }  # fmt: skip
    in_use = {row[name] for sobject, name in _CONTACT_LOOKUPS for row in world.of(sobject)}
    plain = [
        row for row in world.of("Contact")
        if row["Id"] not in used and row["Id"] not in in_use and row["Email"] and row["Phone"]
        and not row["DoNotCall"] and row["OwnerId"] != users(world)["inactive"]["Id"]
    ]  # fmt: skip
    rng.shuffle(plain)
    return plain


def _switchboards(rng: random.Random, world: World, book: PhoneBook, pool: list[Row]) -> None:
    """Offices whose people all carry the number of the front desk."""
    groups = world.planted["switchboards"] = []
    for _ in range(world.count(12, 3)):
        number = book.next_us()
        members = [pool.pop() for _ in range(rng.randint(3, 5))]
        for row in members:
            row.update(Phone=dress(rng, number), AccountId=members[0]["AccountId"])
        world.by_id[members[0]["AccountId"]]["Phone"] = dress(rng, number)
        groups.append({"phone": number, "contacts": [row["Id"] for row in members]})


def _shared_with_leads(rng: random.Random, world: World, book: PhoneBook, pool: list[Row]) -> None:
    """A contact and a lead with the same number, half of them with the same address: which of the two was called?"""
    pairs = world.planted["contact_and_lead_share_phone"] = []
    for turn, lead in enumerate(rng.sample(world.of("Lead"), world.count(6, 2))):
        number, row = book.next_us(), pool.pop()
        row["Phone"], lead["Phone"] = dress(rng, number), dress(rng, number)
        if turn % 2 == 0:
            lead.update({name: row[name] for name in ("FirstName", "LastName", "Name", "Email")})
        pairs.append({"phone": number, "contact": row["Id"], "lead": lead["Id"]})


def _duplicates(rng: random.Random, world: World, pool: list[Row]) -> None:
    """The same person entered twice: same phone and e-mail in other spellings, the name nearly the same."""
    pairs = world.planted["duplicate_contacts"] = []
    for _ in range(world.count(15, 3)):
        row = pool.pop()
        copy = _copy_of(rng, world, row)
        pairs.append(
            {"contacts": [row["Id"], copy["Id"]], "email": row["Email"].lower(), "phone": "+" + digits(row["Phone"])}
        )


def _near_duplicates(rng: random.Random, world: World, book: PhoneBook, pool: list[Row]) -> None:
    """Probably the same person at the same company: a typing error in the name, no phone or e-mail in common."""
    pairs = world.planted["near_duplicate_contacts"] = []
    for _ in range(world.count(8, 2)):
        row = pool.pop()
        copy, last = _copy_of(rng, world, row), str(row["LastName"])
        typo = last[:-2] + last[-1] + last[-2] if len(last) > 3 else last + last[-1]
        local, _, domain = str(row["Email"]).lower().partition("@")
        copy.update(
            LastName=typo, Name=f"{copy['FirstName']} {typo}", Email=f"{local[:1]}{last.lower()}.{len(pairs)}@{domain}"
        )
        copy["Phone"] = dress(rng, book.next_us())
        pairs.append([row["Id"], copy["Id"]])


def _copy_of(rng: random.Random, world: World, row: Row) -> Row:
    first = _NICKNAMES.get(row["FirstName"], row["FirstName"])
    made = min(world.now - 3 * HOUR, row["CreatedDate"] + rng.randint(5, 200) * DAY)
    same = {key: value for key, value in row.items() if key not in ("Id", "IsDeleted")}
    number = digits(row["Phone"])
    e164 = f"+{number}"
    return world.add("Contact", {
        **same, "FirstName": first, "Name": f"{first} {row['LastName']}", "Email": row["Email"].upper(),
        "Phone": dress(rng, e164), "MobilePhone": None, "Mobile_Direct__c": None, "Title": None,
        **stamps(made, made, row["OwnerId"]),
    })  # fmt: skip


def _retire(world: World, row: Row, moment: int, user: str, master: str | None) -> None:
    """Into the recycle bin, with the winner's Id where it lost a merge."""
    row["IsDeleted"], row["MasterRecordId"] = True, master
    touch(row, moment, user)


def _recent(rng: random.Random, world: World, oldest_days: float = 12) -> int:
    """A moment within the life of the recycle bin."""
    return world.now - int(rng.uniform(0.2, oldest_days) * DAY)


def _merge_contacts(rng: random.Random, world: World, pool: list[Row]) -> None:
    """Duplicates merged by somebody, and chains where the winner lost the next merge."""
    singles: list[Row] = []
    chains: list[list[str]] = []
    for _ in range(world.count(10, 3)):
        winner = pool.pop()
        loser = _copy_of(rng, world, winner)
        moment, user = _recent(rng, world), rng.choice(brokers(world))["Id"]
        _retire(world, loser, moment, user, winner["Id"])
        touch(winner, moment, user)
        singles.append({"loser": loser["Id"], "master": winner["Id"]})
    for _ in range(world.count(3, 2)):
        last = pool.pop()
        middle, first = _copy_of(rng, world, last), _copy_of(rng, world, last)
        user, moment = rng.choice(brokers(world))["Id"], _recent(rng, world, 8)
        _retire(world, first, moment - 3 * DAY, user, middle["Id"])
        _retire(world, middle, moment, user, last["Id"])
        touch(last, moment, user)
        chains.append([first["Id"], middle["Id"], last["Id"]])
    world.planted["merged_contacts"] = singles
    world.planted["merged_contact_chains"] = chains


def _merge_accounts(rng: random.Random, world: World) -> None:
    """Accounts entered under an older name and merged, some twice over; their contacts moved along."""
    singles: list[Row] = []
    chains: list[list[str]] = []
    steady = [row for row in world.of("Account") if row["Id"] not in world.planted["case_twin_accounts"]]
    for number, winner in enumerate(rng.sample(steady, world.count(6, 2) + world.count(2, 1))):
        user, moment = rng.choice(brokers(world))["Id"], _recent(rng, world, 8)
        loser = _older_account(world, winner, "Old")
        if number < world.count(2, 1):
            first = _older_account(world, winner, "Former")
            _retire(world, first, moment - 2 * DAY, user, loser["Id"])
            chains.append([first["Id"], loser["Id"], winner["Id"]])
        else:
            singles.append({"loser": loser["Id"], "master": winner["Id"]})
        _retire(world, loser, moment, user, winner["Id"])
        touch(winner, moment, user)
        for row in world.by_account.get(winner["Id"], [])[:2]:
            row["SystemModstamp"] = max(row["SystemModstamp"], moment)
    world.planted["merged_accounts"] = singles
    world.planted["merged_account_chains"] = chains


def _older_account(world: World, winner: Row, word: str) -> Row:
    same = {key: value for key, value in winner.items() if key not in ("Id", "IsDeleted")}
    number = len(world.of("Account")) + 1
    return world.add("Account", {
        **same, "Name": f"{winner['Name']} ({word})", "External_Ref__c": f"HP-A-{number:06d}",
        "Health_Score__c": None, "Website": winner["Website"],
    })  # fmt: skip


def _convert_leads(rng: random.Random, world: World, book: PhoneBook) -> None:
    """Owned leads that became a contact, an account of the company and mostly an opportunity."""
    taken = {str(row["Email"]).lower() for row in world.of("Contact") if row["Email"]}
    shared = {pair["lead"] for pair in world.planted["contact_and_lead_share_phone"]}
    shared |= set(world.planted["leads_of_queue"])
    open_leads = [row for row in world.of("Lead") if row["Id"] not in shared and row["Phone"]]
    cards: list[Row] = []
    accounts = world.live("Account")
    for lead in rng.sample(open_leads, world.count(48, 5)):
        account = rng.choice(accounts)
        user, moment = lead["OwnerId"], max(lead["LastModifiedDate"], world.now - int(rng.uniform(0.3, 200) * DAY))
        person = contact(rng, world, book, account, lead["FirstName"], lead["LastName"], taken)
        person.update(
            {key: lead[key] for key in ("Email", "Phone", "MobilePhone", "HasOptedOutOfEmail", "DoNotCall", "OwnerId")},
            Mobile_Direct__c=None, **stamps(moment, moment, user),
        )  # fmt: skip
        made = world.add("Contact", person)
        deal = (
            world.add("Opportunity", _fresh_opportunity(rng, world, account, moment, user))
            if rng.random() < 0.7
            else None
        )
        lead.update(
            IsConverted=True, Status="Closed - Converted", ConvertedDate=day_of(moment),
            ConvertedAccountId=account["Id"], ConvertedContactId=made["Id"],
            ConvertedOpportunityId=deal["Id"] if deal else None,
        )  # fmt: skip
        touch(lead, moment, user)
        cards.append(
            {"lead": lead["Id"], "contact": made["Id"], "account": account["Id"], "opportunity": deal and deal["Id"]}
        )
    world.planted["converted_leads"] = cards


def _fresh_opportunity(rng: random.Random, world: World, account: Row, moment: int, user: str) -> Row:
    """The opportunity that a conversion makes: open, closing in the future of its making."""
    row = opportunity(rng, world, account)
    row.update(
        StageName="Prospecting", IsClosed=False, IsWon=False, Probability=10.0, ForecastCategory="Pipeline",
        ForecastCategoryName="Pipeline", CloseDate=day_of(moment + 90 * DAY), OwnerId=user,
        **stamps(moment, moment, user),
    )  # fmt: skip
    return row


def _delete_some(rng: random.Random, world: World, pool: list[Row]) -> None:
    """Records thrown away in the last two weeks; what hangs on a deleted account goes with it."""
    plant = world.planted
    contacts = [pool.pop() for _ in range(world.count(12, 3))]
    spoken_for = {row["Id"] for row in contacts}
    free = [r for r in world.live("Lead") if not r["IsConverted"]
            and r["Id"] not in {pair["lead"] for pair in plant["contact_and_lead_share_phone"]}]  # fmt: skip
    leads = rng.sample(free, world.count(8, 2))
    for row in (*contacts, *leads):
        _retire(world, row, _recent(rng, world), rng.choice(brokers(world))["Id"], None)
    plant["deleted_contacts"] = sorted(spoken_for)
    plant["deleted_leads"] = [row["Id"] for row in leads]
    plant["deleted_accounts"] = _delete_strays(rng, world)


def _delete_strays(rng: random.Random, world: World) -> list[str]:
    """Accounts entered by mistake and thrown away; nothing refers to them, so no child is left behind."""
    strays: list[str] = []
    for winner in rng.sample(world.live("Account"), world.count(5, 2)):
        row = _older_account(world, winner, "test entry")
        row.update(Website=None, Phone=None)
        _retire(world, row, _recent(rng, world), rng.choice(brokers(world))["Id"], None)
        strays.append(row["Id"])
    return strays
