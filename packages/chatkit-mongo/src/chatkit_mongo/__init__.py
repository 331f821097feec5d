"""A ChatKit store on MongoDB."""
