"""Models with fields of many types."""

import uuid
from typing import Any

from django.db import models


class Product(models.Model):
    name: Any = models.CharField(max_length=50, unique=True)
    price: Any = models.DecimalField(max_digits=8, decimal_places=2)
    stock: Any = models.IntegerField(default=0)
    details: Any = models.JSONField(default=dict)
    code: Any = models.UUIDField(default=uuid.uuid4)
    picture: Any = models.BinaryField(default=b"")
    made_at: Any = models.DateTimeField(auto_now_add=True)
    lasts: Any = models.DurationField(null=True)


class Order(models.Model):
    who: Any = models.CharField(max_length=50)
    product: Any = models.ForeignKey(Product, on_delete=models.CASCADE)
    count: Any = models.IntegerField()


class Report(models.Model):
    text: Any = models.CharField(max_length=100)


class Document(models.Model):
    file: Any = models.FileField(upload_to="documents")
