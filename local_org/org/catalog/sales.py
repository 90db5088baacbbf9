"""Declares the objects of sales and service: Opportunity and its contact roles, Campaign, Case."""

from __future__ import annotations

from local_org.org.catalog.declare import AUDIT, VIEWED, fields
from local_org.org.model import SObject

_OPPORTUNITY = fields(
    """
Id | id | D | Opportunity ID | idlookup
IsDeleted | boolean | D | Deleted
AccountId | reference | CUN | Account ID | to=Account rel=Account child=Opportunities cascade
RecordTypeId | reference | CUN | Record Type ID | to=RecordType rel=RecordType
IsPrivate | boolean | CUD | Private
Name | string(120) | CU | Name | name idlookup
Description | textarea(32000) | CUN | Description
StageName | picklist(255) | CU | Stage | pl=StageName
Amount | currency(18,2) | CUN | Amount
Probability | percent(3,0) | CUND | Probability (%)
ExpectedRevenue | currency(18,2) | N | Expected Amount | fls
TotalOpportunityQuantity | double(18,2) | CUN | Quantity
CloseDate | date | CU | Close Date
Type | picklist(255) | CUN | Opportunity Type | pl=OpportunityType
NextStep | string(255) | CUN | Next Step
LeadSource | picklist(255) | CUN | Lead Source | pl=LeadSource
IsClosed | boolean | D | Closed
IsWon | boolean | D | Won
ForecastCategory | picklist(40) | - | Forecast Category | pl=ForecastCategory restricted
ForecastCategoryName | picklist(255) | CUND | Forecast Category | pl=ForecastCategoryName restricted fixed
CampaignId | reference | CUN | Campaign ID | to=Campaign rel=Campaign child=Opportunities
HasOpportunityLineItem | boolean | D | Has Line Item
OwnerId | reference | CUD | Owner ID | to=User rel=Owner
""",
    AUDIT,
    """
LastActivityDate | date | N | Last Activity
LastStageChangeDate | datetime | N | Last Stage Change Date
FiscalQuarter | int(8) | N | Fiscal Quarter | in=Fiscal
FiscalYear | int(8) | N | Fiscal Year | in=Fiscal
Fiscal | string(6) | N | Fiscal Period
ContactId | reference | CN | Contact ID | to=Contact child=Opportunities fixed
""",
    VIEWED,
    """
HasOpenActivity | boolean | D | Has Open Activity | nofilter
HasOverdueTask | boolean | D | Has Overdue Task | nofilter
""",
)

_ROLE = fields(
    """
Id | id | D | Contact Role ID | idlookup
OpportunityId | reference | C | Opportunity ID | to=Opportunity rel=Opportunity child=OpportunityContactRoles cascade
ContactId | reference | CU | Contact ID | to=Contact rel=Contact child=OpportunityContactRoles cascade
Role | picklist(40) | CUN | Role | pl=ContactRole fixed
IsPrimary | boolean | CUD | Primary | fixed
""",
    AUDIT,
    "IsDeleted | boolean | D | Deleted",
)

_CAMPAIGN = fields(
    """
Id | id | D | Campaign ID | idlookup
IsDeleted | boolean | D | Deleted
Name | string(80) | CU | Name | name
ParentId | reference | CUN | Parent Campaign ID | to=Campaign rel=Parent child=ChildCampaigns
Type | picklist(40) | CUN | Type | pl=CampaignType
RecordTypeId | reference | CUN | Record Type ID | to=RecordType rel=RecordType
Status | picklist(40) | CUND | Status | pl=CampaignStatus
StartDate | date | CUN | Start Date
EndDate | date | CUN | End Date
ExpectedRevenue | currency(18,0) | CUN | Expected Revenue
BudgetedCost | currency(18,0) | CUN | Budgeted Cost
ActualCost | currency(18,0) | CUN | Actual Cost
ExpectedResponse | percent(8,2) | CUND | Expected Response (%)
NumberSent | double(18,0) | CUND | Num Sent
IsActive | boolean | CUD | Active
Description | textarea(32000) | CUN | Description
NumberOfLeads | int(8) | D | Leads in Campaign
NumberOfContacts | int(8) | D | Contacts in Campaign
NumberOfResponses | int(8) | D | Responses in Campaign
OwnerId | reference | CUD | Owner ID | to=User rel=Owner
""",
    AUDIT,
    "LastActivityDate | date | N | Last Activity",
    VIEWED,
)

_MEMBER = fields(
    """
Id | id | D | Campaign Member ID | idlookup
IsDeleted | boolean | D | Deleted
CampaignId | reference | C | Campaign ID | to=Campaign rel=Campaign child=CampaignMembers cascade
LeadId | reference | CUN | Lead ID | to=Lead rel=Lead child=CampaignMembers cascade fixed
ContactId | reference | CUN | Contact ID | to=Contact rel=Contact child=CampaignMembers cascade fixed
Status | picklist(40) | CUND | Status | pl=CampaignMemberStatus fixed
HasResponded | boolean | D | Responded
FirstRespondedDate | date | N | First Responded Date
LeadOrContactId | reference | N | Related Record ID | to=Contact,Lead
Name | string(255) | N | Name | name
""",
    AUDIT,
)

_CASE = fields(
    """
Id | id | D | Case ID | idlookup
IsDeleted | boolean | D | Deleted
MasterRecordId | reference | N | Master Record ID | to=Case rel=MasterRecord
CaseNumber | string(30) | D | Case Number | name auto idlookup
ContactId | reference | CUN | Contact ID | to=Contact rel=Contact child=Cases
AccountId | reference | CUN | Account ID | to=Account rel=Account child=Cases
ParentId | reference | CUN | Parent Case ID | to=Case rel=Parent child=Cases
SuppliedName | string(80) | CUN | Name
SuppliedEmail | email(80) | CUN | Email Address
SuppliedPhone | string(40) | CUN | Phone
SuppliedCompany | string(80) | CUN | Company
RecordTypeId | reference | CUN | Record Type ID | to=RecordType rel=RecordType
Status | picklist(255) | CUND | Status | pl=CaseStatus fixed
Reason | picklist(255) | CUN | Case Reason
Origin | picklist(255) | CUN | Case Origin | pl=CaseOrigin
Subject | string(255) | CUN | Subject
Priority | picklist(255) | CUND | Priority | pl=CasePriority
Description | textarea(32000) | CUN | Description
IsClosed | boolean | D | Closed
ClosedDate | datetime | N | Closed Date
IsEscalated | boolean | CUD | Escalated
OwnerId | reference | CUD | Owner ID | to=Group,User rel=Owner
""",
    AUDIT,
    VIEWED,
)

SALES = (
    SObject("Opportunity", "Opportunity", "Opportunities", "006", _OPPORTUNITY, activities=True),
    SObject(
        "OpportunityContactRole", "Opportunity Contact Role", "Opportunity Contact Role", "00K", _ROLE, searchable=False
    ),
    SObject("Campaign", "Campaign", "Campaigns", "701", _CAMPAIGN, activities=True),
    SObject("CampaignMember", "Campaign Member", "Campaign Members", "00v", _MEMBER, searchable=False),
    SObject("Case", "Case", "Cases", "500", _CASE, mergeable=True, activities=True),
)
