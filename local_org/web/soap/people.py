"""Writes what SOAP tells about the user who signed in."""

from __future__ import annotations

from local_org.web.people import Person
from local_org.web.site import Site
from local_org.web.soap.envelopes import optional


def user_info(site: Site, person: Person) -> str:
    """The fields of ``userInfo``, in the order of the WSDL."""
    conn = site.org.connection()
    org = conn.execute('SELECT "Name" FROM "Organization"').fetchone()
    user = conn.execute('SELECT "ProfileId", "UserRoleId" FROM "User" WHERE "Id" = ?', (person.id,)).fetchone()
    facts = {
        "accessibilityMode": False,
        "currencySymbol": "$",
        "orgDefaultCurrencyIsoCode": "USD",
        "orgHasPersonAccounts": False,
        "organizationId": site.org.id,
        "organizationMultiCurrency": False,
        "organizationName": org[0] if org else "",
        "profileId": user[0],
        "roleId": user[1],
        "userDefaultCurrencyIsoCode": None,
        "userEmail": person.email,
        "userFullName": person.name,
        "userId": person.id,
        "userLanguage": "en_US",
        "userLocale": "en_US",
        "userName": person.username,
        "userTimeZone": person.time_zone,
        "userType": "Standard",
        "userUiSkin": "Theme3",
    }
    return "".join(optional(name, value) for name, value in facts.items())
