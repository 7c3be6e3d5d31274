"""Messages of any content leave the supervisor's session whole."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.stamp import NS_PER_S
from hw.signal import rsmp
from tests.unit.hw.rsmp_script import GROUP_1, MAIN, Script

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=50)
@given(
    st.sampled_from(sorted(rsmp.TYPES)),
    st.dictionaries(
        st.sampled_from(["cId", "sTs", "sS", "wTs", "RSMP", "SXL", "siteId", "oMId", "aSp", "rea", "aS"]),
        json_values,
    ),
)
def test_no_message_however_odd_breaks_the_session(kind: str, fields: dict[str, object]) -> None:
    for established in (False, True):
        script = Script()
        if established:
            script.establish()
            script.lamps("3B")
        known = {
            "mType": "rSMsg",
            "type": kind,
            "mId": rsmp.new_id(),
            "cId": MAIN,
            "sTs": rsmp.timestamp(script.now_ns),
        }
        script.say(known | fields)
        script.wait(NS_PER_S)


@settings(max_examples=50)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["sCI", "n", "s", "q"]),
            json_values
            | st.sampled_from(
                ["S0001", "S0025", "signalgroupstatus", "status", "S0020", "minToGEstimate", "recent"]
            ),
        )
    )
)
def test_no_status_however_odd_breaks_the_session(entries: list[dict[str, object]]) -> None:
    script = Script()
    script.establish()
    script.lamps("3B")
    for component in (MAIN, GROUP_1):
        message = {"mType": "rSMsg", "type": "StatusUpdate", "mId": rsmp.new_id(), "cId": component}
        script.say({**message, "sTs": rsmp.timestamp(script.now_ns), "sS": entries})
