"""What can go wrong with a table, one type per thing a caller may want to tell apart."""


class FeatureStoreError(Exception):
    """Anything this package refuses to do."""


class SchemaError(FeatureStoreError):
    """A frame does not fit the table it was to be written to or read as."""


class MissingTableError(FeatureStoreError):
    """A table was asked for that no finished run has written."""


class EmptyLogError(FeatureStoreError):
    """The log holds no event, so nothing tells where it ends."""


class DamagedTableError(FeatureStoreError):
    """Files of a table are missing, or are not the bytes its manifest promises."""


class FullDiskError(FeatureStoreError):
    """There is no room to write."""


class LandingError(FeatureStoreError):
    """A landing folder or a file in it cannot be read at all."""


class StaleFeaturesError(FeatureStoreError):
    """Features are older than the moment they are needed for allows."""


class MixedEncodersError(FeatureStoreError):
    """Vectors of one modality come from more than one encoder, so their cosines mean nothing."""


class OnlineStoreError(FeatureStoreError):
    """The online store is none, cannot be reached or refuses, or a change of it cannot be made."""
