"""The table of data API handlers, relative to ``/services/data/vNN.0``; importing it registers them all."""

from local_org.web import composite, listviews, meta, queries, replicate, rows, rowsets, searching, trees
from local_org.web.bulk import ingest, query_jobs
from local_org.web.routes import Router

DATA = Router()
for _module in (meta, replicate, listviews, rows, rowsets, composite, trees, queries, searching, ingest, query_jobs):
    _module.add_routes(DATA)
