"""How an MQTT broker is reached: the same keys for Takt's own broker and for the machines'.

Belongs here: what both have in common, and how a client shows it. Which broker it is, and what
its port is by default, say those who use it.
"""

from pathlib import Path
from typing import Annotated, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Port = Annotated[int, Field(ge=1, le=65535)]
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class MqttClient(Protocol):
    """What is asked of a client of paho."""

    def username_pw_set(self, username: str | None, password: str | None = None) -> None: ...  # noqa: D102
    def tls_set(  # noqa: D102
        self,
        *,
        ca_certs: str | None,
        certfile: str | None,
        keyfile: str | None,
        keyfile_password: str,
    ) -> None: ...


class BrokerAccess(BaseModel):
    """Where a broker is, how it is known, and who we are there.

    Files are read at every connection, so that a renewal needs no restart.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str
    port: Port
    username: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = Field(default=None, description="Switches TLS on.")
    certificate_file: Path | None = Field(
        default=None, description="Ours, PEM, for a broker that asks for one (mutual TLS)."
    )
    key_file: Path | None = Field(default=None, description="Its private key, without password.")
    plain_text: bool = Field(
        default=False, description="Permit another machine's broker without `ca_file`."
    )

    @model_validator(mode="after")
    def _check_access(self) -> Self:
        check_both(certificate_file=self.certificate_file, key_file=self.key_file)
        if self.username is None and self.password_file is not None:
            raise ValueError("password_file is shown with a username only: add username")
        if self.ca_file is None and self.certificate_file is not None:
            raise ValueError("certificate_file is shown over TLS only: add ca_file")
        if self.ca_file is None and self.host not in LOOPBACK and not self.plain_text:
            raise ValueError(f"{self.host} is another machine: add ca_file, or plain_text = true")
        return self

    def introduce(self, client: MqttClient) -> None:
        """Let a client say who we are, and know the broker.

        Raises:
            OSError: A file is missing or is not what it should be.
        """
        if self.username is not None:
            client.username_pw_set(self.username, self._password())
        if self.ca_file is not None:
            for file in filter(None, (self.ca_file, self.certificate_file, self.key_file)):
                file.open("rb").close()  # TLS itself does not say which file is missing
            client.tls_set(
                ca_certs=_text(self.ca_file),
                certfile=_text(self.certificate_file),
                keyfile=_text(self.key_file),
                keyfile_password="",  # a key that has one is refused, not asked for on a terminal
            )

    def _password(self) -> str | None:
        if self.password_file is None:
            return None
        try:
            return self.password_file.read_text(encoding="utf-8").strip()
        except UnicodeDecodeError as error:
            raise OSError(f"{self.password_file} is no text") from error


def check_both(**keys: object) -> None:
    """Of keys that belong together all are given or none.

    Raises:
        ValueError: Some are missing.
    """
    if len({value is None for value in keys.values()}) > 1:
        raise ValueError(f"{' and '.join(keys)} belong together; give both or none")


def _text(file: Path | None) -> str | None:
    return None if file is None else str(file)
