"""Signed notes as others publish them, and strictly so."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from huizhen.kit.errors import BadInput, Tampered
from huizhen.ledger import note
from huizhen.ledger.note import COSIGNATURE, ED25519, Note, VerifierKey

SPEC_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()
"""The example of C2SP signed-note."""

LOG_KEY = "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f"
WITNESS_KEYS = (
    "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
    "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
    "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
)
LOG_NOTE = (
    "arche2025h1.staging.ct.transparency.dev\n1432088532\nU7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n\n"
    "— arche2025h1.staging.ct.transparency.dev "
    "zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=\n"
    "— arche2025h1.staging.ct.transparency.dev "
    "ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=\n"
    "— witness1.smartit.nu/witness1 "
    "pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==\n"
    "— remora.n621.de "
    "2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==\n"
    "— witness.stagemole.eu "
    "Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==\n"
).encode()
"""A checkpoint that a public Certificate Transparency log signed and three public witnesses co-signed."""

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = VerifierKey.of("hub.example/log", ED25519, PRIVATE)
TEXT = "one\n\ntwo — 会诊\n"
SIGNED = note.make_note(TEXT, [note.sign(TEXT, KEY.name, PRIVATE)]).serialise()


def test_the_example_of_the_specification_verifies() -> None:
    key = VerifierKey.parse(SPEC_KEY)
    assert key.vkey == SPEC_KEY
    opened = note.parse_note(SPEC_NOTE)
    assert opened.text == "This is an example message.\n"
    assert note.verify_signatures(opened, [key]) == ((key, None),)


def test_a_public_log_and_its_witnesses_verify() -> None:
    opened = note.parse_note(LOG_NOTE)
    assert opened.serialise() == LOG_NOTE
    keys = [VerifierKey.parse(k) for k in (LOG_KEY, *WITNESS_KEYS)]
    verified = note.verify_signatures(opened, keys)
    assert {v.key.name: v.at_unix_s for v in verified} == {
        keys[0].name: None,
        **{k.name: 1779573024 for k in keys[1:]},
    }


def test_what_we_sign_reads_back() -> None:
    opened = note.parse_note(SIGNED)
    assert (opened.text, opened.serialise()) == (TEXT, SIGNED)
    assert note.verify_signatures(opened, [KEY]) == ((KEY, None),)


def test_a_cosignature_says_when() -> None:
    witness = VerifierKey.of("north", COSIGNATURE, PRIVATE)
    both = note.make_note(TEXT, [note.cosign(TEXT, "north", PRIVATE, 1_700_000_000)])
    assert note.verify_signatures(both, [witness]) == ((witness, 1_700_000_000),)
    with pytest.raises(ValueError, match="2\\*\\*63"):
        note.cosign(TEXT, "north", PRIVATE, 1 << 63)


def test_a_cosignature_is_not_a_signature_of_the_same_key() -> None:
    """Domain separation: the same key, name and text, but another kind of statement."""
    plain = note.sign(TEXT, "north", PRIVATE)
    witness = VerifierKey.of("north", COSIGNATURE, PRIVATE)
    with pytest.raises(Tampered):
        note.verify_signatures(Note(TEXT, (plain._replace(key_id=witness.key_id),)), [witness])
    timed = note.cosign(TEXT, "north", PRIVATE, 5)
    as_plain = VerifierKey.of("north", ED25519, PRIVATE)
    with pytest.raises(Tampered):
        note.verify_signatures(Note(TEXT, (timed._replace(key_id=as_plain.key_id, blob=timed.blob[8:]),)), [as_plain])


def test_the_time_of_a_cosignature_is_signed() -> None:
    timed = note.cosign(TEXT, "north", PRIVATE, 5)
    later = timed._replace(blob=(6).to_bytes(8, "big") + timed.blob[8:])
    with pytest.raises(Tampered):
        note.verify_signatures(Note(TEXT, (later,)), [VerifierKey.of("north", COSIGNATURE, PRIVATE)])


def test_a_cosignature_of_a_time_beyond_all_time_is_refused() -> None:
    """C2SP tlog-cosignature: the timestamp must not exceed 2**63 - 1, however well it is signed."""
    key = VerifierKey.of("north", COSIGNATURE, PRIVATE)
    for at_unix_s, fine in ((2**63 - 1, True), (2**63, False)):
        signed = PRIVATE.sign(f"cosignature/v1\ntime {at_unix_s}\n{TEXT}".encode())
        made = Note(TEXT, (note.Signature("north", key.key_id, at_unix_s.to_bytes(8, "big") + signed),))
        if fine:
            assert note.verify_signatures(made, [key]) == ((key, at_unix_s),)
        else:
            with pytest.raises(Tampered):
                note.verify_signatures(made, [key])


LINE = note.sign(TEXT, KEY.name, PRIVATE).line


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\n\n",
        TEXT.encode(),
        SIGNED[:-1],
        SIGNED + b"\n",
        SIGNED + LINE.encode(),
        SIGNED.replace(b"one", b"o\tne"),
        SIGNED.replace(b"one\n", b"one\r\n"),
        SIGNED.replace(b"one", b"o\xffne"),
        SIGNED.replace("— hub".encode(), b"- hub"),
        SIGNED.replace("— hub".encode(), "—  hub".encode()),
        SIGNED.replace(b"hub.example", b"hub+example"),
        SIGNED.replace(b"hub.example", "hub\u00a0example".encode()),
        SIGNED.replace(b"/log ", b"/log  "),
        SIGNED.replace(b"=\n", b"\n"),
        SIGNED.replace(b"=\n", b"==\n"),
        SIGNED[:-1] + b" \n",
        b"\n" + SIGNED[SIGNED.rindex(b"\n\n") + 1 :],
        SIGNED + "— north AAAA\n".encode(),
        b"x" * note.MAX_NOTE_BYTES + SIGNED,
    ],
)
def test_a_note_is_read_strictly(broken: bytes) -> None:
    assert broken != SIGNED
    with pytest.raises(Tampered) as caught:
        note.parse_note(broken)
    assert caught.value.code == "bad-note"


def test_base64_has_one_form() -> None:
    """The last character before the padding carries unused bits: only zero ones are accepted."""
    assert note.decode_base64("QQ==") == b"A"
    for other in ("QR==", "QQ=", "QQ", "QQ==\n", " QQ==", "Q Q=="):
        with pytest.raises(ValueError, match="base64"):
            note.decode_base64(other)


def test_no_text_that_would_read_differently_is_signed() -> None:
    for text in ("no newline", "tab\t\n", "", "\n", "ends in a signature\n\n" + LINE):
        signature = note.sign(text, KEY.name, PRIVATE)
        if text.endswith(LINE):
            assert note.make_note(text, [signature]).text == text
            continue
        with pytest.raises(BadInput):
            note.make_note(text, [signature])
    with pytest.raises(BadInput):
        note.make_note(TEXT, [])
    with pytest.raises(BadInput):
        note.make_note(TEXT, [note.sign(TEXT, KEY.name, PRIVATE)] * 2)


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "example.com/foo",
        SPEC_KEY.removeprefix("example"),
        SPEC_KEY.replace("530d903a", "530D903A"),
        SPEC_KEY.replace("530d903a", "530d903b"),
        SPEC_KEY.replace("+530d903a", ""),
        SPEC_KEY[:-1] + "l",
        SPEC_KEY[:-4],
        SPEC_KEY + "\n",
        " " + SPEC_KEY,
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "x+00000000+",
    ],
)
def test_a_verifier_key_is_read_strictly(broken: str) -> None:
    with pytest.raises(BadInput) as caught:
        VerifierKey.parse(broken)
    assert caught.value.code == "bad-verifier-key"


def test_unknown_signatures_are_passed_over_but_never_suffice() -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    stranger = note.sign(TEXT, "stranger", other)
    mixed = note.make_note(TEXT, [stranger, note.sign(TEXT, KEY.name, PRIVATE)])
    assert note.verify_signatures(mixed, [KEY]) == ((KEY, None),)
    with pytest.raises(Tampered) as caught:
        note.verify_signatures(note.make_note(TEXT, [stranger]), [KEY])
    assert caught.value.code == "unsigned"
    with pytest.raises(BadInput) as nobody:
        note.verify_signatures(mixed, [])
    assert nobody.value.code == "no-trusted-key"


def test_one_wrong_signature_of_a_known_key_spoils_the_note() -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    second = VerifierKey.of("second", ED25519, other)
    wrong = note.sign("another text\n", "second", other)
    spoiled = note.make_note(TEXT, [note.sign(TEXT, KEY.name, PRIVATE), wrong])
    with pytest.raises(Tampered) as caught:
        note.verify_signatures(spoiled, [KEY, second])
    assert caught.value.code == "bad-signature"


def test_one_signer_does_not_count_as_two() -> None:
    again = VerifierKey.of("another-name", COSIGNATURE, PRIVATE)
    for keys in ([KEY, KEY], [KEY, again]):
        with pytest.raises(BadInput) as caught:
            note.verify_signatures(note.parse_note(SIGNED), keys)
        assert caught.value.code == "key-twice"
