"""The pages of one hospital of a served region: its console in this process, people who sign in there, its patients."""

from __future__ import annotations

import ssl
import threading
from pathlib import Path

import httpx
import pandas as pd

from huizhen.adapters.certificates import CA_FILE
from huizhen.adapters.person_accounts import Person
from huizhen.cli.node_console import where
from huizhen.console.at_node.app import Rooms, make_console, whole
from huizhen.console.at_node.desk import OPERATOR, PATIENT, NodeDesk
from huizhen.console.at_node.serve import TLS, Pages, own_context
from huizhen.hub.web import listen
from huizhen.kit.clock import utc_now
from visitors import Visited

HOSPITAL = "h0"


class Ward(Visited):
    """h0's pages at `pages_url`. `subjects` are the numbers of its patients, all of whom consent to HMB."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.node_folder = self.folder / "nodes" / HOSPITAL
        self.subjects = list(pd.read_csv(self.folder / f"{HOSPITAL}.csv")["patient"].astype(str))
        self.rooms = Rooms(self.node_folder)
        self.desk = NodeDesk(HOSPITAL, where(HOSPITAL, None, self.folder, None), self.rooms.people)
        self.console = make_console(self.desk, self.rooms, ["localhost"])
        context = own_context(self.node_folder, ["localhost"], utc_now())
        self.pages = Pages(whole(self.console), listen("127.0.0.1", 0), context)
        self._serving = threading.Thread(target=self.pages.run_here, name="pages")
        self._serving.start()
        self.pages_url = f"https://localhost:{self.pages.port}"

    def account_link(self, login: str, person: Person | None = None) -> str:
        """The secret of a link for a patient or who speaks for one; without a person, for who runs the node."""
        if login not in {a.login for a in self.rooms.accounts.all()}:
            self.rooms.accounts.add(login, HOSPITAL, OPERATOR if person is None else PATIENT)
            if person is not None:
                self.rooms.people.put(login, person)
        return self.rooms.accounts.link(login, 1)

    def outsider(self) -> httpx.Client:
        """A browser that nobody has signed in with at the hospital's pages."""
        context = ssl.create_default_context(cafile=str(self.node_folder / TLS / CA_FILE))
        made = httpx.Client(base_url=self.pages_url, verify=context, headers={"origin": self.pages_url}, timeout=60.0)
        self._open.append(made)
        return made

    def signed_in(self, login: str, person: Person | None = None) -> httpx.Client:
        """A browser in which this person has signed in at the hospital's pages."""
        made = self.outsider()
        heard = made.post("/console/link", data={"secret": self.account_link(login, person)})
        assert heard.status_code == 303, heard.text
        return made

    def patient(self, number: int) -> httpx.Client:
        """Signed in as the patient in this place of `subjects`."""
        return self.signed_in(f"p-{number}", Person(self.subjects[number]))

    def close(self) -> None:
        for each in self._open:
            each.close()
        self.pages.stop()
        self._serving.join()
        self.desk.close()
        self.rooms.close()
        super().close()
