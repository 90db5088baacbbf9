"""The table of data API handlers, relative to ``/services/data/vNN.0``; importing it registers them all."""

from local_org.web import (
    composite,
    layouts,
    listviews,
    meta,
    pickers,
    queries,
    replicate,
    rows,
    rowsets,
    searching,
    trees,
)
from local_org.web.bulk import ingest, query_jobs
from local_org.web.routes import Router

DATA = Router()
_MODULES = (
    *(meta, layouts, pickers, replicate, listviews, rows, rowsets),
    *(composite, trees, queries, searching, ingest, query_jobs),
)
for _module in _MODULES:
    _module.add_routes(DATA)
