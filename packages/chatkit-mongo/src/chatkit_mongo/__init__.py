"""A ChatKit store on MongoDB."""

from chatkit_mongo.layout import UnusableDatabaseError
from chatkit_mongo.store import MongoStore

__all__ = ["MongoStore", "UnusableDatabaseError"]
