"""The cases, one module for each family of clauses. Importing this registers them all."""

from chatkit_conformance.cases import scope, threads

__all__ = ["scope", "threads"]
