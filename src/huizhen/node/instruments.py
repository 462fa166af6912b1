"""The node reads the deeds and contracts in a grant itself: every signature, every step, and what it saw before.

Pure. A hub cannot invent one, change one, bring back an old version, or leave one out that this node has seen. Whether
the study is within their clauses, the rules then say (`node.law`), with this node's own date.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from huizhen.kit.errors import HuizhenError, Refused
from huizhen.kit.text import Text
from huizhen.model.grant import Grant
from huizhen.model.lifecycle import Filed
from huizhen.model.policy import Policy
from huizhen.model.study import Study


class Known(Protocol):
    """See `node.check.Known`."""

    @property
    def policy(self) -> Policy: ...
    @property
    def origin(self) -> str: ...
    @property
    def signers(self) -> Mapping[str, str]: ...
    @property
    def filed(self) -> Mapping[str, str]: ...


def check_instruments(study: Study, grant: Grant, known: Known) -> None:
    """Raises Refused for the first deed or contract in the grant that does not hold, or that is missing from it."""
    filings = () if grant.legal is None else grant.legal.instruments
    for filing in filings:
        _check_signed(filing, known)
        _check_version(filing, known)
    _check_none_left_out(study, filings, known)


def _check_signed(filing: Filed, known: Known) -> None:
    name = filing.instrument.name
    try:
        began = filing.state not in {"drafted", "offered", "signed"} and filing.began is not None
        keys = filing.keys()
    except HuizhenError as problem:
        raise _refuse("instrument-broken", f"'{name}' does not hold: {problem.what.en}",
                      f"“{name}”无效：{problem.what.zh}") from problem  # fmt: skip
    if not began:
        raise _refuse("instrument-not-in-force", f"'{name}' never came into force.", f"“{name}”从未生效。")
    if filing.instrument.region != known.origin:
        raise _refuse("instrument-elsewhere", f"'{name}' was signed for another region.", f"“{name}”为另一区域所签。")
    for party, key in keys.items():
        if (known.policy.party_keys.get(party) or known.signers.get(party) or key) != key:
            raise _refuse(
                "signers-key-changed",
                f"'{name}' is signed for {party} with another key than this hospital knows.",
                f"“{name}”上 {party} 的签名所用密钥与本医院所知不符。",
            )


def _check_version(filing: Filed, known: Known) -> None:
    """A version seen before is the same as then, and none older than it is taken any more."""
    seen = known.filed.get(_place(filing))
    if seen is None:
        return
    version, digest, _ = seen.split(" ", 2)
    if filing.instrument.version < int(version):
        raise _refuse("instrument-old", f"'{filing.instrument.name}' is an older version than this hospital has seen.",
                      f"“{filing.instrument.name}”的版本早于本医院已见版本。")  # fmt: skip
    if filing.instrument.version == int(version) and filing.instrument.digest() != digest:
        raise _refuse("instrument-changed", f"'{filing.instrument.name}' is not what it was.",
                      f"“{filing.instrument.name}”的内容已改变。")  # fmt: skip


def _check_none_left_out(study: Study, filings: tuple[Filed, ...], known: Known) -> None:
    there = {_place(f) for f in filings}
    asked = {f"deed {study.request.dataset}", f"contract {study.request.asker}"}
    for place, seen in known.filed.items():
        kind, name = place.split(":", 1)
        binds = {f"{kind} {who}" for who in seen.split(" ", 2)[2].split(",")}
        if binds & asked and place not in there:
            raise _refuse("instrument-left-out", f"The grant leaves out '{name}', which binds this study.",
                          f"授权遗漏了约束本研究的“{name}”。")  # fmt: skip
    deed = known.policy.deed
    if deed is not None and f"deed:{deed}" not in there:
        raise _refuse("deed-left-out", f"This hospital answers under the deed '{deed}' only.",
                      f"本医院仅在信托契约“{deed}”下应答。")  # fmt: skip


def seen_in(grant: Grant) -> Iterator[tuple[str, str]]:
    """What a node keeps of the deeds and contracts in a grant that it has believed: (key, value) of its book."""
    for filing in () if grant.legal is None else grant.legal.instruments:
        instrument = filing.instrument
        binds = (instrument.contract.asker,) if instrument.contract else instrument.terms.datasets
        yield f"filed:{_place(filing)}", f"{instrument.version} {instrument.digest()} {','.join(binds)}"
        for party, key in filing.keys().items():
            yield f"signer:{party}", key


def _place(filing: Filed) -> str:
    return f"{filing.instrument.kind}:{filing.instrument.name}"


def _refuse(code: str, en: str, zh: str) -> HuizhenError:
    return Refused(
        code,
        Text(en, zh),
        Text("No row was read. Compare `huizhen deed show` and `huizhen contract show` with what was signed; where a "
             "key has really changed, write the new one under party_keys in policy.yaml.",
             "没有读取任何数据。请将 `huizhen deed show`、`huizhen contract show` 与所签文本核对；"
             "若密钥确已更换，请写入 policy.yaml 的 party_keys。"),
    )  # fmt: skip
