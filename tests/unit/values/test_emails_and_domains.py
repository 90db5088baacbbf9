"""E-mails and domains: one spelling, what is none, and which domains belong to nobody."""

from __future__ import annotations

import polars as pl
import pytest

from core.values import domains, emails


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("  Ana.Ruiz@Example.COM ", "ana.ruiz@example.com"),
        ("Ana Ruiz <ana@x.co.uk>", "ana@x.co.uk"),
        ("mailto:ana@x.org", "ana@x.org"),
        ("o'neil+news@x.org", "o'neil+news@x.org"),
        ("jürgen@müller.de", "jürgen@müller.de"),
        ("a..b@x.org", None),
        (".a@x.org", None),
        ("a@x", None),
        ("a@-x.org", None),
        ("a b@x.org", None),
        ("a@b@x.org", None),
        ("a@x.org, b@x.org", None),
        ("", None),
        ("x" * 65 + "@x.org", None),
        ("a@" + "x" * 64 + ".org", None),
        (None, None),
    ],
)
def test_addresses(text: str | None, address: str | None) -> None:
    assert emails.normalize_one(text) == address


def test_a_column_keeps_order_and_name() -> None:
    series = emails.normalize(pl.Series("mail", ["A@X.org", None, "nobody"]))
    assert (series.name, series.to_list()) == ("mail", ["a@x.org", None, None])


def test_a_form_says_what_is_wrong() -> None:
    assert "period" in str(emails.complaint("a@b"))
    assert emails.complaint(" ana@example.com ") is None
    assert emails.is_email("ana@example.com")
    assert not emails.is_email("ana")


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("HTTPS://www.Foo.co.uk:443/path?q#f", "foo.co.uk"),
        ("foo.com/about", "foo.com"),
        ("//cdn.foo.com", "foo.com"),
        ("http://user:pw@foo.com", "foo.com"),
        ("müller.de", "xn--mller-kva.de"),
        ("harbor.example", "harbor.example"),
        ("192.168.0.1", None),
        ("localhost", None),
        ("co.uk", None),
        ("not a site", None),
        ("", None),
        (None, None),
    ],
)
def test_websites(url: str | None, domain: str | None) -> None:
    assert domains.from_website(url) == domain
    assert domains.from_websites(pl.Series([url], dtype=pl.String))[0] == domain


def test_domains_of_addresses() -> None:
    series = pl.Series("mail", ["a@mail.foo.co.uk", "b@gmail.com", "nobody", None])
    assert domains.from_emails(series).to_list() == ["foo.co.uk", "gmail.com", None, None]
    assert domains.from_emails(series, free_mail=False).to_list() == ["foo.co.uk", None, None, None]
    assert [domains.from_email(cell) for cell in series] == ["foo.co.uk", "gmail.com", None, None]


def test_free_mail_says_nothing_about_a_company() -> None:
    assert domains.is_free_mail("gmail.com")
    assert not domains.is_free_mail("foo.com")
    assert not domains.is_free_mail(None)
