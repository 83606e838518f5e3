"""Why a date is not kept, in the words of a civil servant."""

from __future__ import annotations

from random import Random

from contracts.events.sla import ExemptionGround

_ANYWHERE = (
    "Hồ sơ phải xác minh thêm, cơ quan phối hợp chưa gửi kết quả",
    "Số lượng hồ sơ tăng đột biến, đơn vị chưa bố trí kịp nhân sự",
    "Hệ thống thông tin giải quyết thủ tục hành chính bị gián đoạn",
    "Công chức thụ lý nghỉ đột xuất, hồ sơ phải phân công lại",
    "Hồ sơ có tình tiết phức tạp, cần thêm thời gian thẩm định",
)
_FIELDS = {
    "certification": ("Cơ quan cấp bản chính chưa trả lời xác minh",),
    "civil-status": (
        "Phải xác minh tại nơi đăng ký hộ tịch trước đây, chưa có văn bản trả lời",
        "Dữ liệu hộ tịch điện tử chưa khớp với giấy tờ, phải đối chiếu lại",
    ),
    "residence": (
        "Chưa hoàn thành việc xác minh thực tế cư trú",
        "Thông tin chưa khớp với Cơ sở dữ liệu quốc gia về dân cư, phải đối chiếu lại",
    ),
    "land": (
        "Chưa có kết quả đo đạc, kiểm tra hiện trạng thửa đất",
        "Cơ quan thuế chưa gửi thông báo nghĩa vụ tài chính",
        "Phải xác minh nguồn gốc sử dụng đất qua nhiều thời kỳ",
    ),
    "business": ("Hệ thống thông tin quốc gia về đăng ký doanh nghiệp bị gián đoạn",),
    "construction": (
        "Chưa kiểm tra xong hiện trạng công trình",
        "Phải lấy thêm ý kiến về quy hoạch và phòng cháy, chữa cháy",
    ),
    "justice": ("Cơ quan công an chưa gửi kết quả tra cứu, xác minh",),
    "labour": ("Cơ quan bảo hiểm xã hội chưa xác nhận quá trình đóng",),
    "social-protection": (
        "Hội đồng xét duyệt chưa họp do vắng thành viên",
        "Phải rà soát lại danh sách đối tượng sau khi niêm yết công khai",
    ),
    "transport": ("Chưa đối chiếu xong với hồ sơ gốc tại cơ quan cấp trước đây",),
}
_EXEMPT = {
    ExemptionGround.FORCE_MAJEURE: (
        "Mưa lớn kết hợp triều cường gây ngập trụ sở, không thể giải quyết hồ sơ đúng hạn",
        "Sự cố mất điện diện rộng làm gián đoạn trung tâm dữ liệu",
    ),
    ExemptionGround.STATE_SECRET: (
        "Nội dung xác minh thuộc phạm vi bí mật nhà nước theo quy định của pháp luật",
    ),
    ExemptionGround.WITHHELD_INFORMATION: (
        "Người nộp hồ sơ khai không đúng sự thật, phải xác minh lại từ đầu",
        "Người nộp hồ sơ không cung cấp thông tin cần thiết cho việc xác minh",
    ),
}


def why_late(rng: Random, field: str) -> str:
    """Draw a reason for a letter of apology about a dossier of that field."""
    return rng.choice((*_ANYWHERE, *_FIELDS.get(field, ())))


def why_exempt(rng: Random, ground: ExemptionGround) -> str:
    """Draw a reason why no letter is owed on that ground."""
    return rng.choice(_EXEMPT[ground])
