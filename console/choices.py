"""What the editor offers: fields of either side with why some cannot be chosen, transforms, and gaps of value maps."""

from __future__ import annotations

from core.mapping.editor import chooseable
from core.mapping.transforms import TRANSFORMS
from core.mapping.valuemaps import state as map_state
from core.records import workspace_fields

__all__ = ["TRANSFORMS", "chooseable", "map_state", "workspace_fields"]
