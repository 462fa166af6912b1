"""A hospital that hides a use, alters what it earned, or shows somebody else's proof is found out by the person, who
has nothing but the file, the public keys and the public ledger; and the file tells nothing of anybody else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from huizhen.cli.place import verify_folder
from huizhen.cli.region import Region, trusted
from huizhen.client import my_data, my_page
from huizhen.hub.verify import quorum
from huizhen.kit.keys import SigningKey
from huizhen.ledger.inclusion import Members
from huizhen.ledger.my_data import MyData
from huizhen.ledger.note import VerifierKey
from huizhen.model.consent import Terms, Word
from huizhen.node import consents
from huizhen.node.my_data import gather
from regions import make_region, patients, run

FRAMES = patients(90, 3)
ME, OTHER = (str(s) for s in FRAMES["h0"]["patient"].iloc[:2])


@dataclass
class Told:
    """What h0 tells of ME and of OTHER, after three studies and a fourth that it refused."""

    mine: MyData
    others: MyData
    before: MyData
    keys: Sequence[VerifierKey]
    hospital: SigningKey
    leaves: list[bytes]
    root: bytes
    folder: Path

    def found(self, data: MyData, ledger: bool = True, earlier: MyData | None = None) -> set[str]:
        done = my_data.check(data, self.keys, quorum(3), earlier)
        more = my_data.compare(data, done, self.leaves, self.root) if ledger else []
        return {each.code for each in (*done.found, *more)}

    def signed(self, **changes: object) -> MyData:
        return self.mine.model_copy(update=changes).signed(self.hospital.sign)

    def changed(self, at: int, **changes: object) -> MyData:
        uses = list(self.mine.uses)
        uses[at] = uses[at].model_copy(update=changes)
        return self.signed(uses=tuple(uses))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    region = make_region(tmp_path_factory.mktemp("mine") / "r", FRAMES)
    agent = region.agent("h0")
    run(region, title="first", price_fen=10_007)
    before = gather(agent, ME, region.desk.prove)
    run(region, title="second", method="describe", params={"columns": ["age"]}, price_fen=3)
    consents.record(agent, [Word(ME, "HMB", None, True, terms=Terms(methods=("model",)), anew=True)])
    run(region, title="third", cohort="age >= 20", price_fen=500)
    (agent.folder / "policy.yaml").write_text("askers_refused: [nosy]\n")
    assert run(region, title="fourth", asker="nosy")["status"] == "denied"
    hub, witnesses = trusted(region.folder)
    yield Told(
        gather(agent, ME, region.desk.prove),
        gather(agent, OTHER, region.desk.prove),
        before,
        [hub, *(w.key for w in witnesses)],
        agent.key,
        region.hub.store.leaves(),
        region.hub.store.tree().root(),
        region.folder,
    )
    _close(region)


def _close(region: Region) -> None:
    region.close()
    assert verify_folder(region.folder)[1] == []


def test_what_is_so_holds_for_who_was_in_a_study_and_who_was_not(told: Told) -> None:
    assert [(u.title, u.part, u.why) for u in told.mine.uses] == [
        ("first", "used", ()),
        ("second", "used", ()),
        ("third", "not-covered", ("methods",)),
        ("fourth", "refused", ("asker-refused",)),
    ]
    for data in (told.mine, told.others):
        assert told.found(data) == set()
    assert told.found(told.mine, earlier=told.before) == set()
    assert told.found(told.before) == {"used-since"}
    assert told.mine.fen > 0 and told.others.fen > told.mine.fen


def test_a_use_that_is_left_out_is_on_the_ledger(told: Told) -> None:
    hidden = told.signed(uses=told.mine.uses[1:])
    assert told.found(hidden, ledger=False) == set(), "nothing but the ledger, or an earlier file, can tell"
    assert told.found(hidden) == {"use-hidden"}
    assert told.found(hidden, ledger=False, earlier=told.before) == {"use-gone"}
    assert told.found(told.signed(uses=())) == {"use-hidden"}
    assert told.found(told.signed(uses=told.mine.uses[:3])) == {"use-hidden"}, "a refusal is on the ledger, too"


def test_a_use_cannot_be_told_as_none(told: Told) -> None:
    as_none = {"part": "not-asked", "fen": 0}
    assert told.found(told.changed(0, **as_none)) >= {"altered-part"}
    without = told.changed(0, **as_none, membership=None)
    assert told.found(without, ledger=False) == {"membership-lacking"}
    entries = tuple(e for e in told.mine.uses[0].entries if e.kind != "data-used")
    silent = told.changed(0, **as_none, membership=None, entries=entries)
    assert told.found(silent, ledger=False) == {"unproven"}
    assert "membership-lacking" in told.found(silent)


def test_every_fen_is_held_to_the_settlement(told: Told) -> None:
    for more in (-1, 1, -told.mine.uses[0].fen):
        altered = told.changed(0, fen=told.mine.uses[0].fen + more)
        assert told.found(altered) == {"altered-fen"}
    share = told.mine.uses[0].share
    assert share is not None
    less = share.model_copy(update={"content": share.content.replace('"fen":', '"fen":1')})
    assert told.found(told.changed(0, share=less)) == {"share-lacking"}
    assert told.found(told.changed(0, share=told.mine.uses[1].share)) == {"share-lacking"}


def test_the_proof_of_somebody_else_proves_nothing(told: Told) -> None:
    others = told.others.uses[0].membership
    assert told.found(told.changed(0, membership=others)) == {"membership-wrong"}
    pretended = told.others.model_copy(update={"subject": ME}).signed(told.hospital.sign)
    assert "another-person" in told.found(pretended, earlier=told.before)
    swapped = told.others.model_copy(update={"subject": ME, "pseudonym": told.mine.pseudonym})
    assert "membership-wrong" in told.found(swapped.signed(told.hospital.sign))


def test_neighbours_that_leave_room_show_no_absence(told: Told) -> None:
    people = [f"{i:032x}" for i in range(40)]
    members = Members(people, b"s" * 16)
    here = members.membership(people[7])
    assert here.here is not None
    places = sorted((m.here for p in people if (m := members.membership(p)).here), key=lambda place: place.index)
    at = here.here.index
    before, after = (places[at - 1] if at else None), (places[at + 1] if at + 1 < len(places) else None)
    from huizhen.kit.errors import Tampered
    from huizhen.ledger.inclusion import check

    for wrong in ({"before": before, "after": after}, {"before": before, "after": here.here}, {}):
        shown = here.model_copy(update={"here": None, **wrong})
        with pytest.raises(Tampered):
            check(shown, people[7], members.commitment())


def test_what_the_study_was_and_how_it_ended_is_held_to_the_ledger(told: Told) -> None:
    for change in ({"asker": "charity"}, {"purpose": "PUBHLTH"}, {"method": "cox"}, {"title": "another"}):
        assert told.found(told.changed(0, **change)) == {"altered-study"}
    assert told.found(told.changed(0, status="denied")) == {"altered-outcome"}
    assert told.found(told.changed(3, why=("day-full",))) == {"altered-part"}
    entries = told.mine.uses[1].entries
    assert "bad-proof" in told.found(told.changed(0, entries=entries))


def test_only_the_hospital_can_have_written_it_and_only_of_this_ledger(told: Told) -> None:
    assert told.found(told.mine.model_copy(update={"made_utc": "2020-01-01T00:00:00.000000Z"})) == {"not-signed"}
    assert told.found(told.mine.model_copy(update={"node": "h1"})) >= {"not-signed", "altered-part"}
    strange = told.mine.model_copy(update={"node": "h9"})
    assert "hospital-unknown" in told.found(strange)
    done = my_data.check(told.mine, told.keys, quorum(3))
    assert [f.code for f in my_data.compare(told.mine, done, told.leaves[:-3], told.root)] == ["ledger-differs"]
    other = [told.leaves[0], *told.leaves[2:], told.leaves[1]]
    assert [f.code for f in my_data.compare(told.mine, done, other, told.root)] == ["ledger-differs"]


def test_the_file_names_nobody_else(told: Told) -> None:
    """Of one who was in a study no value of anybody else is in it; of one who was not, those of two neighbours, which
    say nothing to who does not know their pseudonyms."""
    region = Region(told.folder)
    names = [region.agent("h0").book.pseudonym(str(s)).hex() for s in FRAMES["h0"]["patient"]]
    region.close()
    text = told.mine.canonical().decode()
    assert [name for name in names if name in text] == [told.mine.pseudonym]
    for use in told.mine.uses:
        proof = use.membership
        shown = [] if proof is None else [p for p in (proof.here, proof.before, proof.after) if p]
        assert len(shown) == {"used": 1, "not-covered": 2, "refused": 0}[use.part]
        assert not use.share or set(json.loads(use.share.content)) == {"study", "node", "fen"}


def test_an_entry_that_the_hub_changes_is_found_by_who_verifies_the_ledger(told: Told, tmp_path: Path) -> None:
    from huizhen.hub.verify_used import check_used
    from huizhen.kit.canonical import salted
    from huizhen.ledger.story import StoredDocument

    region = Region(told.folder)
    documents = region.hub.store.documents()
    region.close()
    assert list(check_used(told.leaves, documents)) == []
    at = next(i for i, leaf in enumerate(told.leaves) if b"data-used" in leaf)
    entry = json.loads(told.leaves[at])
    assert list(check_used([*told.leaves[:at], *told.leaves[at + 1 :]], documents))
    entry["facts"]["inclusion"] = "00" * 32
    assert list(check_used([*told.leaves[:at], json.dumps(entry).encode(), *told.leaves[at + 1 :]], documents))
    entry = json.loads(told.leaves[at])
    content = documents[entry["refs"]["share"]].content.replace(b'"fen":', b'"fen":1')
    entry["refs"]["share"] = salted(b"s" * 16, content)
    more = {**documents, entry["refs"]["share"]: StoredDocument(b"s" * 16, content)}
    leaf = json.dumps(entry, separators=(",", ":"), sort_keys=True).encode()
    assert list(check_used([*told.leaves[:at], leaf, *told.leaves[at + 1 :]], more))


def test_the_page_says_all_of_it_in_both_languages_and_escapes(told: Told) -> None:
    evil = told.changed(0, title="<script>x</script>")
    for language, words in (("en", ("Refused on my behalf", "did not allow")), ("zh", ("代我拒绝的", "未允许"))):
        page = my_page.render(evil, language)  # type: ignore[arg-type]
        assert all(word in page for word in words) and "<script>" not in page
        assert 'name="viewport"' in page and "acme" in page
