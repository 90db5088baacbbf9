"""Says in plain words why a row is open or left out: what happened, and what a person can do about it.

The words for the org's own status codes live with the gateway; here those rows speak with their own reason.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cause:
    """One of our own causes."""

    words: str
    """What is the matter, as a heading."""
    do: str
    """What to do now."""
    heals: bool = False
    """Whether rows come right by themselves, without anybody mending anything."""


CAUSES: dict[str, Cause] = {
    "unmapped_value": Cause("A value has no entry in the value map", "Add the value to the value map, then retry."),
    "bad_picklist": Cause("The org's picklist does not have the value", "Map the value to one that the picklist has."),
    "required_empty": Cause("A required field is empty", "Fill it at its source, or give the field a default."),
    "too_long": Cause("A text is longer than the field", "Set the field to cut, or to spill into a note."),
    "bad_value": Cause("A value does not fit the field's type", "Correct it at its source, or choose a transform."),
    "ambiguous": Cause("Several records could be meant", "Pick the one that is meant."),
    "ambiguous_org": Cause("Several records of the org could be it", "Pick the one it is, or have a new one made."),
    "orphan": Cause("Nobody here has this phone, e-mail or id", "Nothing: it goes on when somebody has.", heals=True),
    "parent": Cause("The record it belongs to is not there yet", "Nothing: it goes on when that is.", heals=True),
    "no_parent": Cause("The record it belongs to is not there", "Switch on a job that brings people or accounts."),
    "no_account": Cause("Its account is not known", "Give the record an account at its source."),
    "conflict": Cause("Both sides changed the same field", "Decide which value is right."),
    "opt_in": Cause("A person would be opted in again", "Say whether that is right; only a person may decide it."),
    "inactive_owner": Cause("Its owner's org user is inactive", "Link the owner to an active user."),
    "no_access": Cause(
        "Its user may not see that record in the org", "Share the record with them, or let another user log it."
    ),
    "gone_in_org": Cause("The org record was deleted or is out of sight", "Restore it in the org, or delete it here."),
    "in_doubt": Cause("The org's answer was lost", "Nothing: the next run finds out what happened.", heals=True),
    "in_flight": Cause("It may be one that was just sent from here", "Nothing: the next run knows.", heals=True),
    "not_arrived": Cause("The org never got it", "Nothing: it is sent again.", heals=True),
    "overtaken": Cause("The org record changed since the plan was made", "Nothing: it is looked at again.", heals=True),
    "restored": Cause("It was restored here", "Nothing: the org's values are read again.", heals=True),
    "paused": Cause("All writes to the org are paused", "Resume; it goes on by itself then.", heals=True),
    "canceled": Cause("The run was canceled before it came to it", "Run the job again."),
    "AllowanceUsed": Cause("The org's API allowance was used up", "Nothing: it goes on when it is back.", heals=True),
    "OrgUnreachable": Cause("The org could not be reached", "Nothing: it is tried again.", heals=True),
    "TransientOrgError": Cause("The org could not do it just then", "Nothing: it is tried again.", heals=True),
    "AnswerLost": Cause("The org's answer was lost", "Nothing: the next run finds out what happened.", heals=True),
    "ContractBroken": Cause(
        "The org no longer keeps what the job relies on", "Have the org's admin mend the fields that it names."
    ),
    "ConsentBreach": Cause("The run would have opted somebody in", "Look who it is: only a person may opt them in."),
    "api_reserve": Cause(
        "It would use up the API calls kept back for people", "Approve the plan, or wait until calls are back."
    ),
    "mass_delete": Cause("Too large a share would be deleted", "Look at the plan, then approve or discard it."),
    "all_changed": Cause("Too large a share would be changed", "Look at the plan, then approve or discard it."),
    "suddenly_empty": Cause("The source is suddenly empty", "Look at the source, then approve or discard the plan."),
    "filter": Cause("The job's filter leaves it out", "Change the record, or the job's filter."),
    "left_scope": Cause("It has left the job's filter in the org", "It rests here and comes back with the filter."),
    "archived": Cause(
        "It left the filter of its inbound job", "It rests here, and goes on once that job takes it again."
    ),
    "excluded": Cause("It is on the exclusion list", "Take the domain or person off the list, if that is wrong."),
    "private": Cause("It is marked private", "Take the mark away at its source, if that is wrong."),
    "teammates": Cause("Only teammates took part in it", "Name somebody from outside, if that is wrong."),
    "other_object": Cause("It is another object in the org", "Use the job that writes that object."),
    "no_value": Cause("What it is known by is empty in the org", "Fill the field in the org; the next run takes it."),
    "erased": Cause("This person was erased on request", "They stay out; the org's own record is for its admin."),
    "too_old": Cause("It is older than the job looks back", "Let the job look back further, if it should go."),
    "create_off": Cause("The job does not create records", "Allow it in the job."),
    "update_off": Cause("The job does not update records", "Allow it in the job."),
    "delete_off": Cause("The job keeps what the other side deleted", "Allow deletes in the job."),
    "deleted": Cause("It was deleted before it was ever synced", "There is nothing to do."),
    "deleted_here": Cause("It was deleted in the workspace", "Restore it here, if it should come back."),
    "converted": Cause("The lead was converted", "Its contact comes in instead."),
    "ours": Cause("It was logged from here", "What goes out does not come back in."),
    "seen": Cause("It is recorded in this version already", "There is nothing to do."),
    "linked": Cause("It was found in the org and linked", "There is nothing to do."),
    "undo_left": Cause("It cannot be taken back", "Read why, and mend it by hand where it matters."),
    "GrantRejected": Cause("The org no longer accepts our sign-in", "Sign in to the org again."),
}


def known(cause: str) -> Cause | None:
    """The words for one of our own causes; ``None`` for a status code of the org."""
    return CAUSES.get(cause)
