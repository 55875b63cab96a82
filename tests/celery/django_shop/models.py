"""What the shop stores."""

from django.db import models


class Order(models.Model):
    """An order and its total."""

    total = models.DecimalField(max_digits=8, decimal_places=2)
    placed = models.DateTimeField(auto_now_add=True)
