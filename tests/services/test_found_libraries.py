"""What is found on a machine: places of products, p11-kit's module files; nothing is loaded."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.services.security_library import found_libraries, p11kit_modules
from app.services.security_library.found_libraries import USUAL_PLACE, find_libraries
from app.services.security_library.known_products import PRODUCTS, Product, product_of
from app.services.security_library.p11kit_modules import p11kit_modules as read_modules

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.services.backend import Backend
    from app.services.security_library.found_libraries import FoundLibrary
    from tests.softhsm import SoftHsm

SOFTHSM = "SoftHSM 2"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of its own: no product is installed, no module file is there."""
    folder = tmp_path / "machine"
    for name in ("modules", "lib", "home"):
        (folder / name).mkdir(parents=True)
    monkeypatch.setattr(found_libraries, "PRODUCTS", ())
    monkeypatch.setattr(found_libraries, "module_folders", lambda: (folder / "modules",))
    monkeypatch.setattr(found_libraries, "library_folders", lambda: (folder / "lib",))
    monkeypatch.setenv("HOME", str(folder / "home"))
    for product in PRODUCTS:
        if product.variable:
            monkeypatch.delenv(product.variable, raising=False)
    return folder


@pytest.fixture
def install(
    machine: Path, monkeypatch: pytest.MonkeyPatch, softhsm: SoftHsm
) -> Callable[..., Path]:
    """Puts a copy of a real library where a product's package would."""
    installed: list[Product] = []

    def put(name: str, file: str, content: bytes | None = None) -> Path:
        product = next(each for each in PRODUCTS if each.name == name)
        path = machine / name.replace(" ", "-") / file
        path.parent.mkdir(exist_ok=True)
        if content is None:
            shutil.copy(softhsm.library, path)
        else:
            path.write_bytes(content)
        installed.append(_moved(product, path))
        monkeypatch.setattr(found_libraries, "PRODUCTS", tuple(installed))
        return path

    return put


def _moved(product: Product, path: Path) -> Product:
    values = {name: getattr(product, name) for name in Product.__dataclass_fields__}
    values["linux"] = values["darwin"] = values["win32"] = (str(path),)
    values["configurations"] = tuple(
        each for each in product.configurations if each.startswith("~")
    )
    values["stores"] = tuple(each for each in product.stores if each.startswith("~"))
    return Product(**values)


def only(found: tuple[FoundLibrary, ...]) -> FoundLibrary:
    assert len(found) == 1, found
    return found[0]


def test_this_machines_libraries_are_found_once_and_none_is_loaded(
    backend: Backend, softhsm: SoftHsm
) -> None:
    found = backend.libraries.found()
    assert SOFTHSM in {each.product for each in found}, softhsm.library
    real = [Path(each.path).resolve() for each in found]
    assert len(real) == len(set(real))
    assert not any(each.registered for each in found)
    loaded = Path("/proc/self/maps")
    if loaded.exists():
        text = loaded.read_text()
        assert not [each.path for each in found if str(Path(each.path).resolve()) in text]


def test_a_registered_library_is_listed_last_and_marked(
    backend: Backend, softhsm: SoftHsm, install: Callable[..., Path]
) -> None:
    path = install(SOFTHSM, "libsofthsm2.so")
    other = install("OpenSC", "opensc-pkcs11.so")
    link = path.with_name("link.so")
    link.symlink_to(path)
    del backend, softhsm
    assert [each.registered for each in find_libraries([])] == [False, False]
    found = find_libraries([str(link)])
    assert [(each.path, each.registered) for each in found] == [
        (str(other), False),
        (str(path), True),
    ]


def test_a_file_that_cannot_be_loaded_is_listed_with_the_reason(
    install: Callable[..., Path],
) -> None:
    install("Entrust nShield", "libcknfast.so", b"an installer left this")
    found = only(find_libraries([]))
    assert found.product == "Entrust nShield"
    assert "is not a library" in found.problem
    assert "hardserver" in found.note


@pytest.mark.parametrize(
    ("product", "file", "variable"),
    [
        (SOFTHSM, "libsofthsm2.so", "SOFTHSM2_CONF"),
        ("Thales Luna", "libCryptoki2_64.so", "ChrystokiConfigurationPath"),
        ("YubiHSM 2", "yubihsm_pkcs11.so", "YUBIHSM_PKCS11_CONF"),
        ("TPM 2.0 (tpm2-pkcs11)", "libtpm2_pkcs11.so", "TPM2_PKCS11_STORE"),
        ("Utimaco CryptoServer R3", "libcs_pkcs11_R3.so", "CS_PKCS11_R3_CFG"),
        ("Kryoptic", "libkryoptic_pkcs11.so", "KRYOPTIC_CONF"),
    ],
)
def test_the_variable_of_this_process_is_proposed(
    install: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    product: str,
    file: str,
    variable: str,
) -> None:
    install(product, file)
    monkeypatch.setenv(variable, "/here")
    found = only(find_libraries([]))
    assert (found.product, found.source) == (product, USUAL_PLACE)
    assert found.environment == ((variable, "/here"),)
    assert found.initialisation == ""


def test_a_configuration_of_the_account_is_proposed(
    install: Callable[..., Path], machine: Path
) -> None:
    install(SOFTHSM, "libsofthsm2.so")
    assert only(find_libraries([])).environment == ()
    file = machine / "home" / ".config" / "softhsm2" / "softhsm2.conf"
    file.parent.mkdir(parents=True)
    file.touch()
    assert only(find_libraries([])).environment == (("SOFTHSM2_CONF", str(file)),)


def test_a_minimum_luna_client_proposes_its_own_folder(
    install: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = install("Thales Luna", "libCryptoki2.so")
    if Path("/etc/Chrystoki.conf").exists():
        pytest.skip("this machine has a full client")
    assert only(find_libraries([])).environment == ()
    (path.parent.parent / "Chrystoki.conf").touch()
    expected = (("ChrystokiConfigurationPath", str(path.parent.parent)),)
    assert only(find_libraries([])).environment == expected
    monkeypatch.setenv("ChrystokiConfigurationPath", "/own")
    assert only(find_libraries([])).environment == (("ChrystokiConfigurationPath", "/own"),)


def test_nss_gets_its_initialisation_string(install: Callable[..., Path], machine: Path) -> None:
    install("NSS", "libsofthsm2.so")
    found = only(find_libraries([]))
    folder = machine / "home" / ".pki" / "nssdb"
    assert found.initialisation.startswith(f"configdir='sql:{folder}' certPrefix=''")
    assert found.environment == ()
    assert "certutil" in found.note


def test_yubihsm_gets_the_connector_where_it_has_no_configuration(
    install: Callable[..., Path],
) -> None:
    install("YubiHSM 2", "yubihsm_pkcs11.so")
    found = only(find_libraries([]))
    assert found.initialisation == "connector=http://127.0.0.1:12345"


# --- p11-kit --------------------------------------------------------------------------------------


def test_module_files_name_libraries(machine: Path, softhsm: SoftHsm) -> None:
    modules = machine / "modules"
    shutil.copy(softhsm.library, machine / "lib" / "acme-pkcs11.so")
    (modules / "acme.module").write_text(
        "# The HSM of Acme\n\n module:  acme-pkcs11.so  \nx-init-reserved: slot=1\ncritical: no\n"
    )
    (modules / "softhsm2.module").write_text(f"module: {softhsm.library}\n")
    found = {each.product: each for each in find_libraries([])}
    assert set(found) == {"acme-pkcs11", SOFTHSM}
    acme = found["acme-pkcs11"]
    assert acme.path == str(machine / "lib" / "acme-pkcs11.so")
    assert acme.source == "p11-kit: acme.module"
    assert acme.initialisation == "slot=1"


@pytest.mark.parametrize(
    "settings",
    [
        "remote: |bin/program argument",
        "module: acme.so\nremote: unix:path=/run/p11-kit",
        "module: acme.so\nenable-in: firefox",
        "module: acme.so\nenable-in:",
        "module: acme.so\ndisable-in: firefox, sealkeeper",
        "module: acme.so\ntrust-policy: yes",
        "module: missing.so",
        "module:",
        "",
        "no settings at all",
    ],
)
def test_modules_that_are_no_file_for_this_program_are_left_out(
    machine: Path, settings: str
) -> None:
    (machine / "lib" / "acme.so").touch()
    (machine / "modules" / "acme.module").write_text(settings)
    assert read_modules((machine / "modules",), (machine / "lib",)) == ()
    assert find_libraries([]) == ()


@pytest.mark.parametrize(
    "settings",
    ["enable-in: sealkeeper firefox", "disable-in: firefox", "trust-policy: no", "managed: yes"],
)
def test_modules_for_this_program_are_found(machine: Path, settings: str) -> None:
    (machine / "lib" / "acme.so").touch()
    (machine / "modules" / "acme.module").write_text(f"module: acme.so\n{settings}\n")
    (found,) = read_modules((machine / "modules",), (machine / "lib",))
    assert found.path == machine / "lib" / "acme.so"


def test_the_accounts_own_folder_overrides_the_systems(machine: Path) -> None:
    own = machine / "own"
    own.mkdir()
    (machine / "lib" / "acme.so").touch()
    (machine / "modules" / "acme.module").write_text("module: acme.so\n")
    (own / "acme.module").write_text("enable-in:\n")
    assert len(read_modules((machine / "modules",), (machine / "lib",))) == 1
    assert read_modules((machine / "modules", own), (machine / "lib",)) == ()


def test_what_cannot_be_read_is_passed_over(machine: Path) -> None:
    modules = machine / "modules"
    (modules / "folder.module").mkdir()
    (modules / "binary.module").write_bytes(bytes(range(256)) * 1000)
    assert read_modules((modules, machine / "nowhere"), (machine / "lib",)) == ()


def test_folders_of_module_files_are_those_of_p11kit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/own")
    folders = p11kit_modules.module_folders()
    assert Path("/usr/share/p11-kit/modules") in folders
    assert folders[-2:] == (Path("/etc/pkcs11/modules"), Path("/own/pkcs11/modules"))


# --- the list of products -------------------------------------------------------------------------


def test_every_product_is_known_by_its_own_files() -> None:
    for product in PRODUCTS:
        places = (*product.linux, *product.darwin, *product.win32)
        assert places, product.name
        for place in places:
            assert product_of(Path(place).name) is product, place
    assert product_of("libm.so.6") is None


@pytest.mark.skipif(sys.platform != "linux", reason="the paths are those of Linux")
def test_places_of_linux_are_full_paths() -> None:
    for product in PRODUCTS:
        assert all(Path(place).is_absolute() for place in product.linux), product.name
