from __future__ import annotations

import sqlite3
from pathlib import Path

from local_org.web.tokens import Grant, Tokens


def test_codes_of_earlier_data_directories_take_a_nonce(tmp_path: Path) -> None:
    file = tmp_path / "service.sqlite"
    with sqlite3.connect(file) as conn:
        conn.execute(
            "CREATE TABLE code (code, user_id, client_id, scope, redirect_uri, challenge, issued, used DEFAULT 0)"
        )
    conn.close()
    for nonce in ("n-1", ""):
        tokens = Tokens(file, "00DHs0000000001")
        code = tokens.issue_code(Grant("005", "client", "openid"), "http://localhost/oauth/callback", "", 100, nonce)
        redeemed = tokens.redeem_code(code, "client", 100)
        assert redeemed is not None
        assert redeemed.nonce == nonce
        tokens.close()
