"""One step of a Django program on django-salesforce; prints what came of it as JSON. Usage: python ... STEP."""

import io
import json
import os
import sys

import django
from django.conf import settings

WORD = os.environ.get("WORD", "")
ORG = {
    "ENGINE": "salesforce.backend",
    "CONSUMER_KEY": os.environ["CLIENT_ID"],
    "CONSUMER_SECRET": os.environ["CLIENT_SECRET"],
    "USER": os.environ["USERNAME"],
    "PASSWORD": os.environ["PASSWORD"],
    "HOST": os.environ["BASE_URL"],
}
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}, "salesforce": ORG},
    DATABASE_ROUTERS=["salesforce.router.ModelRouter"],
    INSTALLED_APPS=["salesforce"],
    SALESFORCE_API_VERSION="60.0",
    SALESFORCE_QUERY_TIMEOUT=(10, 60),
    SECRET_KEY="none",
    USE_TZ=True,
)
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db.models import Count  # noqa: E402
from salesforce import models  # noqa: E402
from salesforce.dbapi.exceptions import SalesforceError  # noqa: E402


class Account(models.Model):
    """A company."""

    name = models.CharField(max_length=255, db_column="Name")
    website = models.URLField(db_column="Website", null=True)

    class Meta:
        app_label, db_table, managed = "salesforce", "Account", False


class Contact(models.Model):
    """A person."""

    account = models.ForeignKey(Account, on_delete=models.DO_NOTHING, db_column="AccountId", null=True)
    last_name = models.CharField(max_length=80, db_column="LastName")
    first_name = models.CharField(max_length=80, db_column="FirstName", null=True)
    email = models.EmailField(db_column="Email", null=True)

    class Meta:
        app_label, db_table, managed = "salesforce", "Contact", False


def both():
    """Saves one by one and many at a time, joins, groups, is refused, deletes."""
    account = Account(name=WORD)
    account.save()
    account.website = "https://x.example"
    account.save()
    people = [Contact(last_name=f"{WORD} {n}", account=account, email=f"{n}@x.example") for n in range(450)]
    Contact.objects.bulk_create(people)
    mine = Contact.objects.filter(account__name=WORD)
    changed = Contact.objects.filter(last_name__startswith=f"{WORD} 1").update(first_name="First")
    refusal = ""
    try:
        Contact(last_name=WORD, email="bad").save()
    except SalesforceError as fault:
        refusal = str(fault)
    mine.filter(last_name=f"{WORD} 3").delete()
    groups = mine.values("first_name").annotate(number=Count("pk")).order_by()
    parents = {person.account.website for person in mine.select_related("account")}
    return {
        "account": account.pk,
        "changed": changed,
        "count": mine.count(),
        "refusal": refusal,
        "groups": {str(group["first_name"]): group["number"] for group in groups},
        "parents": sorted(parents),
        "names": sorted(mine.values_list("last_name", flat=True)),
    }


def models_of():
    """The models that it writes down from the describes."""
    out = io.StringIO()
    call_command("inspectdb", "--table-filter=^(Account|Contact|Task|Event|Lead)$", database="salesforce", stdout=out)
    return out.getvalue()


print(json.dumps(globals()[sys.argv[1]]()))
