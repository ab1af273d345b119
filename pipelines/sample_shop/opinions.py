"""What shoppers say of what they bought: an aspect a sentence, worded by how content they are with it."""

from collections.abc import Mapping

OPENERS = (
    "Bought for my sister.",
    "Second one from this shop.",
    "I have had it for a week now.",
    "A present to myself.",
    "I looked at three others first.",
    "My old one gave up after ten years.",
)
"""Sentences that tell nothing."""
ASPECTS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "quality": (
        ("It fell apart after two days", "I cannot find one good word for how it is made", "The worst workmanship I have seen"),
        ("It does not feel as if it will last", "The finish is nowhere near as good as promised", "Rather flimsy"),
        ("The quality is what you would expect, no more and no less", "Neither well nor badly made", "Made decently"),
        ("Not badly made at all", "It feels solid", "I found no fault with how it is made, apart from a loose thread"),
        ("Never had anything better made", "You will not find a flaw in it", "Superbly made"),
    ),
    "fit": (
        ("The size is completely wrong", "Nothing about it fits, whatever the table says", "Useless in this size"),
        ("It does not sit as it should", "Smaller than I was told, and not by a little", "The size is hardly right"),
        ("The size is all right", "It fits, if not perfectly", "A little large, which I do not mind"),
        ("The size is good", "No trouble with the size", "It fits better than I feared"),
        ("It could not fit better", "As if made for me", "The size is perfect"),
    ),
    "colour": (
        ("The colour has nothing to do with the photo", "The colour is hideous", "After one wash no colour was left"),
        ("Not the colour I hoped for", "The colour is duller than on the photo", "The colour does not please me much"),
        ("The colour is fine", "The colour is not quite that of the photo, but close", "An ordinary colour"),
        ("A nice colour", "The colour is not at all as dull as I feared", "The colour goes well with what I have"),
        ("I cannot stop looking at the colour", "What a beautiful colour", "No photo does justice to this colour"),
    ),
    "price": (
        ("A waste of money", "Not worth a tenth of the price", "I want my money back"),
        ("Hardly a bargain", "I would not pay that again", "Too dear for what it is"),
        ("The price is fair enough", "Neither cheap nor dear", "You get what you pay for"),
        ("Good value", "Not too dear for what you get", "Worth the price"),
        ("I would have paid twice as much without regret", "A steal", "Unbelievable at this price"),
    ),
}
"""Aspect -> of each contentment, from 1 to 5 stars, what one says."""
DELIVERY = (
    ("Delivery took three weeks", "The parcel came damaged"),
    ("Delivery was slower than promised", "The driver did not ring"),
    ("Delivered within the week", "The parcel came on the last day that was promised"),
    ("It came a day early", "No trouble with the delivery"),
    ("Ordered in the evening, here by noon", "The fastest delivery ever"),
)
"""The same of what has nothing to do with the product."""
VERDICTS = (
    ("Never again.", "It goes back.", "I would not even give it away.", "Do not buy it."),
    ("I would not buy it again.", "I expected more.", "Not for me.", "It could have been good."),
    ("It does what it should.", "I have seen worse and better.", "Not bad, not great.", "I may keep it."),
    ("I would buy it again.", "I am pleased.", "Nothing to regret.", "I do not want to give it back."),
    ("I could not be happier.", "I love it.", "I will never buy another one.", "Do not hesitate."),
)
"""How a review ends, by its stars."""
