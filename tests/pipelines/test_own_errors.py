"""Errors of our own end a command in a line; bugs show where they are."""

from io import StringIO

import pytest
import typer
from rich.console import Console

from pipelines.own_errors import STOPPED, told
from recsys.models.export import ParityError
from recsys.retrieval.faiss_index import IndexRecallError


@pytest.mark.parametrize("error", [IndexRecallError("recall is [low]"), ParityError("recall is [low]")])
def test_what_a_night_refuses_to_publish_is_told_in_a_line(error: Exception) -> None:
    said = StringIO()
    with pytest.raises(typer.Exit) as ended, told(Console(file=said)):
        raise error
    assert (ended.value.exit_code, said.getvalue()) == (1, "error: recall is [low]\n")


def test_ctrl_c_says_that_the_same_command_goes_on() -> None:
    said = StringIO()
    with pytest.raises(typer.Exit) as ended, told(Console(file=said)):
        raise KeyboardInterrupt
    assert ended.value.exit_code == STOPPED
    assert "the same command goes on from there" in said.getvalue()


def test_a_bug_shows_where_it_is() -> None:
    with pytest.raises(ZeroDivisionError), told(Console(file=StringIO())):
        raise ZeroDivisionError
