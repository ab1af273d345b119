"""Texts as feeds deliver them."""

READABLE = {
    "megabyte": "a very long story of a scarf " * 36_000,
    "emoji": "🧣🧤🎩",
    "right to left": "وشاح أحمر من الصوف",
    "no spaces": "红色的羊毛围巾适合冬天佩戴",
    "nul inside": "a red\0 scarf",
    "replaced bytes": "ros\ufffd wine",
}
UNREADABLE = {
    "empty": "",
    "spaces": " \t\n \u3000",
    "controls": "\x07\x1b\x7f",
    "nul alone": "\0\0",
    "invisible": "\u200b\u200e",
    "none": None,
}
