"""The renderer of the texts that are in force now."""

from __future__ import annotations

from collections.abc import Callable

from services.notify.wording.renderer import Renderer
from services.shared.city import City


class RendererNow:
    """Makes a renderer for each set of rules: with its names of things and its own wording."""

    def __init__(self, city: Callable[[], City], link: Callable[[str], str]) -> None:
        """Raise TemplateWrong if a template cannot be used."""
        self._city = city
        self._link = link
        self._made: tuple[City, Renderer] | None = None
        self()

    def __call__(self) -> Renderer:
        """Return the renderer of the set in force."""
        city = self._city()
        if self._made is None or self._made[0] is not city:
            self._made = city, Renderer(city.catalogue, link=self._link, own=city.texts)
        return self._made[1]
