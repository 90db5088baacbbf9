"""Finds the registrable domain behind an e-mail address or a website, and knows the free mail providers.

Works on hosts only, without looking anything up; the public suffix list comes with its package.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

import polars as pl
from publicsuffixlist import PublicSuffixList

_FREE_MAIL = """
    126.com 139.com 163.com 21cn.com aim.com aliyun.com alice.it aol.com arcor.de att.net bell.net bellsouth.net
    bigpond.com bigpond.net.au bluewin.ch bol.com.br btinternet.com charter.net comcast.net cox.net duck.com
    earthlink.net email.com fastmail.com fastmail.fm foxmail.com free.fr freenet.de frontier.com frontiernet.net
    gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com hanmail.net hey.com hotmail.co.uk hotmail.com
    hotmail.de hotmail.es hotmail.fr hotmail.it hushmail.com icloud.com ig.com.br inbox.com juno.com keemail.me
    laposte.net libero.it live.ca live.co.uk live.com live.fr live.nl mac.com mail.com mail.ru mailbox.org me.com
    msn.com naver.com netscape.net netzero.net optonline.net optusnet.com.au orange.fr outlook.com outlook.de
    outlook.es outlook.fr pm.me prodigy.net proton.me protonmail.com qq.com rambler.ru rediffmail.com rocketmail.com
    rogers.com sbcglobal.net sfr.fr shaw.ca sina.com sky.com suddenlink.net sympatico.ca t-online.de talktalk.net
    telus.net terra.com.br tiscali.it tuta.io tutanota.com uol.com.br verizon.net virgilio.it virginmedia.com
    wanadoo.fr web.de windstream.net xtra.co.nz yahoo.ca yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.au
    yahoo.com.br yahoo.de yahoo.es yahoo.fr yahoo.it yandex.com yandex.ru yeah.net ymail.com zoho.com zohomail.com
"""
FREE_MAIL = frozenset(_FREE_MAIL.split())
"""Domains where anybody can have an address."""


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=True)


@lru_cache(maxsize=65_536)
def registrable(host: str) -> str | None:
    """The domain that somebody registered (``mail.a.co.uk`` -> ``a.co.uk``), in lower case ASCII.

    None for addresses by number, single words and bare public suffixes.
    """
    host = host.strip().rstrip(".").lower()
    if not host or _is_address(host):
        return None
    try:
        host = host.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    found = _suffixes().privatesuffix(host)
    return str(found) if found else None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def from_email(address: str | None) -> str | None:
    """The registrable domain of an address."""
    if not address or "@" not in address:
        return None
    return registrable(address.rpartition("@")[2])


def from_website(url: str | None) -> str | None:
    """The registrable domain of a website, however it was typed: with or without scheme, path, port, ``www``."""
    if not url or not url.strip():
        return None
    text = url.strip().lower()
    text = text.partition("://")[2] if "://" in text else text.removeprefix("//")
    host = text.replace("\\", "/").split("/")[0].split("?")[0].split("#")[0]
    host = host.rpartition("@")[2]
    return None if any(c.isspace() for c in host) else registrable(host.partition(":")[0])


def is_free_mail(domain: str | None) -> bool:
    """Whether anybody can have an address there, so that the domain says nothing about the company."""
    return domain in FREE_MAIL


def from_emails(series: pl.Series, *, free_mail: bool = True) -> pl.Series:
    """Registrable domains of a column of addresses; with ``free_mail=False`` those of free providers become null."""
    hosts = series.cast(pl.String).str.split("@").list.last()
    hosts = pl.select(pl.when(series.cast(pl.String).str.contains("@", literal=True)).then(hosts)).to_series()
    domains = {host: registrable(host) for host in hosts.drop_nulls().unique()}
    if not free_mail:
        domains = {host: None if is_free_mail(domain) else domain for host, domain in domains.items()}
    return _translated(hosts, domains).alias(series.name)


def from_websites(series: pl.Series) -> pl.Series:
    """Registrable domains of a column of websites."""
    text = series.cast(pl.String)
    return _translated(text, {url: from_website(url) for url in text.drop_nulls().unique()}).alias(series.name)


def _translated(series: pl.Series, known: dict[str, str | None]) -> pl.Series:
    if not known:
        return pl.Series([None] * len(series), dtype=pl.String)
    values = pl.Series(list(known.values()), dtype=pl.String)
    return series.replace_strict(list(known), values, default=None, return_dtype=pl.String)
