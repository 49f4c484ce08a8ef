import socket

import pytest

from hypeweb.services.errors import DomainError
from hypeweb.simulation import Browser


def test_a_site_that_is_not_there_is_a_sentence():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    browser = Browser(f"http://127.0.0.1:{port}")
    with pytest.raises(DomainError, match=r"did not answer .* See whether the site"):
        browser.get("/")
