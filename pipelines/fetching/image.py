"""What is remembered of a photo that lies on a web server: a row of the table `fetched_images`."""

from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class FetchedImage:
    """See `feature_store.schema.FETCHED_IMAGES`, field by field."""

    uri: str
    digest: str | None = None
    size_bytes: int | None = None
    final_uri: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    fetched_at: datetime | None = None
    reason: str | None = None

    def confirmed(self, at: datetime) -> "FetchedImage":
        """The same bytes, which the host says are still right."""
        return replace(self, fetched_at=at, reason=None)

    def failed(self, reason: str) -> "FetchedImage":
        """The same bytes, if there are any, and why there are no newer ones."""
        return replace(self, reason=reason)

    def conditions(self, url: str) -> dict[str, str]:
        """Headers that ask a URL for news only; none for a URL that did not give the bytes we have."""
        if self.digest is None or url != self.final_uri:
            return {}
        asked = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in asked.items() if value is not None}
