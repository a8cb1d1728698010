"""The window with all pages, a service host on a free port, and a CA for the responder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtTest import QTest

from app.domain.keys import KeyAlgorithm, KeySpec
from app.domain.libraries import SOFTWARE_PROVIDER
from app.domain.principals import TemplateRight
from app.domain.services import ListenAddress
from app.gui.panels import tree
from app.host.control import HostController
from app.services.authority.authorities import CreateAuthority
from app.services.responder.configurations import AddConfiguration
from tests.gui.conftest import wait_for
from tests.gui.panels.shell import Shell, filled, registered_library, shell, softhsm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from app.domain.authorities import Authority
    from app.domain.ids import ConfigurationId
    from app.domain.responder import RevocationConfiguration
    from app.gui.panel import Panel

__all__ = [
    "authority",
    "configuration",
    "filled",
    "host",
    "registered_library",
    "shell",
    "softhsm",
    "until",
]

TEMPLATE = "OCSPResponseSigning"
RIGHTS = TemplateRight.READ | TemplateRight.ENROLL | TemplateRight.AUTOENROLL


def permit(shell: Shell) -> None:
    """Let the responder's account enroll by itself."""
    account = shell.backend.services.list()[0].log_on_as
    identity = shell.backend.directory.network_identity(account)
    shell.backend.templates.permit(TEMPLATE, identity, add=RIGHTS)


def until(shell: Shell, panel: Panel, condition: Callable[[], bool]) -> None:
    """Refresh a page until it shows what is awaited."""

    def shown() -> bool:
        panel.refresh()
        shell.settle()
        return condition()

    wait_for(shown)


def page(shell: Shell, configuration_id: ConfigurationId) -> str:
    """Key of a configuration's page, once the tree has it."""
    key = f"responder/configurations/{configuration_id}"
    shell.window.refresh_children("responder/configurations")
    wait_for(lambda: key in shell.window.tree.specs)
    return key


@pytest.fixture
def host(shell: Shell) -> Iterator[HostController]:
    """The service host on a free port, and the nodes of its pages."""
    controller = HostController(shell.backend)
    controller.start(ListenAddress("127.0.0.1", 0))
    assert controller.wait_loaded(10)
    for spec in tree(shell.backend, controller):
        shell.window.add_node(spec)
    shell.settle()
    yield controller
    shell.close_dialogs()
    shell.window.navigate("certificate_templates")
    shell.settle()
    QTest.qWait(1)
    controller.stop()


@pytest.fixture
def authority(shell: Shell, host: HostController) -> Authority:
    """A P-256 CA that issues Web Server and OCSP Response Signing and names this responder."""
    address = host.state().address
    assert address is not None
    made = shell.backend.authorities.create(
        CreateAuthority(
            name="Test CA",
            provider=f"ECDSA_P256#{SOFTWARE_PROVIDER}",
            spec=KeySpec(KeyAlgorithm.ECDSA_P256, 256),
            ocsp_location=True,
            server_dns_name=address.authority,
        )
    )
    shell.backend.templates.set_fields(TEMPLATE, {"algorithm": "ECDSA_P256"})
    return shell.backend.authorities.add_template(made.id, "WebServer", TEMPLATE)


@pytest.fixture
def configuration(
    shell: Shell, host: HostController, authority: Authority
) -> RevocationConfiguration:
    """A configuration that works."""
    permit(shell)
    added = shell.backend.responder.add(AddConfiguration(name="Test", authority_id=authority.id))
    assert added.problem is None
    wait_for(lambda: host.counters().started_at is not None)
    return added.configuration
