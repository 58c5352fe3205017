"""The types of the inventory's fields, with their bounds.

`Meta.extra` tells the reader more than a type can: `ref` = the id of a record of that list, `unit` = how a readable quantity
becomes the number, `check` = a format of formats.py.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

# the reader says this of every text; a description of the API has to
_LINE = {"pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"}
Id = Annotated[str, Meta(min_length=1, max_length=255, extra_json_schema=_LINE)]
Name = Annotated[str, Meta(min_length=1, max_length=255, extra_json_schema=_LINE)]
Text = Annotated[str, Meta(max_length=255, extra_json_schema=_LINE)]
SensorName = Annotated[str, Meta(max_length=255, pattern="^[^/]*$", extra={"check": "sensor"})]
Zone = Annotated[str, Meta(max_length=64, extra={"check": "timezone"})]
Country = Annotated[str, Meta(pattern="^[A-Z]{2}$", extra={"check": "country"})]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", extra={"check": "currency"})]
Rate = Annotated[int, Meta(ge=1, le=1 << 53, extra={"unit": "bit/s"})]
Bytes = Annotated[int, Meta(ge=1, le=1 << 62, extra={"unit": "B"})]
Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Milliseconds = Annotated[float, Meta(gt=0, le=3_600_000, extra={"unit": "ms"})]
Percent = Annotated[float, Meta(ge=0, le=100, extra={"unit": "%"})]
Interval = Annotated[float, Meta(ge=1, le=86_400, extra={"unit": "s"})]
Timeout = Annotated[float, Meta(ge=0.05, le=60, extra={"unit": "s"})]
Spacing = Annotated[float, Meta(ge=0.02, le=1, extra={"unit": "s"})]
Repeats = Annotated[int, Meta(ge=1, le=100)]
Redirects = Annotated[int, Meta(ge=0, le=10)]
HttpStatus = Annotated[int, Meta(ge=100, le=599)]
Url = Annotated[str, Meta(max_length=2_000, extra={"check": "url"})]
Query = Annotated[str, Meta(max_length=254, extra={"check": "query"})]
Network = Annotated[str, Meta(max_length=49, extra={"check": "network"})]
Sampling = Annotated[int, Meta(ge=0, le=1 << 24)]
RecordType = Literal["A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"]
Days = Annotated[int, Meta(ge=0, le=3_650, extra={"unit": "d"})]
Secret = Annotated[str, Meta(min_length=1, max_length=255)]  # `env:NAME` or `file:PATH` in a file; write-only in the API
SECRETS = frozenset({"community", "auth_secret", "priv_secret", "secret"})  # the keys that are one

AccountManagerId = Annotated[str, Meta(min_length=1, max_length=255, extra={"ref": "account_managers"}, extra_json_schema=_LINE)]
AccountId = Annotated[str, Meta(min_length=1, max_length=255, extra={"ref": "accounts"}, extra_json_schema=_LINE)]
LocationId = Annotated[str, Meta(min_length=1, max_length=255, extra={"ref": "locations"}, extra_json_schema=_LINE)]
TemplateId = Annotated[str, Meta(min_length=1, max_length=255, extra={"ref": "templates"}, extra_json_schema=_LINE)]
ProductId = Annotated[str, Meta(min_length=1, max_length=255, extra={"ref": "products"}, extra_json_schema=_LINE)]
PriceBookId = Annotated[str, Meta(min_length=1, max_length=255, extra={"ref": "price_books"}, extra_json_schema=_LINE)]
EntryId = Annotated[str, Meta(min_length=1, max_length=255, extra={"ref": "price_book_entries"}, extra_json_schema=_LINE)]
SiteId = Annotated[str, Meta(min_length=1, max_length=255, extra={"ref": "sites"}, extra_json_schema=_LINE)]
ElementId = Annotated[str, Meta(min_length=1, max_length=255, extra={"ref": "elements"}, extra_json_schema=_LINE)]
ServiceId = Annotated[str, Meta(min_length=1, max_length=255, extra={"ref": "services"}, extra_json_schema=_LINE)]

Criticality = Literal["required", "degrading", "informational"]
Facing = Literal["customer", "network"]
Policy = Literal["exclude", "honor_up", "ignore"]
Fulfilment = Literal[
    "New",
    "In Service",
    "Suspended For Non-Pay",
    "Canceled For Non-Pay",
    "Canceled By User",
    "Expired",
    "Order Canceled",
]
