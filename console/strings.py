"""All words of the console: states, outcomes, causes, and what the server says before a page can be shown."""

from __future__ import annotations

from typing import NamedTuple

from console.refusals import ORG_CODES, Words
from core import Outcome, RunStatus

NAME = "Syncline"

# What the server says without a page.
TRY_AGAIN_BELOW = "Prepare the sign-in again below."
WRONG_HOST = "This console answers only under its own address on this machine (localhost and its port)."
WRONG_ORIGIN = "Another site asked for this, so it was not done. Open the console itself and do it there."
NEEDS_LINK = (
    "Open the link that was printed in the terminal when the console started. "
    "For a fresh one, run `python -m console --link --port {port}` on the machine where it runs."
)
LINK_USED = (
    "This link was used already, or is older than a day. "
    "For a fresh one, run `python -m console --link --port {port}` on the machine where the console runs."
)
SIGN_IN_EXPIRED = "This sign-in was already used or took too long to begin. Start it again on the Connections page."
ONLY_LOOPBACK = "Without sign-in configured the console listens on this machine only, not on {address}."
ONLY_LOOPBACK_HINT = "Use 127.0.0.1, and reach it from elsewhere through an SSH tunnel with the same port."
PORT_TAKEN = "Port {port} is in use by another program."
PORT_TAKEN_HINT = "Choose another with --port, or 0 for any free one."
OPEN_THIS = "Open {link}"
BROKEN_PAGE = "This page could not be shown. Nothing was changed by that."
BROKEN_PAGE_HINT = "Load it again; if it stays, pass the details below on to whoever looks after Syncline."
DETAILS = "Details for support"
NO_WORKER = "No worker is running."
NO_WORKER_HINT = "What is asked for stays queued until one is started with the command syncline worker, or syncline up."


class Sign(NamedTuple):
    """How a state is shown: always a word, a color and an icon together."""

    word: str
    color: str
    icon: str

    def badge(self, text: str = "") -> str:
        """The state as a Markdown badge, with its own word where no text is given."""
        return f":{self.color}-badge[:material/{self.icon}: {text or self.word}]"


NOTHING_SIGN = Sign("Nothing to write", "green", "check_circle")
NO_WORKER_SIGN = Sign("No worker", "orange", "power_off")
JOB_STATES = {
    "stopped": Sign("Stopped", "red", "block"),
    "failing": Sign("Failing", "red", "error"),
    "needs_a_person": Sign("Needs a person", "violet", "front_hand"),
    "running": Sign("Running", "blue", "sync"),
    "behind": Sign("Behind", "orange", "schedule"),
    "in_step": Sign("In step", "green", "check_circle"),
    "not_yet_run": Sign("Not yet run", "gray", "circle"),
    "paused": Sign("Paused", "gray", "pause_circle"),
    "off": Sign("Off", "gray", "do_not_disturb_on"),
}
VERBS = {"stopped": "Mend", "failing": "Mend", "needs_a_person": "Review", "running": "Watch", "off": "Continue"}
DECISIONS = ("ambiguous", "ambiguous_org", "conflict", "opt_in", "gone_in_org")
"""Causes that a person settles row by row; the others are mended once for all rows."""
OUTCOMES = {
    Outcome.CREATED: Sign("Created", "green", "add_circle"),
    Outcome.UPDATED: Sign("Updated", "blue", "edit"),
    Outcome.DELETED: Sign("Deleted", "red", "delete"),
    Outcome.UNCHANGED: Sign("Unchanged", "gray", "drag_handle"),
    Outcome.FILTERED: Sign("Filtered", "gray", "filter_alt"),
    Outcome.SKIPPED: Sign("Skipped", "gray", "skip_next"),
    Outcome.WAITING: Sign("Waiting", "blue", "hourglass_top"),
    Outcome.HELD: Sign("Held", "violet", "front_hand"),
    Outcome.REJECTED: Sign("Rejected", "red", "cancel"),
    Outcome.IN_DOUBT: Sign("In doubt", "orange", "help"),
}
OPEN = (Outcome.HELD, Outcome.REJECTED, Outcome.IN_DOUBT, Outcome.WAITING)
PLANNED_WORDS = {
    Outcome.CREATED: "Create",
    Outcome.UPDATED: "Update",
    Outcome.DELETED: "Delete",
}
RUN_STATES = {
    RunStatus.QUEUED: Sign("Queued", "blue", "hourglass_top"),
    RunStatus.PLANNED: Sign("Planned", "blue", "rule"),
    RunStatus.WAITING_APPROVAL: Sign("Needs a person", "violet", "front_hand"),
    RunStatus.RUNNING: Sign("Running", "blue", "sync"),
    RunStatus.PAUSED: Sign("Paused", "gray", "pause_circle"),
    RunStatus.COMPLETE: Sign("Done", "green", "check_circle"),
    RunStatus.COMPLETE_WITH_REJECTS: Sign("Partly done", "orange", "warning"),
    RunStatus.PARTIAL: Sign("Partly done", "orange", "warning"),
    RunStatus.FAILED: Sign("Stopped", "red", "block"),
    RunStatus.CANCELED: Sign("Canceled", "gray", "do_not_disturb_on"),
}
PLAN_STATES = {
    "kept": Sign("Waits for approval", "violet", "front_hand"),
    "approved": Sign("Approved", "blue", "rule"),
    "applied": Sign("Applied", "green", "check_circle"),
    "stale": Sign("Out of date", "orange", "warning"),
    "discarded": Sign("Discarded", "gray", "do_not_disturb_on"),
}
ON_SIGN = Sign("On", "green", "check_circle")
BUDGET_SIGNS = {
    "enough": Sign("Enough", "green", "check_circle"),
    "tight": Sign("Tight", "orange", "speed"),
    "dry": Sign("Runs dry", "red", "block"),
}
ASKS = {
    "conflict": Sign("Conflict", "violet", "call_split"),
    "match": Sign("Which record", "violet", "person_search"),
    "org_match": Sign("Which org record", "violet", "join"),
    "opt_in": Sign("Opt in again", "violet", "privacy_tip"),
    "delete": Sign("Delete", "violet", "delete"),
    "gone": Sign("Gone in the org", "violet", "cloud_off"),
    "in_doubt": Sign("In doubt", "orange", "help"),
    "plan": Sign("Plan", "violet", "rule"),
    "orphan": Sign("Unknown person", "blue", "hourglass_top"),
}
"""What an item of the inbox asks, the most pressing first."""
ASKS_WHY = {
    "conflict": "Both sides changed this field since they last agreed. Whose value stands?",
    "match": "Several records could be meant. Which one is it?",
    "org_match": "It is new here, and several records of the org have the same key. Which one is it, or none?",
    "opt_in": "One side would opt this person in again. They stay opted out until you say otherwise, and why.",
    "delete": "One side deleted what the other changed. Does the record go or stay?",
    "gone": "The org's record was deleted, or our user may not see it any more. Make it anew, or delete ours?",
    "in_doubt": "The org's answer was lost, and a look at the org could not tell. Did it arrive?",
    "plan": "The plan tripped a guard. Is it to be carried out?",
    "orphan": "Nobody here has this phone, e-mail or id. It goes on by itself when somebody has; or say who it is.",
}
CHOICE_WORDS = {
    "workspace": "Workspace wins",
    "org": "Salesforce wins",
    "record": "It is this one",
    "new": "None of them: make a new one",
    "arrived": "It arrived",
    "same": "It is this one",
    "out": "They stay opted out",
    "in": "Opt them in again",
    "again": "Send it again",
    "delete": "Delete it here as well",
    "approve": "Approve and apply",
    "discard": "Discard the plan",
}
ASKED_BY = {"ambiguous": "match", "opt_in": "opt_in", "gone_in_org": "gone"}
"""Causes of open rows that ask one thing only, and what."""
INBOX_CAUSES = DECISIONS
"""Causes of open rows that ask a person, as the navigation counts them; orphans come right by themselves."""
ALERT_LEVELS = {
    "ok": Sign("Within limits", "green", "check_circle"),
    "warning": Sign("Warning", "orange", "warning"),
    "critical": Sign("Critical", "red", "error"),
}
ALERT_KINDS = {"alert.raised": "Raised", "alert.recovered": "Recovered", "alert.undelivered": "Not delivered"}
ALERT_RULES = {
    "rejected_warning": "Rows refused by the org: warning from",
    "rejected_critical": "Rows refused by the org: critical from",
    "held_warning": "Rows that wait for a person: warning from",
    "age_warning": "Minutes since a job last ran to its end: warning from",
    "age_critical": "Minutes since a job last ran to its end: critical from",
    "api_warning": "Percent of the API allowance used: warning from",
    "api_critical": "Percent of the API allowance used: critical from",
}
ROLES = {
    "viewer": Sign("Viewer", "gray", "visibility"),
    "analyst": Sign("Analyst", "blue", "query_stats"),
    "operator": Sign("Operator", "green", "play_circle"),
    "admin": Sign("Admin", "violet", "shield_person"),
}
ROLE_MAY = {
    "viewer": "May look at everything that runs and what became of it.",
    "analyst": "May also look closer: compare, preview, keep plans, export.",
    "operator": "May also run, retry, decide, approve and undo.",
    "admin": "May also edit jobs, connect orgs, give roles and make tokens.",
}
TOKEN_GOOD = Sign("Good", "green", "check_circle")
TOKEN_ENDED = Sign("Ended", "gray", "block")
PLEASE_SIGN_IN = "Sign in with your team's account to see what syncs with the org."
NO_ROLE = (
    "**You have no role here yet.** You are signed in as {person}. Ask an admin to give you one in Settings, or with:"
)
ADDRESS_NOT_VERIFIED = (
    "**Your account has no verified e-mail address.** Syncline knows people by it. Verify it with your provider, then "
    "sign in again."
)
NOT_SIGNED_IN = "Nobody is signed in."
SIGN_IN_AGAIN = "Sign in again; what you had begun is kept as a draft."
SIGN_IN_LACKS = "The sign-in of the console lacks {names}."
SIGN_IN_WHERE = "Set them in the section [auth] of .streamlit/secrets.toml, or take the section out."
SIGN_IN_COOKIE_SHORT = "The cookie_secret of the console's sign-in is too short to be safe."
SIGN_IN_COOKIE_HINT = "Take at least 32 random characters, such as those of: openssl rand -hex 32"
SIGN_IN_REDIRECT = "The console's sign-in would come back to {uri}, which is not where the console is reached."
SIGN_IN_NEEDS_HTTPS = "People would sign in over {url}, where their sessions can be read on the way."
SIGN_IN_HTTPS_HINT = "Put a proxy with https in front and set SYNCLINE_PUBLIC_URL to its address."
SIGNED_OUT = (
    "**You are signed out.** Nothing more can be done in this tab, nor in any other of this session. A fresh link lets "
    "you in again: `python -m console --link` on the machine where the console runs."
)
CONNECTION_STATES = {
    "new": Sign("New", "gray", "edit_note"),
    "ok": Sign("Connected", "green", "check_circle"),
    "auth_failed": Sign("Sign-in refused", "red", "block"),
    "over_limit": Sign("Over the limit", "orange", "speed"),
    "unreachable": Sign("Out of reach", "red", "cloud_off"),
    "paused": Sign("Paused", "gray", "pause_circle"),
}
CONNECTION_REMEDIES = {
    "new": "Sign in to finish it.",
    "auth_failed": "Sign in again below; all jobs wait until then, and nothing is lost.",
    "over_limit": "Nothing to do: calls come back hour by hour, and the jobs go on by themselves.",
    "unreachable": "Check the network and the org's status; the jobs go on by themselves once it answers.",
    "paused": "Resume when the org may be written to again.",
}
SEVERITIES = {
    "fail": Sign("Fail", "red", "error"),
    "warn": Sign("Warn", "orange", "warning"),
    "pass": Sign("Pass", "green", "check_circle"),
}
MAPPING_CHECKS = {
    "fail": Sign("Fail", "red", "error"),
    "warn": Sign("Warn", "orange", "warning"),
    "ready": Sign("Ready", "green", "check_circle"),
    "unmapped": Sign("Not mapped", "gray", "circle"),
    "off": Sign("Off", "gray", "do_not_disturb_on"),
}


CAUSES = {
    "unmapped_value": Words(
        "A value has no entry in the value map",
        "The record carries a value that the job's value map does not know.",
        "Choose what it becomes in the value map, then retry.",
        "Values",
        "Unmapped value",
    ),
    "bad_picklist": Words(
        "A picklist value does not exist",
        "The value map leads to a value that the org's picklist does not have.",
        "Choose one that the picklist has, then retry.",
        "Values",
        "Picklist value",
    ),
    "required_empty": Words(
        "A required field would be empty",
        "Neither the record nor the mapping fills it.",
        "Give the field a default, or fill it at its source, then retry.",
        "Mapping",
        "Required field",
    ),
    "too_long": Words(
        "A text is longer than its field",
        "The org's field is too short for it, and the mapping says to hold such rows.",
        "Let the mapping cut it or spill the rest into a note, then retry.",
        "Mapping",
        "Too long",
    ),
    "bad_value": Words(
        "A value does not fit its field",
        "The field takes another type of value.",
        "Correct it at its source, or choose a transform, then retry.",
        "Mapping",
        "Bad value",
    ),
    "ambiguous": Words(
        "Several records could be meant",
        "They share the phone number, e-mail or domain that the row carries.",
        "Pick the right one; the row is then pushed.",
        "",
        "Ambiguous",
    ),
    "ambiguous_org": Words(
        "Several records of the org could be it",
        "It is new here, and more than one record of the org has the same match key.",
        "Pick the one it is, or have a new one made.",
        "",
        "Ambiguous in the org",
    ),
    "orphan": Words(
        "Nobody in the workspace is known by this phone, e-mail or id",
        "The person has not been synced or taken in yet.",
        "Nothing to do if the person is on the way; it goes on by itself.",
        "",
        "Unknown person",
    ),
    "in_flight": Words(
        "It may be one that was just sent from here",
        "A push of ours to this object is not settled yet.",
        "Nothing to do: the next run tells them apart.",
        "",
        "Just sent",
    ),
    "not_arrived": Words(
        "The org never got it",
        "The answer was lost, and a later look proved that nothing had arrived.",
        "Nothing to do: it is sent again.",
        "",
        "Sent again",
    ),
    "overtaken": Words(
        "The org record changed since the plan was made",
        "Somebody edited it between the plan and its approval.",
        "Nothing to do: it is compared and planned again.",
        "",
        "Overtaken",
    ),
    "parent": Words(
        "The record it belongs to is not there yet",
        "Its person or account has not been synced yet.",
        "Nothing to do; it goes on by itself when that is there.",
        "",
        "Waits for parent",
    ),
    "no_parent": Words(
        "The record it belongs to is not there",
        "No job that is switched on brings it.",
        "Switch on a job that brings people or accounts.",
        "",
        "No parent",
    ),
    "no_account": Words(
        "Its account is not known",
        "The record names no account that the workspace knows.",
        "Give it an account at its source.",
        "",
        "No account",
    ),
    "conflict": Words(
        "Both sides changed the same field",
        "The job asks a person in that case, or the times do not tell which is later.",
        "Decide which value is right, or choose a conflict policy.",
        "Rules",
        "Conflict",
    ),
    "opt_in": Words(
        "A person would be opted in again",
        "One side says that they may be written to or called again; the other says that they opted out.",
        "They stay opted out until a person decides otherwise and says why.",
        "",
        "Opt in again",
    ),
    "no_access": Words(
        "Its user may not see that record in the org",
        "The person or the related record is not shared with the org user who made the activity.",
        "Share the record with them in the org, or have another user log it; then retry.",
        "",
        "Out of sight",
    ),
    "inactive_owner": Words(
        "The owner is inactive in the org",
        "The org user of its owner was switched off.",
        "Link the owner to an active user, or let the integration user own such rows.",
        "Rules",
        "Inactive owner",
    ),
    "gone_in_org": Words(
        "The org record is gone",
        "It was deleted, or our user may not see it any more.",
        "Restore it in the org, or delete it here.",
        "",
        "Gone in the org",
    ),
    "in_doubt": Words(
        "An answer was lost",
        "The row was sent and no answer came back; it may or may not have been applied.",
        "Nothing to do; the next run asks the org before it sends anything again.",
        "",
        "In doubt",
    ),
    "AllowanceUsed": Words(
        "The org's API allowance is used up",
        "All applications together have made as many calls in 24 hours as the org may.",
        "Nothing to do; it goes on when calls come back.",
        "",
        "Allowance",
    ),
    "OrgUnreachable": Words(
        "The org does not answer",
        "The network or the org was down.",
        "Nothing to do; it is tried again by itself.",
        "",
        "Out of reach",
    ),
    "AnswerLost": Words(
        "An answer was lost",
        "The row was sent and no answer came back.",
        "Nothing to do; the next run asks the org first.",
        "",
        "In doubt",
    ),
    "GrantRejected": Words(
        "The org no longer accepts our sign-in",
        "The sign-in was revoked or has expired.",
        "Sign in again on the Connections page.",
        "",
        "Sign-in refused",
    ),
    "canceled": Words(
        "The run was canceled before it came to this row",
        "Somebody stopped the run.",
        "Run the job again.",
        "",
        "Canceled",
    ),
    "paused": Words(
        "All writes to the org are paused",
        "Somebody paused them.",
        "Resume on the Connections page.",
        "",
        "Paused",
    ),
    "delete_off": Words("It was deleted on one side; the job keeps it on the other", "The job is set so.", "", "Rules"),
    "create_off": Words("The job does not create records", "The job is set so.", "", "Rules"),
    "update_off": Words("The job does not update records", "The job is set so.", "", "Rules"),
    "filter": Words("The job's filter leaves it out", "The job is set so.", "", "Source"),
    "too_old": Words("It is older than the job looks back", "The job is set so.", "", "Source"),
    "seen": Words("Recorded already in this version", "Nothing changed since.", ""),
    "ours": Words("It was logged from here", "What goes out does not come back in.", ""),
    "converted": Words("The lead was converted", "Its contact comes in instead.", ""),
    "deleted": Words("It was deleted before it was ever synced", "There is nothing to do.", ""),
    "deleted_here": Words("It was deleted in the workspace", "It is not brought back.", ""),
    "left_scope": Words("It has left the job's filter in the org", "It rests here and comes back with the filter.", ""),
    "archived": Words("It left the filter of its inbound job", "It rests here until that job takes it again.", ""),
    "excluded": Words("It is on the exclusion list", "No job carries it over.", ""),
    "private": Words("It is marked private", "Private activities stay here.", ""),
    "teammates": Words("Only teammates took part in it", "Such meetings stay here.", ""),
    "other_object": Words("It is another object in the org", "This job writes a different one.", ""),
    "no_value": Words("What it is known by is empty in the org", "The job brings nobody in without it.", ""),
    "erased": Words("This person was erased on request", "They are not taken in again.", ""),
}
RETRY_MINUTES = (1, 5, 15, 60)
"""When temporary errors are tried again; the last repeats."""
RETRY_RULE = (
    f"Temporary errors are tried again by themselves after {RETRY_MINUTES[0]}, {RETRY_MINUTES[1]}, {RETRY_MINUTES[2]} "
    f"and {RETRY_MINUTES[3]} minutes, then every {RETRY_MINUTES[3]}. Permanent ones are never sent again until you say "
    "so. Only the rows that failed are sent, never their whole batch."
)
BLANKS = {
    "never_clear": "Leave the target as it is",
    "clear": "Clear the target",
    "fill_only": "Fill only while the target is empty",
    "create_only": "Set on create only",
}
OVERFLOWS = {
    "hold": "Hold the row for a person",
    "cut": "Cut the text, with a mark at the end",
    "spill": "Cut it, and keep the whole text in a note",
}
POLICIES = {
    "last_update_wins": "Last update wins",
    "org_wins": "Salesforce wins",
    "workspace_wins": "Workspace wins",
    "ask": "Ask a person",
}
OWNER_RULES = {"linked_user": "The caller's own org user", "integration_user": "Always the integration user"}
INACTIVE_OWNERS = {"integration_user": "The integration user owns it", "hold": "Hold the row"}
FIELD_TYPES = {
    "string": "text",
    "textarea": "long text",
    "picklist": "picklist",
    "multipicklist": "picklist, several",
    "boolean": "checkbox",
    "double": "number",
    "int": "number",
    "currency": "currency",
    "percent": "percent",
    "datetime": "date and time",
    "date": "date",
    "reference": "lookup",
    "email": "e-mail",
    "phone": "phone",
    "url": "web address",
    "id": "record Id",
    "combobox": "picklist or text",
}


def cause_words(cause: str, reason: str = "") -> Words:
    """The words for a cause; a code of the org that has none speaks with the org's own reason."""
    found = CAUSES.get(cause) or ORG_CODES.get(cause.upper())
    if found:
        return found
    return Words(reason or f"The org refused it: {cause}", "", "Mend what the org names, then retry.", "", cause)


def verb(cause: str) -> str:
    """What a person does about rows of a cause: one word, wherever they are shown."""
    if cause in DECISIONS:
        return "Decide"
    return "Mend" if cause_words(cause).step else "Open"


def short(cause: str) -> str:
    """A cause in one or two words, as filters and tables name it."""
    return cause_words(cause).short or cause


def count(n: int, one: str, many: str = "") -> str:
    """``1 row``, ``2,104 rows``."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"
