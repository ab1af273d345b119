"""`python -m serving`: the API in the foreground."""

import argparse
from pathlib import Path

import uvicorn

from feature_store.errors import OnlineStoreError
from feature_store.user_names import UserKeyError
from serving.app import create_app, open_settled
from serving.settings import Settings


def main() -> None:
    """Serve until told to stop; what the command line leaves out comes from VITRINE_* or has its default."""
    parser = argparse.ArgumentParser(prog="python -m serving", description="Serve the champion release over HTTP.")
    parser.add_argument("--releases", type=Path, help="folder of releases")
    parser.add_argument("--store", help="the online store: a file, or redis://HOST:PORT/DATABASE (password: VITRINE_REDIS_PASSWORD)")
    parser.add_argument("--posted-days", type=int, help="events that are posted are known for so many days; 0: without such a limit")
    parser.add_argument("--images", type=Path, help="root of the catalogue's pictures")
    parser.add_argument("--host", help="address to listen on")
    parser.add_argument("--port", type=int, help="port to listen on")
    parser.add_argument("--show-users", action="store_const", const=True, help="list a few known user ids, for trying out")
    parser.add_argument("--pseudonyms", action="store_const", const=True, help="users are named by the key in VITRINE_USER_KEY")
    parser.add_argument("--sample-requests", type=float, metavar="SHARE", help="keep what the ranker read of this share of answers, 0 to 1")
    parser.add_argument("--served", type=Path, help="folder of these samples")
    given = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    settings = Settings(**given)
    try:
        app = create_app(settings)
        open_settled(settings).close()  # a store that cannot be opened is told in one line
    except (UserKeyError, OnlineStoreError) as error:
        parser.exit(1, f"error: {error}\n")
    uvicorn.run(app, host=settings.host, port=settings.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
