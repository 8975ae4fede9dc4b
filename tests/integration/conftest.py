import pytest

from harness import Workplace


@pytest.fixture
def place():
    with Workplace() as workplace:
        yield workplace
