"""Declares what Harbor & Pine added to the standard schema: real estate objects, phones, scores, outcomes, keys."""

from __future__ import annotations

from dataclasses import replace

from local_org.org.catalog import custom_field, custom_object, extend, standard_schema
from local_org.org.model import Field, Schema, SObject
from local_org.sample.companies import ACCOUNT_STATUSES
from local_org.sample.cre import DEAL_STAGES, LISTING_STATUSES, LISTING_TYPES, PROPERTY_TYPES
from local_org.sample.history import OUTCOMES
from local_org.sample.people import CONTACT_STATUSES

TASK_TYPES = ("Call", "Email", "Meeting", "Other")


def sample_schema() -> Schema:
    """The standard schema with the sample org's own objects and fields."""
    return with_sample(standard_schema())


def with_sample(schema: Schema) -> Schema:
    """The schema with the sample org's objects and fields added; again on top of itself it changes nothing."""
    return extend(schema, objects=custom_objects(), fields=custom_fields(schema))


def custom_objects() -> tuple[SObject, ...]:
    """Property, Listing and Deal, each open to activities."""
    return (
        custom_object("Property__c", "Property", "Properties", "a00", _property_fields(), activities=True),
        custom_object("Listing__c", "Listing", "Listings", "a01", _listing_fields(), activities=True),
        custom_object("Deal__c", "Deal", "Deals", "a02", _deal_fields(), activities=True),
    )


def custom_fields(schema: Schema) -> dict[str, tuple[Field, ...]]:
    """The custom fields of standard objects, by object; those of Activity appear on Task and Event."""
    return {
        "Account": (
            custom_field("Health_Score__c", "double", "Health Score", length=5, scale=1),
            _external_ref(),
            _picklist("Account_Status__c", "Account Status", ACCOUNT_STATUSES),
            *_engagement(),
        ),
        "Contact": (
            _external_ref(),
            custom_field("Mobile_Direct__c", "phone", "Mobile Direct"),
            _picklist("Contact_Status__c", "Contact Status", CONTACT_STATUSES),
            custom_field("Newsletter__c", "boolean", "Newsletter"),
            *_engagement(),
        ),
        "Lead": (_external_ref(), custom_field("Newsletter__c", "boolean", "Newsletter"), *_engagement()),
        "Activity": (
            _picklist("Call_Outcome__c", "Call Outcome", OUTCOMES),
            custom_field("Campaign_Touch_Id__c", "string", "Campaign Touch ID", length=80),
        ),
        "Task": (_restricted_type(schema),),
    }  # fmt: skip


def _restricted_type(schema: Schema) -> Field:
    """Task.Type as a restricted picklist of four values, the rest as the standard field has it."""
    model = custom_field("Type__c", "picklist", "Type", values=TASK_TYPES, restricted=True)
    task = schema.get("Task")
    standard = task.field("Type") if task else None
    if standard is None:
        raise ValueError("the schema has no Task.Type to restrict")
    return replace(standard, picklist=model.picklist, restricted=True)


def _picklist(name: str, label: str, values: tuple[str | None, ...]) -> Field:
    named = [value for value in values if value is not None]
    return custom_field(name, "picklist", label, values=named, restricted=True)


def _external_ref() -> Field:
    """The key that another system keeps for the record: External ID and unique."""
    return custom_field("External_Ref__c", "string", "External Ref", length=40, external_id=True, unique=True)


def _engagement() -> tuple[Field, Field]:
    """Where the engagement platform writes its insights."""
    return (
        custom_field("Engagement_Score__c", "double", "Engagement Score", length=5, scale=0),
        custom_field("Last_Engagement__c", "date", "Last Engagement"),
    )


def _property_fields() -> tuple[Field, ...]:
    return (
        custom_field("Street__c", "string", "Street", length=255),
        custom_field("City__c", "string", "City", length=80),
        custom_field("State__c", "string", "State", length=20),
        custom_field("Postal_Code__c", "string", "Postal Code", length=20),
        _picklist("Property_Type__c", "Property Type", PROPERTY_TYPES),
        custom_field("Building_Size_SF__c", "double", "Building Size (SF)", length=12, scale=0),
        custom_field("Year_Built__c", "double", "Year Built", length=4, scale=0),
        custom_field("Parcel_Number__c", "string", "Parcel Number", length=40, external_id=True, unique=True),
        custom_field("Owner_Account__c", "reference", "Owner", to="Account", child="Properties"),
        custom_field("Owner_Contact__c", "reference", "Owner Contact", to="Contact", child="Owned_Properties"),
        custom_field("Property_Manager__c", "reference", "Property Manager", to="Contact", child="Managed_Properties"),
    )


def _listing_fields() -> tuple[Field, ...]:
    return (
        custom_field("Property__c", "reference", "Property", to="Property__c", child="Listings"),
        custom_field("Contact__c", "reference", "Listing Contact", to="Contact", child="Listings"),
        _picklist("Listing_Type__c", "Listing Type", LISTING_TYPES),
        _picklist("Status__c", "Status", LISTING_STATUSES),
        custom_field("Available_SF__c", "double", "Available (SF)", length=12, scale=0),
        custom_field("Asking_Rate__c", "currency", "Asking Rate (per SF)", length=8, scale=2),
        custom_field("Asking_Price__c", "currency", "Asking Price", length=16, scale=2),
        custom_field("Listed_On__c", "date", "Listed On"),
        custom_field("Expires_On__c", "date", "Expires On"),
    )


def _deal_fields() -> tuple[Field, ...]:
    return (
        custom_field("Account__c", "reference", "Client", to="Account", child="Deals"),
        custom_field("Contact__c", "reference", "Primary Contact", to="Contact", child="Deals"),
        custom_field("Property__c", "reference", "Property", to="Property__c", child="Deals"),
        custom_field("Listing__c", "reference", "Listing", to="Listing__c", child="Deals"),
        _picklist("Stage__c", "Stage", DEAL_STAGES),
        custom_field("Gross_Fee__c", "currency", "Gross Fee", length=14, scale=2),
        custom_field("Close_Date__c", "date", "Close Date"),
    )
