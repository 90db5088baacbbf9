"""Jobs as YAML: nothing lost, errors that name line and field, differences in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UsageError
from core.mapping.config import diff, from_yaml, to_yaml
from core.mapping.load import make_job, templates
from core.mapping.spec import (
    Blank,
    Condition,
    FieldMapping,
    Guards,
    JobSpec,
    Overflow,
    PairSpec,
    Policy,
    Role,
    Schedule,
)
from core.records import Direction, Kind

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=20)
NAME = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True)
MAYBE = st.one_of(st.none(), TEXT)


@st.composite
def mappings(draw: st.DrawFn) -> FieldMapping:
    origin = draw(st.sampled_from(["source", "template", "constant"]))
    return FieldMapping(
        **{origin: draw(TEXT)},
        target=draw(TEXT),
        role=draw(st.sampled_from(Role)),
        value_map=draw(st.one_of(st.none(), st.dictionaries(TEXT, TEXT, max_size=3))),
        default=draw(MAYBE),
        transform=draw(MAYBE),
        blank=draw(st.sampled_from(Blank)),
        overflow=draw(st.sampled_from(Overflow)),
        policy=draw(st.one_of(st.none(), st.sampled_from(Policy))),
        create_only=draw(st.booleans()),
        engine=draw(st.booleans()),
    )


PAIRS = st.builds(
    PairSpec,
    sobject=TEXT,
    where=TEXT,
    mappings=st.lists(mappings(), max_size=4).map(tuple),
    external_id_field=MAYBE,
    parent_object=MAYBE,
)
JOBS = st.builds(
    JobSpec,
    name=NAME,
    title=TEXT,
    direction=st.sampled_from(Direction),
    kind=st.sampled_from(Kind),
    pairs=st.lists(PAIRS, min_size=1, max_size=3).map(tuple),
    filters=st.lists(
        st.builds(Condition, field=TEXT, op=TEXT, value=st.one_of(TEXT, st.integers(), st.lists(TEXT))), max_size=2
    ).map(tuple),
    updated_within_days=st.one_of(st.none(), st.integers(0, 400)),
    delete=st.booleans(),
    schedule=st.builds(Schedule, every_minutes=st.one_of(st.none(), st.integers(1, 600)), daily_at=MAYBE),
    guards=st.builds(Guards, max_delete_share=st.floats(0, 1)),
    after=st.lists(NAME, max_size=2).map(tuple),
)


@pytest.mark.requirement("X23")
@given(JOBS)
def test_round_trip_is_exact(spec: JobSpec) -> None:
    assert from_yaml(to_yaml(spec)) == spec


@pytest.mark.parametrize("name", [t.name for t in templates()])
def test_templates_survive_and_stay_short(name: str) -> None:
    spec = make_job(name)
    text = to_yaml(spec)
    assert from_yaml(text) == spec
    assert "null" not in text.partition("pairs:")[2]


def _broken(old: str, new: str) -> str:
    text = to_yaml(make_job("calls_out"))
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("create: true", "creat: true", "creat: there is no such setting"),
        ("kind: call", "kind: shout", "kind: "),
        ("role: owner", "role: boss", "pairs.1.mappings.13.role: "),
        (
            "target: CallType\n",
            "target: CallType\n        constant: x\n",
            "give exactly one of source, template or constant",
        ),
        ("direction: outbound\n", "", "direction: it is missing"),
        ("every_minutes: 15", "every_minutes: 0", "schedule.every_minutes: "),
        ("kind: call", "kind: call\nkind: call", "kind is given twice"),
        ("pairs:", "pairs: [", "This is not YAML: line "),
    ],
)
def test_errors_name_line_and_field(old: str, new: str, told: str) -> None:
    text = _broken(old, new)
    with pytest.raises(UsageError) as error:
        from_yaml(text)
    assert told in error.value.message


def test_error_points_to_the_line() -> None:
    text = _broken("kind: call", "kind: shout")
    line = text.splitlines().index("kind: shout") + 1
    with pytest.raises(UsageError, match=f"^Line {line}: kind: "):
        from_yaml(text)


@pytest.mark.parametrize("text", ["", "- 1", "just text", "!!python/object/apply:os.getcwd []"])
def test_other_files_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        from_yaml(text)


def test_diff_names_every_change() -> None:
    before = make_job("calls_out")
    pair = before.pairs[0]
    subject, *rest = pair.mappings
    changed = (subject.model_copy(update={"template": "Hi"}), *rest[:-1], FieldMapping(target="F__c", constant="1"))
    after = before.model_copy(
        update={
            "delete": True,
            "schedule": Schedule(every_minutes=5),
            "pairs": (pair.model_copy(update={"mappings": changed, "where": "A = 1"}),),
        }
    )
    assert diff(before, after) == [
        "delete: off → on.",
        "schedule.every_minutes: 15 → 5.",
        "schedule.as_it_happens: on → off.",
        'Task where: nothing → "A = 1".',
        "Task.OwnerId: field mapping removed (from user).",
        'Task.F__c: field mapping added (always "1").',
        'Task.Subject template: "Call: {{Contact Name}}" → "Hi".',
    ]


def test_diff_of_pairs_and_order() -> None:
    people = make_job("people_in")
    contacts = people.model_copy(update={"pairs": people.pairs[:1]})
    assert diff(people, contacts) == ["Lead: pair removed."]
    assert diff(contacts, people) == ["Lead: pair added."]
    turned = contacts.pairs[0].model_copy(update={"mappings": contacts.pairs[0].mappings[::-1]})
    assert diff(contacts, contacts.model_copy(update={"pairs": (turned,)})) == [
        "Contact: field mappings in another order."
    ]


@given(JOBS, JOBS)
def test_diff_is_empty_only_for_equal_jobs(left: JobSpec, right: JobSpec) -> None:
    assert diff(left, left) == []
    assert bool(diff(left, right)) == (left != right)
