"""Codes of GB/T 20999-2017, annex A.2."""

from __future__ import annotations

import enum


class Lamp(enum.IntEnum):
    """State of a lamp group (annex A.2.7)."""

    OFF = 0x01
    RED = 0x10
    RED_FLASH = 0x11
    RED_FAST_FLASH = 0x12
    GREEN = 0x20
    GREEN_FLASH = 0x21
    GREEN_FAST_FLASH = 0x22
    YELLOW = 0x30
    YELLOW_FLASH = 0x31
    YELLOW_FAST_FLASH = 0x32
    RED_YELLOW = 0x40


class LampType(enum.IntEnum):
    """What a lamp group is for (annex A.2.6)."""

    MOTOR_VEHICLE = 1
    NON_MOTOR_VEHICLE = 2
    PEDESTRIAN = 3
    LANE = 4
    VARIABLE_SIGN = 5
    BUS = 6
    TRAM = 7
    SPECIAL = 8


class StageState(enum.IntEnum):
    """State of a stage (annex A.2.10)."""

    NO_RIGHT_OF_WAY = 0x10
    RIGHT_OF_WAY = 0x20
    TRANSITION = 0x30


class StageCall(enum.IntEnum):
    """Whether a stage of a plan always comes (annex A.2.9)."""

    FIXED = 0x10
    ON_DEMAND = 0x20


class Mode(enum.IntEnum):
    """Run mode of a crossing (annex A.2.11)."""

    CENTRE = 0x10
    CENTRE_TIMETABLE = 0x11
    CENTRE_OPTIMISED = 0x12
    CENTRE_COORDINATED = 0x13
    CENTRE_ADAPTIVE = 0x14
    CENTRE_MANUAL = 0x15
    LOCAL = 0x20
    LOCAL_FIXED_TIME = 0x21
    LOCAL_ACTUATED = 0x22
    LOCAL_COORDINATED = 0x23
    LOCAL_ADAPTIVE = 0x24
    LOCAL_MANUAL = 0x25
    SPECIAL = 0x30
    FLASH = 0x31
    ALL_RED = 0x32
    ALL_OFF = 0x33


class Refusal(enum.IntEnum):
    """Why a value was refused (annex A.2.5)."""

    BAD_VALUE = 0x10
    WRONG_LENGTH = 0x11
    OUT_OF_RANGE = 0x12
    READ_ONLY = 0x20
    DOES_NOT_EXIST = 0x30
    GENERAL = 0x40
    CONTROL_FAILED = 0x50


class AlarmType(enum.IntEnum):
    """Annex A.2.12."""

    LAMP = 0x10
    DETECTOR = 0x30
    DEVICE = 0x40
    ENVIRONMENT = 0x60


class FaultType(enum.IntEnum):
    """Annex A.2.14."""

    GREEN_CONFLICT = 0x10
    GREEN_RED_CONFLICT = 0x11
    RED_LAMP = 0x20
    YELLOW_LAMP = 0x21
    GREEN_LAMP = 0x22
    COMMUNICATION = 0x30
    SELF_CHECK = 0x40
    DETECTOR = 0x41
    RELAY = 0x42
    MEMORY = 0x43
    CLOCK = 0x44
    MAIN_BOARD = 0x45
    PHASE_BOARD = 0x46
    DETECTOR_BOARD = 0x47
    CONFIGURATION = 0x50
    CONTROL_RESPONSE = 0x70


class FaultAction(enum.IntEnum):
    """What the controller did about a fault (annex A.2.15)."""

    NONE = 0x00
    TO_FLASH = 0x10
    TO_OFF = 0x20
    TO_RED = 0x30
    TO_LOCAL_FIXED_TIME = 0x40
    TO_LOCAL_COORDINATED = 0x50
    TO_LOCAL_ACTUATED = 0x60


class Command(enum.IntEnum):
    """Of the command pipe (annex A.2.16)."""

    CANCEL = 0
    FLASH = 1
    ALL_RED = 2
    ON = 3
    OFF = 4
    RESTART = 5
