"""Certificate templates: the built-in ones, their copies, their fields and their permissions."""

from app.services.templates.catalogue import DuplicateTemplate, TemplateService

__all__ = ["DuplicateTemplate", "TemplateService"]
