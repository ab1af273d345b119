"""What may be asked of the API and what it answers, as OpenAPI tells it."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

MOST_ITEMS = 500
MOST_EVENTS = 1000
Id = Annotated[str, Field(min_length=1, max_length=256)]
EventType = Literal["impression", "click", "cart", "purchase", "rating", "review", "tag", "dwell"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Event(_Strict):
    """Something a user did with an item."""

    item_id: Id
    event_type: EventType
    value: float | None = Field(default=None, allow_inf_nan=False, description="stars, money or seconds")
    event_time: AwareDatetime | None = Field(default=None, description="with time zone; none: now")


class PostedEvent(Event):
    """An event to remember."""

    user_id: Id
    event_id: Id | None = Field(default=None, description="posting the same id again changes nothing; none: made from the row")
    request_id: Id | None = Field(default=None, description="the answer this followed")
    release_id: Id | None = None
    position: int | None = Field(default=None, ge=1)


class Filters(_Strict):
    """What may be shown."""

    categories: list[Id] = Field(default=[], max_length=100, description="any of these; empty: all")
    min_price: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    max_price: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    in_stock: bool = Field(default=True, description="false: show what is out of stock, too")
    exclude: list[Id] = Field(default=[], max_length=MOST_EVENTS, description="item_ids never to show")

    @model_validator(mode="after")
    def _in_order(self) -> "Filters":
        if self.min_price is not None and self.max_price is not None and self.min_price > self.max_price:
            raise ValueError(f"min_price {self.min_price} is above max_price {self.max_price}")
        return self


class Ask(_Strict):
    """For whom: a user, or events of somebody unnamed."""

    user_id: Id | None = None
    events: list[Event] = Field(default=[], max_length=MOST_EVENTS, description="instead of user_id, or on top of what is known")
    k: int | None = Field(default=None, ge=1, le=MOST_ITEMS)
    filters: Filters = Filters()

    @model_validator(mode="after")
    def _somebody(self) -> "Ask":
        if self.user_id is None and not self.events:
            raise ValueError("neither user_id nor events is given; give one of them")
        return self


class AskSlate(Ask):
    """As `Ask`, and how unlike one another the items shall be."""

    diversity: float | None = Field(default=None, ge=0, le=1)


class Card(BaseModel):
    """What is shown of an item."""

    item_id: str
    title: str | None
    price: float | None
    image_uri: str | None
    category: list[str]


class Item(Card):
    """One line of a slate."""

    score: float
    reason: str


class Slate(BaseModel):
    """Items, best first."""

    request_id: str
    release_id: str
    source: str = Field(description="personal; popular: nothing is known of the user; content or behaviour for similar items")
    path: str = Field(description="ann, wider, exact or popular: how candidates were found")
    items: list[Item]


class EventWorth(Card):
    """An event of the user's history."""

    kind: int
    event_time_us: int
    worth: float = Field(description="how much lower the score were, had it not happened and the user tower read the others")


class Explained(Card):
    """Why an item for a user."""

    request_id: str
    release_id: str
    score: float = Field(description="of retrieval; the ranker is not explained")
    parts: dict[str, float] = Field(
        description="add up to the score: fused (of a late ensemble fused.<what>), match.<modality>, likeness, linear, bias, popularity"
    )
    events: list[EventWorth] = Field(description="the newest that the user tower reads, the one that adds most first")


class Refused(BaseModel):
    """A row that was not taken."""

    row: int
    problem: str


class Taken(BaseModel):
    """What became of posted events."""

    request_id: str
    accepted: int
    new: int
    refused: list[Refused]


def moment(value: datetime | None, *, otherwise: int) -> int:
    """Microseconds since 1970 UTC."""
    return otherwise if value is None else round(value.timestamp() * 1_000_000)
