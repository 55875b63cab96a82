"""A small shop: the Django project that `demo.py` records, changes and replays."""
