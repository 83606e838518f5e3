"""A made-up dossier, to show and to try what people are told."""

from __future__ import annotations

from contracts.events.sla import AlertKind

CODE = "H29.15-240307-0001"

PARAMS = {
    "procedure": "1.004194",
    "unit": "H29.15",
    "due": "10:15 04/04/2024",
    "previous": "10:15 28/03/2024",
    "new_due": "17:00 12/04/2024",
    "until": "17:00 20/03/2024",
    "cause": "time-given-back",
    "alert": AlertKind.OVERDUE,
    "reason": "Chưa nhận được kết quả xác định nghĩa vụ tài chính",
    "documents": "Bản sao giấy chứng nhận; Tờ khai lệ phí",
    "amount": "1500000",
    "outcome": "granted",
    "channel": "counter",
    "count": "52",
}
"""The parameters of all messages together, as they stand on the log."""
