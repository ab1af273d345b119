"""Why a photo could not be fetched."""


class FetchError(Exception):
    """A photo cannot be fetched; the text is the reason that stands in quarantine and names no path or query of any URL.

    Args:
        reason: Begins with its kind and a colon.
        host_failed: The host is at fault, not the photo: another try may help.
        wait_s: How long the host asks to be left alone; None: it does not say.
    """

    def __init__(self, reason: str, *, host_failed: bool = False, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.host_failed, self.wait_s = host_failed, wait_s

    @property
    def kind(self) -> str:
        """The first word, to count by."""
        return str(self).partition(":")[0]
