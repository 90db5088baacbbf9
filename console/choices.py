"""What the editor offers: fields of either side with why some cannot be chosen, and the org's codes in plain words."""

from __future__ import annotations

from core.connections.salesforce.faults import fault, is_known
from core.mapping.editor import chooseable
from core.mapping.transforms import TRANSFORMS
from core.records import workspace_fields

__all__ = ["TRANSFORMS", "chooseable", "fault", "is_known", "workspace_fields"]
