"""The one version number: of the package, and of the AsyncAPI and OpenAPI documents."""

from importlib.metadata import version

VERSION = version("motcua")
