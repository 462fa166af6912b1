"""A node in a sum that holds everybody or is not opened: masks in pairs that cancel out, and nothing to recover.

The first protocol of Bonawitz et al. 2017 (section 4.1), on the sparse graph of Bell et al. 2020:

    advert -> mask        each once, in this order, for one vector

Shares, a mask of one's own and the round of agreement (`session`) are there so that a sum can be opened without those
who were lost; whoever gives none of them away needs none of them. Where the company of a study is settled, every later
sum holds all of it, so each node masks with each of its neighbours, and the plain sum of what they send is the total.

What holds, with any number of nodes on the hub's side (`graph.degree_of_whole`):

- Each pair's mask is known to the two alone, and is in two vectors. So any sum of vectors that leaves out somebody whom
  an honest node masks with stays hidden: the hub opens the total of all, less what colluders know of their own. That
  the honest ones hang together is what the degree of the graph is computed for; among few the graph is complete.
- Nobody can be declared lost: no node answers a question about it. Whoever is lost before its vector came has held up
  this attempt, and who is lost after it is missed by nobody.
- Keys are fresh for every attempt and signed for this very context, which is none of `session`'s: a key that is made
  for one protocol is refused in the other, where shares of it might be given out. Everybody's digest is in every mask,
  so two nodes that were shown different keys of anybody share no mask.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from huizhen.kit.errors import Refused
from huizhen.kit.text import Text
from huizhen.secure.advert import ONLY_MASK, Advert, bad_advert, check_adverts, framed, view, write_mask_advert
from huizhen.secure.graph import degree_of_whole, neighbours
from huizhen.secure.mask import add_masks, derive
from huizhen.secure.ring import Words
from huizhen.secure.session import check_participants, out_of_order


class Whole:
    """One node, one attempt at one vector, everybody in it. Its secret lives in memory only."""

    def __init__(
        self,
        context: bytes,
        name: str,
        sign: Callable[[bytes], bytes],
        keys: Mapping[str, bytes],
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """As `session.Member`; `keys` are those of everybody whose vector is to be in the sum. Raises Refused
        'too-few-nodes'."""
        check_participants(name, keys)
        self._context, self._name, self._keys = context, name, dict(keys)
        self._key: X25519PrivateKey | None = X25519PrivateKey.from_private_bytes(random(32))
        self._advert = write_mask_advert(sign, context, name, self._key.public_key().public_bytes_raw())

    @property
    def names(self) -> tuple[str, ...]:
        """Everybody in the sum, in order of name."""
        return tuple(sorted(self._keys))

    def advert(self) -> dict[str, bytes]:
        """The node's signed public key for this attempt."""
        return dict(self._advert)

    def mask(
        self, words: Words, adverts: Mapping[str, Advert], everyone: Mapping[str, bytes], wide: int, threads: int = 1
    ) -> Words:
        """The vector under a mask with each neighbour; once.

        `adverts` are those of the neighbours and the own one, `everyone` the digest of each participant's
        (`advert.digests`); `words` and `wide` as in `Member.mask`. Raises Refused 'bad-advert', naming the node, as
        `Member.shares` does, 'not-everyone' where anybody is missing, and 'out-of-order' the second time.
        """
        key, self._key = self._key, None
        if key is None:
            raise out_of_order()
        check_adverts(self._context, adverts, self._keys, everyone, ONLY_MASK)
        if everyone.keys() != self._keys.keys():
            raise _not_everyone()
        if dict(adverts.get(self._name, {})) != self._advert:
            raise bad_advert(self._name)
        seen = view(self._context, everyone)
        plus: list[bytes] = []
        minus: list[bytes] = []
        for name in neighbours(list(everyone), degree_of_whole(len(everyone)), seen)[self._name]:
            if name not in adverts:
                raise bad_advert(name)
            try:
                shared = key.exchange(X25519PublicKey.from_public_bytes(adverts[name]["mask"]))
            except ValueError as error:
                raise bad_advert(name) from error
            mask = derive(shared, framed("huizhen/secure/whole/1", seen, *sorted((self._name, name))))
            (plus if self._name < name else minus).append(mask)
        masked = words.copy()
        add_masks(masked, wide, plus, minus, threads)
        return masked


def _not_everyone() -> Refused:
    return Refused(
        "not-everyone",
        Text("A sum that must hold everybody was to be made without some.", "必须包含全体的求和缺少部分参与方。"),
        Text("Run the round again when all of them answer.", "请待全部参与方应答后重试本轮。"),
    )
