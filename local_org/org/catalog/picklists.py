"""Holds the values of the standard picklists; a trailing ``*`` marks the default."""

from __future__ import annotations

_INDUSTRY = (
    "Agriculture;Apparel;Banking;Biotechnology;Chemicals;Communications;Construction;Consulting;Education;Electronics;"
    "Energy;Engineering;Entertainment;Environmental;Finance;Food & Beverage;Government;Healthcare;Hospitality;"
    "Insurance;Machinery;Manufacturing;Media;Not For Profit;Recreation;Retail;Shipping;Technology;Telecommunications;"
    "Transportation;Utilities;Other"
)

_TEXTS = {
    "GeocodeAccuracy": "Address;NearAddress;Block;Street;ExtendedZip;Zip;Neighborhood;City;County;State;Unknown",
    "Salutation": "Mr.;Ms.;Mrs.;Dr.;Prof.;Mx.",
    "AccountType": "Prospect;Customer - Direct;Customer - Channel;Channel Partner / Reseller;Installation Partner;"
    "Technology Partner;Other",
    "Industry": _INDUSTRY,
    "Ownership": "Public;Private;Subsidiary;Other",
    "Rating": "Hot;Warm;Cold",
    "CleanStatus": "Matched;Different;Acknowledged;NotFound;Inactive;Pending;SelectMatch;Skipped",
    "LeadSource": "Web;Phone Inquiry;Partner Referral;Purchased List;Other",
    "LeadStatus": "Open - Not Contacted*;Working - Contacted;Closed - Converted;Closed - Not Converted",
    "StageName": "Prospecting;Qualification;Needs Analysis;Value Proposition;Id. Decision Makers;Perception Analysis;"
    "Proposal/Price Quote;Negotiation/Review;Closed Won;Closed Lost",
    "OpportunityType": "Existing Customer - Upgrade;Existing Customer - Replacement;Existing Customer - Downgrade;"
    "New Customer",
    "ForecastCategory": "Omitted;Pipeline;BestCase;MostLikely;Forecast;Closed",
    "ForecastCategoryName": "Omitted;Pipeline;Best Case;Commit;Closed",
    "ContactRole": "Business User;Decision Maker;Economic Buyer;Economic Decision Maker;Evaluator;Executive Sponsor;"
    "Influencer;Technical Buyer;Other",
    "TaskSubject": "Call;Email;Send Letter;Send Quote;Other",
    "TaskStatus": "Not Started*;In Progress;Completed;Waiting on someone else;Deferred",
    "TaskPriority": "High;Normal*;Low",
    "ActivityType": "Call;Email;Meeting;Other",
    "CallType": "Internal;Inbound;Outbound",
    "TaskSubtype": "Task*;Email;ListEmail;Cadence;Call;LinkedIn",
    "EventSubject": "Call;Email;Meeting;Send Letter/Quote;Other",
    "ShowAs": "Busy*;OutOfOffice;Free",
    "GroupEventType": "0*;1;2;3",
    "EventSubtype": "Event*",
    "RecurrenceType": "RecursDaily;RecursEveryWeekday;RecursMonthly;RecursMonthlyNth;RecursWeekly;RecursYearly;"
    "RecursYearlyNth",
    "RecurrenceRegenerated": "RecurAfterDueDate;RecurAfterCompletion;RecurringTaskInstance",
    "RecurrenceInstance": "First;Second;Third;Fourth;Last",
    "Month": "January;February;March;April;May;June;July;August;September;October;November;December",
    "PatternVersion": "1;2",
    "InviteeStatus": "New*;Declined;Accepted;Uninvited;Maybe",
    "CampaignType": "Conference;Webinar;Trade Show;Public Relations;Partners;Referral Program;Advertisement;"
    "Banner Ads;Direct Mail;Email;Telemarketing;Other",
    "CampaignStatus": "Planned*;In Progress;Completed;Aborted",
    "CampaignMemberStatus": "Sent*;Responded",
    "CaseStatus": "New*;Working;Escalated;Closed",
    "CasePriority": "High;Medium*;Low",
    "CaseOrigin": "Phone;Email;Web",
    "UserType": "Standard*;PowerPartner;CspLitePortal;CustomerSuccess;Guest;AutomatedProcess",
    "TimeZone": "Pacific/Honolulu;America/Anchorage;America/Los_Angeles;America/Phoenix;America/Denver;"
    "America/Chicago;America/New_York;America/Halifax;America/Sao_Paulo;GMT;Europe/London;Europe/Dublin;"
    "Europe/Lisbon;Europe/Paris;Europe/Berlin;Europe/Madrid;Europe/Rome;Europe/Athens;Africa/Johannesburg;"
    "Europe/Istanbul;Asia/Dubai;Asia/Karachi;Asia/Kolkata;Asia/Kathmandu;Asia/Bangkok;Asia/Singapore;Asia/Hong_Kong;"
    "Asia/Tokyo;Australia/Adelaide;Australia/Sydney;Pacific/Auckland;Pacific/Chatham;Pacific/Kiritimati",
    "Locale": "en_US;en_GB;en_CA;en_AU;de_DE;fr_FR;es_ES",
    "Language": "en_US;de;fr;es",
    "EmailEncoding": "UTF-8;ISO-8859-1;Shift_JIS",
    "GroupType": "Regular;Role;RoleAndSubordinates;Organization;Queue",
    "OrganizationType": "Developer Edition;Enterprise Edition;Unlimited Edition",
}

PICKLISTS: dict[str, tuple[str, ...]] = {name: tuple(text.split(";")) for name, text in _TEXTS.items()}
