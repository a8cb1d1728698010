"""The Luna client's configuration: read, changed with a backup, restored, merged with the cloud."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app.domain.errors import EnvironmentFault, InvalidInput, Refused
from app.domain.luna import (
    CONFIGURATION_VARIABLE,
    CheckState,
    CopyState,
    HaGroup,
    MergeCloud,
    NtlsServer,
    RemoveValue,
    SetValue,
    TaskName,
    TaskState,
)
from app.hsm.chrystoki.document import LARGEST, parse
from app.services.luna import files
from app.services.luna.merging import CERTIFICATES, unit_line
from app.services.security_library.libraries import RegisterLibrary
from tests.hsm.luna_samples import sample
from tests.services.conftest import backend, library, parts, softhsm
from tests.services.support import messages

if TYPE_CHECKING:
    from pathlib import Path

    from app.domain.libraries import Library
    from app.domain.luna import Change
    from app.services.backend import Backend
    from tests.softhsm import SoftHsm

__all__ = ["backend", "library", "parts", "softhsm"]
SECRET = "not-a-real-credential"
PED: tuple[Change, ...] = (SetValue("Misc", "ProtectedAuthenticationPathFlagStatus", "1"),)


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CONFIGURATION_VARIABLE, raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A full client's configuration."""
    folder = tmp_path / "client"
    folder.mkdir()
    made = folder / "Chrystoki.conf"
    made.write_bytes(sample("full_unix.conf"))
    return made


@pytest.fixture
def luna(backend: Backend, softhsm: SoftHsm, file: Path) -> Library:
    """A library of the vendor Luna that reads that file."""
    environment = (*softhsm.spec.environment, (CONFIGURATION_VARIABLE, str(file.parent)))
    return backend.libraries.register(
        RegisterLibrary(path=softhsm.spec.path, vendor="Luna", environment=environment)
    )


# --- reading ----------------------------------------------------------------------------------


def test_the_file_of_a_registered_library_comes_first(
    backend: Backend, luna: Library, file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "other" / "Chrystoki.conf"
    other.parent.mkdir()
    other.write_bytes(sample("ha.conf"))
    monkeypatch.setenv(CONFIGURATION_VARIABLE, str(other.parent))
    assert backend.luna.find()[:2] == (file, other)
    opened = backend.luna.open(file)
    assert (opened.library_id, opened.library) == (luna.id, "Luna")
    assert opened.version == luna.info.library_version
    assert opened.sections[0] == "Chrystoki2"
    assert backend.luna.open(file.parent, "7.4").version == "7.4"
    assert backend.luna.open(other).library == ""


def test_a_file_that_cannot_be_parsed_is_opened_with_its_problem(
    backend: Backend, file: Path
) -> None:
    file.write_text("Misc = {\n  A = 1\n}\n")
    opened = backend.luna.open(file)
    assert "Line 2" in opened.problem
    assert opened.settings == ()
    with pytest.raises(InvalidInput, match="Line 2"):
        backend.luna.apply(file, PED, opened.digest)
    assert file.read_text() == "Misc = {\n  A = 1\n}\n"


def test_what_is_not_there_is_refused(backend: Backend, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="There is no configuration file"):
        backend.luna.open(tmp_path / "Chrystoki.conf")


# --- evidence ---------------------------------------------------------------------------------


def test_evidence_of_the_prerequisites(backend: Backend, luna: Library, file: Path) -> None:
    file.write_bytes(sample("ha.conf"))
    evidence = backend.luna.evidence(luna)
    assert evidence.applies
    assert evidence.path == file
    assert evidence.servers == (
        NtlsServer("hsm1.test", "1792", "0"),
        NtlsServer("hsm2.test", "1792", "0"),
    )
    assert evidence.ha_groups == (
        HaGroup("ocsp-ha", "11238700701509", ("1238700701509", "1238712343066")),
    )
    assert (evidence.ha_only, evidence.ped, evidence.rsa_remap) == (None, True, True)
    assert not evidence.cloud
    assert evidence.problem == ""


def test_evidence_never_fails(backend: Backend, luna: Library, library_file: Path) -> None:
    file = library_file
    file.write_bytes(b"\x00")
    assert "not a text file" in backend.luna.evidence(luna).problem
    file.unlink()
    assert "There is no configuration file" in backend.luna.evidence(luna).problem
    nowhere = replace(luna, spec=replace(luna.spec, environment=()))
    if not os.path.exists("/etc/Chrystoki.conf"):  # noqa: PTH110
        assert "No configuration file" in backend.luna.evidence(nowhere).problem
    odd = replace(luna, spec=replace(luna.spec, environment=((CONFIGURATION_VARIABLE, "\0bad"),)))
    assert backend.luna.evidence(odd).problem


@pytest.fixture
def library_file(file: Path) -> Path:
    """The file that the library `luna` reads."""
    return file


def test_a_library_of_another_vendor_has_no_evidence(backend: Backend, library: Library) -> None:
    assert not backend.luna.is_luna(library)
    assert not backend.luna.evidence(library).applies
    said = replace(library, info=replace(library.info, manufacturer="SafeNet, Inc."))
    assert backend.luna.is_luna(said)


# --- changing ---------------------------------------------------------------------------------


def test_a_change_makes_a_backup_and_an_event(backend: Backend, file: Path) -> None:
    file.chmod(0o640)
    before = file.read_bytes()
    opened = backend.luna.open(file)
    preview = backend.luna.preview(file, PED)
    assert file.read_bytes() == before
    written = backend.luna.apply(file, PED, opened.digest)
    assert written.difference == preview
    assert "+  ProtectedAuthenticationPathFlagStatus = 1;" in preview.splitlines()
    assert written.backup is not None
    assert written.backup.parent == file.parent
    assert written.backup.read_bytes() == before
    assert written.backup.name.endswith("Z.bak")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert stat.S_IMODE(written.backup.stat().st_mode) == 0o640
    assert sorted(path.name for path in file.parent.iterdir()) == sorted(
        [file.name, written.backup.name]
    )
    assert messages(backend)[-1] == (
        f"The configuration {file} of the Luna client was changed: "
        "ProtectedAuthenticationPathFlagStatus in Misc."
    )
    assert backend.luna.open(file).digest == written.digest


def test_a_file_that_was_changed_meanwhile_is_left_alone(backend: Backend, file: Path) -> None:
    opened = backend.luna.open(file)
    file.write_bytes(sample("ha.conf"))
    with pytest.raises(Refused, match="changed by somebody else"):
        backend.luna.apply(file, PED, opened.digest)
    assert file.read_bytes() == sample("ha.conf")
    assert list(file.parent.iterdir()) == [file]


def test_nothing_to_change_is_said(backend: Backend, file: Path) -> None:
    change = (SetValue("CardReader", "RemoteCommand", "1"),)
    assert backend.luna.preview(file, change) == ""
    with pytest.raises(Refused, match="Nothing would change"):
        backend.luna.apply(file, change, backend.luna.open(file).digest)
    with pytest.raises(InvalidInput, match="There is no Nothing"):
        backend.luna.preview(file, (RemoveValue("Misc", "Nothing"),))


def test_a_tab_is_never_written(backend: Backend, file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"  ToolsDir", b"\tToolsDir"))
    opened = backend.luna.open(file)
    assert [problem.line for problem in opened.problems if "TAB" in problem.sentence] == [24]
    with pytest.raises(InvalidInput, match="cannot stand"):
        backend.luna.apply(file, (SetValue("Misc", "A", "x\ty"),), opened.digest)
    backend.luna.apply(file, (SetValue("Misc", "A", "x"), *PED), opened.digest)
    assert file.read_bytes().count(b"\t") == 1


def test_a_symbolic_link_stays_one(backend: Backend, file: Path, tmp_path: Path) -> None:
    link = tmp_path / "Chrystoki.conf"
    link.symlink_to(file)
    backend.luna.apply(link, PED, backend.luna.open(link).digest)
    assert link.is_symlink()
    document = parse(file.read_bytes(), file.name)
    assert document.get("Misc", "ProtectedAuthenticationPathFlagStatus") == "1"


def test_a_folder_that_cannot_be_written_sends_the_backup_home(
    backend: Backend, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.access

    def no_folder(path: object, mode: int, **more: bool) -> bool:
        if str(path) == str(file.parent) and mode & os.W_OK:
            return False
        return real(path, mode, **more)  # type: ignore[arg-type]  # what os.access takes

    monkeypatch.setattr(os, "access", no_folder)
    before, inode = file.read_bytes(), file.stat().st_ino
    written = backend.luna.apply(file, PED, backend.luna.open(file).digest)
    assert written.backup is not None
    assert written.backup.parent == backend.home / "backups"
    assert file.stat().st_ino == inode
    assert backend.luna.backups(file) == (written.backup,)
    assert backend.luna.restore(written.backup, written.digest).path == file
    assert file.read_bytes() == before


@pytest.mark.parametrize("moment", ["write", "commit"])
def test_a_failure_leaves_the_file_as_it_was(
    backend: Backend, file: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    before, digest = file.read_bytes(), backend.luna.open(file).digest
    if moment == "write":

        def full(_handle: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(EnvironmentFault, match="cannot be written"):
                backend.luna.apply(file, PED, digest)
    else:

        def broken(*_arguments: object) -> None:
            raise RuntimeError("the event log is broken")

        with monkeypatch.context() as patch:
            patch.setattr(type(backend.events), "note", broken)
            with pytest.raises(RuntimeError):
                backend.luna.apply(file, PED, digest)
    assert file.read_bytes() == before
    assert not [path for path in file.parent.iterdir() if path.name.startswith(".")]


def test_restoring_takes_a_change_back_and_can_be_taken_back(backend: Backend, file: Path) -> None:
    before = file.read_bytes()
    written = backend.luna.apply(file, PED, backend.luna.open(file).digest)
    assert written.backup is not None
    after = file.read_bytes()
    path, difference = backend.luna.preview_restore(written.backup)
    assert path == file
    assert "-  ProtectedAuthenticationPathFlagStatus = 1;" in difference
    with pytest.raises(Refused, match="changed by somebody else"):
        backend.luna.restore(written.backup, "0" * 64)
    restored = backend.luna.restore(written.backup, written.digest)
    assert file.read_bytes() == before
    assert restored.backup is not None
    assert restored.backup.read_bytes() == after
    assert set(backend.luna.backups(file)) == {written.backup, restored.backup}
    with pytest.raises(Refused, match="holds already"):
        backend.luna.restore(written.backup)
    with pytest.raises(InvalidInput, match="not a backup"):
        backend.luna.restore(file)


def test_a_lost_file_is_restored(backend: Backend, file: Path) -> None:
    written = backend.luna.apply(file, PED, backend.luna.open(file).digest)
    assert written.backup is not None
    file.unlink()
    assert backend.luna.restore(written.backup).backup is None
    assert file.read_bytes() == written.backup.read_bytes()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
def test_the_owner_is_kept_or_the_file_is_written_in_place(
    backend: Backend, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.chown(file, 1234, 2345)
    written = backend.luna.apply(file, PED, backend.luna.open(file).digest)
    assert (file.stat().st_uid, file.stat().st_gid) == (1234, 2345)
    assert written.backup is not None
    assert written.backup.stat().st_uid == 1234

    def no_chown(*_arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", no_chown)
    inode = file.stat().st_ino
    backend.luna.apply(file, (SetValue("Misc", "A", "1"),), written.digest)
    assert (file.stat().st_uid, file.stat().st_ino) == (1234, inode)
    assert b"  A = 1;\n" in file.read_bytes()


def test_who_may_not_write_is_told(
    backend: Backend, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert backend.luna.open(file).not_writable == ""
    monkeypatch.setattr(os, "access", lambda *_arguments, **_more: False)
    assert "may not write" in backend.luna.open(file).not_writable


# --- the cloud in a full client ---------------------------------------------------------------


@pytest.fixture
def cloud(tmp_path: Path) -> Path:
    """A cloud client's folder in which setenv ran."""
    folder = tmp_path / "cloud client"
    (folder / "libs" / "64").mkdir(parents=True)
    (folder / "libs" / "64" / "libCryptoki2.so").write_bytes(b"\x7fELF")
    text = sample("cloud_minimum.conf").decode().replace("/opt/cloudclient", str(folder))
    (folder / "Chrystoki.conf").write_text(text)
    for name in CERTIFICATES:
        (folder / name).write_text(f"certificate {name}\n")
    return folder


@pytest.fixture
def request_to_merge(file: Path, cloud: Path) -> MergeCloud:
    """A merge into the full client, which has a folder for certificates."""
    certificates = file.parent / "cert"
    certificates.mkdir()
    return MergeCloud(
        file, cloud, "10.1", certificates=certificates, plugins=file.parent / "plugins"
    )


def test_a_merge_before_10_2_copies_and_changes_three_paths_alone(
    backend: Backend, request_to_merge: MergeCloud, cloud: Path, file: Path
) -> None:
    before = file.read_text()
    plan = backend.luna.cloud.plan_merge(request_to_merge)
    assert file.read_text() == before
    assert SECRET not in repr(plan)
    assert SECRET not in plan.difference
    assert plan.hybrid
    assert [copy.state for copy in plan.copies] == [CopyState.NEW] * 3
    merged = backend.luna.cloud.merge(plan)
    certificates = file.parent / "cert"
    for name in CERTIFICATES:
        assert (certificates / name).read_bytes() == (cloud / name).read_bytes()
    old = parse((cloud / "Chrystoki.conf").read_bytes(), "Chrystoki.conf")
    new = parse(file.read_bytes(), "Chrystoki.conf")
    changed = {
        (section, key): value
        for section in ("XTC", "REST")
        for (key, value), was in zip(new.values(section), old.values(section), strict=True)
        if (key, value) != was
    }
    assert changed == {
        ("XTC", "PartitionCAPath"): str(certificates / "partition-ca-certificate.pem"),
        ("XTC", "PartitionCertPath00"): str(certificates / "partition-certificate.pem"),
        ("REST", "SSLClientSideVerifyFile"): str(certificates / "server-certificate.pem"),
    }
    assert new.get("Misc", "PluginModuleDir") == str(file.parent / "plugins")
    assert new.get("REST", "AuthTokenClientSecret") == SECRET
    assert file.read_text().startswith(
        before.partition("Secure Trusted")[0].partition("}\n\nMisc")[0]
    )
    assert [path.read_text() for path in merged.backups] == [before]
    assert SECRET not in "".join(messages(backend))
    assert backend.luna.open(file, "10.1").tasks[3].state is TaskState.DONE
    with pytest.raises(Refused, match="in the full client already"):
        backend.luna.cloud.merge(backend.luna.cloud.plan_merge(request_to_merge))


def test_from_10_2_on_nothing_is_copied_and_no_path_changed(
    backend: Backend, request_to_merge: MergeCloud, cloud: Path, file: Path
) -> None:
    (cloud / "server-certificate.pem").unlink()
    plan = backend.luna.cloud.plan_merge(replace(request_to_merge, version="10.2"))
    assert plan.copies == ()
    assert [step.number for step in plan.steps if not step.needed] == [5, 8]
    backend.luna.cloud.merge(plan)
    new = parse(file.read_bytes(), "Chrystoki.conf")
    assert new.get("XTC", "PartitionCAPath") == str(cloud / "partition-ca-certificate.pem")
    assert list((file.parent / "cert").iterdir()) == []


def test_the_library_is_loaded_with_the_variable(
    backend: Backend, luna: Library, request_to_merge: MergeCloud, cloud: Path, file: Path
) -> None:
    pointed = backend.luna.cloud.point(luna.id, cloud)
    assert dict(pointed.spec.environment)[CONFIGURATION_VARIABLE] == str(cloud)
    plan = backend.luna.cloud.plan_merge(request_to_merge)
    assert (plan.library_id, plan.sets_variable) == (luna.id, True)
    backend.luna.cloud.merge(plan)
    (library,) = backend.libraries.list()
    assert dict(library.spec.environment)[CONFIGURATION_VARIABLE] == str(file.parent)
    assert library.spec.environment[0] == luna.spec.environment[0]
    assert backend.libraries.slots(library.id)


def test_other_certificates_are_not_overwritten_unsaid(
    backend: Backend, request_to_merge: MergeCloud, file: Path
) -> None:
    other = file.parent / "cert" / "server-certificate.pem"
    other.write_text("another service's")
    before = file.read_bytes()
    plan = backend.luna.cloud.plan_merge(request_to_merge)
    assert [copy.target for copy in plan.replaced] == [other]
    with pytest.raises(Refused, match="in the way"):
        backend.luna.cloud.merge(plan)
    assert (other.read_text(), file.read_bytes()) == ("another service's", before)
    merged = backend.luna.cloud.merge(plan, replace_certificates=True)
    assert merged.backups[0].read_text() == "another service's"
    assert other.read_text() == "certificate server-certificate.pem\n"


def test_a_merge_is_all_or_nothing(
    backend: Backend,
    luna: Library,
    request_to_merge: MergeCloud,
    cloud: Path,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend.luna.cloud.point(luna.id, cloud)
    other = file.parent / "cert" / "server-certificate.pem"
    other.write_text("another service's")
    before, spec = file.read_bytes(), backend.libraries.list()[0].spec
    plan = backend.luna.cloud.plan_merge(request_to_merge)
    real = files._put

    full = [file]

    def last_fails(place: Path, data: bytes, rights: os.stat_result | None) -> None:
        if place in full:
            full.remove(place)
            raise OSError(28, "No space left on device")
        real(place, data, rights)

    with monkeypatch.context() as patch:
        patch.setattr(files, "_put", last_fails)
        with pytest.raises(EnvironmentFault, match="cannot be written"):
            backend.luna.cloud.merge(plan, replace_certificates=True)
    assert file.read_bytes() == before
    assert other.read_text() == "another service's"
    assert {path.name for path in (file.parent / "cert").iterdir() if path.suffix == ".pem"} == {
        other.name
    }
    assert backend.libraries.list()[0].spec == spec


def test_a_plan_that_is_out_of_date_is_refused(
    backend: Backend, request_to_merge: MergeCloud, cloud: Path, file: Path
) -> None:
    before = file.read_bytes()
    plan = backend.luna.cloud.plan_merge(request_to_merge)
    text = (cloud / "Chrystoki.conf").read_text()
    (cloud / "Chrystoki.conf").write_text(text.replace("443;", "444;"))
    with pytest.raises(Refused, match="while the difference was shown"):
        backend.luna.cloud.merge(plan)
    assert file.read_bytes() == before


def test_what_cannot_be_merged_is_refused(
    backend: Backend, request_to_merge: MergeCloud, cloud: Path, tmp_path: Path
) -> None:
    plan = backend.luna.cloud.plan_merge
    with pytest.raises(Refused, match="Luna Network HSMs and Luna Cloud HSM"):
        plan(replace(request_to_merge, version="7.4"))
    with pytest.raises(InvalidInput, match="version of the Luna Client is not known"):
        plan(replace(request_to_merge, version=""))
    with pytest.raises(InvalidInput, match="is not the version"):
        plan(replace(request_to_merge, version="new"))
    with pytest.raises(Refused, match="full client itself"):
        plan(replace(request_to_merge, cloud=request_to_merge.path.parent))
    with pytest.raises(InvalidInput, match="no configuration file in"):
        plan(replace(request_to_merge, cloud=tmp_path))
    with pytest.raises(InvalidInput, match=r"no folder .* for the certificates"):
        plan(replace(request_to_merge, certificates=tmp_path / "none"))
    (cloud / "partition-certificate.pem").unlink()
    with pytest.raises(InvalidInput, match="has no partition-certificate"):
        plan(request_to_merge)
    (cloud / "Chrystoki.conf").write_bytes(sample("ha.conf"))
    with pytest.raises(InvalidInput, match="no sections XTC and REST"):
        plan(request_to_merge)


def test_no_file_from_elsewhere_is_copied_as_a_certificate(
    backend: Backend, request_to_merge: MergeCloud, cloud: Path, tmp_path: Path
) -> None:
    secret, certificate = tmp_path / "secret", cloud / "server-certificate.pem"
    secret.write_text("only root may read this")
    certificate.unlink()
    certificate.symlink_to(secret)
    with pytest.raises(InvalidInput, match=r"server-certificate\.pem in .* is not in") as caught:
        backend.luna.cloud.plan_merge(request_to_merge)
    assert caught.value.cause == f"It is a symbolic link to {secret.resolve()}."
    certificate.unlink()
    (cloud / "server.2026.pem").write_text("its own certificate")
    certificate.symlink_to("server.2026.pem")
    backend.luna.cloud.merge(backend.luna.cloud.plan_merge(request_to_merge))
    assert request_to_merge.certificates is not None
    copied = request_to_merge.certificates / "server-certificate.pem"
    assert copied.read_text() == "its own certificate"


def test_a_certificate_that_is_none_is_not_cut_off(
    backend: Backend, request_to_merge: MergeCloud, cloud: Path
) -> None:
    (cloud / "server-certificate.pem").write_bytes(bytes(LARGEST + 1))
    with pytest.raises(InvalidInput, match="too large for a certificate"):
        backend.luna.cloud.plan_merge(request_to_merge)


def test_a_client_7_without_network_hsms_takes_the_cloud(
    backend: Backend, request_to_merge: MergeCloud, file: Path
) -> None:
    opened = backend.luna.open(file)
    backend.luna.apply(file, (RemoveValue("LunaSA Client", "ServerName00"),), opened.digest)
    plan = backend.luna.cloud.plan_merge(replace(request_to_merge, version="7.4"))
    assert not plan.hybrid
    backend.luna.cloud.merge(plan)
    assert backend.luna.open(file).tasks[3].name is TaskName.CLOUD


def test_the_line_for_the_service_unit(tmp_path: Path) -> None:
    assert unit_line(tmp_path / "etc") == f"Environment={CONFIGURATION_VARIABLE}={tmp_path}/etc"
    odd = tmp_path / "50% a b"
    assert unit_line(odd) == f'Environment="{CONFIGURATION_VARIABLE}={tmp_path}/50%% a b"'


# --- the minimum client -----------------------------------------------------------------------


def states(backend: Backend, folder: Path) -> dict[str, CheckState]:
    checks = backend.luna.cloud.minimum_client(folder).checks
    return {check.name: check.state for check in checks}


def test_a_minimum_client_step_by_step(backend: Backend, tmp_path: Path) -> None:
    folder = tmp_path / "client"
    with pytest.raises(InvalidInput, match="There is no folder"):
        backend.luna.cloud.minimum_client(folder)
    folder.mkdir()
    (folder / "cvclient-min.tar").write_bytes(b"tar")
    look = backend.luna.cloud.minimum_client(folder)
    assert "tar -xvf cvclient-min.tar" in look.checks[0].sentence
    deeper = folder / "cvclient-min" / "libs" / "64"
    deeper.mkdir(parents=True)
    (deeper / "libCryptoki2.so").write_bytes(b"\x7fELF")
    look = backend.luna.cloud.minimum_client(folder)
    assert "new folder" in look.checks[0].sentence
    with pytest.raises(Refused, match="not ready"):
        backend.luna.cloud.minimum_registration(look)
    (folder / "libs").symlink_to(folder / "cvclient-min" / "libs")
    (folder / "Chrystoki-base.conf").write_text("")
    look = backend.luna.cloud.minimum_client(folder)
    assert look.checks[0].state is CheckState.OK
    assert "Chrystoki-base.conf" in look.checks[1].sentence
    assert not look.ready
    (folder / "Chrystoki.conf").write_bytes(sample("cloud_minimum.conf"))
    assert states(backend, folder)["Paths"] is CheckState.BAD
    text = sample("cloud_minimum.conf").decode().replace("/opt/cloudclient", str(folder))
    (folder / "Chrystoki.conf").write_text(text)
    assert states(backend, folder) == {
        "Unpacked": CheckState.OK,
        "setenv": CheckState.OK,
        "Paths": CheckState.OK,
        "Cloud sections": CheckState.OK,
        "Variable": CheckState.UNCHECKED,
    }
    (folder / "Chrystoki.conf").write_bytes(sample("ha.conf"))
    assert states(backend, folder)["Cloud sections"] is CheckState.BAD


def test_the_library_of_a_minimum_client_is_registered_with_its_variable(
    backend: Backend, softhsm: SoftHsm, cloud: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = cloud / "libs" / "64" / "libCryptoki2.so"
    place.unlink()
    place.symlink_to(softhsm.library)
    monkeypatch.setenv("SOFTHSM2_CONF", str(softhsm.conf))
    look = backend.luna.cloud.minimum_client(cloud)
    request = backend.luna.cloud.minimum_registration(look, "SafeNet")
    assert request.environment == ((CONFIGURATION_VARIABLE, str(cloud)),)
    library = backend.libraries.register(request)
    again = backend.luna.cloud.minimum_client(cloud)
    assert again.registered == library.id
    assert again.checks[-1].state is CheckState.OK
    labels = [slot.token and slot.token.label for slot in backend.luna.cloud.slots(library.id)]
    assert softhsm.token.label in labels
