"""Render a template before it is used, in every way that it can be rendered.

A field of a field, or a filter's argument, is only evaluated when it is rendered. A template with a
wrong one would load, and then each of its messages would be tried until it expires.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import StrictUndefined, Template, nodes
from jinja2.visitor import NodeTransformer


class UnknownField(StrictUndefined):
    """An unknown field in a template; its error says which fields there are."""

    @property
    def _undefined_message(self) -> str:
        within, name = self._undefined_obj, self._undefined_name
        if isinstance(within, Mapping):
            return f"no field {name}; there are {', '.join(sorted(within))}"
        if isinstance(within, str | list):
            return f"no field {name}; {within!r} has none"
        return super()._undefined_message


def check_template(template: Template, parsed: nodes.Template, full: Mapping[str, Any]) -> None:
    """Raise what rendering raises. `parsed` is the same template; do not use it afterwards.

    Render it with `full`, including what stands under a condition, whether it holds or not; and
    with all fields empty.
    """
    every = template
    if any(parsed.find_all(_BRANCHES)):
        code = template.environment.compile(_AllBranches().visit(parsed))
        every = Template.from_code(template.environment, code, {})
    every.render(full)
    template.render(dict.fromkeys(full, ""))


_BRANCHES = (nodes.If, nodes.CondExpr, nodes.And, nodes.Or, nodes.For)


class _AllBranches(NodeTransformer):
    """Puts alternatives one after the other."""

    def visit_If(self, node: nodes.If) -> list[nodes.Node]:
        self.generic_visit(node)
        asked = nodes.Output([node.test], lineno=node.lineno, environment=node.environment)
        return [asked, *node.body, *node.elif_, *node.else_]

    def visit_CondExpr(self, node: nodes.CondExpr) -> nodes.Node:
        self.generic_visit(node)
        return _after(node, [node.expr1, *([] if node.expr2 is None else [node.expr2])])

    def visit_And(self, node: nodes.And) -> nodes.Node:
        self.generic_visit(node)
        return _after(node, [node.right])

    def visit_Or(self, node: nodes.Or) -> nodes.Node:
        self.generic_visit(node)
        return _after(node, [node.right])

    def visit_For(self, node: nodes.For) -> list[nodes.Node]:
        self.generic_visit(node)
        otherwise, node.else_ = node.else_, []
        return [node, *otherwise]


def _after(node: nodes.Expr, parts: list[nodes.Expr]) -> nodes.Expr:
    """Return the expression's own value, after all of its parts are evaluated.

    Written out it is ``[part|string, …, node][-1]``: what is unknown fails when it becomes text.
    """
    where = {"lineno": node.lineno, "environment": node.environment}
    looked_at = [nodes.Filter(part, "string", [], [], None, None, **where) for part in parts]
    last = nodes.Const(-1, **where)
    return nodes.Getitem(nodes.List([*looked_at, node], **where), last, "load", **where)
