"""The command line: one command per verb, the same words for an embedded region as later for a remote hub."""

from __future__ import annotations

from huizhen.cli import abrupt  # isort: skip

import sys
from collections.abc import Sequence
from copy import copy
from typing import Annotated

import typer

from huizhen import __version__
from huizhen.cli import (
    accounts,
    anonymize,
    assess,  # noqa: F401 - its commands stand beside those of `study` and `act`
    backup,
    blacklist,
    breach,
    breach_papers,  # noqa: F401 - its commands stand beside those of `breach`
    care,
    chain,
    consent,
    delegate,
    instrument,
    intake,
    ledger,
    mask,
    model,
    money,
    network,
    node_console,
    node_log,
    node_score,
    patient,
    register,
    review,
    rows,  # noqa: F401 - its command stands beside those of `study`
    rules,
    series,
    setup,
    study,
    synthesize,
    tokens,
    up,
    upkeep,  # noqa: F401 - its commands stand beside those of `act`
    watch,
    watch_node,
    watermark,
    witness,
    witnesses,  # noqa: F401 - its commands stand beside those of `witness`
    wording,
)
from huizhen.cli.program import Command, Program

app = typer.Typer(
    name="huizhen",
    cls=Program,
    help="Many hospitals, one answer, and no patient record leaves home.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"huizhen {__version__}")
        raise typer.Exit


@app.callback()
def root(
    lang: Annotated[
        str | None,
        typer.Option("--lang", metavar="en|zh", help="Language; else that of HUIZHEN_LANG, or of the system."),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_tell_version)
    ] = False,
) -> None:
    """What is common to all commands; the language is chosen before any of them is looked up."""


app.command("init", cls=Command)(setup.init)
node_log.register(setup.node)
node_score.register(setup.node)
network.register(setup.node)
node_console.register(setup.node)
backup.register(network.hub, setup.node)
network.hub.add_typer(tokens.token, name="token")
network.hub.add_typer(accounts.account, name="account")
app.add_typer(network.hub, name="hub")
app.add_typer(setup.node, name="node")
app.add_typer(intake.app, name="intake")
app.add_typer(setup.dataset, name="dataset")
consent.app.add_typer(delegate.app, name="delegate")
consent.app.add_typer(wording.app, name="wording")
app.add_typer(consent.app, name="consent")
app.add_typer(care.app, name="care")
app.add_typer(register.party, name="party")
app.add_typer(register.act, name="act")
app.add_typer(rules.app, name="rules")
app.add_typer(instrument.deed, name="deed")
app.add_typer(instrument.contract, name="contract")
app.add_typer(review.app, name="review")
app.add_typer(blacklist.app, name="blacklist")
watch.app.add_typer(watch_node.app, name="node")
app.add_typer(watch.app, name="watch")
app.add_typer(watch.audit, name="audit")
app.add_typer(breach.app, name="breach")
app.add_typer(study.app, name="study")
app.add_typer(model.app, name="model")
app.add_typer(ledger.app, name="ledger")
app.add_typer(chain.app, name="chain")
app.add_typer(witness.app, name="witness")
app.add_typer(money.app, name="money")
app.add_typer(patient.app, name="patient")
app.command("anonymize", cls=Command)(anonymize.anonymize)
app.command("synthesize", cls=Command)(synthesize.synthesize)
app.add_typer(series.app, name="series")
app.add_typer(mask.app, name="mask")
app.add_typer(watermark.app, name="watermark")
app.command("up", cls=Command)(up.up)
app.command("doctor", cls=Command)(setup.doctor)
abrupt.over()


def main() -> None:
    abrupt.begin()
    _asked(sys.argv[1:])()


def _asked(words: Sequence[str]) -> typer.Typer:
    """The program with the one command or group that the words name, since to put all of them together takes a quarter
    of a second; with all of them where they name none, or ask for anything but a language before it."""
    rest = list(words)
    while rest and rest[0].startswith("--lang"):
        del rest[: 1 if "=" in rest[0] else 2]
    commands = [c for c in app.registered_commands if rest and c.name == rest[0]]
    groups = [g for g in app.registered_groups if rest and g.name == rest[0]]
    if not commands and not groups:
        return app
    one = copy(app)
    one.registered_commands, one.registered_groups = commands, groups
    return one
