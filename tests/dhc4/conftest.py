import pytest

from tests.dhc4.clients import Lan


@pytest.fixture
def lan() -> Lan:
    return Lan()
