"""Configuration: as one text, the team's words, exclusions, and the log of changes."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from core.audit import configlog
from core.errors import UsageError
from core.mapping.findings import Finding
from core.mapping.vocabulary import TYPES, CustomField, Vocabulary
from core.mapping.workspace_config import Configuration, from_yaml, to_yaml
from core.mapping.workspace_config import diff as differences
from core.records import Kind
from core.store import exclusions, setting
from core.store.roles import ADMIN, ANALYST, may
from core.syncing import configuration, intake
from core.workspace.intake import Intake
from core.workspace.jobs import Jobs
from core.workspace.org import Org
from core.workspace.team import Team


class Configured(Intake, Jobs, Org, Team):
    """Configuration: as one text, the team's words, exclusions, and the log of changes."""

    @may(ANALYST)
    def export_config(self) -> str:
        """The workspace's whole configuration as YAML: settings, people, words, exclusions, jobs; no org Id in it."""
        return to_yaml(configuration.gathered(self.database, self.workspace_id))

    @may(ANALYST)
    def diff_config(self, text: str) -> list[str]:
        """Every difference between the configuration as it is and a YAML text, one sentence each; changes nothing.

        Raises:
            UsageError: the text is no configuration.
        """
        return differences(configuration.gathered(self.database, self.workspace_id), from_yaml(text))

    @may(ANALYST)
    def validate_config(self, text: str) -> dict[str, list[Finding]]:
        """The findings of every job of a YAML text against this workspace's org, by job; saves nothing."""
        return {spec.name: self.validate(spec) for spec in from_yaml(text).jobs}

    @may(ADMIN)
    def import_config(self, text: str, *, enable: bool = False) -> list[str]:
        """Take over what a YAML text says; jobs that it does not name stay, new ones are off.

        Args:
            text: the configuration.
            enable: switch on the jobs that are on in it, where they validate.

        Returns:
            What changed, and what could not be taken over, one sentence each.
        """
        wanted = from_yaml(text)
        changed = [line for line in self.diff_config(text) if not line.endswith(": removed.")]
        self.configure(title=wanted.title or None, zone=wanted.zone)
        self._keep_words(wanted.vocabulary)
        for kind, values in wanted.exclusions.items():
            self.exclude(kind, values)
        changed += self._take_users(wanted)
        for spec in wanted.jobs:
            self.save_job(spec)
        for name in wanted.enabled if enable else ():
            self.enable(name)
        return changed

    def _take_users(self, wanted: Configuration) -> list[str]:
        rows = [u.model_dump(exclude={"org_username"}, exclude_defaults=True) for u in wanted.users]
        self.take_in("users", rows, "configuration")
        known = configuration.org_users_by_username(self.database, self.workspace_id)
        missing = []
        for user in (u for u in wanted.users if u.org_username):
            org_id = known.get(str(user.org_username).lower())
            if org_id:
                self.link_user(user.email, org_id)
            else:
                missing.append(f"user {user.email}: the org has no user {user.org_username}; link another one.")
        return missing

    @may(ADMIN)
    def add_field(
        self, kind: str, name: str, type: str = "text", *, label: str = "", choices: Sequence[str] = ()
    ) -> None:
        """Add a custom field to a kind of record, or change it; mappings name it ``fields.NAME``.

        Raises:
            UsageError: no such kind or type, or a name that is none.
        """
        try:
            made = CustomField.model_validate(
                {"kind": kind, "name": name, "type": type, "label": label, "choices": tuple(choices)}
            )
        except ValueError:
            raise UsageError(
                f"'{name}' of type {type} cannot be a field of {kind}.",
                hint=f"Names are lower case letters, digits and _; types are {', '.join(TYPES)}; a choice has choices.",
            ) from None
        self._keep_words(self.vocabulary().with_field(made))

    @may(ADMIN)
    def remove_field(self, kind: str, name: str) -> None:
        """Take a custom field away; the values that records have stay."""
        self._keep_words(self.vocabulary().without_field(Kind(kind), name))

    @may(ADMIN)
    def set_words(self, name: str, words: Sequence[str]) -> None:
        """Replace a word list: person_stages, account_stages, outcomes or activity_types.

        Raises:
            UsageError: there is no such list, or a word comes twice.
        """
        self._keep_words(self.vocabulary().with_words(name, tuple(words)))

    def _keep_words(self, words: Vocabulary) -> None:
        before = self.vocabulary()
        setting.put(self.database, self.workspace_id, intake.VOCABULARY, words.model_dump(mode="json"))
        both = {"before": before.model_dump(mode="json"), "after": words.model_dump(mode="json")}
        if before != words:
            self._note("vocabulary.changed", self.name, both)

    @may(ADMIN)
    def exclude(self, kind: str, values: Sequence[str], *, exclude: bool = True) -> list[str]:
        """Put domains or people (by e-mail) on the exclusion list that no job crosses, or take them off.

        Opt-outs are written back all the same.

        Raises:
            UsageError: no such list, or a value is no domain or e-mail address.
        """
        before = self.exclusions()
        named = exclusions.change(self.database, self.workspace_id, kind, values, exclude=exclude)
        after = self.exclusions()
        if before != after:
            self._note("exclusion.added" if exclude else "exclusion.removed", kind, {"before": before, "after": after})
        return named

    @may(ANALYST)
    def exclusions(self) -> dict[str, list[str]]:
        """The exclusion lists: domain and person."""
        found = exclusions.read(self.database, self.workspace_id)
        return {"domain": sorted(found.domains), "person": sorted(found.people)}

    @may(ANALYST)
    def config_log(self, *, topic: str = "", search: str = "", limit: int = 50, skip: int = 0) -> pl.DataFrame:
        """Who changed the configuration, newest first: id, at, actor, kind, subject, detail, body (JSON), total."""
        return configlog.log(self.database, self.workspace_id, topic=topic, search=search, limit=limit, skip=skip)
