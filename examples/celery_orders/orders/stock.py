"""What is in stock, kept in Redis."""

import redis

from orders.app import REDIS

client: "redis.Redis" = redis.Redis.from_url(f"{REDIS}/2", decode_responses=True)


def price(sku: str) -> str:
    return str(client.hget("prices", sku))


def take(sku: str, quantity: int) -> int:
    return int(str(client.hincrby("stock", sku, -quantity)))


def paid() -> int:
    return int(str(client.get("paid") or 0))


def pay(cents: int) -> int:
    return int(str(client.incrby("paid", cents)))
