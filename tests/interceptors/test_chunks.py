"""The framing of chunks is taken off and put on again without loss."""

from hypothesis import given
from hypothesis import strategies as st

from playback_core.interceptors._chunks import framed, unframed

pieces = st.lists(st.binary(min_size=1, max_size=20), max_size=6)


@given(pieces)
def test_what_is_framed_comes_out_again(given_pieces: list[bytes]) -> None:
    content, sizes = b"".join(given_pieces), list(map(len, given_pieces))
    data = framed(content, sizes, ended=True)
    assert unframed(data) == (content, sizes, True)


@given(pieces, st.data())
def test_any_beginning_can_be_put_together_again(given_pieces: list[bytes], data: st.DataObject):
    sizes = list(map(len, given_pieces))
    whole = framed(b"".join(given_pieces), sizes, ended=True)
    beginning = whole[: data.draw(st.integers(0, len(whole)))]
    found = unframed(beginning)
    again = framed(found.content, found.sizes, ended=found.is_ended)
    # It may go on to where the next chunk would begin, or stop where only its size was said.
    assert again.startswith(beginning.rstrip(b"\r\n")) or beginning.startswith(again)
