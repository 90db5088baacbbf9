"""Declares the objects of set-up: users, profiles, roles, groups, permission sets, the organization, list views."""

from __future__ import annotations

from typing import Any

from local_org.org.catalog.declare import AUDIT, VIEWED, address, fields
from local_org.org.model import Field, SObject

_PERMISSIONS = """
PermissionsApiEnabled | boolean | CUD | API Enabled | fixed
PermissionsViewAllData | boolean | CUD | View All Data | fixed
PermissionsModifyAllData | boolean | CUD | Modify All Data | fixed
"""

_USER = fields(
    """
Id | id | D | User ID | idlookup
Username | string(80) | CU | Username | idlookup
LastName | string(80) | CU | Last Name | in=Name
FirstName | string(40) | CUN | First Name | in=Name
Name | string(121) | - | Full Name | name of=FirstName,LastName
CompanyName | string(80) | CUN | Company Name
Division | string(80) | CUN | Division
Department | string(80) | CUN | Department
Title | string(80) | CUN | Title
""",
    address(""),
    """
Email | email(128) | CU | Email | idlookup
Phone | phone | CUN | Phone
Extension | phone | CUN | Extension
Fax | phone | CUN | Fax
MobilePhone | phone | CUN | Cell
Alias | string(8) | CU | Alias
CommunityNickname | string(40) | CUD | Nickname | fixed
IsActive | boolean | CUD | Active | fixed
TimeZoneSidKey | picklist(40) | CUD | Time Zone | pl=TimeZone
LocaleSidKey | picklist(40) | CUD | Locale | pl=Locale
EmailEncodingKey | picklist(40) | CUD | Email Encoding | pl=EmailEncoding restricted
LanguageLocaleKey | picklist(40) | CUD | Language | pl=Language
ProfileId | reference | CU | Profile ID | to=Profile rel=Profile child=Users
UserRoleId | reference | CUN | Role ID | to=UserRole rel=UserRole child=Users fixed
UserType | picklist(40) | ND | User Type | pl=UserType restricted
ManagerId | reference | CUN | Manager ID | to=User rel=Manager
EmployeeNumber | string(20) | CUN | Employee Number
FederationIdentifier | string(512) | CUN | SAML Federation ID
LastLoginDate | datetime | N | Last Login
AboutMe | textarea(1000) | CUN | About Me
""",
    AUDIT,
    VIEWED,
)

_PROFILE = fields(
    """
Id | id | D | Profile ID | idlookup
Name | string(255) | CU | Name | name
UserType | picklist(40) | ND | User Type | pl=UserType restricted
Description | string(255) | CUN | Description | fixed
""",
    _PERMISSIONS,
    AUDIT,
)

_USER_ROLE = fields(
    """
Id | id | D | Role ID | idlookup
Name | string(80) | CU | Name | name
ParentRoleId | reference | CUN | Parent Role ID | to=UserRole fixed
RollupDescription | string(80) | CUN | Description | fixed
DeveloperName | string(80) | CUD | Developer Name | fixed
LastModifiedDate | datetime | D | Last Modified Date
LastModifiedById | reference | D | Last Modified By ID | to=User rel=LastModifiedBy
SystemModstamp | datetime | D | System Modstamp
"""
)

_GROUP = fields(
    """
Id | id | D | Group ID | idlookup
Name | string(40) | CU | Name | name
DeveloperName | string(80) | CUND | Developer Name | fixed
RelatedId | reference | N | Related ID | to=User,UserRole rel=Related
Type | picklist(40) | C | Type | pl=GroupType restricted
Email | email(255) | CUN | Email | fixed
OwnerId | reference | N | Owner ID | to=Organization,User rel=Owner
DoesSendEmailToMembers | boolean | CUD | Send Email to Members | fixed
DoesIncludeBosses | boolean | CUD | Include Bosses | fixed
""",
    AUDIT,
)

_GROUP_MEMBER = fields(
    """
Id | id | D | Group Member ID | idlookup
GroupId | reference | C | Group ID | to=Group rel=Group child=GroupMembers
UserOrGroupId | reference | C | User/Group ID | to=Group,User
SystemModstamp | datetime | D | System Modstamp
"""
)

_PERMISSION_SET = fields(
    """
Id | id | D | Permission Set ID | idlookup
Name | string(80) | CU | Permission Set Name | name
Label | string(80) | CU | Permission Set Label
Description | string(255) | CUN | Description | fixed
ProfileId | reference | N | Profile ID | to=Profile rel=Profile
IsOwnedByProfile | boolean | D | Is Owned By Profile
IsCustom | boolean | D | Is Custom
NamespacePrefix | string(15) | N | Namespace Prefix
""",
    _PERMISSIONS,
    AUDIT,
)

_ASSIGNMENT = fields(
    """
Id | id | D | PermissionSet Assignment ID | idlookup
PermissionSetId | reference | C | PermissionSet ID | to=PermissionSet rel=PermissionSet child=Assignments
AssigneeId | reference | C | Assignee ID | to=User rel=Assignee child=PermissionSetAssignments
SystemModstamp | datetime | D | Date Assigned
"""
)

_ORGANIZATION = fields(
    """
Id | id | D | Organization ID | idlookup
Name | string(80) | U | Name | name
Division | string(80) | UN | Division | fixed
""",
    address(""),
    """
Phone | phone | UN | Phone | fixed
PrimaryContact | string(80) | UN | Primary Contact | fixed
DefaultLocaleSidKey | picklist(40) | U | Locale | pl=Locale restricted
TimeZoneSidKey | picklist(40) | - | Time Zone | pl=TimeZone restricted
LanguageLocaleKey | picklist(40) | U | Language | pl=Language restricted
FiscalYearStartMonth | int(9) | D | Fiscal Year Starts In
OrganizationType | picklist(40) | N | Edition | pl=OrganizationType
NamespacePrefix | string(15) | N | Namespace Prefix
InstanceName | string(5) | N | Instance Name
IsSandbox | boolean | D | Is Sandbox
TrialExpirationDate | datetime | N | Trial Expiration Date
""",
    AUDIT,
)

_RECORD_TYPE = fields(
    """
Id | id | D | Record Type ID | idlookup
Name | string(80) | CU | Name | name
DeveloperName | string(80) | CU | Record Type Name
NamespacePrefix | string(15) | N | Namespace Prefix
Description | string(255) | CUN | Description | fixed
SobjectType | picklist(40) | C | SObject Type Name
IsActive | boolean | CUD | Active | fixed
""",
    AUDIT,
)

_LIST_VIEW = fields(
    """
Id | id | D | List View ID | idlookup
Name | string(40) | - | View Name | name
DeveloperName | string(80) | - | View Unique Name
NamespacePrefix | string(15) | N | Namespace Prefix
SobjectType | picklist(40) | N | Sobject Type
IsSoqlCompatible | boolean | D | Is Soql Compatible
""",
    AUDIT,
    VIEWED,
)

_STATUS = """
Id | id | D | ID | idlookup
MasterLabel | string(255) | N | Master Label | name
ApiName | string(255) | N | Api Name
SortOrder | int(9) | N | Sort Order
"""

_TASK_STATUS = fields(_STATUS, "IsDefault | boolean | D | Default\nIsClosed | boolean | D | Closed", AUDIT)
_LEAD_STATUS = fields(_STATUS, "IsDefault | boolean | D | Default\nIsConverted | boolean | D | Converted", AUDIT)
_STAGE = fields(
    _STATUS,
    """
IsActive | boolean | D | Is Active
IsClosed | boolean | D | Closed
IsWon | boolean | D | Won
DefaultProbability | percent(3,0) | N | Probability (%)
ForecastCategory | picklist(40) | N | Forecast Category | pl=ForecastCategory restricted
ForecastCategoryName | picklist(255) | N | Forecast Category Name | pl=ForecastCategoryName restricted
""",
    AUDIT,
)


def _fixed(name: str, label: str, plural: str, prefix: str, made: tuple[Field, ...], **flags: bool) -> SObject:
    """An object of set-up: no layout, and by default read only."""
    settings: dict[str, Any] = {
        "createable": False,
        "updateable": False,
        "deletable": False,
        "layoutable": False,
        "searchable": False,
    }
    return SObject(name, label, plural, prefix, made, **{**settings, **flags})


SETUP = (
    _fixed("User", "User", "Users", "005", _USER, createable=True, updateable=True, searchable=True, layoutable=True),
    _fixed("Profile", "Profile", "Profile", "00e", _PROFILE),
    _fixed("UserRole", "Role", "Role", "00E", _USER_ROLE, createable=True, updateable=True, deletable=True),
    _fixed("Group", "Group", "Group", "00G", _GROUP, createable=True, updateable=True, deletable=True),
    _fixed("GroupMember", "Group Member", "Group Member", "011", _GROUP_MEMBER, createable=True, deletable=True),
    _fixed("PermissionSet", "Permission Set", "Permission Sets", "0PS", _PERMISSION_SET),
    _fixed(
        "PermissionSetAssignment",
        "Permission Set Assignment",
        "Permission Set Assignments",
        "0Pa",
        _ASSIGNMENT,
        createable=True,
        deletable=True,
    ),
    _fixed("Organization", "Organization", "Organizations", "00D", _ORGANIZATION, updateable=True),
    _fixed("RecordType", "Record Type", "Record Types", "012", _RECORD_TYPE),
    _fixed("ListView", "List View", "List Views", "00B", _LIST_VIEW),
    _fixed("TaskStatus", "Task Status Value", "Task Status Value", "01J", _TASK_STATUS),
    _fixed("LeadStatus", "Lead Status Value", "Lead Status Value", "01J", _LEAD_STATUS),
    _fixed("OpportunityStage", "Opportunity Stage", "Opportunity Stage", "01J", _STAGE),
)
