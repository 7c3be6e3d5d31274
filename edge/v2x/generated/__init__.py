"""Generated codecs, a module per message: see `edge.v2x.compiler`."""

MESSAGES: dict[str, tuple[str, str]] = {
    "csae-a/BasicSafetyMessage": ("csae_a.basicsafetymessage", "T/CSAE 53-2020 clause 5.2.2.1"),
    "csae-a/MapData": ("csae_a.mapdata", "T/CSAE 53-2020 clause 5.2.2.2"),
    "csae-a/RoadsideSafetyMessage": ("csae_a.roadsidesafetymessage", "T/CSAE 53-2020 clause 5.2.2.4"),
    "csae-a/SPAT": ("csae_a.spat", "T/CSAE 53-2020 clause 5.2.2.5"),
    "csae-a/RoadSideInformation": ("csae_a.roadsideinformation", "T/CSAE 53-2020 clause 5.2.2.3"),
    "csae-a/RTCMcorrections": ("csae_a.rtcmcorrections", "T/CSAE 157-2020 Msg_RTCM"),
    "csae-a/RoadsideCoordination": ("csae_a.roadsidecoordination", "T/CSAE 157-2020 Msg_RSC"),
    "csae-a/SensorSharingMsg": ("csae_a.sensorsharingmsg", "T/CSAE 157-2020 Msg_SSM"),
    "csae-a/VehIntentionAndRequest": ("csae_a.vehintentionandrequest", "T/CSAE 157-2020 Msg_VIR"),
    "csae-a/PAMData": ("csae_a.pamdata", "T/CSAE 157-2020 Msg_PAM"),
    "csae-a/PersonalSafetyMessage": ("csae_a.personalsafetymessage", "T/CSAE 157-2020 Msg_PSM"),
    "csae-a/CLPMM": ("csae_a.clpmm", "T/CSAE 157-2020 Msg_CLPMM"),
    "csae-b/BasicSafetyMessage": ("csae_b.basicsafetymessage", "T/CSAE 53-2020 clause 5.2.2.1"),
    "csae-b/MapData": ("csae_b.mapdata", "T/CSAE 53-2020 clause 5.2.2.2"),
    "csae-b/RoadsideSafetyMessage": ("csae_b.roadsidesafetymessage", "T/CSAE 53-2020 clause 5.2.2.4"),
    "csae-b/SPAT": ("csae_b.spat", "T/CSAE 53-2020 clause 5.2.2.5"),
    "csae-b/RoadSideInformation": ("csae_b.roadsideinformation", "T/CSAE 53-2020 clause 5.2.2.3"),
    "csae-b/RTCMcorrections": ("csae_b.rtcmcorrections", "T/CSAE 157-2020 Msg_RTCM"),
    "csae-b/RoadsideCoordination": ("csae_b.roadsidecoordination", "T/CSAE 157-2020 Msg_RSC"),
    "csae-b/SensorSharingMsg": ("csae_b.sensorsharingmsg", "T/CSAE 157-2020 Msg_SSM"),
    "csae-b/VehIntentionAndRequest": ("csae_b.vehintentionandrequest", "T/CSAE 157-2020 Msg_VIR"),
    "csae-b/PAMData": ("csae_b.pamdata", "T/CSAE 157-2020 Msg_PAM"),
    "csae-b/PersonalSafetyMessage": ("csae_b.personalsafetymessage", "T/CSAE 157-2020 Msg_PSM"),
    "csae-b/CLPMM": ("csae_b.clpmm", "T/CSAE 157-2020 Msg_CLPMM"),
}
"""Module and edition per message."""
