from edge.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RoadUser(_message.Message):
    __slots__ = ("track_id", "object_class", "class_probability", "x_m", "y_m", "latitude_deg", "longitude_deg", "covariance_xx_m2", "covariance_xy_m2", "covariance_yy_m2", "speed_mps", "course_rad", "yaw_rad", "length_m", "width_m", "height_m", "existence", "trust", "cameras", "v2x_links", "v2x_id", "lane", "capture_ns")
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    OBJECT_CLASS_FIELD_NUMBER: _ClassVar[int]
    CLASS_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    X_M_FIELD_NUMBER: _ClassVar[int]
    Y_M_FIELD_NUMBER: _ClassVar[int]
    LATITUDE_DEG_FIELD_NUMBER: _ClassVar[int]
    LONGITUDE_DEG_FIELD_NUMBER: _ClassVar[int]
    COVARIANCE_XX_M2_FIELD_NUMBER: _ClassVar[int]
    COVARIANCE_XY_M2_FIELD_NUMBER: _ClassVar[int]
    COVARIANCE_YY_M2_FIELD_NUMBER: _ClassVar[int]
    SPEED_MPS_FIELD_NUMBER: _ClassVar[int]
    COURSE_RAD_FIELD_NUMBER: _ClassVar[int]
    YAW_RAD_FIELD_NUMBER: _ClassVar[int]
    LENGTH_M_FIELD_NUMBER: _ClassVar[int]
    WIDTH_M_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_M_FIELD_NUMBER: _ClassVar[int]
    EXISTENCE_FIELD_NUMBER: _ClassVar[int]
    TRUST_FIELD_NUMBER: _ClassVar[int]
    CAMERAS_FIELD_NUMBER: _ClassVar[int]
    V2X_LINKS_FIELD_NUMBER: _ClassVar[int]
    V2X_ID_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    CAPTURE_NS_FIELD_NUMBER: _ClassVar[int]
    track_id: int
    object_class: _common_pb2.ObjectClass
    class_probability: float
    x_m: float
    y_m: float
    latitude_deg: float
    longitude_deg: float
    covariance_xx_m2: float
    covariance_xy_m2: float
    covariance_yy_m2: float
    speed_mps: float
    course_rad: float
    yaw_rad: float
    length_m: float
    width_m: float
    height_m: float
    existence: float
    trust: float
    cameras: _containers.RepeatedScalarFieldContainer[str]
    v2x_links: _containers.RepeatedScalarFieldContainer[str]
    v2x_id: str
    lane: int
    capture_ns: int
    def __init__(self, track_id: _Optional[int] = ..., object_class: _Optional[_Union[_common_pb2.ObjectClass, str]] = ..., class_probability: _Optional[float] = ..., x_m: _Optional[float] = ..., y_m: _Optional[float] = ..., latitude_deg: _Optional[float] = ..., longitude_deg: _Optional[float] = ..., covariance_xx_m2: _Optional[float] = ..., covariance_xy_m2: _Optional[float] = ..., covariance_yy_m2: _Optional[float] = ..., speed_mps: _Optional[float] = ..., course_rad: _Optional[float] = ..., yaw_rad: _Optional[float] = ..., length_m: _Optional[float] = ..., width_m: _Optional[float] = ..., height_m: _Optional[float] = ..., existence: _Optional[float] = ..., trust: _Optional[float] = ..., cameras: _Optional[_Iterable[str]] = ..., v2x_links: _Optional[_Iterable[str]] = ..., v2x_id: _Optional[str] = ..., lane: _Optional[int] = ..., capture_ns: _Optional[int] = ...) -> None: ...

class Scene(_message.Message):
    __slots__ = ("stamp_ns", "published_ns", "valid_until_ns", "newest_capture_ns", "epoch", "sequence", "road_users")
    STAMP_NS_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_NS_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_NS_FIELD_NUMBER: _ClassVar[int]
    NEWEST_CAPTURE_NS_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    ROAD_USERS_FIELD_NUMBER: _ClassVar[int]
    stamp_ns: int
    published_ns: int
    valid_until_ns: int
    newest_capture_ns: int
    epoch: int
    sequence: int
    road_users: _containers.RepeatedCompositeFieldContainer[RoadUser]
    def __init__(self, stamp_ns: _Optional[int] = ..., published_ns: _Optional[int] = ..., valid_until_ns: _Optional[int] = ..., newest_capture_ns: _Optional[int] = ..., epoch: _Optional[int] = ..., sequence: _Optional[int] = ..., road_users: _Optional[_Iterable[_Union[RoadUser, _Mapping]]] = ...) -> None: ...

class LaneMeasure(_message.Message):
    __slots__ = ("lane", "count", "mean_speed_mps", "queue_length", "passed_total")
    LANE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    MEAN_SPEED_MPS_FIELD_NUMBER: _ClassVar[int]
    QUEUE_LENGTH_FIELD_NUMBER: _ClassVar[int]
    PASSED_TOTAL_FIELD_NUMBER: _ClassVar[int]
    lane: int
    count: int
    mean_speed_mps: float
    queue_length: int
    passed_total: int
    def __init__(self, lane: _Optional[int] = ..., count: _Optional[int] = ..., mean_speed_mps: _Optional[float] = ..., queue_length: _Optional[int] = ..., passed_total: _Optional[int] = ...) -> None: ...

class Lanes(_message.Message):
    __slots__ = ("stamp_ns", "valid_until_ns", "lanes")
    STAMP_NS_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_NS_FIELD_NUMBER: _ClassVar[int]
    LANES_FIELD_NUMBER: _ClassVar[int]
    stamp_ns: int
    valid_until_ns: int
    lanes: _containers.RepeatedCompositeFieldContainer[LaneMeasure]
    def __init__(self, stamp_ns: _Optional[int] = ..., valid_until_ns: _Optional[int] = ..., lanes: _Optional[_Iterable[_Union[LaneMeasure, _Mapping]]] = ...) -> None: ...
