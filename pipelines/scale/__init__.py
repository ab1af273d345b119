"""Work that is dealt out to workers: processes of this machine, or actors of a Ray cluster, both through Daft."""
