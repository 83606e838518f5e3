"""The city's reference data: procedures, units, workflows and which unit is competent for what."""

from contracts.catalogue.load import Catalogue, load_catalogue
from contracts.catalogue.model import (
    Circular,
    CompetenceRule,
    Form,
    FormKind,
    Procedure,
    Step,
    Unit,
    UnitKind,
    Workflow,
    WorkflowRef,
)

__all__ = [
    "Catalogue",
    "Circular",
    "CompetenceRule",
    "Form",
    "FormKind",
    "Procedure",
    "Step",
    "Unit",
    "UnitKind",
    "Workflow",
    "WorkflowRef",
    "load_catalogue",
]
