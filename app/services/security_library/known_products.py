"""Where the products' packages put their PKCS#11 libraries, and what these need to be loaded."""

from __future__ import annotations

from dataclasses import dataclass, field

# Debian's folders carry the architecture, Fedora's the word size.
_LINUX = ("/usr/lib", "/usr/lib/*-linux-gnu*", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64")
_BREW = ("/opt/homebrew/lib", "/usr/local/lib")
_PROGRAMS = ("C:/Program Files", "C:/Program Files (x86)")


def _under(folders: tuple[str, ...], *names: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}" for folder in folders for name in names)


@dataclass(frozen=True, slots=True)
class Product:
    """A product with a PKCS#11 library.

    Attributes:
        name: as its vendor calls it.
        files: beginnings of the file name, in lower case, by which the library is known wherever
            it lies.
        linux / darwin / win32: patterns of full paths, the preferred one first.
        variable: environment variable that names its configuration, "" where it has none.
        configurations: files or folders that `variable` may name; `~` is the account's home.
        initialisation: string for C_Initialize with `{}` for the first of `stores` that exists,
            "" where it takes none.
        stores: folders for `initialisation`; where none exists, the last one is proposed.
        note: what has to be there before the library works; one or two sentences.
    """

    name: str
    files: tuple[str, ...]
    linux: tuple[str, ...] = ()
    darwin: tuple[str, ...] = ()
    win32: tuple[str, ...] = ()
    variable: str = ""
    configurations: tuple[str, ...] = ()
    initialisation: str = ""
    stores: tuple[str, ...] = field(default=())
    note: str = ""


#: Hardware first, then soft tokens, cards, and libraries that pass calls on to others.
PRODUCTS = (
    Product(
        "Thales Luna",
        ("libcryptoki2", "cryptoki.", "libshim"),
        linux=(
            "/usr/safenet/lunaclient/lib/libCryptoki2_64.so",
            "/usr/lunasa/lib/libCryptoki2_64.so",
            "/opt/safenet/lunaclient/lib/libCryptoki2_64.so",
            "/usr/local/luna/libs/64/libCryptoki2.so",
            "/opt/*luna*/libs/64/libCryptoki2.so",
        ),
        darwin=("/usr/safenet/lunaclient/lib/libCryptoki2_64.dylib",),
        win32=_under(_PROGRAMS, "SafeNet/LunaClient/cryptoki.dll"),
        variable="ChrystokiConfigurationPath",
    ),
    Product(
        "Entrust nShield",
        ("libcknfast", "cknfast"),
        linux=(
            "/opt/nfast/toolkits/pkcs11/libcknfast.so",
            "/opt/nfast/toolkits/pkcs11/libcknfast-64.so",
        ),
        win32=(
            *_under(_PROGRAMS, "nCipher/nfast/toolkits/pkcs11/cknfast.dll"),
            *_under(_PROGRAMS, "nCipher/nfast/bin/cknfast.dll"),
            "C:/nfast/toolkits/pkcs11/cknfast.dll",
        ),
        note="This account must belong to the group nfast, and the hardserver must run.",
    ),
    Product(
        "Utimaco CryptoServer R3",
        ("libcs_pkcs11_r3", "cs_pkcs11_r3"),
        linux=(
            "/opt/utimaco/lib/libcs_pkcs11_R3.so",
            "/opt/utimaco/p11/libcs_pkcs11_R3.so",
            "/usr/lib/utimaco/libcs_pkcs11_R3.so",
            "/usr/lib/libcs_pkcs11_R3.so",
        ),
        win32=_under(_PROGRAMS, "Utimaco/*/Lib/cs_pkcs11_R3.dll", "Utimaco/*/lib/cs_pkcs11_R3.dll"),
        variable="CS_PKCS11_R3_CFG",
    ),
    Product(
        "Utimaco CryptoServer R2",
        ("libcs_pkcs11_r2", "cs_pkcs11_r2", "libcs2_pkcs11", "cs2_pkcs11"),
        linux=(
            "/opt/utimaco/lib/libcs_pkcs11_R2.so",
            "/opt/utimaco/p11/libcs_pkcs11_R2.so",
            "/usr/lib/libcs_pkcs11_R2.so",
            "/etc/utimaco/libcs2_pkcs11.so",
        ),
        win32=_under(_PROGRAMS, "Utimaco/*/Lib/cs_pkcs11_R2.dll", "Utimaco/*/Lib/cs2_pkcs11.dll"),
        variable="CS_PKCS11_R2_CFG",
    ),
    Product(
        "AWS CloudHSM",
        ("libcloudhsm_pkcs11", "cloudhsm_pkcs11"),
        linux=("/opt/cloudhsm/lib/libcloudhsm_pkcs11.so",),
        win32=_under(_PROGRAMS, "Amazon/CloudHSM/lib/cloudhsm_pkcs11.dll"),
        note="Its slot password is the name of the crypto user and the password, as user:password.",
    ),
    Product(
        "YubiHSM 2",
        ("yubihsm_pkcs11",),
        linux=_under(_LINUX, "pkcs11/yubihsm_pkcs11.so", "yubihsm_pkcs11.so"),
        darwin=_under(_BREW, "pkcs11/yubihsm_pkcs11.dylib", "yubihsm_pkcs11.dylib"),
        win32=(
            *_under(_PROGRAMS, "Yubico/YubiHSM Shell/bin/pkcs11/yubihsm_pkcs11.dll"),
            "C:/yubihsm2-sdk/bin/pkcs11/yubihsm_pkcs11.dll",
        ),
        variable="YUBIHSM_PKCS11_CONF",
        configurations=("/etc/yubihsm_pkcs11.conf", "~/yubihsm_pkcs11.conf"),
        initialisation="connector=http://127.0.0.1:12345",
        note="The YubiHSM connector must run. The slot password is the number of the "
        "authentication key in four hexadecimal digits, followed by its password.",
    ),
    Product(
        "SoftHSM 2",
        ("libsofthsm2", "softhsm2"),
        linux=_under(_LINUX, "softhsm/libsofthsm2.so", "pkcs11/libsofthsm2.so"),
        darwin=_under(_BREW, "softhsm/libsofthsm2.so"),
        win32=("C:/SoftHSM2/lib/softhsm2-x64.dll", "C:/SoftHSM2/lib/softhsm2.dll"),
        variable="SOFTHSM2_CONF",
        configurations=("~/.config/softhsm2/softhsm2.conf",),
    ),
    Product(
        "Kryoptic",
        ("libkryoptic_pkcs11", "kryoptic"),
        linux=_under(_LINUX, "pkcs11/libkryoptic_pkcs11.so", "kryoptic/libkryoptic_pkcs11.so"),
        darwin=_under(_BREW, "libkryoptic_pkcs11.dylib", "pkcs11/libkryoptic_pkcs11.dylib"),
        variable="KRYOPTIC_CONF",
        configurations=("~/.config/kryoptic/token.conf", "/etc/kryoptic/token.conf"),
    ),
    Product(
        "openCryptoki",
        ("libopencryptoki", "pkcs11_api"),
        linux=(
            *_under(_LINUX, "opencryptoki/libopencryptoki.so", "pkcs11/libopencryptoki.so"),
            *_under(_LINUX, "libopencryptoki.so", "opencryptoki/libopencryptoki.so.0"),
        ),
        note="This account must belong to the group pkcs11, and the service pkcsslotd must run.",
    ),
    Product(
        "TPM 2.0 (tpm2-pkcs11)",
        ("libtpm2_pkcs11",),
        linux=_under(_LINUX, "pkcs11/libtpm2_pkcs11.so", "libtpm2_pkcs11.so.1"),
        variable="TPM2_PKCS11_STORE",
        configurations=("/etc/tpm2_pkcs11", "~/.tpm2_pkcs11"),
        note="It needs a store that tpm2_ptool has made, and the right to use the TPM.",
    ),
    Product(
        "NSS",
        ("libsoftokn3", "softokn3"),
        linux=_under(_LINUX, "libsoftokn3.so", "nss/libsoftokn3.so"),
        darwin=(
            *_under(_BREW, "libsoftokn3.dylib"),
            "/opt/homebrew/opt/nss/lib/libsoftokn3.dylib",
            "/usr/local/opt/nss/lib/libsoftokn3.dylib",
        ),
        win32=_under(_PROGRAMS, "Mozilla Firefox/softokn3.dll"),
        initialisation="configdir='sql:{}' certPrefix='' keyPrefix='' secmod='secmod.db' flags=",
        stores=("/etc/pki/nssdb", "~/.pki/nssdb"),
        note="The folder in the initialisation string must hold a database: "
        "certutil -N -d sql:FOLDER makes one.",
    ),
    Product(
        "OpenSC",
        ("opensc-pkcs11", "onepin-opensc-pkcs11"),
        linux=_under(_LINUX, "opensc-pkcs11.so", "pkcs11/opensc-pkcs11.so"),
        darwin=("/Library/OpenSC/lib/opensc-pkcs11.so", *_under(_BREW, "opensc-pkcs11.so")),
        win32=_under(_PROGRAMS, "OpenSC Project/OpenSC/pkcs11/opensc-pkcs11.dll"),
        variable="OPENSC_CONF",
        note="The smart card service pcscd must run.",
    ),
    Product(
        "p11-kit proxy",
        ("p11-kit-proxy", "libp11-kit"),
        linux=_under(_LINUX, "p11-kit-proxy.so", "pkcs11/p11-kit-proxy.so"),
        darwin=_under(_BREW, "p11-kit-proxy.dylib", "p11-kit-proxy.so"),
        note="It shows the tokens of all modules that p11-kit knows; registering the module "
        "itself keeps them apart.",
    ),
    Product(
        "p11-kit client",
        ("p11-kit-client",),
        linux=_under(_LINUX, "pkcs11/p11-kit-client.so"),
        darwin=_under(_BREW, "pkcs11/p11-kit-client.so"),
        variable="P11_KIT_SERVER_ADDRESS",
        note="It reaches tokens of another machine or account, where p11-kit server runs.",
    ),
)


def product_of(file_name: str) -> Product | None:
    """The product that a library belongs to by the name of its file, None for an unknown one."""
    name = file_name.casefold()
    for product in PRODUCTS:
        if name.startswith(product.files):
            return product
    return None
