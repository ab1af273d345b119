from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from feature_store.served_log import KEPT_DAYS, ServedLog
from feature_store.served_samples import ServedSample, sample_files, sample_lines

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
SAMPLE = ServedSample(
    request_id="r",
    time=round(NOON.timestamp() * 1e6),
    user_id="anna",
    release_id="20260101-1",
    snapshot="s",
    additions=0,
    posted=("e",),
    item_ids=("i1", "i2"),
    retrieval_scores=np.array([0.1, 1 / 3], np.float32),
    feature_names=("a", "b", "c"),
    features=np.array([[1 / 3, 0, -1e-30], [np.nan, 2, 3]], np.float32),
    slate=("i2",),
)


def nobody(_user_id: str) -> bool:
    return False


def ids(folder: Path) -> list[str]:
    told = [ServedSample.from_line(line) for file in sample_files(folder) for line in sample_lines(file)]
    return [sample.request_id for sample in told if sample is not None]


def test_a_sample_comes_back_to_the_bit() -> None:
    found = ServedSample.from_line(SAMPLE.to_line())
    assert found is not None
    assert found.features.tobytes() == SAMPLE.features.tobytes()
    assert found.retrieval_scores.tobytes() == SAMPLE.retrieval_scores.tobytes()
    assert replace(found, features=SAMPLE.features, retrieval_scores=SAMPLE.retrieval_scores) == SAMPLE


def test_a_line_that_a_full_disk_cut_off_costs_only_itself(tmp_path: Path) -> None:
    log = ServedLog(tmp_path)
    log.append(SAMPLE, erased=nobody)
    (file,) = sample_files(tmp_path)
    file.write_bytes(file.read_bytes()[:-40])
    log.append(replace(SAMPLE, request_id="next"), erased=nobody)
    assert ids(tmp_path) == ["next"]


def test_a_day_has_a_file_of_its_own_and_old_ones_go(tmp_path: Path) -> None:
    log = ServedLog(tmp_path)
    for days in range(KEPT_DAYS + 2):
        log.append(replace(SAMPLE, time=SAMPLE.time + days * 86_400_000_000), erased=nobody)
    found = [file.stem for file in sample_files(tmp_path)]
    assert found == [f"{NOON + timedelta(days=days):%Y-%m-%d}" for days in range(1, KEPT_DAYS + 2)]


def test_a_day_has_a_largest_size(tmp_path: Path) -> None:
    log = ServedLog(tmp_path, most_bytes=2 * len(SAMPLE.to_line()) + 4)
    assert [log.append(SAMPLE, erased=nobody) for _ in range(3)] == [True, True, False]


def test_an_erased_user_is_not_written(tmp_path: Path) -> None:
    assert not ServedLog(tmp_path).append(SAMPLE, erased=lambda user_id: user_id == "anna")
    assert ids(tmp_path) == []


def test_what_is_removed_goes_with_lines_that_were_cut_off_and_others_stay(tmp_path: Path) -> None:
    log = ServedLog(tmp_path)
    log.append(SAMPLE, erased=nobody)
    log.append(replace(SAMPLE, request_id="other", user_id="bob"), erased=nobody)
    (file,) = sample_files(tmp_path)
    file.write_bytes(file.read_bytes() + b'{"request_id": "half", "user_id": "anna')
    assert log.remove(lambda _line, sample: sample.user_id == "anna") == 1
    assert ids(tmp_path) == ["other"]
    assert b"anna" not in file.read_bytes()


def test_nothing_is_removed_where_nothing_was_sampled(tmp_path: Path) -> None:
    assert ServedLog(tmp_path / "served").remove(lambda _line, _sample: True) == 0
    assert not (tmp_path / "served").exists()


@pytest.mark.parametrize("line", [b"", b"{}", b"[1]", b'{"request_id": "r"}', b"\xff"])
def test_what_is_no_sample_is_none(line: bytes) -> None:
    assert ServedSample.from_line(line) is None
