"""Storage backends: each module holds one cassette; `_` modules are shared by several."""
