"""Finds the files of `resources/`, in a checkout and in an installed wheel."""

from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parent.parent / "resources"
_INSTALLED = Path(__file__).resolve().parent / "_resources"


def resource(*parts: str) -> Path:
    """Return the path of a bundled file or folder, named by its parts below `resources/`.

    A checkout's own folder is looked at before the copy that a wheel carries.

    Raises:
        FileNotFoundError: there is none of that name, so the installation is damaged.
    """
    for root in (_CHECKOUT, _INSTALLED):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise FileNotFoundError(f"The installation lacks the resource {'/'.join(parts)}.")
