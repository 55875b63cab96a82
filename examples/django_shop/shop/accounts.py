"""How passwords are kept."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class QuickHasher(PBKDF2PasswordHasher):
    """With few rounds: these passwords are no secrets."""

    iterations = 10_000
