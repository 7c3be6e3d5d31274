"""Hypothesis strategies of certificates and headers, and their values as pycrate writes them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from edge.v2x.security.certificate import (
    DURATION_S,
    IssuePermission,
    Permission,
    PermissionRange,
    ToBeSigned,
)
from edge.v2x.security.message import GenerationPlace, Header
from edge.v2x.security.region import Place, Region

psids = st.one_of(st.integers(0, 255), st.integers(0, 2**32))
places = st.builds(Place, st.integers(-900_000_000, 900_000_001), st.integers(-1_799_999_999, 1_800_000_001))
regions = st.one_of(
    st.builds(Region, circle=st.tuples(places, st.integers(0, 65535))),
    st.builds(Region, rectangles=st.lists(st.tuples(places, places), min_size=1, max_size=3).map(tuple)),
    st.builds(Region, polygon=st.lists(places, min_size=3, max_size=5).map(tuple)),
)
permissions = st.one_of(
    st.builds(Permission, psids),
    st.builds(Permission, psids, st.binary(max_size=31)),
    st.builds(Permission, psids, st.binary(max_size=40), bitmap=st.just(False)),
)
ranges = st.one_of(
    st.builds(PermissionRange, psids),
    st.builds(PermissionRange, psids, all=st.just(True)),
    st.builds(PermissionRange, psids, opaque=st.lists(st.binary(max_size=5), max_size=3).map(tuple)),
    st.builds(
        PermissionRange,
        psids,
        value=st.binary(min_size=1, max_size=32),
        mask=st.binary(min_size=1, max_size=32),
    ),
)
groups = st.builds(
    IssuePermission,
    st.one_of(st.none(), st.lists(ranges, min_size=1, max_size=3).map(tuple)),
    min_chain=st.integers(-3, 300),
    chain_range=st.integers(-1, 300),
    end_entities=st.sampled_from([0x80, 0x40, 0xC0]),
)
bodies = st.builds(
    ToBeSigned,
    public_key=st.tuples(st.sampled_from([b"\x02", b"\x03"]), st.binary(min_size=32, max_size=32)).map(
        b"".join
    ),
    start_s=st.integers(0, 2**32 - 1),
    duration=st.tuples(st.sampled_from(list(DURATION_S)), st.integers(0, 65535)),
    app_permissions=st.lists(permissions, max_size=3).map(tuple),
    issue_permissions=st.lists(groups, max_size=2).map(tuple),
    request_permissions=st.lists(groups, max_size=2).map(tuple),
    name=st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=60)),
    craca_id=st.binary(min_size=3, max_size=3),
    crl_series=st.integers(0, 65535),
    region=st.one_of(st.none(), regions),
    assurance=st.one_of(st.none(), st.integers(0, 255)),
    can_request_rollover=st.booleans(),
)
generation_places = st.builds(
    GenerationPlace,
    st.integers(-900_000_000, 900_000_001),
    st.integers(-1_799_999_999, 1_800_000_001),
    st.one_of(st.none(), st.integers(-4095, 61439).map(lambda tenths: tenths / 10)),
)
times = st.one_of(st.none(), st.integers(0, 2**64 - 1))
headers = st.builds(
    Header,
    psid=psids,
    generation_time=times,
    expiry_time=times,
    place=st.one_of(st.none(), generation_places),
    learning_request=st.one_of(st.none(), st.binary(min_size=3, max_size=3)),
    inline_requests=st.lists(st.binary(min_size=3, max_size=3), max_size=8).map(tuple),
)


def region_value(region: Region) -> tuple[str, Any]:
    """GeographicRegion in pycrate's form."""
    if region.circle is not None:
        return "circularRegion", {"center": _place_value(region.circle[0]), "radius": region.circle[1]}
    if region.rectangles:
        corners = [{"northWest": _place_value(a), "southEast": _place_value(b)} for a, b in region.rectangles]
        return "rectangularRegion", corners
    return "polygonalRegion", [_place_value(place) for place in region.polygon]


def permission_value(permission: Permission) -> dict[str, Any]:
    """PsidSsp in pycrate's form."""
    value: dict[str, Any] = {"psid": permission.psid}
    if permission.ssp is not None:
        value["ssp"] = ("bitmapSsp" if permission.bitmap else "opaque", permission.ssp)
    return value


def group_value(group: IssuePermission) -> dict[str, Any]:
    """PsidGroupPermissions in pycrate's form, defaults filled in."""
    subject = ("all", 0) if group.ranges is None else ("explicit", [_range_value(r) for r in group.ranges])
    return {
        "subjectPermissions": subject,
        "minChainLength": group.min_chain,
        "chainLengthRange": group.chain_range,
        "eeType": (group.end_entities, 8),
    }


def body_value(body: ToBeSigned) -> dict[str, Any]:
    """ToBeSignedCertificate in pycrate's form."""
    form = {2: "compressed-y-0", 3: "compressed-y-1"}[body.public_key[0]]
    value: dict[str, Any] = {
        "id": ("none", 0) if body.name is None else ("name", body.name),
        "cracaId": body.craca_id,
        "crlSeries": body.crl_series,
        "validityPeriod": {"start": body.start_s, "duration": body.duration},
        "verifyKeyIndicator": ("verificationKey", ("ecdsaNistP256", (form, body.public_key[1:]))),
    }
    if body.region is not None:
        value["region"] = region_value(body.region)
    if body.assurance is not None:
        value["assuranceLevel"] = bytes([body.assurance])
    if body.app_permissions:
        value["appPermissions"] = [permission_value(p) for p in body.app_permissions]
    if body.issue_permissions:
        value["certIssuePermissions"] = [group_value(g) for g in body.issue_permissions]
    if body.request_permissions:
        value["certRequestPermissions"] = [group_value(g) for g in body.request_permissions]
    if body.can_request_rollover:
        value["canRequestRollover"] = 0
    return value


def header_value(header: Header) -> dict[str, Any]:
    """HeaderInfo in pycrate's form."""
    value: dict[str, Any] = {"psid": header.psid}
    if header.generation_time is not None:
        value["generationTime"] = header.generation_time
    if header.expiry_time is not None:
        value["expiryTime"] = header.expiry_time
    if header.place is not None:
        tenths = 0xF000 if header.place.elevation_m is None else round(header.place.elevation_m * 10) & 0xFFFF
        value["generationLocation"] = {
            "latitude": header.place.latitude,
            "longitude": header.place.longitude,
            "elevation": tenths,
        }
    if header.learning_request is not None:
        value["p2pcdLearningRequest"] = header.learning_request
    if header.inline_requests:
        value["inlineP2pcdRequest"] = list(header.inline_requests)
    return value


def _place_value(place: Place) -> dict[str, int]:
    return {"latitude": place.latitude, "longitude": place.longitude}


def _range_value(granted: PermissionRange) -> dict[str, Any]:
    value: dict[str, Any] = {"psid": granted.psid}
    if granted.all:
        value["sspRange"] = ("all", 0)
    elif granted.opaque is not None:
        value["sspRange"] = ("opaque", list(granted.opaque))
    elif granted.value is not None:
        value["sspRange"] = ("bitmapSspRange", {"sspValue": granted.value, "sspBitmask": granted.mask})
    return value
