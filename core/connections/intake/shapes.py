"""Declares what each kind of intake row may carry: its keys, their types, and where the values go.

The same declaration checks rows, prints CSV headers and writes the API's schema, so the three cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from core.records import ACTIVITY_KINDS

TEXT_LIMIT = 4_000
NOTES_LIMIT = 1_048_576
FIELDS_LIMIT = 262_144
"""Bytes of UTF-8: a text, a long text, all custom fields of a row together."""
CLEAR = "#N/A"
"""The cell of a file that clears a value, as in Salesforce's own files; an empty cell leaves it."""


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """One key of a row.

    ``type`` is one of text, longtext, key, reference, integer, number, boolean, date, instant, email, user, choice,
    zone, people (a list) and fields (custom fields by name).
    """

    name: str
    type: str = "text"
    column: str = ""
    """Where the value goes; the name itself where empty."""
    help: str = ""
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    may_clear: bool = True

    @property
    def target(self) -> str:
        """The column that takes the value."""
        return self.column or self.name


@dataclass(frozen=True)
class Shape:
    """The keys of one kind of row."""

    kind: str
    title: str
    keys: tuple[Key, ...]
    needs: tuple[str, ...] = ()
    """Keys that every row must carry."""
    needs_one_of: tuple[str, ...] = ()
    """At least one of these has to hold something."""
    needs_given: tuple[str, ...] = ()
    """At least one of these has to be given, be it null."""

    @cached_property
    def by_name(self) -> dict[str, Key]:
        """Every name a key goes by, with its key."""
        return {name: key for key in self.keys for name in (key.name, *key.aliases)}

    @cached_property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """The nested keys: ``person`` -> ``person.id``, ``person.email`` ..."""
        found: dict[str, tuple[str, ...]] = {}
        for key in self.keys:
            group, dot, _ = key.name.partition(".")
            if dot:
                found[group] = (*found.get(group, ()), key.name)
        return found

    @property
    def has_fields(self) -> bool:
        """Whether rows carry custom fields."""
        return "fields" in self.by_name


_SOURCE = Key("source", "text", help="The system the row comes from; the sender's name where absent.", may_clear=False)
_EXTERNAL_ID = Key("external_id", "key", help="The row's key in its source; kept and matched in lower case.")
_UPDATED = Key("updated_at", "instant", help="When the source last changed it; an older row changes nothing.")
_DELETED = Key("deleted", "boolean", help="true deletes the record, false brings it back.", may_clear=False)
_FIELDS = Key("fields", "fields", help="Custom fields by name; in CSV one column each, as in fields.budget.")
_OWNER = Key("owner", "user", help="The workspace user who owns it, by e-mail.")
_PLACE = (Key("city"), Key("state"), Key("country"))
_PERSON = (
    Key("person.id", "reference", "person_id", "External id, org Id, or our own id."),
    Key("person.email", "email", "person_email", "E-mail, in any case."),
)
_ACCOUNT = (
    Key("account.id", "reference", "account_id", "External id, org Id, or our own id."),
    Key("account.domain", "text", "account_domain", "Domain or website."),
)
_AT = Key("at", "instant", help="When it was so; now where absent.", may_clear=False)

ACTIVITIES = Shape(
    "activities",
    "Calls, notes, e-mails, meetings, tasks, touchpoints and campaign touches",
    (
        _SOURCE,
        _EXTERNAL_ID,
        Key("kind", "choice", help="What it is; it never changes.", choices=tuple(ACTIVITY_KINDS), may_clear=False),
        Key("occurred_at", "instant", help="When it took place."),
        _UPDATED,
        Key("duration_s", "integer", help="Seconds, 0 or more."),
        Key("direction", help="inbound or outbound."),
        Key("person.id", "reference", "person_ref", "External id, org Id, or our own id."),
        Key("person.email", "email", "person_email", "E-mail, in any case."),
        Key("person.phone", "text", "person_phone", "Phone, in any spelling."),
        Key("account.id", "reference", "account_ref", "External id, org Id, or our own id."),
        Key("account.domain", "text", "account_domain", "Domain or website."),
        Key("related_to.object", "text", "related_object", "API name of an org object, as Property__c."),
        Key("related_to.id", "text", "related_id", "The org record's Id."),
        Key("user", "user", "user_email", "The workspace user it belongs to, by e-mail."),
        Key("subject", "longtext"),
        Key("notes", "longtext", help="Up to 1 MB."),
        Key("outcome"),
        Key("type"),
        Key("status"),
        Key("priority"),
        Key("due_at", "date", help="A date, YYYY-MM-DD."),
        Key("created_by", help="Who made it in the source."),
        Key("created_on", "instant", "created_on_at", "When it was made in the source."),
        Key("updated_by", help="Who last changed it in the source."),
        Key("participants", "people", help="E-mails of the people who took part; in a file separated by semicolons."),
        _FIELDS,
        _DELETED,
    ),
    needs=("external_id",),
)
ACCOUNTS = Shape(
    "accounts",
    "Companies",
    (
        _SOURCE,
        _EXTERNAL_ID,
        _UPDATED,
        Key("name"),
        Key("domain"),
        Key("website"),
        Key("phone"),
        Key("industry"),
        Key("type"),
        _OWNER,
        Key("street", "longtext"),
        Key("city"),
        Key("state"),
        Key("postal_code"),
        Key("country"),
        Key("notes", "longtext", help="Up to 1 MB."),
        Key("stage", "text", "fields.stage", "Kept as the custom field 'stage'."),
        _FIELDS,
        _DELETED,
    ),
    needs=("external_id",),
)
PEOPLE = Shape(
    "people",
    "People one can call or write to",
    (
        _SOURCE,
        _EXTERNAL_ID,
        _UPDATED,
        *_ACCOUNT,
        Key("first_name"),
        Key("last_name"),
        Key("name"),
        Key("title"),
        Key("company"),
        Key("email", "email"),
        Key("phone"),
        Key("mobile_phone"),
        Key("other_phone"),
        _OWNER,
        Key("stage"),
        Key("lead_source"),
        *_PLACE,
        Key("opted_out_email", "boolean", help="Only ever toward opted out.", aliases=("email_opt_out",)),
        Key("do_not_call", "boolean", help="Only ever toward opted out.", aliases=("phone_opt_out",)),
        _FIELDS,
        _DELETED,
    ),
    needs=("external_id",),
)
USERS = Shape(
    "users",
    "The people of the team",
    (
        Key("external_id", "key", help="Given back in the answer; users are known by their e-mail."),
        Key("email", "user", may_clear=False),
        Key("name"),
        Key("zone", "zone", help="Time zone, as America/Chicago.", aliases=("time_zone",)),
        Key("is_active", "boolean", aliases=("active",), may_clear=False),
    ),
    needs=("email",),
)
OPTOUTS = Shape(
    "optouts",
    "People who opted out of a channel",
    (
        _SOURCE,
        Key("external_id", "key", help="Given back in the answer."),
        *_PERSON,
        Key("channel", "choice", choices=("email", "phone"), may_clear=False),
        Key("opted_out", "boolean", help="true; only a person may opt somebody in again.", may_clear=False),
        _AT,
    ),
    needs=("channel", "opted_out"),
    needs_one_of=("person.id", "person.email"),
)
SCORES = Shape(
    "scores",
    "Engagement scores of people and accounts",
    (
        _SOURCE,
        Key("external_id", "key", help="Given back in the answer."),
        *_PERSON,
        *_ACCOUNT,
        Key("engagement_score", "number", aliases=("score",)),
        Key("last_engagement_at", "instant"),
        _AT,
    ),
    needs_one_of=("person.id", "person.email", "account.id", "account.domain"),
    needs_given=("engagement_score", "last_engagement_at"),
)
SEGMENTS = Shape(
    "segments",
    "Members of segments",
    (
        _SOURCE,
        Key("external_id", "key", help="Given back in the answer."),
        Key("segment", help="Name of the segment.", may_clear=False),
        *_PERSON,
        *_ACCOUNT,
        Key("member", "boolean", help="false takes it out of the segment; true where absent.", may_clear=False),
        _AT,
    ),
    needs=("segment",),
    needs_one_of=("person.id", "person.email", "account.id", "account.domain"),
)
SHAPES = {s.kind: s for s in (ACCOUNTS, PEOPLE, ACTIVITIES, USERS, OPTOUTS, SCORES, SEGMENTS)}


def template(kind: str) -> str:
    """The header of a CSV file of this kind, one line without its end."""
    return ",".join("fields.example" if key.type == "fields" else key.name for key in SHAPES[kind].keys)
