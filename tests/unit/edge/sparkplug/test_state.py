import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sparkplug import state


@given(st.integers(0, 2**53), st.booleans())
def test_what_we_say_is_understood(began, is_online):
    assert state.online_since(state.said(began, is_online=is_online)) == (
        began if is_online else None
    )


@pytest.mark.parametrize(
    ("payload", "since"),
    [
        (b"ONLINE", 0),
        (b"OFFLINE", None),
        (b'{"online": true}', 0),
        (b'{"online": 1, "timestamp": 5}', None),
        (b"[]", None),
        (b"\xff", None),
        (b"", None),
    ],
)
def test_both_forms_are_read_and_what_is_neither_is_nobody(payload, since):
    assert state.online_since(payload) == since
