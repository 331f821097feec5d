"""What all tests share: the servers of ``services``."""

pytest_plugins = ["services.fixtures"]
