"""Who works at Harbor & Pine Realty: ten people, an administrator and an integration user, with one who has left."""

from __future__ import annotations

from local_org.sample.base import DAY, Row, World, stamps

DOMAIN = "harbor-pine.example"
COMPANY = "Harbor & Pine Realty"

# First name, last name, title, time zone, profile, active.
_STAFF = (
    ("Eleanor", "Whitcombe", "Managing Director", "America/Los_Angeles", "Standard User", True),
    ("Marcus", "Oyelaran", "Senior Vice President, Office", "America/Los_Angeles", "Standard User", True),
    ("Sofía", "Marchetti", "Vice President, Industrial", "America/Denver", "Standard User", True),
    ("Daniel", "Kowalczyk", "Vice President, Retail", "America/Chicago", "Standard User", True),
    ("Priya", "Raghunathan", "Director, Capital Markets", "America/New_York", "Standard User", True),
    ("Tom", "O'Brien", "Associate, Tenant Representation", "America/New_York", "Standard User", True),
    ("Hana", "Nakamura", "Associate, Land", "Pacific/Honolulu", "Standard User", True),
    ("Lars", "Björkman", "Director, Cross-Border", "Europe/London", "Standard User", True),
    ("Rachel", "Stein", "Research Analyst", "America/Chicago", "Standard User", True),
    ("Grant", "Hollis", "Associate, Office", "America/Phoenix", "Standard User", False),
    ("Denise", "Albright", "Salesforce Administrator", "America/Los_Angeles", "System Administrator", True),
    ("Syncline", "Integration", "Integration User", "America/Los_Angeles", "Integration", True),
)
_ASCII = str.maketrans("íöéáñçü'", "ioeancu ")


def email_of(first: str, last: str, domain: str) -> str:
    """A person's address at a domain: first.last without accents, apostrophes and blanks."""
    local = f"{first}.{last}".lower().translate(_ASCII)
    kept = "".join(char for char in local if char.isascii() and (char.isalnum() or char in ".-"))
    return f"{kept}@{domain}"


def add_users(world: World) -> None:
    """Hire everybody; all joined years ago, the one who left was deactivated three months ago."""
    for first, last, title, zone, profile, active in _STAFF:
        email = email_of(first, last, DOMAIN)
        joined = world.now - 1_500 * DAY
        edited = joined if active else world.now - 92 * DAY
        row = world.add("User", {
            "Username": email, "Email": email, "FirstName": first, "LastName": last, "Name": f"{first} {last}",
            "Alias": (first[:1] + last.replace("'", ""))[:8].lower(), "CommunityNickname": email.split("@")[0],
            "Title": title, "CompanyName": COMPANY, "IsActive": active, "TimeZoneSidKey": zone,
            "LocaleSidKey": "en_GB" if zone == "Europe/London" else "en_US", "LanguageLocaleKey": "en_US",
            "EmailEncodingKey": "UTF-8", "UserType": "Standard", "profile_name": profile,
        })  # fmt: skip
        row.update(stamps(joined, edited, row["Id"]))
        del row["IsDeleted"]
    admin = users(world)["admin"]
    for row in world.of("User"):
        row.update(CreatedById=admin["Id"], LastModifiedById=admin["Id"])
    world.planted["inactive_user"] = _card(users(world)["inactive"])
    world.planted["integration_user"] = _card(users(world)["integration"])


def add_queue(world: World) -> str:
    """The queue of leads that nobody has taken yet; returns its Id."""
    made = world.now - 700 * DAY
    row = world.add("Group", {
        "Name": "Inbound Leads", "DeveloperName": "Inbound_Leads", "Type": "Queue", "DoesSendEmailToMembers": False,
        "DoesIncludeBosses": False, **stamps(made, made, users(world)["admin"]["Id"]),
    })  # fmt: skip
    del row["IsDeleted"]
    kept = {"QueueId": row["Id"], "SobjectType": "Lead", "CreatedById": row["CreatedById"], "SystemModstamp": made}
    del world.add("QueueSobject", kept)["IsDeleted"]
    world.planted["queue"] = row["Id"]
    return str(row["Id"])


def users(world: World) -> dict[str, Row]:
    """The users with a role of their own, by role."""
    rows = world.of("User")
    return {"inactive": rows[9], "admin": rows[10], "integration": rows[11]}


def brokers(world: World) -> list[Row]:
    """The active people who call and own records."""
    return world.of("User")[:9]


def _card(row: Row) -> Row:
    return {"id": row["Id"], "username": row["Username"], "email": row["Email"], "name": row["Name"]}
