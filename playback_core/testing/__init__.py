"""The contract test of cassettes: subclass it, give it a `cassette` fixture, and pytest runs it.

    class TestMyCassette(CassetteContract):
        @pytest.fixture
        def cassette(self):
            with MyCassette() as cassette:
                yield cassette

Each test wants a cassette of its own, empty. It has two halves: `CassetteWriteContract` for one
that only records, `CassetteReadContract` for one that only reads and says, by `writer`, through
which other one it is filled.
"""

from playback_core.testing.read_contract import CassetteReadContract
from playback_core.testing.recordings import save_new
from playback_core.testing.write_contract import CassetteWriteContract

__all__ = ["CassetteContract", "CassetteReadContract", "CassetteWriteContract", "save_new"]


class CassetteContract(CassetteWriteContract, CassetteReadContract):
    """Both halves; what is saved is read from the cassette's `readable()`."""
