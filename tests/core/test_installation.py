"""A rival distribution in the same place is noticed, once, with what mends it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

IMPORTS = "import chatkit.server, chatkit.types, chatkit.widgets, chatkit.store"
COMMAND = "pip uninstall -y openai-chatkit && pip install --force-reinstall --no-deps chatkit-core"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of installed packages, for a fresh interpreter."""
    return tmp_path


def install_rival(site: Path) -> None:
    info = site / "openai_chatkit-1.6.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: openai-chatkit\nVersion: 1.6.5\n", encoding="utf-8"
    )


def warnings_of(script: str, site: Path) -> str:
    search_path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", script],
        env={**os.environ, "PYTHONPATH": search_path},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr


def test_one_warning_names_the_command_that_mends_it(site: Path) -> None:
    install_rival(site)
    warned = warnings_of(IMPORTS, site)
    assert warned.count("RuntimeWarning") == 1
    assert COMMAND in warned


def test_nothing_is_said_when_chatkit_core_is_alone(site: Path) -> None:
    assert warnings_of(IMPORTS, site) == ""


def test_the_warning_can_be_silenced_by_its_words(site: Path) -> None:
    install_rival(site)
    silence = "import warnings; warnings.filterwarnings('ignore', 'openai-chatkit'); "
    assert warnings_of(silence + IMPORTS, site) == ""


def test_the_warning_comes_even_when_a_later_import_fails(site: Path) -> None:
    """Files of the rival in between may break an import; the way out must be shown first."""
    install_rival(site)
    script = (
        "import sys; sys.modules['chatkit.actions'] = None\n"
        "try:\n    import chatkit.types\nexcept ImportError:\n    pass"
    )
    assert COMMAND in warnings_of(script, site)


def test_the_warning_comes_first_when_the_server_is_imported(site: Path) -> None:
    """As above, for the import that most programs begin with."""
    install_rival(site)
    script = (
        "import sys; sys.modules['chatkit.errors'] = None\n"
        "try:\n    import chatkit.server\nexcept ImportError:\n    pass"
    )
    assert COMMAND in warnings_of(script, site)
