import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from edge.configuration import OpcUaSource
from edge.opcua.connection import strongest
from edge.opcua.errors import SourceLostError

PREFIX = "http://opcfoundation.org/UA/SecurityPolicy#"
NONE = ("None", "None_")
SECURE = [
    (policy, mode)
    for mode in ("SignAndEncrypt", "Sign")
    for policy in ("Aes256_Sha256_RsaPss", "Basic256Sha256", "Aes128_Sha256_RsaOaep")
]
WITHDRAWN = [("Basic128Rsa15", "SignAndEncrypt"), ("Basic256", "SignAndEncrypt")]
OFFERS = st.lists(st.sampled_from([NONE, *SECURE, *WITHDRAWN]), unique=True)


def source(host: str, **options) -> OpcUaSource:
    node = {"node": "nsu=urn:plant;s=Speed", "equipment": "press01", "signal": "Speed"}
    content = {"kind": "opcua", "endpoint": f"opc.tcp://{host}:4840", "nodes": [node], **options}
    return OpcUaSource.model_validate(content)


def taken(offers: list[tuple[str, str]], configured: OpcUaSource) -> tuple[str, str]:
    endpoint = strongest(
        [
            ua.EndpointDescription(
                EndpointUrl="opc.tcp://elsewhere:4840",
                SecurityPolicyUri=PREFIX + policy,
                SecurityMode=ua.MessageSecurityMode[mode],
            )
            for policy, mode in offers
        ],
        configured,
    )
    return endpoint.SecurityPolicyUri.removeprefix(PREFIX), endpoint.SecurityMode.name


@given(OFFERS)
def test_another_machine_is_never_talked_to_without_security(offers):
    strong = [one for one in SECURE if one in offers]
    if strong:
        assert taken(offers, source("plc7")) == strong[0]
    else:
        with pytest.raises(SourceLostError, match="offers nothing that may be used"):
            taken(offers, source("plc7"))


@given(OFFERS)
def test_this_machine_is_talked_to_as_securely_as_it_offers(offers):
    allowed = [one for one in [*SECURE, NONE] if one in offers]
    if allowed:
        assert taken(offers, source("127.0.0.1")) == allowed[0]


@pytest.mark.parametrize("host", ["plc7", "127.0.0.1"])
@given(offers=OFFERS, policy=st.sampled_from(["Basic256Sha256", None]))
def test_what_a_source_asks_for_is_not_downgraded(host, offers, policy):
    asked = {"security": {"mode": "SignAndEncrypt", **({"policy": policy} if policy else {})}}
    try:
        found = taken(offers, source(host, **asked))
    except SourceLostError:
        return
    assert found[1] == "SignAndEncrypt"
    assert policy in (None, found[0])


def test_plain_text_is_taken_only_when_it_is_asked_for():
    assert taken([NONE, *SECURE], source("plc7", plain_text=True)) == NONE
    with pytest.raises(SourceLostError, match=r"None None_\); set plain_text = true"):
        taken([NONE], source("plc7"))
    with pytest.raises(SourceLostError, match=r"policy and mode in \[security\]"):
        taken([NONE], source("127.0.0.1", security={}))
