"""What is logged while the page is served, and afterwards in the same process."""

import logging

from page_server import ask, served

from antispoof.demo.about import About
from antispoof.demo.app import create_app


def test_no_warning_is_logged_while_the_page_is_served_and_all_are_afterwards(detector, caplog):
    """A warning may name a file of whoever uses the page."""
    log, logged = logging.getLogger("antispoof.data.flac"), []
    with served(create_app(detector, About("tiny"))) as address:
        assert ask(address)[0] == 200
        log.warning("meanwhile")
        logged += caplog.messages
    log.warning("afterwards")
    assert (logged, caplog.messages) == ([], ["afterwards"])
