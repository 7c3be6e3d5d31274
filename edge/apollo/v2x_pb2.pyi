from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StatusResponse(_message.Message):
    __slots__ = ("status", "info", "error_code")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    status: bool
    info: bytes
    error_code: int
    def __init__(self, status: bool = ..., info: _Optional[bytes] = ..., error_code: _Optional[int] = ...) -> None: ...

class UpdateStatus(_message.Message):
    __slots__ = ("updated",)
    UPDATED_FIELD_NUMBER: _ClassVar[int]
    updated: bool
    def __init__(self, updated: bool = ...) -> None: ...

class Header(_message.Message):
    __slots__ = ("timestamp_sec", "module_name", "sequence_num")
    TIMESTAMP_SEC_FIELD_NUMBER: _ClassVar[int]
    MODULE_NAME_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_NUM_FIELD_NUMBER: _ClassVar[int]
    timestamp_sec: float
    module_name: str
    sequence_num: int
    def __init__(self, timestamp_sec: _Optional[float] = ..., module_name: _Optional[str] = ..., sequence_num: _Optional[int] = ...) -> None: ...

class Point2(_message.Message):
    __slots__ = ("x", "y")
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    x: float
    y: float
    def __init__(self, x: _Optional[float] = ..., y: _Optional[float] = ...) -> None: ...

class Point3(_message.Message):
    __slots__ = ("x", "y", "z")
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    Z_FIELD_NUMBER: _ClassVar[int]
    x: float
    y: float
    z: float
    def __init__(self, x: _Optional[float] = ..., y: _Optional[float] = ..., z: _Optional[float] = ...) -> None: ...

class SingleTrafficLight(_message.Message):
    __slots__ = ("color", "traffic_light_type", "color_remaining_time_s", "right_turn_light", "next_color")
    class Color(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNKNOWN: _ClassVar[SingleTrafficLight.Color]
        RED: _ClassVar[SingleTrafficLight.Color]
        YELLOW: _ClassVar[SingleTrafficLight.Color]
        GREEN: _ClassVar[SingleTrafficLight.Color]
        BLACK: _ClassVar[SingleTrafficLight.Color]
        FLASH_GREEN: _ClassVar[SingleTrafficLight.Color]
    UNKNOWN: SingleTrafficLight.Color
    RED: SingleTrafficLight.Color
    YELLOW: SingleTrafficLight.Color
    GREEN: SingleTrafficLight.Color
    BLACK: SingleTrafficLight.Color
    FLASH_GREEN: SingleTrafficLight.Color
    COLOR_FIELD_NUMBER: _ClassVar[int]
    TRAFFIC_LIGHT_TYPE_FIELD_NUMBER: _ClassVar[int]
    COLOR_REMAINING_TIME_S_FIELD_NUMBER: _ClassVar[int]
    RIGHT_TURN_LIGHT_FIELD_NUMBER: _ClassVar[int]
    NEXT_COLOR_FIELD_NUMBER: _ClassVar[int]
    color: SingleTrafficLight.Color
    traffic_light_type: int
    color_remaining_time_s: int
    right_turn_light: bool
    next_color: SingleTrafficLight.Color
    def __init__(self, color: _Optional[_Union[SingleTrafficLight.Color, str]] = ..., traffic_light_type: _Optional[int] = ..., color_remaining_time_s: _Optional[int] = ..., right_turn_light: bool = ..., next_color: _Optional[_Union[SingleTrafficLight.Color, str]] = ...) -> None: ...

class LaneTrafficLight(_message.Message):
    __slots__ = ("gps_x_m", "gps_y_m", "single_traffic_light")
    GPS_X_M_FIELD_NUMBER: _ClassVar[int]
    GPS_Y_M_FIELD_NUMBER: _ClassVar[int]
    SINGLE_TRAFFIC_LIGHT_FIELD_NUMBER: _ClassVar[int]
    gps_x_m: float
    gps_y_m: float
    single_traffic_light: _containers.RepeatedCompositeFieldContainer[SingleTrafficLight]
    def __init__(self, gps_x_m: _Optional[float] = ..., gps_y_m: _Optional[float] = ..., single_traffic_light: _Optional[_Iterable[_Union[SingleTrafficLight, _Mapping]]] = ...) -> None: ...

class RoadTrafficLight(_message.Message):
    __slots__ = ("lane_traffic_light", "road_direction")
    LANE_TRAFFIC_LIGHT_FIELD_NUMBER: _ClassVar[int]
    ROAD_DIRECTION_FIELD_NUMBER: _ClassVar[int]
    lane_traffic_light: _containers.RepeatedCompositeFieldContainer[LaneTrafficLight]
    road_direction: int
    def __init__(self, lane_traffic_light: _Optional[_Iterable[_Union[LaneTrafficLight, _Mapping]]] = ..., road_direction: _Optional[int] = ...) -> None: ...

class ObuTrafficLight(_message.Message):
    __slots__ = ("header", "road_traffic_light", "intersection_id", "hdmap_junction_id")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    ROAD_TRAFFIC_LIGHT_FIELD_NUMBER: _ClassVar[int]
    INTERSECTION_ID_FIELD_NUMBER: _ClassVar[int]
    HDMAP_JUNCTION_ID_FIELD_NUMBER: _ClassVar[int]
    header: Header
    road_traffic_light: _containers.RepeatedCompositeFieldContainer[RoadTrafficLight]
    intersection_id: int
    hdmap_junction_id: bytes
    def __init__(self, header: _Optional[_Union[Header, _Mapping]] = ..., road_traffic_light: _Optional[_Iterable[_Union[RoadTrafficLight, _Mapping]]] = ..., intersection_id: _Optional[int] = ..., hdmap_junction_id: _Optional[bytes] = ...) -> None: ...

class PerceptionObstacle(_message.Message):
    __slots__ = ("id", "position", "theta", "velocity", "length", "width", "height", "polygon_point", "type", "timestamp", "confidence", "sub_type", "position_covariance", "velocity_covariance", "source")
    class Type(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNKNOWN: _ClassVar[PerceptionObstacle.Type]
        UNKNOWN_MOVABLE: _ClassVar[PerceptionObstacle.Type]
        UNKNOWN_UNMOVABLE: _ClassVar[PerceptionObstacle.Type]
        PEDESTRIAN: _ClassVar[PerceptionObstacle.Type]
        BICYCLE: _ClassVar[PerceptionObstacle.Type]
        VEHICLE: _ClassVar[PerceptionObstacle.Type]
    UNKNOWN: PerceptionObstacle.Type
    UNKNOWN_MOVABLE: PerceptionObstacle.Type
    UNKNOWN_UNMOVABLE: PerceptionObstacle.Type
    PEDESTRIAN: PerceptionObstacle.Type
    BICYCLE: PerceptionObstacle.Type
    VEHICLE: PerceptionObstacle.Type
    class SubType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        ST_UNKNOWN: _ClassVar[PerceptionObstacle.SubType]
        ST_UNKNOWN_MOVABLE: _ClassVar[PerceptionObstacle.SubType]
        ST_UNKNOWN_UNMOVABLE: _ClassVar[PerceptionObstacle.SubType]
        ST_CAR: _ClassVar[PerceptionObstacle.SubType]
        ST_VAN: _ClassVar[PerceptionObstacle.SubType]
        ST_TRUCK: _ClassVar[PerceptionObstacle.SubType]
        ST_BUS: _ClassVar[PerceptionObstacle.SubType]
        ST_CYCLIST: _ClassVar[PerceptionObstacle.SubType]
        ST_MOTORCYCLIST: _ClassVar[PerceptionObstacle.SubType]
        ST_TRICYCLIST: _ClassVar[PerceptionObstacle.SubType]
        ST_PEDESTRIAN: _ClassVar[PerceptionObstacle.SubType]
    ST_UNKNOWN: PerceptionObstacle.SubType
    ST_UNKNOWN_MOVABLE: PerceptionObstacle.SubType
    ST_UNKNOWN_UNMOVABLE: PerceptionObstacle.SubType
    ST_CAR: PerceptionObstacle.SubType
    ST_VAN: PerceptionObstacle.SubType
    ST_TRUCK: PerceptionObstacle.SubType
    ST_BUS: PerceptionObstacle.SubType
    ST_CYCLIST: PerceptionObstacle.SubType
    ST_MOTORCYCLIST: PerceptionObstacle.SubType
    ST_TRICYCLIST: PerceptionObstacle.SubType
    ST_PEDESTRIAN: PerceptionObstacle.SubType
    ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    THETA_FIELD_NUMBER: _ClassVar[int]
    VELOCITY_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    POLYGON_POINT_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    SUB_TYPE_FIELD_NUMBER: _ClassVar[int]
    POSITION_COVARIANCE_FIELD_NUMBER: _ClassVar[int]
    VELOCITY_COVARIANCE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    id: int
    position: Point3
    theta: float
    velocity: Point3
    length: float
    width: float
    height: float
    polygon_point: _containers.RepeatedCompositeFieldContainer[Point3]
    type: PerceptionObstacle.Type
    timestamp: float
    confidence: float
    sub_type: PerceptionObstacle.SubType
    position_covariance: _containers.RepeatedScalarFieldContainer[float]
    velocity_covariance: _containers.RepeatedScalarFieldContainer[float]
    source: int
    def __init__(self, id: _Optional[int] = ..., position: _Optional[_Union[Point3, _Mapping]] = ..., theta: _Optional[float] = ..., velocity: _Optional[_Union[Point3, _Mapping]] = ..., length: _Optional[float] = ..., width: _Optional[float] = ..., height: _Optional[float] = ..., polygon_point: _Optional[_Iterable[_Union[Point3, _Mapping]]] = ..., type: _Optional[_Union[PerceptionObstacle.Type, str]] = ..., timestamp: _Optional[float] = ..., confidence: _Optional[float] = ..., sub_type: _Optional[_Union[PerceptionObstacle.SubType, str]] = ..., position_covariance: _Optional[_Iterable[float]] = ..., velocity_covariance: _Optional[_Iterable[float]] = ..., source: _Optional[int] = ...) -> None: ...

class V2XInformation(_message.Message):
    __slots__ = ("v2x_type",)
    V2X_TYPE_FIELD_NUMBER: _ClassVar[int]
    v2x_type: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, v2x_type: _Optional[_Iterable[int]] = ...) -> None: ...

class V2XObstacle(_message.Message):
    __slots__ = ("perception_obstacle", "v2x_info")
    PERCEPTION_OBSTACLE_FIELD_NUMBER: _ClassVar[int]
    V2X_INFO_FIELD_NUMBER: _ClassVar[int]
    perception_obstacle: PerceptionObstacle
    v2x_info: V2XInformation
    def __init__(self, perception_obstacle: _Optional[_Union[PerceptionObstacle, _Mapping]] = ..., v2x_info: _Optional[_Union[V2XInformation, _Mapping]] = ...) -> None: ...

class MiniAreaMap(_message.Message):
    __slots__ = ("rscu_id", "feature_position")
    RSCU_ID_FIELD_NUMBER: _ClassVar[int]
    FEATURE_POSITION_FIELD_NUMBER: _ClassVar[int]
    rscu_id: bytes
    feature_position: Point3
    def __init__(self, rscu_id: _Optional[bytes] = ..., feature_position: _Optional[_Union[Point3, _Mapping]] = ...) -> None: ...

class V2XObstacles(_message.Message):
    __slots__ = ("v2x_obstacle", "area_map", "header")
    V2X_OBSTACLE_FIELD_NUMBER: _ClassVar[int]
    AREA_MAP_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    v2x_obstacle: _containers.RepeatedCompositeFieldContainer[V2XObstacle]
    area_map: MiniAreaMap
    header: Header
    def __init__(self, v2x_obstacle: _Optional[_Iterable[_Union[V2XObstacle, _Mapping]]] = ..., area_map: _Optional[_Union[MiniAreaMap, _Mapping]] = ..., header: _Optional[_Union[Header, _Mapping]] = ...) -> None: ...

class ObuRsi(_message.Message):
    __slots__ = ("header", "rsu_id", "rsi_id", "alter_type", "description", "ref_point", "points", "radius", "msg_cnt")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RSU_ID_FIELD_NUMBER: _ClassVar[int]
    RSI_ID_FIELD_NUMBER: _ClassVar[int]
    ALTER_TYPE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    REF_POINT_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    RADIUS_FIELD_NUMBER: _ClassVar[int]
    MSG_CNT_FIELD_NUMBER: _ClassVar[int]
    header: Header
    rsu_id: bytes
    rsi_id: int
    alter_type: int
    description: str
    ref_point: Point2
    points: _containers.RepeatedCompositeFieldContainer[Point2]
    radius: int
    msg_cnt: int
    def __init__(self, header: _Optional[_Union[Header, _Mapping]] = ..., rsu_id: _Optional[bytes] = ..., rsi_id: _Optional[int] = ..., alter_type: _Optional[int] = ..., description: _Optional[str] = ..., ref_point: _Optional[_Union[Point2, _Mapping]] = ..., points: _Optional[_Iterable[_Union[Point2, _Mapping]]] = ..., radius: _Optional[int] = ..., msg_cnt: _Optional[int] = ...) -> None: ...

class ObuAlarm(_message.Message):
    __slots__ = ("mode_num", "error_num", "error_msg")
    MODE_NUM_FIELD_NUMBER: _ClassVar[int]
    ERROR_NUM_FIELD_NUMBER: _ClassVar[int]
    ERROR_MSG_FIELD_NUMBER: _ClassVar[int]
    mode_num: float
    error_num: int
    error_msg: str
    def __init__(self, mode_num: _Optional[float] = ..., error_num: _Optional[int] = ..., error_msg: _Optional[str] = ...) -> None: ...

class Quaternion(_message.Message):
    __slots__ = ("qx", "qy", "qz", "qw")
    QX_FIELD_NUMBER: _ClassVar[int]
    QY_FIELD_NUMBER: _ClassVar[int]
    QZ_FIELD_NUMBER: _ClassVar[int]
    QW_FIELD_NUMBER: _ClassVar[int]
    qx: float
    qy: float
    qz: float
    qw: float
    def __init__(self, qx: _Optional[float] = ..., qy: _Optional[float] = ..., qz: _Optional[float] = ..., qw: _Optional[float] = ...) -> None: ...

class Pose(_message.Message):
    __slots__ = ("position", "orientation", "linear_velocity", "linear_acceleration", "heading")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    ORIENTATION_FIELD_NUMBER: _ClassVar[int]
    LINEAR_VELOCITY_FIELD_NUMBER: _ClassVar[int]
    LINEAR_ACCELERATION_FIELD_NUMBER: _ClassVar[int]
    HEADING_FIELD_NUMBER: _ClassVar[int]
    position: Point3
    orientation: Quaternion
    linear_velocity: Point3
    linear_acceleration: Point3
    heading: float
    def __init__(self, position: _Optional[_Union[Point3, _Mapping]] = ..., orientation: _Optional[_Union[Quaternion, _Mapping]] = ..., linear_velocity: _Optional[_Union[Point3, _Mapping]] = ..., linear_acceleration: _Optional[_Union[Point3, _Mapping]] = ..., heading: _Optional[float] = ...) -> None: ...

class Uncertainty(_message.Message):
    __slots__ = ("position_std_dev",)
    POSITION_STD_DEV_FIELD_NUMBER: _ClassVar[int]
    position_std_dev: Point3
    def __init__(self, position_std_dev: _Optional[_Union[Point3, _Mapping]] = ...) -> None: ...

class StampHeader(_message.Message):
    __slots__ = ("timestamp_sec",)
    TIMESTAMP_SEC_FIELD_NUMBER: _ClassVar[int]
    timestamp_sec: float
    def __init__(self, timestamp_sec: _Optional[float] = ...) -> None: ...

class LocalizationEstimate(_message.Message):
    __slots__ = ("header", "pose", "uncertainty", "measurement_time")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    POSE_FIELD_NUMBER: _ClassVar[int]
    UNCERTAINTY_FIELD_NUMBER: _ClassVar[int]
    MEASUREMENT_TIME_FIELD_NUMBER: _ClassVar[int]
    header: StampHeader
    pose: Pose
    uncertainty: Uncertainty
    measurement_time: float
    def __init__(self, header: _Optional[_Union[StampHeader, _Mapping]] = ..., pose: _Optional[_Union[Pose, _Mapping]] = ..., uncertainty: _Optional[_Union[Uncertainty, _Mapping]] = ..., measurement_time: _Optional[float] = ...) -> None: ...

class Id(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    def __init__(self, id: _Optional[bytes] = ...) -> None: ...

class Polygon(_message.Message):
    __slots__ = ("point",)
    POINT_FIELD_NUMBER: _ClassVar[int]
    point: _containers.RepeatedCompositeFieldContainer[Point3]
    def __init__(self, point: _Optional[_Iterable[_Union[Point3, _Mapping]]] = ...) -> None: ...

class Junction(_message.Message):
    __slots__ = ("id", "polygon")
    ID_FIELD_NUMBER: _ClassVar[int]
    POLYGON_FIELD_NUMBER: _ClassVar[int]
    id: Id
    polygon: Polygon
    def __init__(self, id: _Optional[_Union[Id, _Mapping]] = ..., polygon: _Optional[_Union[Polygon, _Mapping]] = ...) -> None: ...

class CarStatus(_message.Message):
    __slots__ = ("localization", "junction")
    LOCALIZATION_FIELD_NUMBER: _ClassVar[int]
    JUNCTION_FIELD_NUMBER: _ClassVar[int]
    localization: LocalizationEstimate
    junction: Junction
    def __init__(self, localization: _Optional[_Union[LocalizationEstimate, _Mapping]] = ..., junction: _Optional[_Union[Junction, _Mapping]] = ...) -> None: ...

class CurrentLaneLight(_message.Message):
    __slots__ = ("color", "traffic_light_type", "color_remaining_time_s", "right_turn_light")
    COLOR_FIELD_NUMBER: _ClassVar[int]
    TRAFFIC_LIGHT_TYPE_FIELD_NUMBER: _ClassVar[int]
    COLOR_REMAINING_TIME_S_FIELD_NUMBER: _ClassVar[int]
    RIGHT_TURN_LIGHT_FIELD_NUMBER: _ClassVar[int]
    color: SingleTrafficLight.Color
    traffic_light_type: _containers.RepeatedScalarFieldContainer[int]
    color_remaining_time_s: int
    right_turn_light: bool
    def __init__(self, color: _Optional[_Union[SingleTrafficLight.Color, str]] = ..., traffic_light_type: _Optional[_Iterable[int]] = ..., color_remaining_time_s: _Optional[int] = ..., right_turn_light: bool = ...) -> None: ...

class CurrentLaneTrafficLight(_message.Message):
    __slots__ = ("gps_x_m", "gps_y_m", "single_traffic_light")
    GPS_X_M_FIELD_NUMBER: _ClassVar[int]
    GPS_Y_M_FIELD_NUMBER: _ClassVar[int]
    SINGLE_TRAFFIC_LIGHT_FIELD_NUMBER: _ClassVar[int]
    gps_x_m: float
    gps_y_m: float
    single_traffic_light: _containers.RepeatedCompositeFieldContainer[CurrentLaneLight]
    def __init__(self, gps_x_m: _Optional[float] = ..., gps_y_m: _Optional[float] = ..., single_traffic_light: _Optional[_Iterable[_Union[CurrentLaneLight, _Mapping]]] = ...) -> None: ...

class IntersectionTrafficLightData(_message.Message):
    __slots__ = ("header", "current_lane_trafficlight", "intersection_id")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    CURRENT_LANE_TRAFFICLIGHT_FIELD_NUMBER: _ClassVar[int]
    INTERSECTION_ID_FIELD_NUMBER: _ClassVar[int]
    header: Header
    current_lane_trafficlight: CurrentLaneTrafficLight
    intersection_id: int
    def __init__(self, header: _Optional[_Union[Header, _Mapping]] = ..., current_lane_trafficlight: _Optional[_Union[CurrentLaneTrafficLight, _Mapping]] = ..., intersection_id: _Optional[int] = ...) -> None: ...

class PerceptionObstacles(_message.Message):
    __slots__ = ("perception_obstacle", "header")
    PERCEPTION_OBSTACLE_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    perception_obstacle: _containers.RepeatedCompositeFieldContainer[PerceptionObstacle]
    header: Header
    def __init__(self, perception_obstacle: _Optional[_Iterable[_Union[PerceptionObstacle, _Mapping]]] = ..., header: _Optional[_Union[Header, _Mapping]] = ...) -> None: ...
