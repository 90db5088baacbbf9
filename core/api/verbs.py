"""Names the verbs that the API carries beside intake and runs: address, what is sent, and which verb answers.

Each is written down once: the routes, the check of what is sent and the OpenAPI document are made of it. Who may do it
is said by the verb itself, in core.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import UsageError
from core.records import Direction
from core.workspace import Workspace


class Sent(BaseModel):
    """What a request carries, in its body or its query; a name that is none is refused."""

    model_config = ConfigDict(extra="forbid")


class Nothing(Sent):
    """Nothing."""


class AboutInbox(Sent):
    """Which questions."""

    job: str | None = Field(None, description="Only this job's questions.")
    kind: str | None = Field(None, description="Only questions of this kind.")


class Decision(Sent):
    """One choice for one or many questions."""

    items: list[str] = Field(min_length=1, description="`item` of each question.")
    choice: str = Field(description="One of the question's `choices`.")
    record_id: int | None = Field(None, description="With `record`: the record that is meant.")
    org_id: str | None = Field(None, description="With `arrived` or `same`: the org record it is.")
    note: str = Field("", description="Why; kept with the decision.")


class Rule(Sent):
    """An import rule."""

    sobject: Literal["Contact", "Lead", "Account"]
    views: list[str] = Field(min_length=1, description="Developer names of list views.")
    segment: str = Field("", description="The segment they join; none where they only come in.")
    new: bool = Field(False, description="Whether the segment is to be made.")
    name: str = Field("", description="The rule's name, to edit one.")


class Exclusion(Sent):
    """Values of one exclusion list."""

    kind: Literal["domain", "person"]
    values: list[str] = Field(min_length=1)


class AboutConsent(Sent):
    """Whose part of the consent ledger."""

    person: int | None = Field(None, description="Only this person's part of the ledger.")


class OptIn(Sent):
    """Somebody is opted in again."""

    person: int = Field(description="The person's record number.")
    channel: Literal["email", "phone"]
    evidence: str = Field(min_length=1, description="Why they may be opted in again; kept with who and when.")


class Trial(Sent):
    """Whose activities a trial sends."""

    user: str = Field(description="E-mail of the one whose activities are sent.")


class Words(Sent):
    """A word list."""

    words: list[str]


class CustomField(Sent):
    """A custom field."""

    kind: str
    name: str
    type: str = "text"
    label: str = ""
    choices: list[str] = []


class Text(Sent):
    """A configuration."""

    text: str = Field(description="The configuration as YAML.")


class Import(Text):
    """A configuration to be taken over."""

    enable: bool = Field(False, description="Whether jobs that are on in it are switched on.")


class AboutLog(Sent):
    """Which changes."""

    topic: str = ""
    search: str = ""
    limit: int = Field(50, ge=1, le=1_000)
    skip: int = Field(0, ge=0)


class AboutFields(Sent):
    """How the fields are used."""

    direction: Literal["inbound", "outbound"] = "outbound"
    record_type: str = Field("", description="Developer name; the picklists are then its own.")


class NewJob(Sent):
    """A job to be made."""

    template: str
    name: str | None = None


class SwitchOn(Sent):
    """How a job begins."""

    from_now: bool = Field(False, description="Leave what is there already alone, until a backfill is asked for.")


class Retry(Sent):
    """Which open rows."""

    job: str | None = None
    cause: str | None = None
    subjects: list[str] = []


Answer = Callable[[Workspace, dict[str, str], Any], Any]


@dataclass(frozen=True)
class Verb:
    """One address of the API."""

    method: str
    path: str
    operation: str
    summary: str
    answer: Answer
    takes: type[Sent] = Nothing
    status: int = 200

    @property
    def in_body(self) -> bool:
        """Whether what it takes comes in the body, and not in the query."""
        return self.method != "GET" and self.takes is not Nothing


def _run(run_id: str) -> dict[str, str]:
    return {"run_id": run_id}


VERBS: tuple[Verb, ...] = (
    # Jobs
    Verb("POST", "/jobs", "createJob", "Make a job from a template; it is off",
         lambda ws, p, s: ws.create_job(s.template, s.name), NewJob, 201),
    Verb("GET", "/jobs/{name}", "getJob", "One job with everything it is set to", lambda ws, p, s: ws.job(p["name"])),
    Verb("GET", "/jobs/{name}/findings", "validateJob", "Everything there is to say of a job's mapping",
         lambda ws, p, s: ws.validate(p["name"])),
    Verb("PUT", "/jobs/{name}/enabled", "enableJob", "Switch a job on",
         lambda ws, p, s: ws.enable(p["name"], from_now=s.from_now), SwitchOn, 204),
    Verb("DELETE", "/jobs/{name}/enabled", "disableJob", "Switch a job off",
         lambda ws, p, s: ws.disable(p["name"]), status=204),
    Verb("GET", "/jobs/{name}/backfill", "countBackfill", "What a backfill would come to, by outcome",
         lambda ws, p, s: ws.backfill_counts(p["name"])),
    Verb("POST", "/jobs/{name}/backfill", "backfill", "Sync once everything that is there",
         lambda ws, p, s: _run(ws.backfill(p["name"])), status=202),
    Verb("POST", "/jobs/{name}/trials", "tryJob", "Run a job for one person's activities only",
         lambda ws, p, s: _run(ws.try_job(p["name"], s.user)), Trial, 202),
    Verb("GET", "/objects/{sobject}/fields", "listFields", "The org's fields as a mapping needs to know them",
         lambda ws, p, s: ws.org_fields(p["sobject"], direction=Direction(s.direction), record_type=s.record_type),
         AboutFields),
    # Runs
    Verb("GET", "/runs/{id}/checklist", "getChecklist", "What a run wrote, and what the org has of it now",
         lambda ws, p, s: ws.checklist(p["id"])),
    Verb("GET", "/runs/{id}/undo", "previewUndo", "What an undo of a run would do now, by outcome",
         lambda ws, p, s: ws.preview_undo(p["id"]).counts),
    Verb("POST", "/runs/{id}/undo", "undoRun", "Take back what a run wrote, as far as nobody has changed it since",
         lambda ws, p, s: _run(ws.undo(p["id"])), status=202),
    Verb("POST", "/runs/{id}/cancel", "cancelRun", "Stop a run after the batch under way",
         lambda ws, p, s: ws.cancel(p["id"]), status=204),
    Verb("POST", "/retries", "retry", "Look again at open rows: those named, of one cause, of one job, or all",
         lambda ws, p, s: {"runs": ws.retry(job=s.job, cause=s.cause, subjects=s.subjects)}, Retry, 202),
    # What waits for a person
    Verb("GET", "/inbox", "listInbox", "What waits for a decision",
         lambda ws, p, s: ws.inbox(job=s.job, kind=s.kind), AboutInbox),
    Verb("POST", "/inbox/decisions", "decide", "Decide one or many questions alike",
         lambda ws, p, s: {
             "runs": ws.decide(s.items, s.choice, record_id=s.record_id, org_id=s.org_id, note=s.note)
         }, Decision),
    Verb("GET", "/consent", "listConsent", "The consent ledger, oldest first",
         lambda ws, p, s: ws.consent(s.person), AboutConsent),
    Verb("POST", "/consent/opt-ins", "optIn", "Opt a person in again by hand",
         lambda ws, p, s: ws.opt_in(s.person, s.channel, s.evidence), OptIn, 204),
    # Lists and segments
    Verb("GET", "/segments", "listSegments", "The segments with their members counted", lambda ws, p, s: ws.segments()),
    Verb("GET", "/lists/{sobject}", "listViews", "The org's list views of an object that the connected user may see",
         lambda ws, p, s: ws.list_views(p["sobject"])),
    Verb("POST", "/lists", "importLists", "Make or edit an import rule; its jobs are off",
         lambda ws, p, s: ws.import_lists(s.sobject, s.views, segment=s.segment, new=s.new, name=s.name), Rule, 201),
    # Configuration
    Verb("GET", "/exclusions", "listExclusions", "The exclusion lists", lambda ws, p, s: ws.exclusions()),
    Verb("POST", "/exclusions", "exclude", "Put domains or people on the exclusion lists",
         lambda ws, p, s: {"values": ws.exclude(s.kind, s.values)}, Exclusion),
    Verb("DELETE", "/exclusions", "include", "Take domains or people off the exclusion lists",
         lambda ws, p, s: {"values": ws.exclude(s.kind, s.values, exclude=False)}, Exclusion),
    Verb("GET", "/vocabulary", "getVocabulary", "The team's own words and custom fields",
         lambda ws, p, s: ws.vocabulary()),
    Verb("PUT", "/vocabulary/words/{list}", "setWords", "Replace a word list",
         lambda ws, p, s: ws.set_words(p["list"], s.words), Words, 204),
    Verb("PUT", "/vocabulary/fields", "addField", "Add or change a custom field",
         lambda ws, p, s: ws.add_field(s.kind, s.name, s.type, label=s.label, choices=s.choices), CustomField, 204),
    Verb("DELETE", "/vocabulary/fields/{kind}/{name}", "removeField", "Take a custom field away",
         lambda ws, p, s: ws.remove_field(p["kind"], p["name"]), status=204),
    Verb("GET", "/config", "exportConfig", "The whole configuration as YAML",
         lambda ws, p, s: {"text": ws.export_config()}),
    Verb("POST", "/config/diff", "diffConfig", "Every difference to a configuration; changes nothing",
         lambda ws, p, s: ws.diff_config(s.text), Text),
    Verb("POST", "/config/findings", "validateConfig", "The findings of every job of a configuration; saves nothing",
         lambda ws, p, s: ws.validate_config(s.text), Text),
    Verb("PUT", "/config", "importConfig", "Take over a configuration; what changed",
         lambda ws, p, s: ws.import_config(s.text, enable=s.enable), Import),
    Verb("GET", "/config/log", "listChanges", "Who changed the configuration, newest first",
         lambda ws, p, s: ws.config_log(topic=s.topic, search=s.search, limit=s.limit, skip=s.skip), AboutLog),
)  # fmt: skip


def sent(verb: Verb, told: Any) -> Sent:
    """What a request carries, checked.

    Raises:
        UsageError: something is missing, of another kind, or has a name that is none; all of it is named.
    """
    try:
        return verb.takes.model_validate(told)
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, e['loc'])) or 'the body'}: {e['msg']}" for e in error.errors()]
        names = ", ".join(verb.takes.model_fields) or "nothing"
        raise UsageError(f"Not as it is to be sent: {'; '.join(wrong)}.", hint=f"It takes {names}.") from None


def plain(found: Any) -> Any:
    """What a verb answers, as values of JSON."""
    if isinstance(found, pl.DataFrame):
        return found.to_dicts()
    if isinstance(found, BaseModel):
        return found.model_dump(mode="json")
    if is_dataclass(found) and not isinstance(found, type):
        return asdict(found)
    if isinstance(found, dict):
        return {str(k): plain(v) for k, v in found.items()}
    if isinstance(found, (list, tuple)):
        return [plain(v) for v in found]
    return found
