"""Tables of the shop: their schemas, files and the joins between them. Polars and pyarrow only."""
