"""The wizard that takes a Luna Cloud HSM client into a full Luna client."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.domain.luna import CopyState, MergeCloud
from app.gui.forms import check_box, combo, line_edit
from app.gui.icons import icon
from app.gui.panels.security_library.luna_difference import DifferenceView
from app.gui.panels.security_library.luna_fields import FolderField
from app.gui.widgets.basics import button, label
from app.gui.wizard import AsyncCheck, FieldError, Wizard, WizardPage
from app.gui.wizard_parts import LineTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtWidgets import QWidget

    from app.domain.luna import LunaConfiguration, Merged, MergePlan
    from app.gui.panel import Console
    from app.services.backend import Backend


class CloudClientPage(WizardPage):
    """Which cloud client, and what the full client is; Next plans the whole merge."""

    def __init__(self, backend: Backend, configuration: LunaConfiguration) -> None:
        super().__init__(
            "Cloud client",
            "The folder of the Luna Cloud HSM service client: unpacked, and setenv ran in it. "
            "Next reads both clients and changes nothing.",
        )
        self._backend = backend
        self._configuration = configuration
        self.plan: MergePlan | None = None

    def build(self) -> None:
        self.folder = FolderField("luna_cloud_folder", self.tr("Choose the Cloud Client's Folder"))
        self.form.add_row(self.tr("Cloud client"), self.folder)
        full = line_edit("luna_full_file", str(self._configuration.path))
        full.setReadOnly(True)
        self.form.add_row(self.tr("Full client"), full)
        self.version = line_edit("luna_cloud_version", self._configuration.version, "10.4")
        self.form.add_row(
            self.tr("Client version"),
            self.version,
            self.tr("Of the full client. From 10.2 on no certificates are copied."),
        )
        self.library = combo("luna_cloud_library", [(self.tr("As it is registered"), None)])
        self.form.add_row(
            self.tr("Library"),
            self.library,
            self.tr("Is loaded with ChrystokiConfigurationPath at the full client's folder."),
        )
        self.advanced = button(
            self.tr("Folders"),
            "luna_cloud_advanced",
            self._toggle,
            look="link",
            icon_name="chevron-right",
        )
        self.form.add_wide(self.advanced)
        self.certificates = FolderField("luna_cloud_cert", self.tr("Choose the Folder cert"))
        self.plugins = FolderField("luna_cloud_plugins", self.tr("Choose the Folder plugins"))
        own = self.tr("Empty: the one in the client's own folder.")
        self.form.add_row(self.tr("Certificates"), self.certificates, own)
        self.form.add_row(self.tr("Plug-ins"), self.plugins, own)
        for field in (self.certificates, self.plugins):
            self.form.set_row_visible(field, visible=False)

    def offer_libraries(self, libraries: Sequence[tuple[str, object]]) -> None:
        """Offer the registered Luna libraries; without any the choice is hidden."""
        self.library.clear()
        for text, library_id in libraries:
            self.library.addItem(text, library_id)
        own = self.library.findData(self._configuration.library_id)
        self.library.setCurrentIndex(max(own, 0))
        self.form.set_row_visible(self.library, visible=bool(libraries))

    def _toggle(self) -> None:
        opens = self.certificates.isHidden()
        for field in (self.certificates, self.plugins):
            self.form.set_row_visible(field, visible=opens)
        self.advanced.setIcon(icon("chevron-down" if opens else "chevron-right"))

    def validate(self) -> FieldError | AsyncCheck:
        if not self.folder.text():
            return FieldError(self.folder, self.tr("Choose the folder of the cloud client."))
        if not self.version.text().strip():
            return FieldError(
                self.version, self.tr("Give the version; lunacm shows it in its first line.")
            )
        request = MergeCloud(
            path=self._configuration.path,
            cloud=Path(self.folder.text()),
            version=self.version.text().strip(),
            certificates=_folder(self.certificates),
            plugins=_folder(self.plugins),
            library_id=self.library.currentData(),
        )
        return AsyncCheck(
            self.tr("Comparing"),
            self._backend.luna.cloud.plan_merge,
            (request,),
            done=self._planned,
        )

    def _planned(self, plan: MergePlan) -> None:
        self.plan = plan

    def summary(self) -> Sequence[tuple[str, str]]:
        return (
            (self.tr("Cloud client"), self.folder.text()),
            (self.tr("Full client"), str(self._configuration.path)),
            (self.tr("Client version"), self.version.text()),
        )


def _folder(field: FolderField) -> Path | None:
    return Path(field.text()) if field.text() else None


class MergeDifferencePage(WizardPage):
    """The guide's steps as they are here, the difference, and what would be overwritten."""

    def __init__(self, client: CloudClientPage) -> None:
        super().__init__(
            "Steps and difference",
            "The steps 5 to 12 of the integration guide, and the difference of the full client's "
            "file. All of it is done, or nothing.",
            step="Difference",
        )
        self._client = client

    def build(self) -> None:
        self.steps = LineTable()
        self.view = DifferenceView("luna_merge_difference")
        self.same = label(self.tr("The file says this already."), "muted")
        self.replace = check_box("luna_merge_replace", self.tr("Replace these certificates"))
        self.replaced = label("", "error", wrap=True)
        self.replaced.setObjectName("luna_merge_replaced")
        for widget in (self.replaced, self.replace, self.steps, self.same, self.view):
            self.body.addWidget(widget)

    def entered(self) -> None:
        plan = self._plan()
        self.steps.show_lines([(f"{step.number}. {step.what}", step.here) for step in plan.steps])
        self.view.show_difference(plan.difference)
        self.view.setVisible(bool(plan.difference))
        self.same.setVisible(not plan.difference)
        names = ", ".join(str(copy.target) for copy in plan.replaced)
        self.replaced.setText(
            self.tr("Different certificates are there already: {names}.").format(names=names)
        )
        for widget in (self.replaced, self.replace):
            widget.setVisible(bool(plan.replaced))

    def validate(self) -> str | None:
        plan = self._plan()
        if plan.does_nothing:
            return self.tr("All of this is done already.")
        if plan.replaced and not self.replace.isChecked():
            return self.tr("Confirm that the different certificates may be replaced.")
        return None

    def summary(self) -> Sequence[tuple[str, str]]:
        plan = self._plan()
        lines = [
            (self.tr("Certificate"), f"{copy.target} ({copy.state})")
            for copy in plan.copies
            if copy.state is not CopyState.SAME
        ]
        if plan.difference:
            lines.append(
                (self.tr("File"), self.tr("{path}, after a backup").format(path=plan.path))
            )
        if plan.sets_variable:
            variable = f"ChrystokiConfigurationPath={plan.folder}"
            lines.append((self.tr("Library"), f"{plan.library}: {variable}"))
        mode = self.tr("hybrid: Luna Network HSMs too") if plan.hybrid else self.tr("cloud alone")
        return (*lines, (self.tr("Mode"), mode))

    def values(self) -> dict[str, Any]:
        return {"plan": self._plan(), "replace_certificates": self.replace.isChecked()}

    def _plan(self) -> MergePlan:
        if self._client.plan is None:
            raise LookupError("the page is shown after the plan was made")
        return self._client.plan


def merge_wizard(console: Console, backend: Backend, configuration: LunaConfiguration) -> Wizard:
    """The wizard, not opened yet; `completed` carries a `Merged`."""

    def result(merged: Merged) -> tuple[str, Sequence[tuple[str, str]]]:
        plan = merged.plan
        lines = [("File", str(plan.path))]
        lines += [("Backup", str(backup)) for backup in merged.backups]
        lines.append(("In the service unit", plan.unit_line))
        lines.append(
            ("Next", "Reload the library and see that the slots are listed. Restart the services.")
        )
        return "The Luna Cloud HSM client is in the full client now.", lines

    client = CloudClientPage(backend, configuration)
    parent: QWidget = console.dialog_parent()
    wizard = Wizard(
        "Merge Luna Cloud HSM Client",
        [client, MergeDifferencePage(client)],
        finish=backend.luna.cloud.merge,
        runner=console.tasks,
        finish_text="Merge",
        working="Merging the cloud client",
        result=result,
        name="luna_merge_wizard",
        parent=parent,
    )
    client.offer_libraries(())
    console.tasks.run(
        "Reading the registered libraries",
        backend.luna.cloud.libraries,
        owner=wizard,
        done=lambda libraries: client.offer_libraries(
            [(f"{library.vendor} ({library.spec.path})", library.id) for library in libraries]
        ),
        quiet=True,
    )
    return wizard
