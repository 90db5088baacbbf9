"""Declares the objects of people and companies: Account, Contact, Lead."""

from __future__ import annotations

from local_org.org.catalog.declare import AUDIT, VIEWED, address, fields, person_name
from local_org.org.model import SObject

_ACCOUNT = fields(
    """
Id | id | D | Account ID | idlookup
IsDeleted | boolean | D | Deleted
MasterRecordId | reference | N | Master Record ID | to=Account rel=MasterRecord
Name | string(255) | CU | Account Name | name
Type | picklist(40) | CUN | Account Type | pl=AccountType
RecordTypeId | reference | CUN | Record Type ID | to=RecordType rel=RecordType
ParentId | reference | CUN | Parent Account ID | to=Account rel=Parent child=ChildAccounts
""",
    address("Billing", "Billing"),
    address("Shipping", "Shipping"),
    """
Phone | phone | CUN | Account Phone
Fax | phone | CUN | Account Fax
AccountNumber | string(40) | CUN | Account Number
Website | url(255) | CUN | Website
PhotoUrl | url(255) | N | Photo URL
Sic | string(20) | CUN | SIC Code
Industry | picklist(40) | CUN | Industry | pl=Industry
AnnualRevenue | currency(18,0) | CUN | Annual Revenue
NumberOfEmployees | int(8) | CUN | Employees
Ownership | picklist(40) | CUN | Ownership | pl=Ownership
TickerSymbol | string(20) | CUN | Ticker Symbol
Description | textarea(32000) | CUN | Account Description
Rating | picklist(40) | CUN | Account Rating | pl=Rating
Site | string(80) | CUN | Account Site
OwnerId | reference | CUD | Owner ID | to=User rel=Owner
""",
    AUDIT,
    "LastActivityDate | date | N | Last Activity",
    VIEWED,
    """
Jigsaw | string(20) | CUN | Data.com Key
JigsawCompanyId | string(20) | N | Jigsaw Company ID | rel=JigsawCompany
CleanStatus | picklist(40) | CUN | Clean Status | pl=CleanStatus restricted
AccountSource | picklist(40) | CUN | Account Source | pl=LeadSource
DunsNumber | string(9) | CUN | D-U-N-S Number
Tradestyle | string(255) | CUN | Tradestyle
NaicsCode | string(8) | CUN | NAICS Code
NaicsDesc | string(120) | CUN | NAICS Description
YearStarted | string(4) | CUN | Year Started
SicDesc | string(80) | CUN | SIC Description
""",
)

_CONTACT = fields(
    """
Id | id | D | Contact ID | idlookup
IsDeleted | boolean | D | Deleted
MasterRecordId | reference | N | Master Record ID | to=Contact rel=MasterRecord
AccountId | reference | CUN | Account ID | to=Account rel=Account child=Contacts cascade
""",
    person_name(),
    "RecordTypeId | reference | CUN | Record Type ID | to=RecordType rel=RecordType",
    address("Other", "Other"),
    address("Mailing", "Mailing"),
    """
Phone | phone | CUN | Business Phone
Fax | phone | CUN | Business Fax
MobilePhone | phone | CUN | Mobile Phone
HomePhone | phone | CUN | Home Phone
OtherPhone | phone | CUN | Other Phone
AssistantPhone | phone | CUN | Asst. Phone
ReportsToId | reference | CUN | Reports To ID | to=Contact rel=ReportsTo
Email | email(80) | CUN | Email | idlookup
Title | string(128) | CUN | Title
Department | string(80) | CUN | Department
AssistantName | string(40) | CUN | Assistant's Name
LeadSource | picklist(255) | CUN | Lead Source | pl=LeadSource
Birthdate | date | CUN | Birthdate
Description | textarea(32000) | CUN | Contact Description
OwnerId | reference | CUD | Owner ID | to=User rel=Owner
HasOptedOutOfEmail | boolean | CUD | Email Opt Out
HasOptedOutOfFax | boolean | CUD | Fax Opt Out
DoNotCall | boolean | CUD | Do Not Call
""",
    AUDIT,
    """
LastActivityDate | date | N | Last Activity
LastCURequestDate | datetime | N | Last Stay-in-Touch Request Date
LastCUUpdateDate | datetime | N | Last Stay-in-Touch Save Date
""",
    VIEWED,
    """
EmailBouncedReason | string(255) | CUN | Email Bounced Reason | fixed
EmailBouncedDate | datetime | CUN | Email Bounced Date | fixed
IsEmailBounced | boolean | D | Is Email Bounced
PhotoUrl | url(255) | N | Photo URL
Jigsaw | string(20) | CUN | Data.com Key
JigsawContactId | string(20) | N | Jigsaw Contact ID | rel=JigsawContact
CleanStatus | picklist(40) | CUN | Clean Status | pl=CleanStatus restricted
""",
)

_LEAD = fields(
    """
Id | id | D | Lead ID | idlookup
IsDeleted | boolean | D | Deleted
MasterRecordId | reference | N | Master Record ID | to=Lead rel=MasterRecord
""",
    person_name(),
    """
RecordTypeId | reference | CUN | Record Type ID | to=RecordType rel=RecordType
Title | string(128) | CUN | Title
Company | string(255) | CU | Company
""",
    address(""),
    """
Phone | phone | CUN | Phone
MobilePhone | phone | CUN | Mobile Phone
Fax | phone | CUN | Fax
Email | email(80) | CUN | Email | idlookup
Website | url(255) | CUN | Website
PhotoUrl | url(255) | N | Photo URL
Description | textarea(32000) | CUN | Description
LeadSource | picklist(255) | CUN | Lead Source | pl=LeadSource
Status | picklist(255) | CUD | Status | pl=LeadStatus
Industry | picklist(255) | CUN | Industry | pl=Industry
Rating | picklist(255) | CUN | Rating | pl=Rating
AnnualRevenue | currency(18,0) | CUN | Annual Revenue
NumberOfEmployees | int(8) | CUN | Employees
OwnerId | reference | CUD | Owner ID | to=Group,User rel=Owner
HasOptedOutOfEmail | boolean | CUD | Email Opt Out
HasOptedOutOfFax | boolean | CUD | Fax Opt Out
DoNotCall | boolean | CUD | Do Not Call
IsConverted | boolean | CD | Converted | fixed
ConvertedDate | date | N | Converted Date
ConvertedAccountId | reference | N | Converted Account ID | to=Account rel=ConvertedAccount
ConvertedContactId | reference | N | Converted Contact ID | to=Contact rel=ConvertedContact
ConvertedOpportunityId | reference | N | Converted Opportunity ID | to=Opportunity rel=ConvertedOpportunity
IsUnreadByOwner | boolean | CUD | Unread By Owner | fixed
""",
    AUDIT,
    "LastActivityDate | date | N | Last Activity",
    VIEWED,
    """
Jigsaw | string(20) | CUN | Data.com Key
JigsawContactId | string(20) | N | Jigsaw Contact ID | rel=JigsawContact
CleanStatus | picklist(40) | CUN | Clean Status | pl=CleanStatus restricted
CompanyDunsNumber | string(9) | CUN | Company D-U-N-S Number
EmailBouncedReason | string(255) | UN | Email Bounced Reason | fixed
EmailBouncedDate | datetime | UN | Email Bounced Date | fixed
""",
)

PEOPLE = (
    SObject("Account", "Account", "Accounts", "001", _ACCOUNT, mergeable=True, activities=True),
    SObject("Contact", "Contact", "Contacts", "003", _CONTACT, mergeable=True),
    SObject("Lead", "Lead", "Leads", "00Q", _LEAD, mergeable=True),
)
