"""A mail server on this machine, which may refuse, or hang up without a last word."""

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Literal

Fate = Literal["taken", "refused", "no greeting", "no last word"]


@dataclass
class Mail:
    to: str
    message: Message

    @property
    def text(self) -> str:
        return self.message.get_payload(decode=True).decode()


class MailDouble:
    """Takes every mail, unless a fate is given; then the next ones meet it."""

    def __init__(self) -> None:
        self.fate: Fate = "taken"
        self.mails: list[Mail] = []

    @contextmanager
    def serving(self):
        """Serve on a free port of this machine; yields the port."""
        double = self

        class Handler(StreamRequestHandler):
            def handle(self) -> None:
                if double.fate != "no greeting":
                    double.talk(self)

        server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def talk(self, handler: StreamRequestHandler) -> None:
        def say(text: str) -> None:
            handler.wfile.write(f"{text}\r\n".encode())

        say("220 mail.example ready")
        to = ""
        for line in handler.rfile:
            word, _, rest = line.decode().strip().partition(" ")
            if word.upper() == "RCPT":
                to = rest.partition(":")[2].strip("<> ")
                is_refused = self.fate == "refused"
                say(f"550 no {to} here" if is_refused else "250 fine")
            elif word.upper() == "DATA":
                say("354 go on")
                self.take(to, handler)
                if self.fate == "no last word":
                    return
                say("250 taken")
            elif word.upper() == "QUIT":
                say("221 goodbye")
                return
            else:
                say("250 fine")

    def take(self, to: str, handler: StreamRequestHandler) -> None:
        lines = iter(handler.rfile.readline, b".\r\n")
        self.mails.append(Mail(to, message_from_bytes(b"".join(lines))))
