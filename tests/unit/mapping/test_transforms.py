"""Each transform by example, and the laws that all of them keep."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.mapping import transforms
from core.mapping.canonical import Place
from core.mapping.transforms import TRANSFORMS

PLACE = Place({}, "America/New_York")


def apply(name: str, *texts: str | None) -> list[str | None]:
    frame = pl.DataFrame({"x": texts}, schema={"x": pl.String})
    return frame.select(x=transforms.apply(name, pl.col("x"), PLACE))["x"].to_list()


@pytest.mark.parametrize(
    ("name", "text", "want"),
    [
        ("strip_html", "<p>Hi &amp; <b>bye</b></p><p>2 &lt; 3</p>", "Hi & bye\n2 < 3"),
        ("strip_html", "a<br/>b<script>x()</script><!-- c -->", "a\nb"),
        ("strip_html", "5 < 6 and 7 > 2", "5 < 6 and 7 > 2"),
        ("strip_html", "&amp;lt;", "&lt;"),
        ("trim", "  x ", "x"),
        ("one_line", " a\n b\t c ", "a b c"),
        ("first_line", "\n\n first \nsecond", "first"),
        ("lower", "ÄB", "äb"),
        ("upper", "äb", "ÄB"),
        ("title_case", "ann LEE", "Ann Lee"),
        ("digits", "+1 (415) 555-01", "141555501"),
        ("digits", "none", None),
        ("date_of", "2026-03-01T03:30:00Z", "2026-02-28"),
        ("date_of", "2026-03-01", "2026-03-01"),
        ("minutes", "0", "0"),
        ("minutes", "1", "1"),
        ("minutes", "60", "1"),
        ("minutes", "61", "2"),
        ("seconds", "1.5", "90"),
        ("yes_no", "true", "Yes"),
        ("yes_no", "0", "No"),
        ("yes_no", "maybe", None),
        ("invert", "true", "false"),
        ("domain_of", "Ann@Big.Example", "big.example"),
        ("domain_of", "HTTPS://www.big.example:443/a?b#c", "big.example"),
        ("domain_of", "nonsense", None),
        ("join_semicolon", "a, b\nc; ;d", "a;b;c;d"),
    ],
)
def test_by_example(name: str, text: str, want: str | None) -> None:
    assert apply(name, text) == [want]


@pytest.mark.parametrize("name", TRANSFORMS)
@given(st.lists(st.one_of(st.none(), st.text(max_size=20)), min_size=1, max_size=6))
def test_null_stays_null_and_nothing_becomes_blank(name: str, texts: list[str | None]) -> None:
    got = apply(name, *texts)
    assert len(got) == len(texts)
    assert all(g is None for g, t in zip(got, texts, strict=True) if t is None)
    assert all(g is None or g.strip(" \t\r\n") for g in got)


def test_suggestions_put_the_right_type_first() -> None:
    assert transforms.suggestions("datetime", "date")[0].name == "date_of"
    assert "yes_no" in {t.name for t in transforms.suggestions("boolean")}
    assert transforms.suggestions("nothing") == []


def test_every_transform_is_documented() -> None:
    assert all(t.doc.endswith(".") and t.title and t.takes for t in TRANSFORMS.values())


def test_unknown_transform() -> None:
    with pytest.raises(KeyError):
        transforms.apply("magic", pl.col("x"), PLACE)
