"""Distinct id types for distinct rows, so that mixing them is a type error."""

from __future__ import annotations

from typing import NewType

LibraryId = NewType("LibraryId", int)
RegistrationId = NewType("RegistrationId", int)
AuthorityId = NewType("AuthorityId", int)
RequestId = NewType("RequestId", int)
CrlId = NewType("CrlId", int)
ConfigurationId = NewType("ConfigurationId", int)
SignerId = NewType("SignerId", int)
EventId = NewType("EventId", int)
