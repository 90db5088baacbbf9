"""Syncline's engine; these names are all that the console and the notebooks import."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "TRANSFORMS": "core.mapping.transforms",
    "chooseable": "core.mapping.editor",
    "differences": "core.audit.configlog",
    "forecast": "core.planning.forecast",
    "lasting_secret": "core.store.secrets",
    "map_state": "core.mapping.valuemaps",
    "workspace_fields": "core.records",
    "Finding": "core.mapping.findings",
    "Load": "core.planning.forecast",
    "JobSpec": "core.mapping.spec",
    "NotAllowed": "core.errors",
    "NotFound": "core.errors",
    "OrgError": "core.errors",
    "Outcome": "core.records",
    "PlanError": "core.errors",
    "Preview": "core.workspace",
    "RunStatus": "core.records",
    "SignInError": "core.errors",
    "StoreError": "core.errors",
    "SynclineError": "core.errors",
    "UsageError": "core.errors",
    "Workspace": "core.workspace",
    "open_workspace": "core.workspace",
}
__all__ = [
    "TRANSFORMS",
    "Finding",
    "JobSpec",
    "Load",
    "NotAllowed",
    "NotFound",
    "OrgError",
    "Outcome",
    "PlanError",
    "Preview",
    "RunStatus",
    "SignInError",
    "StoreError",
    "SynclineError",
    "UsageError",
    "Workspace",
    "__version__",
    "chooseable",
    "differences",
    "forecast",
    "lasting_secret",
    "map_state",
    "open_workspace",
    "workspace_fields",
]

if TYPE_CHECKING:
    from core.audit.configlog import differences as differences
    from core.errors import NotAllowed as NotAllowed
    from core.errors import NotFound as NotFound
    from core.errors import OrgError as OrgError
    from core.errors import PlanError as PlanError
    from core.errors import SignInError as SignInError
    from core.errors import StoreError as StoreError
    from core.errors import SynclineError as SynclineError
    from core.errors import UsageError as UsageError
    from core.mapping.editor import chooseable as chooseable
    from core.mapping.findings import Finding as Finding
    from core.mapping.spec import JobSpec as JobSpec
    from core.mapping.transforms import TRANSFORMS as TRANSFORMS
    from core.mapping.valuemaps import map_state as map_state
    from core.planning.forecast import Load as Load
    from core.planning.forecast import forecast as forecast
    from core.records import Outcome as Outcome
    from core.records import RunStatus as RunStatus
    from core.records import workspace_fields as workspace_fields
    from core.store.secrets import lasting_secret as lasting_secret
    from core.workspace import Preview as Preview
    from core.workspace import Workspace as Workspace
    from core.workspace import open_workspace as open_workspace


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: the command line starts without what it does not need."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'core' has no attribute {name!r}")
    return getattr(import_module(home), name)
