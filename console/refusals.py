"""The org's status codes in plain words: what happened, why, what to do now, and the step of the editor that mends it.

The org's own message is always shown beside them; a code that is not here speaks with that message alone.
"""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """A cause in plain words: what happened, why, what to do now, and the step of the editor that mends it."""

    title: str
    why: str
    do: str
    step: str = ""
    short: str = ""


_AGAIN = "Nothing to do; the row is sent again by itself."
_ADMIN = "Give the org's message to its admin; retry when it is mended."

ORG_CODES = {
    "REQUIRED_FIELD_MISSING": Words(
        "The org asks for a field that is empty",
        "Neither the record nor the mapping fills a field that the org requires.",
        "Map the field or give it a default, then retry.",
        "Mapping",
        "Field missing",
    ),
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": Words(
        "The org's picklist does not have the value",
        "The picklist is restricted; what the value map leads to is not in it, or not for this record type.",
        "Choose a value that the picklist has, then retry.",
        "Values",
        "Picklist refused",
    ),
    "STRING_TOO_LONG": Words(
        "The org found a text too long for its field",
        "The field in the org is shorter than the value that was sent.",
        "Let the mapping cut it or spill the rest into a note, then retry.",
        "Mapping",
        "Text refused",
    ),
    "INVALID_EMAIL_ADDRESS": Words(
        "The org does not take the e-mail address",
        "It checks the form of addresses more strictly than the source did.",
        "Correct the address at its source, then retry.",
        "",
        "E-mail refused",
    ),
    "INVALID_TYPE_ON_FIELD_IN_RECORD": Words(
        "A value has the wrong type for its field",
        "The mapping sends text where the org wants a number, a date or a checkbox.",
        "Choose a transform for the field, then retry.",
        "Mapping",
        "Wrong type",
    ),
    "NUMBER_OUTSIDE_VALID_RANGE": Words(
        "A number is too large for its field",
        "The field in the org has fewer digits than the value.",
        "Correct the value, or have the org's admin widen the field; then retry.",
        "",
        "Too large",
    ),
    "INVALID_FIELD_FOR_INSERT_UPDATE": Words(
        "Our user may not write a field",
        "Field-level security hides it or makes it read-only, or Salesforce fills it by itself.",
        "Ask the org's admin for edit access, or take the field out of the mapping; then retry.",
        "Mapping",
        "Not writable",
    ),
    "INVALID_FIELD": Words(
        "The org does not know a mapped field",
        "It was renamed or deleted, or our user may not see it any more.",
        "Pull the org's fields on Connections, mend the mapping, then retry.",
        "Mapping",
        "Unknown field",
    ),
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": Words(
        "A validation rule of the org refused the row",
        "The org's admin made a rule; the message is the rule's own text.",
        "Fill what the rule asks for, or ask the admin to exempt the integration user; then retry.",
        "Mapping",
        "Validation rule",
    ),
    "FIELD_INTEGRITY_EXCEPTION": Words(
        "A value does not fit the rest of the record",
        "A lookup points to the wrong kind of record, or two values contradict each other.",
        "Correct the field that the org names, then retry.",
        "Mapping",
        "Contradiction",
    ),
    "FIELD_FILTER_VALIDATION_EXCEPTION": Words(
        "A lookup filter of the org refused the related record",
        "The lookup takes only records that meet its admin's filter.",
        "Relate the row to a record that meets it, or ask the admin; then retry.",
        "",
        "Lookup filter",
    ),
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": Words(
        "An automation of the org refused the row", "A trigger or a flow stopped it.", _ADMIN, "", "Automation"
    ),
    "CANNOT_EXECUTE_FLOW_TRIGGER": Words(
        "A flow of the org failed on the row", "The automation stopped with an error.", _ADMIN, "", "Flow failed"
    ),
    "INACTIVE_OWNER_OR_USER": Words(
        "The owner is no longer active in the org",
        "Salesforce takes no new records for inactive users.",
        "Link the owner to an active org user on Connections, or choose a fallback owner; then retry.",
        "Rules",
        "Owner refused",
    ),
    "INSUFFICIENT_ACCESS_OR_READONLY": Words(
        "Our user may not change the record",
        "It is shared read-only, locked or archived, or the object may not be edited.",
        "Ask the org's admin to share it with the integration user, then retry.",
        "",
        "No access",
    ),
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": Words(
        "Our user may not use a related record",
        "The owner, account or person that the row points to is not shared with the integration user.",
        "Ask the org's admin to share the related record, then retry.",
        "",
        "No access to related",
    ),
    "INVALID_CROSS_REFERENCE_KEY": Words(
        "A related record is not there",
        "The owner, account or person that the row points to was deleted or merged, or is hidden from our user.",
        "Run the inbound jobs so that the links follow, then retry.",
        "",
        "Related is gone",
    ),
    "MALFORMED_ID": Words(
        "An Id is not of the right kind",
        "A lookup holds something that is no Id of the object it points to.",
        "Correct the mapping of the lookup, then retry.",
        "Mapping",
        "Bad Id",
    ),
    "ENTITY_IS_DELETED": Words(
        "The record was deleted in the org",
        "Somebody deleted or merged it after the two were linked.",
        "Run the inbound job, which follows the merge or unlinks the record; then retry.",
        "",
        "Deleted in the org",
    ),
    "ENTITY_IS_LOCKED": Words(
        "The record is locked in the org",
        "It is in an approval process.",
        "Wait for the approval to end, then retry.",
        "",
        "Locked",
    ),
    "CANNOT_UPDATE_CONVERTED_LEAD": Words(
        "The lead was converted",
        "The person is a contact in the org now, and a converted lead takes no changes.",
        "Run the inbound people job, which moves the link to the contact; then retry.",
        "",
        "Converted lead",
    ),
    "DUPLICATE_VALUE": Words(
        "Another record already has this unique value",
        "A field is unique in the org, and the value is taken.",
        "Link to the record that the org names, or correct the value; then retry.",
        "",
        "Value taken",
    ),
    "DUPLICATE_EXTERNAL_ID": Words(
        "Several records of the org have this External ID",
        "The field is not unique in the org, so it cannot tell which record is meant.",
        "Have the org's admin merge them or make the field unique, then retry.",
        "",
        "External ID twice",
    ),
    "DUPLICATES_DETECTED": Words(
        "A duplicate rule of the org found a record like it",
        "The org's admin made rules against duplicates; the message names what was found.",
        "Link to the record found, or correct this one; then retry.",
        "",
        "Duplicate rule",
    ),
    "UNABLE_TO_LOCK_ROW": Words(
        "Another change held the record",
        "Several changes met on the same record, account or person at once.",
        _AGAIN,
        "",
        "Record was busy",
    ),
    "REQUEST_LIMIT_EXCEEDED": Words(
        "The org's API allowance is used up",
        "All applications together have made as many calls in 24 hours as the org may.",
        "Nothing to do; it goes on when calls come back, hour by hour.",
        "",
        "Call limit",
    ),
    "STORAGE_LIMIT_EXCEEDED": Words(
        "The org's data storage is full",
        "No record can be created until there is room.",
        "Ask the org's admin to free or buy storage; the rows are sent again by themselves.",
        "",
        "Storage full",
    ),
    "SERVER_UNAVAILABLE": Words(
        "The org was busy or in maintenance", "Salesforce did not take the request.", _AGAIN, "", "Org busy"
    ),
    "API_TEMPORARILY_UNAVAILABLE": Words(
        "The org's API was down for a moment", "Salesforce maintains or moves the org.", _AGAIN, "", "API down"
    ),
    "UNKNOWN_EXCEPTION": Words(
        "The org failed in an unexpected way",
        "An error inside Salesforce; the message has an ErrorId for its support.",
        "Nothing to do at first; if it lasts, give the ErrorId to Salesforce support.",
        "",
        "Org failed",
    ),
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": Words(
        "A row sent together with it failed",
        "The request was all or none; this row itself was fine.",
        "Mend the row that failed; this one goes along.",
        "",
        "Rolled back",
    ),
}
