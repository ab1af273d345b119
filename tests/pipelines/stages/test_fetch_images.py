import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from feature_store.layout import TableReader, Workspace
from feature_store.schema import FETCHED_IMAGES
from pipelines.stage import clear_scratch, is_current
from pipelines.stages import embed_items, fetch_images
from tests.support.embedded_shop import EMBED, rows_of, write_catalogue, write_encoder
from tests.support.photo_host import PhotoHost, after, give, give_unless_known, in_turn, status
from tests.support.photos import jpeg, write_files
from tests.support.stages import NIGHT, context_of, run_stage

SETTINGS: dict[str, Any] = {"allow_private_addresses": True, "tries": 1}
PHOTOS = {f"/{at}.jpg": jpeg((at * 9, 40, 90), seed=at) for at in range(6)}


@pytest.fixture
def host() -> Iterator[PhotoHost]:
    with PhotoHost() as host:
        host.answers.update({path: give_unless_known(content, etag=f'"{path}"') for path, content in PHOTOS.items()})
        yield host


def catalogue_of(root: Path, *uris: str | None) -> None:
    """Items i0, i1, ... whose photos lie there."""
    write_catalogue(root, list(uris), fetch=False)


def fetch(root: Path, **settings: Any) -> TableReader:
    table = run_stage(fetch_images.STAGE, root, fetch_images={**SETTINGS, **settings})
    clear_scratch(fetch_images.STAGE, Workspace(root))
    return table


def images(table: TableReader) -> pl.DataFrame:
    return table.scan(FETCHED_IMAGES).collect()


def refused(table: TableReader) -> list[tuple[str, str, bool]]:
    rows = pl.read_parquet(table.path("quarantine/part-0000.parquet"))
    return list(rows.select("item_id", "reason", "kept").iter_rows())


def stored(root: Path) -> int:
    return len([path for path in (root / "fetched_images").rglob("*") if path.is_file()])


def test_a_catalogue_without_urls_makes_an_empty_table_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.socket", None)
    catalogue_of(tmp_path, "a.jpg", None, "ftp://shop.test/a.jpg")
    assert fetch(tmp_path).manifest.facts == {"rows": 0, "fetched": 0, "quarantined": 0, "asked": {}}
    assert not (tmp_path / "fetched_images").exists()


def test_each_url_is_fetched_once_however_many_items_show_it(tmp_path: Path, host: PhotoHost) -> None:
    catalogue_of(tmp_path, host.url("/0.jpg"), host.url("/1.jpg"), host.url("/0.jpg"), "HTTP" + host.url("/2.jpg").removeprefix("http"))
    table = fetch(tmp_path)
    assert images(table)["size_bytes"].sort().to_list() == sorted(len(PHOTOS[f"/{at}.jpg"]) for at in range(3))
    assert host.asked == {"/0.jpg": 1, "/1.jpg": 1, "/2.jpg": 1}
    assert table.manifest.facts["asked"] == {"fetched": 3}


def test_what_fails_lands_in_quarantine_once_per_item(tmp_path: Path, host: PhotoHost) -> None:
    catalogue_of(tmp_path, host.url("/0.jpg"), host.url("/gone.jpg"), host.url("/gone.jpg"))
    table = fetch(tmp_path)
    assert refused(table) == [("i1", "http: status 404", False), ("i2", "http: status 404", False)]
    assert table.manifest.facts == {"rows": 2, "fetched": 1, "quarantined": 2, "asked": {"fetched": 1, "failed: http": 1}}


def test_the_next_night_asks_for_new_and_failed_photos_alone(tmp_path: Path, host: PhotoHost) -> None:
    host.answers["/1.jpg"] = in_turn(status(500), give(PHOTOS["/1.jpg"]))
    catalogue_of(tmp_path, host.url("/0.jpg"), host.url("/1.jpg"))
    fetch(tmp_path)
    catalogue_of(tmp_path, host.url("/0.jpg"), host.url("/1.jpg"), host.url("/2.jpg"))
    table = fetch(tmp_path)
    assert host.asked == {"/0.jpg": 1, "/1.jpg": 2, "/2.jpg": 1}
    assert table.manifest.facts["quarantined"] == 0


def test_a_night_with_nothing_to_ask_changes_no_byte(tmp_path: Path, host: PhotoHost) -> None:
    catalogue_of(tmp_path, host.url("/0.jpg"))
    assert fetch(tmp_path).manifest.content_digest == fetch(tmp_path).manifest.content_digest


def test_after_the_recheck_time_an_unchanged_photo_is_confirmed_and_not_sent(tmp_path: Path, host: PhotoHost) -> None:
    catalogue_of(tmp_path, host.url("/0.jpg"))
    first = images(fetch(tmp_path))
    table = fetch(tmp_path, recheck_days=0)
    assert table.manifest.facts["asked"] == {"unchanged": 1}
    assert images(table).drop("fetched_at").equals(first.drop("fetched_at"))
    assert images(table)["fetched_at"][0] > first["fetched_at"][0]


def test_a_photo_that_has_changed_replaces_the_old_one_in_the_store(tmp_path: Path, host: PhotoHost) -> None:
    catalogue_of(tmp_path, host.url("/0.jpg"))
    before = images(fetch(tmp_path))["digest"][0]
    host.answers["/0.jpg"] = give(jpeg(seed=99))
    after_change = images(fetch(tmp_path, recheck_days=0))["digest"][0]
    assert after_change != before
    assert stored(tmp_path) == 1


def test_a_photo_that_cannot_be_fetched_any_more_keeps_its_bytes(tmp_path: Path, host: PhotoHost) -> None:
    catalogue_of(tmp_path, host.url("/0.jpg"))
    before = images(fetch(tmp_path))
    host.answers["/0.jpg"] = status(503)
    table = fetch(tmp_path, recheck_days=0)
    assert images(table).drop("reason").equals(before.drop("reason"))
    assert refused(table) == [("i0", "http: status 503", True)]
    assert stored(tmp_path) == 1


def test_bytes_that_were_lost_are_fetched_again(tmp_path: Path, host: PhotoHost) -> None:
    catalogue_of(tmp_path, host.url("/0.jpg"))
    fetch(tmp_path)
    for path in (tmp_path / "fetched_images").rglob("*"):
        if path.is_file():
            path.unlink()
    assert fetch(tmp_path).manifest.facts["asked"] == {"fetched": 1}


def test_switched_off_it_asks_nobody_and_keeps_what_it_has(tmp_path: Path, host: PhotoHost) -> None:
    catalogue_of(tmp_path, host.url("/0.jpg"))
    fetch(tmp_path)
    catalogue_of(tmp_path, host.url("/0.jpg"), host.url("/1.jpg"))
    table = fetch(tmp_path, enabled=False)
    assert images(table)["digest"].is_null().to_list() == [False, True]
    assert host.asked == {"/0.jpg": 1}


def test_one_host_is_asked_for_so_many_photos_at_once(tmp_path: Path, host: PhotoHost) -> None:
    host.answers.update({path: after(0.1, give(content)) for path, content in PHOTOS.items()})
    catalogue_of(tmp_path, *map(host.url, PHOTOS))
    fetch(tmp_path, per_host=2)
    assert host.most_at_once == 2


def test_a_host_that_never_answers_costs_the_others_nothing(tmp_path: Path, host: PhotoHost) -> None:
    with PhotoHost("127.0.0.2") as mute:
        mute.answers.update({path: after(1.0, status(500)) for path in PHOTOS})
        catalogue_of(tmp_path, *map(host.url, PHOTOS), *[mute.url(path, host="127.0.0.2") for path in PHOTOS])
        table = fetch(tmp_path, silence_s=0.3, per_host=1, give_up_after=2)
        assert mute.asked.total() == 2
    assert table.manifest.facts["asked"] == {"fetched": 6, "failed: timeout": 2, "failed: host": 4}


def test_a_shop_with_urls_asks_anew_each_day_and_another_never(tmp_path: Path, host: PhotoHost, monkeypatch: pytest.MonkeyPatch) -> None:
    def is_current_tomorrow(root: Path) -> bool:
        context = context_of(fetch_images.STAGE, root, fetch_images=SETTINGS)
        assert is_current(fetch_images.STAGE, context.workspace, context.config, NIGHT)
        with monkeypatch.context() as patch:
            patch.setattr(fetch_images, "datetime", Tomorrow)
            return is_current(fetch_images.STAGE, context.workspace, context.config, NIGHT)

    catalogue_of(tmp_path / "urls", host.url("/0.jpg"))
    catalogue_of(tmp_path / "paths", "0.jpg")
    for root in (tmp_path / "urls", tmp_path / "paths"):
        fetch(root)
    assert not is_current_tomorrow(tmp_path / "urls")
    assert is_current_tomorrow(tmp_path / "paths")


class Tomorrow(fetch_images.datetime):
    """A clock that is a day ahead."""

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return super().now(tz) + fetch_images.timedelta(days=1)


@pytest.mark.slow
def test_killed_in_the_middle_it_does_not_ask_again_for_what_it_has(tmp_path: Path, host: PhotoHost) -> None:
    catalogue_of(tmp_path, *map(host.url, PHOTOS))
    script = f"""if True:
        from dataclasses import replace
        from pathlib import Path
        from pipelines.stages import fetch_images
        from tests.support.small_night import Fatal
        from tests.support.stages import context_of
        context = context_of(fetch_images.STAGE, Path({str(tmp_path)!r}), fetch_images={ {**SETTINGS, "concurrency": 1}!r})
        fetch_images.STAGE.run(replace(context, progress=Fatal("fetching photos", 3)))
    """
    assert subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[3], check=False).returncode == -9
    assert host.asked.total() == 4
    table = fetch(tmp_path)
    assert host.asked == dict.fromkeys(PHOTOS, 1)
    assert table.manifest.facts["fetched"] == 6


def test_photos_on_a_web_server_and_below_the_root_both_get_vectors(tmp_path: Path, host: PhotoHost) -> None:
    write_files(tmp_path / "landing" / "images", {"local.jpg": PHOTOS["/0.jpg"]})
    catalogue_of(tmp_path, host.url("/0.jpg"), "local.jpg", host.url("/1.jpg"), host.url("/gone.jpg"), None)
    write_encoder(tmp_path)
    fetch(tmp_path)
    rows = rows_of(run_stage(embed_items.STAGE, tmp_path, embed=EMBED), "image")
    assert rows["presence"].to_list() == [True, True, True, False, False]
    assert rows["content_digest"][0] == rows["content_digest"][1]  # the same photo, from two places
    assert rows["content_digest"][0] != rows["content_digest"][2]
    quarantine = pl.read_parquet(Workspace(tmp_path).read("item_embeddings").path("quarantine/part-0000.parquet"))
    assert quarantine.select("item_id", "reason").rows() == [("i3", "remote: not fetched, and only files below the image root are read")]
