"""What the shop says of its products, in English and in Chinese."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Theme:
    """A mood that only the text tells, in several wordings."""

    name: str
    english: tuple[str, ...]
    chinese: tuple[str, ...]


DEPARTMENTS = {
    "clothing": ("shirt", "dress", "cap"),
    "shoes": ("sneaker", "boot"),
    "bags": ("backpack", "handbag"),
    "home": ("mug", "teapot", "lamp", "chair"),
    "leisure": ("guitar", "umbrella", "watch"),
}
CATEGORIES_IN_CHINESE = {
    "shirt": "衬衫",
    "dress": "连衣裙",
    "cap": "帽子",
    "sneaker": "运动鞋",
    "boot": "靴子",
    "backpack": "双肩包",
    "handbag": "手提包",
    "mug": "马克杯",
    "teapot": "茶壶",
    "lamp": "台灯",
    "chair": "椅子",
    "guitar": "吉他",
    "umbrella": "雨伞",
    "watch": "手表",
}
MATERIAL_WORDS = {
    "matte": (("with a soft matte finish", "哑光质感"), ("with a quiet, powdery surface", "细腻哑光表面")),
    "glossy": (("polished to a shine", "亮面抛光"), ("with a glossy, lacquered surface", "光亮漆面")),
    "woven": (("woven by hand", "手工编织"), ("with a fine woven texture", "细密织纹")),
    "metallic": (("with a brushed metal look", "拉丝金属质感"), ("with a cool metallic sheen", "金属光泽")),
}
THEMES = (
    Theme(
        "seaside", ("for days by the sea", "for salt air and harbour mornings", "made for the beach"), ("海边时光", "港口清晨", "沙滩必备")
    ),
    Theme(
        "forest",
        ("for long walks in the woods", "made for moss, ferns and tall trees", "for quiet forest weekends"),
        ("林间漫步", "青苔与大树", "森林周末"),
    ),
    Theme(
        "space",
        ("for stargazers", "inspired by rockets, planets and moonlight", "dreaming of the galaxy"),
        ("星空爱好者", "火箭与月光", "银河之梦"),
    ),
    Theme(
        "retro",
        ("straight from the seventies", "like a vintage find from the flea market", "in love with old records and neon diners"),
        ("复古七十年代", "古着市集", "老唱片风"),
    ),
    Theme(
        "music",
        ("for the front row of a concert", "at home backstage and at the encore", "for people who hum along"),
        ("音乐会前排", "后台与安可", "随时哼唱"),
    ),
    Theme("sport", ("for runners and early risers", "built for the gym", "tested in stadiums"), ("跑者之选", "健身房必备", "赛场检验")),
    Theme(
        "office",
        ("for meetings and deadlines", "for tidy desks and sharp minds", "made for the commute"),
        ("会议与办公", "整洁书桌", "通勤之选"),
    ),
    Theme(
        "kitchen",
        ("for cooks and bakers", "made for Sunday pancakes and fresh bread", "in the mood of cinnamon and vanilla"),
        ("厨房达人", "周日烘焙", "肉桂香气"),
    ),
    Theme(
        "cats",
        ("for people who live with cats", "all about whiskers, paws and naps", "approved by every tabby"),
        ("爱猫人士", "胡须与小爪", "猫咪认可"),
    ),
    Theme(
        "travel",
        ("for night trains and airports", "for collectors of passport stamps", "packed in five minutes"),
        ("夜车与机场", "护照印章", "说走就走"),
    ),
    Theme(
        "winter",
        ("for snow and frosty mornings", "for cabins, fireplaces and cocoa", "warm when it freezes"),
        ("雪天与霜晨", "木屋壁炉", "寒冬温暖"),
    ),
    Theme(
        "garden",
        ("for gardeners", "among roses, bees and watering cans", "for those with good soil and patience"),
        ("园艺爱好者", "玫瑰与蜜蜂", "好土与耐心"),
    ),
)
BRANDS = ("Alder", "Brisa", "Corbel & Co", "Dune", "Ember", "Fjell", "Grove", "Halo", "Iris", "Juniper", "Kestrel", "Lumen")
ADJECTIVES = ("daily", "favourite", "classic", "little", "handy", "weekend", "studio", "pocket", "simple", "city", "country", "family")
