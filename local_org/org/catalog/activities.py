"""Declares Task, Event and their relations to people and parents."""

from __future__ import annotations

from local_org.org.catalog.declare import AUDIT, fields
from local_org.org.model import SObject

# The parents of WhatId and RelationId are filled in from the objects that allow activities: see `linked`.
_WHO_WHAT = """
WhoId | reference | CUN | Name ID | to=Contact,Lead rel=Who child={plural} cascade
WhatId | reference | CUN | Related To ID | to=Account rel=What child={plural} cascade
"""

_TASK = fields(
    "Id | id | D | Activity ID | idlookup",
    _WHO_WHAT.format(plural="Tasks"),
    """
WhoCount | int(8) | N | Relation Count
WhatCount | int(8) | N | Related To Count
Subject | combobox(255) | CUN | Subject | name pl=TaskSubject fixed
ActivityDate | date | CUN | Due Date Only | fixed
Status | picklist(40) | CUD | Status | pl=TaskStatus
Priority | picklist(40) | CUD | Priority | pl=TaskPriority
IsHighPriority | boolean | D | High Priority
OwnerId | reference | CUD | Assigned To ID | to=Group,User rel=Owner
Description | textarea(32000) | CUN | Description
Type | picklist(40) | CUN | Type | pl=ActivityType
IsDeleted | boolean | D | Deleted
AccountId | reference | N | Account ID | to=Account rel=Account
IsClosed | boolean | D | Closed
""",
    AUDIT,
    """
IsArchived | boolean | D | Archived
CallDurationInSeconds | int(8) | CUN | Call Duration
CallType | picklist(40) | CUN | Call Type | pl=CallType restricted
CallDisposition | string(255) | CUN | Call Result
CallObject | string(255) | CUN | Call Object Identifier
ReminderDateTime | datetime | CUN | Reminder Date/Time | fixed
IsReminderSet | boolean | CUD | Reminder Set | fixed
RecurrenceActivityId | reference | N | Recurrence Activity ID | to=Task
IsRecurrence | boolean | CUD | Create Recurring Series of Tasks | fixed
RecurrenceStartDateOnly | date | CUN | Recurrence Start | fixed
RecurrenceEndDateOnly | date | CUN | Recurrence End | fixed
RecurrenceTimeZoneSidKey | picklist(40) | CUN | Recurrence Time Zone | pl=TimeZone fixed
RecurrenceType | picklist(40) | CUN | Recurrence Type | pl=RecurrenceType restricted fixed
RecurrenceInterval | int(9) | CUN | Recurrence Interval | fixed
RecurrenceDayOfWeekMask | int(9) | CUN | Recurrence Day of Week Mask | fixed
RecurrenceDayOfMonth | int(9) | CUN | Recurrence Day of Month | fixed
RecurrenceInstance | picklist(40) | CUN | Recurrence Instance | pl=RecurrenceInstance restricted fixed
RecurrenceMonthOfYear | picklist(40) | CUN | Recurrence Month of Year | pl=Month restricted fixed
RecurrenceRegeneratedType | picklist(40) | CUN | Repeat This Task | pl=RecurrenceRegenerated restricted fixed
TaskSubtype | picklist(40) | CN | Task Subtype | pl=TaskSubtype restricted fixed
CompletedDateTime | datetime | N | Completed Date
""",
)

_EVENT = fields(
    "Id | id | D | Activity ID | idlookup",
    _WHO_WHAT.format(plural="Events"),
    """
WhoCount | int(8) | N | Relation Count
WhatCount | int(8) | N | Related To Count
Subject | combobox(255) | CUN | Subject | name pl=EventSubject fixed
Location | string(255) | CUN | Location
IsAllDayEvent | boolean | CUD | All-Day Event
ActivityDateTime | datetime | CUN | Due Date Time | fixed
ActivityDate | date | CUN | Due Date Only | fixed
DurationInMinutes | int(8) | CUN | Duration | fixed
StartDateTime | datetime | CUN | Start Date Time | fixed
EndDateTime | datetime | CUN | End Date Time | fixed
EndDate | date | N | End Date
Description | textarea(32000) | CUN | Description
AccountId | reference | N | Account ID | to=Account rel=Account
OwnerId | reference | CUD | Assigned To ID | to=User rel=Owner
Type | picklist(40) | CUN | Type | pl=ActivityType
IsPrivate | boolean | CUD | Private | fixed
ShowAs | picklist(40) | CUND | Show Time As | pl=ShowAs restricted fixed
IsDeleted | boolean | D | Deleted
IsChild | boolean | D | Is Child
IsGroupEvent | boolean | D | Is Group Event
GroupEventType | picklist(40) | ND | Group Event Type | pl=GroupEventType restricted
""",
    AUDIT,
    """
IsArchived | boolean | D | Archived
RecurrenceActivityId | reference | N | Recurrence Activity ID | to=Event
IsRecurrence | boolean | CD | Create Recurring Series of Events | fixed
RecurrenceStartDateTime | datetime | CUN | Recurrence Start | fixed
RecurrenceEndDateOnly | date | CUN | Recurrence End | fixed
RecurrenceTimeZoneSidKey | picklist(40) | CUN | Recurrence Time Zone | pl=TimeZone fixed
RecurrenceType | picklist(40) | CUN | Recurrence Type | pl=RecurrenceType restricted fixed
RecurrenceInterval | int(9) | CUN | Recurrence Interval | fixed
RecurrenceDayOfWeekMask | int(9) | CUN | Recurrence Day of Week Mask | fixed
RecurrenceDayOfMonth | int(9) | CUN | Recurrence Day of Month | fixed
RecurrenceInstance | picklist(40) | CUN | Recurrence Instance | pl=RecurrenceInstance restricted fixed
RecurrenceMonthOfYear | picklist(40) | CUN | Recurrence Month of Year | pl=Month restricted fixed
ReminderDateTime | datetime | CUN | Reminder Date/Time | fixed
IsReminderSet | boolean | CUD | Reminder Set | fixed
EventSubtype | picklist(40) | CN | Event Subtype | pl=EventSubtype restricted fixed
IsRecurrence2Exclusion | boolean | D | Historical Event, Not Following Recurrence
Recurrence2PatternText | textarea(512) | CN | Recurrence Pattern | fixed
Recurrence2PatternVersion | picklist(40) | N | Pattern Version | pl=PatternVersion restricted
IsRecurrence2 | boolean | D | Repeat
IsRecurrence2Exception | boolean | D | Is Exception
Recurrence2PatternStartDate | datetime | N | Recurrence Pattern Start Date
Recurrence2PatternTimeZone | string(255) | N | Recurrence Pattern Time Zone Reference
""",
)

_TASK_RELATION = fields(
    """
Id | id | D | Task Relation ID | idlookup
TaskId | reference | C | Task ID | to=Task rel=Task child=TaskRelations cascade
RelationId | reference | C | Relation ID | to=Account,Contact,Lead rel=Relation child=TaskRelations cascade
IsWhat | boolean | CD | Is What | fixed
AccountId | reference | N | Account ID | to=Account rel=Account
""",
    AUDIT,
    "IsDeleted | boolean | D | Deleted",
)

_EVENT_RELATION = fields(
    """
Id | id | D | Event Relation ID | idlookup
EventId | reference | C | Event ID | to=Event rel=Event child=EventRelations cascade
RelationId | reference | C | Relation ID | to=Account,Contact,Lead,User rel=Relation child=EventRelations cascade
IsWhat | boolean | CD | Is What | fixed
IsParent | boolean | CD | Is Parent | fixed
IsInvitee | boolean | CD | Is Invitee | fixed
AccountId | reference | N | Account ID | to=Account rel=Account
Status | picklist(40) | CUND | Invitation Status | pl=InviteeStatus fixed
RespondedDate | datetime | CUN | Response Date | fixed
Response | string(255) | CUN | Comment | fixed
""",
    AUDIT,
    "IsDeleted | boolean | D | Deleted",
)

ACTIVITIES = (
    SObject("Task", "Task", "Tasks", "00T", _TASK),
    SObject("Event", "Event", "Events", "00U", _EVENT),
    SObject("TaskRelation", "Task Relation", "Task Relations", "0RT", _TASK_RELATION, searchable=False),
    SObject("EventRelation", "Event Relation", "Event Relations", "0RE", _EVENT_RELATION, searchable=False),
)
