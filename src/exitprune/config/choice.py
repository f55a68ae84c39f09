"""A variant that a parameter names, and what is set of the variant's own settings.

`criterion: magnitude` names one; `granularity: {name: filter, round_to: 16}` sets something of it too. What can be set are the
fields of the class in the variant's file, which are checked here, before any job.
"""

from __future__ import annotations

from typing import Any

from pydantic import BeforeValidator, ConfigDict, ValidationError, model_serializer

from exitprune.config.as_text import hint
from exitprune.config.section import Section, one_of
from exitprune.documents import place, reason
from exitprune.variants import class_of, names_of


class Choice(Section):
    """The name of a variant's file, and settings of the variant, which are the other keys."""

    model_config = ConfigDict(extra="allow")

    name: str

    @property
    def settings(self) -> dict[str, Any]:
        """What is set; the others have the defaults of the variant's file."""
        return dict(self.__pydantic_extra__ or {})

    @model_serializer
    def _as_given(self) -> str | dict[str, Any]:
        return {"name": self.name, **self.settings} if self.settings else self.name

    def __str__(self) -> str:
        told = ", ".join(f"{key} {value}" for key, value in self.settings.items())
        return f"{self.name} ({told})" if told else self.name


def of(family: str) -> BeforeValidator:
    """Says of a `Choice` in a section which family it chooses from."""

    def check(value: Any) -> Choice:
        if isinstance(value, Choice):
            return value
        given = {"name": value} if isinstance(value, str) else value
        if not isinstance(given, dict) or not isinstance(given.get("name"), str):
            raise ValueError(
                f"write a name, or {{name: ..., and its settings}}; allowed: {', '.join(names_of(family))}"
            )
        name, settings = one_of(given["name"], names_of(family)), {key: given[key] for key in given if key != "name"}
        if settings:  # else there is nothing to check, and what computes need not be imported
            make(family, name, settings)
        return Choice(**given)

    return BeforeValidator(check)


def make(family: str, name: str, settings: dict[str, Any]) -> Any:
    """The variant itself, with these settings.

    Raises:
        ValueError: one sentence on what cannot be set so, with what can.
    """
    made = class_of(family, name)
    try:
        return made(**settings)
    except ValidationError as error:
        allowed = ", ".join(made.model_fields) or "none"
        told = [
            f"{name} has no setting {detail['loc'][0]!r}; its settings: {allowed}"
            if detail["type"] == "extra_forbidden"
            else f"{name}: {place(detail, 'its settings')}: {reason(detail)}{hint(detail)}"
            for detail in error.errors()
        ]
        raise ValueError("; ".join(told)) from None


def made(family: str, choice: Choice) -> Any:
    """The variant that was chosen."""
    return make(family, choice.name, choice.settings)


def whole(family: str, choice: Choice) -> dict[str, Any]:
    """Every setting of the variant that was chosen, its defaults too."""
    return {"name": choice.name, **made(family, choice).model_dump()}
