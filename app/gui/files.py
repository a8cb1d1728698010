"""Asks for a file without waiting, and reads or writes it in a task."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from app.domain.errors import EnvironmentFault, InvalidInput
from app.pki.pem import CERTIFICATE_REQUEST, to_der, to_pem

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.gui.tasks import TaskRunner

LARGEST_REQUEST = 1 << 20
_PEM_ENDINGS = frozenset({".pem", ".b64", ".txt", ".req", ".csr"})


def ask_save(
    runner: TaskRunner, parent: QWidget, title: str, label: str, content: Callable[[], bytes]
) -> QFileDialog:
    """Ask where to save, then write there: DER for .cer, .der and .crt, PEM for other endings.

    Args:
        runner: runs the writing.
        parent: what the chooser belongs to; errors appear above it.
        title: of the chooser.
        label: of the PEM block, for example `CERTIFICATE`.
        content: gives the DER bytes; called in the task thread.
    """
    chooser = QFileDialog(parent, title)
    chooser.setObjectName("export_dialog")
    chooser.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    chooser.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    chooser.setNameFilters(["PEM (*.pem)", "DER (*.cer *.der)"])
    chooser.setDefaultSuffix("pem")
    chooser.filterSelected.connect(
        lambda chosen: chooser.setDefaultSuffix("cer" if chosen.startswith("DER") else "pem")
    )
    words = QCoreApplication.translate("files", "Saving {0}")

    def save(path: str) -> None:
        runner.run(
            words.format(Path(path).name), write_encoded, Path(path), label, content, owner=parent
        )

    chooser.fileSelected.connect(save)
    chooser.open()
    return chooser


def write_encoded(path: Path, label: str, content: Callable[[], bytes]) -> Path:
    """Write DER bytes to a file, as PEM where its ending says so.

    Raises:
        EnvironmentFault: it cannot be written.
    """
    data = content()
    is_pem = path.suffix.lower() in _PEM_ENDINGS or not path.suffix
    try:
        path.write_bytes(to_pem(label, data) if is_pem else data)
    except OSError as error:
        raise EnvironmentFault(
            f"“{path}” could not be written.",
            cause=error.strerror or "",
            remedy="Choose another folder.",
            detail=str(error),
        ) from error
    return path


def read_request_text(path: Path) -> str:
    """A certificate request from a file of any form, as PEM.

    Raises:
        EnvironmentFault: the file cannot be read.
        InvalidInput: it holds no certificate request.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_REQUEST + 1)
    except OSError as error:
        raise EnvironmentFault(
            f"“{path}” could not be read.",
            cause=error.strerror or "",
            remedy="Choose another file.",
            detail=str(error),
        ) from error
    if len(data) > LARGEST_REQUEST:
        raise InvalidInput(f"“{path.name}” is too large for a certificate request.")
    der = to_der(data, CERTIFICATE_REQUEST, "NEW CERTIFICATE REQUEST")
    return to_pem(CERTIFICATE_REQUEST, der).decode("ascii")
