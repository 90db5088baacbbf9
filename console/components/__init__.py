"""Parts that pages are put together from: frame, safe text, tables, charts, message boxes."""
