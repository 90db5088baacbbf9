"""The first steps in a real browser: the one-time link, a wrong host, a refused consent, the real sign-in."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.e2e import story_connect
from tests.e2e.driver import Console
from tests.e2e.stage import Stage


@pytest.mark.needs("browser")
@pytest.mark.requirement("T1")
def test_the_way_in(console: Console, stage: Stage) -> None:
    story_connect.open_the_link(console, stage)
    story_connect.refuse_a_wrong_host(console, stage.org.env["client_id"])
    story_connect.allow_the_host(console, urlsplit(stage.org.env["login_url"]).netloc)
    story_connect.refuse_consent(console, stage)
    story_connect.connect(console, stage)
    assert console.complaints == []
