"""Amounts of money as pages print them."""

from django import template

register = template.Library()


@register.filter
def cents(value: int | None) -> str:
    """Return whole cents as an amount: 123 is 1.23."""
    return "" if value is None else f"{value / 100:,.2f}"
