"""A ChatKit store on Redis, one server or a cluster."""

from chatkit_redis.store import RedisStore

__all__ = ["RedisStore"]
