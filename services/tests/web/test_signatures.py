"""Signatures of providers, against what the providers' own libraries make of the same words."""

import base64
import hashlib
import hmac
import string
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook
from stripe import WebhookSignature

from reelbase.signatures import (
    fal,
    omise,
    read_base64_secrets,
    read_secrets,
    sign_standard_webhooks,
    standard_webhooks,
    stripe,
)
from reelbase.webhooks import NotGenuine

NOW = 1_795_000_000
STANDARD = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"]
STRIPE = ["whsec_first_of_two", "whsec_second_of_two"]
OMISE = [base64.b64encode(each).decode() for each in (b"first" * 6, b"second" * 6)]
FAL = [Ed25519PrivateKey.from_private_bytes(bytes([each]) * 32) for each in (1, 2)]
BODIES = [b"{}", '{"id":"ท่าเรือ","n":1}'.encode(), b'{"logs":"' + b"x" * 100_000 + b'"}']

Headers = dict[str, str]


def signed_standard(secret: int, body: bytes, at: int, name: str = "msg_1") -> Headers:
    signature = Webhook(STANDARD[secret]).sign(name, datetime.fromtimestamp(at, UTC), body.decode())
    return {"webhook-id": name, "webhook-timestamp": str(at), "webhook-signature": signature}


def signed_stripe(secret: int, body: bytes, at: int) -> Headers:
    made = WebhookSignature.generate_signature_header(body.decode(), STRIPE[secret], at)
    return {"stripe-signature": made}


def signed_omise(secret: int, body: bytes, at: int) -> Headers:
    key = base64.b64decode(OMISE[secret])
    made = hmac.new(key, str(at).encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"omise-signature": made, "omise-signature-timestamp": str(at)}


def signed_fal(secret: int, body: bytes, at: int) -> Headers:
    message = "\n".join(["req-1", "user-1", str(at), hashlib.sha256(body).hexdigest()])
    return {
        "x-fal-webhook-request-id": "req-1",
        "x-fal-webhook-user-id": "user-1",
        "x-fal-webhook-timestamp": str(at),
        "x-fal-webhook-signature": FAL[secret].sign(message.encode()).hex(),
    }


Verify = Callable[[Mapping[str, str], bytes, float, tuple[int, ...]], Any]


def verify_standard(headers: Mapping[str, str], body: bytes, now: float, known: Any) -> Any:
    keys = read_base64_secrets(", ".join(STANDARD[each] for each in known))
    return standard_webhooks(keys, headers, body, now)


def verify_stripe(headers: Mapping[str, str], body: bytes, now: float, known: Any) -> Any:
    keys = read_secrets(",".join(STRIPE[each] for each in known))
    return stripe(keys, headers.get("stripe-signature"), body, now)


def verify_omise(headers: Mapping[str, str], body: bytes, now: float, known: Any) -> Any:
    return omise(read_base64_secrets(",".join(OMISE[each] for each in known)), headers, body, now)


def verify_fal(headers: Mapping[str, str], body: bytes, now: float, known: Any) -> Any:
    return fal([FAL[each].public_key() for each in known], headers, body, now)


SCHEMES: dict[str, tuple[Any, Verify, Any]] = {
    "standard": (signed_standard, verify_standard, ("msg_1", NOW)),
    "stripe": (signed_stripe, verify_stripe, NOW),
    "omise": (signed_omise, verify_omise, NOW),
    "fal": (signed_fal, verify_fal, ("req-1", NOW)),
}
every_scheme = pytest.mark.parametrize("scheme", SCHEMES)


@every_scheme
@pytest.mark.parametrize("body", BODIES)
def test_what_the_vendor_signs_is_genuine(scheme: str, body: bytes) -> None:
    sign, verify, told = SCHEMES[scheme]
    assert verify(sign(0, body, NOW), body, NOW + 0.5, (0,)) == told


@every_scheme
def test_another_body_another_key_or_no_key_is_not(scheme: str) -> None:
    sign, verify, _ = SCHEMES[scheme]
    headers = sign(0, b'{"a":1}', NOW)
    for body, known in ((b'{"a":2}', (0,)), (b'{"a":1} ', (0,)), (b"", (0,)), (b'{"a":1}', (1,))):
        with pytest.raises(NotGenuine):
            verify(headers, body, NOW, known)


@every_scheme
def test_while_keys_are_exchanged_both_are_good(scheme: str) -> None:
    sign, verify, told = SCHEMES[scheme]
    for secret in (0, 1):
        assert verify(sign(secret, b"{}", NOW), b"{}", NOW, (0, 1)) == told


@pytest.mark.parametrize(
    ("scheme", "name", "separator"),
    [
        ("standard", "webhook-signature", " "),
        ("omise", "omise-signature", ","),
        ("stripe", "stripe-signature", ","),
    ],
)
def test_one_of_several_signatures_is_enough(scheme: str, name: str, separator: str) -> None:
    sign, verify, told = SCHEMES[scheme]
    first, second = (sign(each, b"{}", NOW)[name] for each in (0, 1))
    if scheme == "stripe":
        second = second.split(",")[1]
    headers = {**sign(0, b"{}", NOW), name: separator.join([first, second])}
    for known in ((0,), (1,), (0, 1)):
        assert verify(headers, b"{}", NOW, known) == told


@every_scheme
def test_delivery_is_good_for_five_minutes_either_way(scheme: str) -> None:
    sign, verify, told = SCHEMES[scheme]
    headers = sign(0, b"{}", NOW)
    for late in (-300, 300):
        assert verify(headers, b"{}", NOW + late, (0,)) == told
    for late in (-300.5, 300.5, -86_400, 1e12):
        with pytest.raises(NotGenuine):
            verify(headers, b"{}", NOW + late, (0,))


@every_scheme
def test_every_header_is_needed_and_none_may_be_altered(scheme: str) -> None:
    sign, verify, _ = SCHEMES[scheme]
    headers = sign(0, b"{}", NOW)
    for name, value in headers.items():
        others = {key: each for key, each in headers.items() if key != name}
        for altered in (None, "", value[:-1], f"{value}0", f"0{value}", f"{value}\0"):
            changed = others if altered is None else {**others, name: altered}
            with pytest.raises(NotGenuine):
                verify(changed, b"{}", NOW, (0,))


def test_full_stop_cannot_be_moved_into_the_id() -> None:
    """What is signed is `id.time.body`: the same words must not be another delivery, too."""
    body = f"{NOW}.{{}}".encode()
    headers = signed_standard(0, body, NOW - 1, name="msg")
    assert verify_standard(headers, body, NOW, (0,)) == ("msg", NOW - 1)
    moved = {"webhook-id": f"msg.{NOW - 1}", "webhook-timestamp": str(NOW)}
    with pytest.raises(NotGenuine):
        verify_standard({**headers, **moved}, b"{}", NOW, (0,))


def test_what_we_sign_ourselves_the_library_takes() -> None:
    [key] = read_base64_secrets(STANDARD[0])
    now = int(datetime.now(UTC).timestamp())
    headers = sign_standard_webhooks(key, "msg_ours", now, b'{"a":1}')
    assert Webhook(STANDARD[0]).verify(b'{"a":1}', headers) == {"a": 1}
    with pytest.raises(ValueError, match="id"):
        sign_standard_webhooks(key, "with.stop", now, b"{}")


@pytest.mark.parametrize("scheme", ["standard", "omise", "stripe"])
def test_delivery_with_signatures_without_end_is_not_worth_the_work(scheme: str) -> None:
    sign, verify, _ = SCHEMES[scheme]
    headers = sign(0, b"{}", NOW)
    name = next(key for key in headers if key.endswith("signature"))
    separator = " " if scheme == "standard" else ","
    with pytest.raises(NotGenuine):
        verify({**headers, name: separator.join([headers[name]] * 17)}, b"{}", NOW, (0,))


@pytest.mark.parametrize("text", ["", " , ", "whsec_", "whsec_%%%", "abc", "whsec_ä"])
def test_secret_that_is_none_is_refused_without_being_told(text: str) -> None:
    with pytest.raises(ValueError, match="secret") as refused:
        read_base64_secrets(text)
    assert not text.strip(" ,") or text not in str(refused.value)


LETTERS = st.text(string.printable + "é\0\ud800", max_size=40)
VALUES = st.one_of(
    LETTERS,
    st.sampled_from(
        [str(NOW), f"{NOW}.0", "msg_1", "v1,", "v1,AAAA", "0" * 64, "0" * 128, "٣" * 9]
    ),
    st.builds("t={},v1={}".format, st.sampled_from([NOW, "x", ""]), LETTERS),
    st.builds("v1,{} v1,{}".format, LETTERS, LETTERS),
)
NAMES = sorted({name for sign, _, _ in SCHEMES.values() for name in sign(0, b"{}", NOW)})


@settings(max_examples=120, derandomize=True, deadline=None)
@given(headers=st.dictionaries(st.sampled_from(NAMES), VALUES), body=st.binary(max_size=60))
@example(headers=dict.fromkeys(NAMES, str(NOW)), body=b"\xff")
@example(headers={}, body=b"")
def test_whatever_is_delivered_nothing_is_raised_but_the_verdict(
    headers: Headers, body: bytes
) -> None:
    for _, verify, _ in SCHEMES.values():
        with pytest.raises(NotGenuine):
            verify(headers, body, NOW, (0, 1))


@settings(max_examples=50, derandomize=True, deadline=None)
@given(body=st.binary(min_size=1, max_size=60), at=st.integers(min_value=0), data=st.data())
def test_one_bit_is_enough_to_be_refused(body: bytes, at: int, data: st.DataObject) -> None:
    text = body.decode("latin-1").encode()
    place = data.draw(st.integers(0, len(text) * 8 - 1))
    altered = bytearray(text)
    altered[place // 8] ^= 1 << place % 8
    for sign, verify, told in SCHEMES.values():
        headers = sign(0, text, NOW)
        assert verify(headers, text, NOW, (0,)) == told
        with pytest.raises(NotGenuine):
            verify(headers, bytes(altered), NOW, (0,))
