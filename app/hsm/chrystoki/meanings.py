"""What the keys of the configuration file mean, as the client's documentation has it."""

from __future__ import annotations

import re

_NUMBERED = re.compile(r"\d{2}")

_MEANINGS = {
    ("chrystoki2", "libunix"): "PKCS#11 library, 32-bit name of older clients",
    ("chrystoki2", "libunix64"): "PKCS#11 library of this client",
    ("chrystoki2", "libnt"): "PKCS#11 library of this client",
    ("chrystoki2", "libnt32"): "PKCS#11 library for 32-bit programs",
    ("luna", "defaulttimeout"): "Time limit of a command, in milliseconds",
    ("luna", "pedtimeout1"): "Time to find the PED, in milliseconds",
    ("luna", "pedtimeout2"): "Time for the person at the PED, in milliseconds",
    ("luna", "pedtimeout3"): "Time for further commands to the PED, in milliseconds",
    ("luna", "keypairgentimeout"): "Time limit of a key pair's generation, in milliseconds",
    ("luna", "cloningcommandtimeout"): "Time limit of cloning, in milliseconds",
    ("luna", "commandtimeoutpedset"): "Time limit of commands that ask at the PED, in milliseconds",
    ("cardreader", "remotecommand"): "Commands for HSMs that are connected locally",
    ("cardreader", "lunag5slots"): "Slots kept free for USB HSMs",
    ("misc", "protectedauthenticationpathflagstatus"): (
        "1: the PIN is entered at the PED, and programs are told so"
    ),
    ("misc", "rsakeygenmechremap"): (
        "1: RSA keys are generated with an approved mechanism (FIPS mode, Client 7.x)"
    ),
    ("misc", "pluginmoduledir"): "Folder of the plug-ins for Luna Cloud HSM",
    ("misc", "toolsdir"): "Folder of the client's tools",
    ("misc", "pe1746enabled"): "Hardware acceleration of older HSMs",
    ("misc", "partitionpolicytemplatepath"): "Templates of partition policies",
    ("misc", "loginallowedonfmenabledhsms"): "1: log-in to HSMs with functionality modules",
    ("lunasa client", "servername"): "Luna Network HSM: name or address",
    ("lunasa client", "serverport"): "Port of its NTLS connection, usually 1792",
    ("lunasa client", "serverhtl"): "1: its connection uses a host trust link",
    ("lunasa client", "receivetimeout"): "Time limit of an answer, in milliseconds",
    ("lunasa client", "netclient"): "1: Luna Network HSMs are used",
    ("lunasa client", "tcpkeepalive"): "1: idle connections are kept alive",
    ("lunasa client", "clientprivkeyfile"): "Private key of this client's NTLS certificate",
    ("lunasa client", "clientcertfile"): "This client's NTLS certificate",
    ("lunasa client", "servercafile"): "Certificates of the registered HSMs",
    ("lunasa client", "sslconfigfile"): "Configuration of TLS",
    ("virtualtoken", "virtualtokenlabel"): "HA group: label of its slot",
    ("virtualtoken", "virtualtokensn"): "HA group: serial of its slot",
    ("virtualtoken", "virtualtokenmembers"): "HA group: serials of its members",
    ("virtualtoken", "virtualtokenactiverecovery"): "How members that return are taken in again",
    ("haconfiguration", "haonly"): "1: only the HA slot is shown, so that fail-over works",
    ("haconfiguration", "reconnatt"): "Tries to reach a lost member again; -1: without end",
    ("haconfiguration", "autoreconnectinterval"): "Seconds between such tries",
    ("haconfiguration", "halogstatus"): "Whether what happens in HA groups is logged",
    ("haconfiguration", "halogpath"): "Folder of the HA log",
    ("haconfiguration", "haloglevel"): "How much the HA log tells",
    ("secure trusted channel", "clienttokenlib"): "Soft token of the secure trusted channel",
    ("secure trusted channel", "softtokendir"): "Its data",
    ("secure trusted channel", "clientidentitiesdir"): "Identities of this client",
    ("secure trusted channel", "partitionidentitiesdir"): "Identities of the partitions",
    ("xtc", "enabled"): "1: the channel to Luna Cloud HSM is used",
    ("xtc", "timeoutsec"): "Time limit of the channel, in seconds",
    ("xtc", "partitioncapath"): "CA certificate of the cloud partition",
    ("xtc", "partitioncertpath"): "Certificate of the cloud partition",
    ("rest", "sslclientsideverifyfile"): "Certificate of the cloud service",
    ("rest", "authtokenconfiguri"): "Where the client gets its access token",
    ("rest", "authtokenclientid"): "The client's name at the cloud service",
    ("rest", "authtokenclientsecret"): "The client's credential at the cloud service",
    ("rest", "servername"): "Luna Cloud HSM: name of the service",
    ("rest", "serverport"): "Port of the service",
    ("rest", "clientconnectintervalms"): "Pause between connection tries, in milliseconds",
    ("rest", "clientconnectretrycount"): "Connection tries",
    ("rest", "clienttimeoutsec"): "Time limit of the service's answers, in seconds",
    ("rest", "maxuseridcount"): "How many sets of cloud credentials may be given",
    ("rest", "partitiondata"): "The cloud partition and its server",
}
_SECRETS = ("secret", "password", "passphrase")
HIDDEN = "••••••••"


def meaning(section: str, key: str) -> str:
    """What a key is for; "" where we do not know."""
    plain = _NUMBERED.sub("", key.casefold(), count=1)
    place = section.casefold()
    if place == "hasynchronize":
        return "1: keys are copied to all members of this HA group"
    return _MEANINGS.get((place, key.casefold())) or _MEANINGS.get((place, plain), "")


def is_secret(key: str) -> bool:
    """Whether the value is a credential, which no screen, log or difference shows."""
    return any(word in key.casefold() for word in _SECRETS)


def shown(key: str, value: str) -> str:
    """The value, or dots in its place."""
    return HIDDEN if value and is_secret(key) else value
