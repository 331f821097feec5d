"""What all tests share: the servers of ``services``."""

import pytest

pytest_plugins = ["services.fixtures"]

pytest.register_assert_rewrite("support")  # what its assertions compared is told
