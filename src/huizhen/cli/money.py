"""money statement, postings."""

from __future__ import annotations

from typing import Annotated

import typer

from huizhen.cli.common import HubOption, JsonFlag, Region_, TokenOption
from huizhen.cli.place import place
from huizhen.cli.program import Command, new_group
from huizhen.cli.show import show_effects
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.money import yuan
from huizhen.kit.text import Text

app = new_group("Who is owed what, to the fen.")
PartyOption = Annotated[
    str,
    typer.Option("--party", metavar="NAME", help="operator, a hospital, patients@HOSPITAL, or an asker."),
]


@app.command("statement", cls=Command)
def statement_(
    party: PartyOption,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """All bookings of a party with the running balance.

    Example: `huizhen money statement --party north --region demo`
    """
    from huizhen.market.postings import MEMOS

    with place(region, hub, token) as at:
        lines = at.statement(party)
        if as_json:
            VOICE.json(lines)
            return
        VOICE.table(
            Text(f"Statement of {party}, in yuan", f"{party} 对账单（元）"),
            [
                Head(Text("study", "研究"), "id"),
                Head(Text("for", "事由")),
                Head(Text("debit", "借"), "number"),
                Head(Text("credit", "贷"), "number"),
                Head(Text("balance", "余额"), "number"),
            ],
            [
                (
                    x["study"],
                    MEMOS[x["memo"]].say(VOICE.language),
                    _amount(x["debit_fen"]),
                    _amount(x["credit_fen"]),
                    yuan(x["balance_fen"]),
                )
                for x in lines
            ],
        )


@app.command("receive", cls=Command)
def receive(
    party: Annotated[str, typer.Option("--from", metavar="PARTY", help="Who paid: an asker.")],
    fen: Annotated[int, typer.Option("--fen", metavar="N", min=1, help="How much came in, in fen.")],
    reference: Annotated[
        str, typer.Option("--reference", metavar="TEXT", help="The bank's own reference; the same one is booked once.")
    ],
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Book money that came in. Results that a contract keeps back for it are released by themselves.

    Example: `huizhen money receive --from acme-pharma --fen 120000 --reference B-2026-0117 --region demo`
    """
    from huizhen.cli.register import made_of
    from huizhen.model.settlement import Payment

    payment = made_of(Payment.read, {"party": party, "fen": fen, "reference": reference})
    with place(region, hub, token) as at:
        booked = at.receive(payment)
        at.settle()
    if as_json:
        VOICE.json(booked)
    else:
        VOICE.say(f"Booked: {yuan(fen)} yuan from {party}, {booked['id']}.",
                  f"已登记：{party} 付款 {yuan(fen)} 元，{booked['id']}。")  # fmt: skip


@app.command("postings", cls=Command)
def postings_(
    study: Annotated[str, typer.Option("--study", metavar="ID", help="The study's id.")],
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """The double entries of one study; debits equal credits.

    Example: `huizhen money postings --study st-0123456789abcdef --region demo`
    """
    from huizhen.market.postings import MEMOS

    with place(region, hub, token) as at:
        booked = at.postings(study)
        if as_json:
            VOICE.json(booked)
            return
        VOICE.table(
            Text(f"Postings of {study}, in yuan", f"{study} 的分录（元）"),
            [
                Head(Text("account", "账户")),
                Head(Text("for", "事由")),
                Head(Text("debit", "借"), "number"),
                Head(Text("credit", "贷"), "number"),
            ],
            [
                (p["account"], MEMOS[p["memo"]].say(VOICE.language), _amount(p["debit_fen"]), _amount(p["credit_fen"]))
                for p in booked
            ],
        )
        debit, credit = sum(p["debit_fen"] for p in booked), sum(p["credit_fen"] for p in booked)
        show_effects(at.outcome(study)["settlement"])
        VOICE.say(
            f"Debits {yuan(debit)}, credits {yuan(credit)}.", f"借方合计 {yuan(debit)}，贷方合计 {yuan(credit)}。"
        )


def _amount(fen: int) -> str:
    return yuan(fen) if fen else ""
