"""Makes what brokers work on: properties, listings, deals with their people, and opportunities."""

from __future__ import annotations

import random

from local_org.sample import texts
from local_org.sample.base import DAY, Row, World, audit, day_of
from local_org.sample.companies import pick_owner

PROPERTY_TYPES = ("Office", "Industrial", "Retail", "Multifamily", "Medical", "Land")
LISTING_STATUSES = ("Active", "Pending", "Leased", "Sold", "Withdrawn")
LISTING_TYPES = ("Lease", "Sale", "Sublease")
DEAL_STAGES = ("Requirement", "Touring", "LOI", "Lease Negotiation", "Closed", "Lost")
OPPORTUNITY_STAGES = (
    "Prospecting",
    "Qualification",
    "Proposal/Price Quote",
    "Negotiation/Review",
    "Closed Won",
    "Closed Lost",
)


def add_real_estate(world: World) -> None:
    """About 220 properties, 140 listings, 110 deals and 150 opportunities at scale 1."""
    rng = world.stream("real estate")
    for _ in range(world.count(220, 15)):
        world.add("Property__c", _property(rng, world))
    for _ in range(world.count(140, 10)):
        world.add("Listing__c", _listing(rng, world))
    for _ in range(world.count(110, 8)):
        world.add("Deal__c", _deal(rng, world))
    for _ in range(world.count(150, 10)):
        _opportunity(rng, world)


def _property(rng: random.Random, world: World) -> Row:
    """A building, its owner, and who answers for it."""
    account = rng.choice(world.of("Account"))
    people = _people_of(world, account)
    city, state, postal = rng.choice(texts.CITIES)
    street = f"{rng.randint(100, 9900)} {rng.choice(texts.STREETS)}"
    owner = pick_owner(rng, world)
    kind = rng.choice(PROPERTY_TYPES)
    named = rng.random() < 0.5
    return {
        "Name": f"{rng.choice(texts.COMPANY_FIRST)} {rng.choice(texts.BUILDINGS[kind])}" if named else street,
        "Street__c": street, "City__c": city, "State__c": state, "Postal_Code__c": postal, "Property_Type__c": kind,
        "Building_Size_SF__c": None if kind == "Land" else float(rng.randint(20, 8_000) * 100),
        "Year_Built__c": None if kind == "Land" else float(rng.randint(1908, 2025)),
        "Owner_Account__c": account["Id"], "Owner_Contact__c": rng.choice(people)["Id"] if people else None,
        "Property_Manager__c": rng.choice(people)["Id"] if people and rng.random() < 0.5 else None,
        "Parcel_Number__c": f"{rng.randint(100, 999)}-{len(world.of('Property__c')) + 1:06d}",
        "OwnerId": owner, **audit(rng, world, owner, oldest_days=1_300),
    }  # fmt: skip


def _listing(rng: random.Random, world: World) -> Row:
    """Space or a building on the market."""
    place = rng.choice(world.of("Property__c"))
    owner, kind = pick_owner(rng, world), rng.choice(LISTING_TYPES)
    listed = world.now - rng.randint(5, 400) * DAY
    return {
        "Name": f"{place['Name'][:60]} - {kind}", "Property__c": place["Id"], "Listing_Type__c": kind,
        "Status__c": rng.choice(("Active", "Active", "Pending", "Sold" if kind == "Sale" else "Leased", "Withdrawn")),
        "Contact__c": place["Owner_Contact__c"],
        "Available_SF__c": float(rng.randint(8, 900) * 100),
        "Asking_Rate__c": None if kind == "Sale" else round(rng.uniform(9, 62), 2),
        "Asking_Price__c": float(rng.randint(8, 400) * 100_000) if kind == "Sale" else None,
        "Listed_On__c": day_of(listed), "Expires_On__c": day_of(listed + 365 * DAY),
        "OwnerId": owner, **audit(rng, world, owner, oldest_days=390),
    }  # fmt: skip


def _deal(rng: random.Random, world: World) -> Row:
    """A client's search or sale, often for a listing."""
    account = rng.choice(world.of("Account"))
    people = _people_of(world, account)
    listing = rng.choice(world.of("Listing__c")) if rng.random() < 0.7 else None
    owner = pick_owner(rng, world)
    return {
        "Name": f"{account['Name'][:50]} / {rng.choice(texts.CITIES)[0]}", "Account__c": account["Id"],
        "Contact__c": rng.choice(people)["Id"] if people else None,
        "Listing__c": listing["Id"] if listing else None, "Property__c": listing["Property__c"] if listing else None,
        "Stage__c": rng.choice(DEAL_STAGES), "Gross_Fee__c": float(rng.randint(8, 900) * 1_000),
        "Close_Date__c": day_of(world.now + rng.randint(-300, 200) * DAY),
        "OwnerId": owner, **audit(rng, world, owner, oldest_days=450),
    }  # fmt: skip


def _opportunity(rng: random.Random, world: World) -> None:
    """An opportunity of an account, with a contact in a role where there is somebody."""
    account = rng.choice(world.of("Account"))
    row = world.add("Opportunity", opportunity(rng, world, account))
    people = _people_of(world, account)
    if people:
        world.add("OpportunityContactRole", {
            "OpportunityId": row["Id"], "ContactId": rng.choice(people)["Id"], "Role": rng.choice(
                ("Decision Maker", "Economic Buyer", "Influencer", "Other")), "IsPrimary": True,
            **{key: row[key] for key in _AUDIT},
        })  # fmt: skip


_AUDIT = ("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp")


def opportunity(rng: random.Random, world: World, account: Row) -> Row:
    """One opportunity; stage, closed and won agree, and so do close date and age."""
    owner, stage = pick_owner(rng, world), rng.choice(OPPORTUNITY_STAGES)
    closed = stage.startswith("Closed")
    record = audit(rng, world, owner, oldest_days=420)
    building = rng.choice(texts.BUILDINGS[rng.choice(PROPERTY_TYPES)])
    close = record["LastModifiedDate"] if closed else world.now + rng.randint(5, 200) * DAY
    return {
        "AccountId": account["Id"], "Name": f"{account['Name'][:70]} - {building}",
        "StageName": stage, "Amount": float(rng.randint(10, 900) * 1_000), "CloseDate": day_of(close),
        "Probability": {"Closed Won": 100.0, "Closed Lost": 0.0}.get(stage, float(rng.randint(1, 9) * 10)),
        "IsClosed": closed, "IsWon": stage == "Closed Won",
        "Type": rng.choice(("New Customer", "Existing Customer - Upgrade", None)),
        "ForecastCategory": {"Closed Won": "Closed", "Closed Lost": "Omitted"}.get(stage, "Pipeline"),
        "ForecastCategoryName": {"Closed Won": "Closed", "Closed Lost": "Omitted"}.get(stage, "Pipeline"),
        "LeadSource": rng.choice(("Web", "Phone Inquiry", "Partner Referral", None)), "OwnerId": owner, **record,
    }  # fmt: skip


def _people_of(world: World, account: Row) -> list[Row]:
    """The contacts of an account; the index is made once, when first asked."""
    if not world.by_account:
        for row in world.of("Contact"):
            world.by_account.setdefault(row["AccountId"], []).append(row)
    return world.by_account.get(account["Id"], [])
