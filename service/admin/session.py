"""Sessions of the pages: who signed in with which key, until when. Pure: bytes in, bytes out.

A session is a cookie that only this installation can have signed. It names a key by its number; whether that
key is still valid is asked of the database at every request. Nothing of the key itself is in it.
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256
from typing import Literal, get_args

import itsdangerous
import msgspec
from itsdangerous.encoding import base64_decode, base64_encode
from msgspec import Struct

LIFETIME = 12 * 3600
"""Seconds from signing in until one has to do it again."""
ENTRY_LIFETIME = 3600
"""Seconds for which the form to sign in can be sent."""

MOST_COOKIE = 4096
"""Characters; more is none of ours."""

Purpose = Literal["session", "csrf", "flash"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
Tone = Literal["good", "warn", "bad"]


class Session(Struct, frozen=True, array_like=True):
    """`nonce`: chosen anew at each signing in, so that no session outlives the next one in the same browser,
    and none can be prepared by somebody else. `ends` in seconds since 1970."""

    key_id: int
    nonce: str
    ends: int


class Flash(Struct, frozen=True, array_like=True):
    """What the next page is to say of what was just done."""

    tone: Tone
    text: str


class Signer:
    """Signs and reads what a browser keeps for us."""

    def __init__(self, secret: bytes) -> None:
        self._signers = {
            # The purpose is the salt: what is signed for one is worth nothing for another.
            purpose: itsdangerous.Signer(secret, salt=purpose, key_derivation="hmac", digest_method=sha256)
            for purpose in PURPOSES
        }

    def begin(self, key_id: int, now: int) -> Session:
        return Session(key_id, secrets.token_urlsafe(18), now + LIFETIME)

    def session_cookie(self, session: Session) -> str:
        return self._signed("session", msgspec.json.encode(session))

    def read_session(self, cookie: str | None, now: int) -> Session | None:
        """The session, unless it is forged, malformed or over."""
        data = self._opened("session", cookie)
        try:
            session = msgspec.json.decode(data, type=Session) if data else None
        except msgspec.DecodeError:
            return None
        return session if session is not None and now < session.ends else None

    def token(self, nonce: str) -> str:
        """What each form of a session carries: whoever cannot read our pages cannot know it."""
        return self._signers["csrf"].get_signature(nonce.encode("utf-8", "replace")).decode()

    def is_token(self, nonce: str, presented: str) -> bool:
        return hmac.compare_digest(self.token(nonce).encode(), presented.encode("utf-8", "replace"))

    def flash_cookie(self, flash: Flash) -> str:
        return self._signed("flash", msgspec.json.encode(flash))

    def read_flash(self, cookie: str | None) -> Flash | None:
        data = self._opened("flash", cookie)
        try:
            return msgspec.json.decode(data, type=Flash) if data else None
        except msgspec.DecodeError:
            return None

    def _signed(self, purpose: Purpose, data: bytes) -> str:
        return self._signers[purpose].sign(base64_encode(data)).decode()

    def _opened(self, purpose: Purpose, cookie: str | None) -> bytes | None:
        if cookie is None or len(cookie) > MOST_COOKIE:
            return None
        try:
            return base64_decode(self._signers[purpose].unsign(cookie.encode("utf-8", "replace")))
        except itsdangerous.BadData:
            return None
