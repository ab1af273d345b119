"""How photos that lie on web servers are fetched."""

from dataclasses import dataclass

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt


@dataclass(frozen=True, kw_only=True)
class FetchImagesConfig:
    """Limits of one night's fetching; photos below the image root never come this way."""

    enabled: bool = True
    """Fetch photos whose `image_uri` is http(s). A catalogue without such costs nothing; off: no new ones, those fetched before stay."""
    concurrency: PositiveInt = 32
    """Photos under way at once; at most so many times `max_bytes` are in memory."""
    per_host: PositiveInt = 4
    """Photos under way at once from one host."""
    tries: PositiveInt = 3
    """Requests for a photo when the connection fails, the host is too slow, or it answers 429 or 5xx."""
    backoff_s: NonNegativeFloat = 1.0
    """Pause before the second try; it doubles with each further one and is shortened at random by up to half."""
    max_wait_s: NonNegativeFloat = 30.0
    """Longest pause that a host may ask for (Retry-After); who asks for more is asked again the next night."""
    silence_s: PositiveFloat = 10.0
    """Longest wait for a connection, or for the next piece of an answer."""
    max_photo_s: PositiveFloat = 60.0
    """All the time one photo may take, with redirects, tries and pauses."""
    max_bytes: PositiveInt = 16 * 2**20
    """A larger photo is refused, whatever length its host announces."""
    max_redirects: NonNegativeInt = 5
    """Redirects that are followed for one photo; each target is held against the same rules."""
    recheck_days: NonNegativeFloat = 7.0
    """A photo that was fetched or confirmed within so many days is not asked for; 0 asks every night."""
    give_up_after: PositiveInt = 20
    """After so many photos in a row that a host failed to deliver, the rest of its photos wait for the next night."""
    allow_private_addresses: bool = False
    """Also connect to private, loopback and other addresses that are not public. A feed can then make this machine ask its own network."""
    user_agent: str = "vitrine"
    """What the night calls itself to the hosts."""
