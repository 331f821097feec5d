"""A ChatKit store on Redis, one server or a cluster."""
