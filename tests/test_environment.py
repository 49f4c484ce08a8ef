import pytest
from django.core.exceptions import ImproperlyConfigured

from hypeweb import environment
from hypeweb.environment import MailServer

SMTP = "django.core.mail.backends.smtp.EmailBackend"


@pytest.mark.parametrize(
    ("text", "expected"), [("1", True), ("On", True), ("no", False), ("", True)]
)
def test_read_flag(monkeypatch, text, expected):
    monkeypatch.setenv("X", text)
    assert environment.read_flag("X", default=True) is expected


def test_read_flag_rejects_nonsense(monkeypatch):
    monkeypatch.setenv("X", "maybe")
    with pytest.raises(ImproperlyConfigured, match=r"X must be one of .* got 'maybe'"):
        environment.read_flag("X", default=True)


@pytest.mark.parametrize("text", ["0", "-3", "1.5", "many"])
def test_read_int_rejects_nonsense(monkeypatch, text):
    monkeypatch.setenv("X", text)
    with pytest.raises(ImproperlyConfigured, match="whole number of at least 1"):
        environment.read_int("X", 5, minimum=1)


def test_read_url_rejects_another_scheme_and_keeps_the_password_out(monkeypatch):
    monkeypatch.setenv("X", "mysql://me:secret@host/db")
    with pytest.raises(ImproperlyConfigured) as error:
        environment.read_url("X", "", schemes={"sqlite", "postgresql"})
    assert "postgresql, sqlite" in str(error.value)
    assert "secret" not in str(error.value)


def parse(monkeypatch, text):
    monkeypatch.setenv("X", text)
    return environment.read_url("X", "", schemes={"sqlite", "postgresql", "s3"})


def test_database_of_postgresql(monkeypatch, tmp_path):
    url = parse(monkeypatch, "postgresql://me:a%40b@db:5433/name?sslmode=require")
    found = environment.database(url, tmp_path)
    assert found["ENGINE"] == "django.db.backends.postgresql"
    assert (found["USER"], found["PASSWORD"]) == ("me", "a@b")
    assert (found["HOST"], found["PORT"], found["NAME"]) == ("db", "5433", "name")
    assert found["OPTIONS"] == {"sslmode": "require"}


def test_database_needs_a_name(monkeypatch, tmp_path):
    with pytest.raises(ImproperlyConfigured, match="must name a database"):
        environment.database(parse(monkeypatch, "postgresql://db"), tmp_path)


def test_database_defaults_to_a_file_in_the_data_folder(monkeypatch, tmp_path):
    found = environment.database(parse(monkeypatch, "sqlite://"), tmp_path)
    assert found["NAME"] == tmp_path / "hypeweb.sqlite3"


def test_bucket(monkeypatch):
    url = parse(monkeypatch, "s3://images/some/prefix?endpoint_url=http://h:1")
    assert environment.bucket(url) == environment.Bucket(
        name="images", prefix="some/prefix", endpoint_url="http://h:1", region=None
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("s3:///x", "must name a bucket"), ("s3://b?acl=public", "got acl")],
)
def test_bucket_rejects_nonsense(monkeypatch, text, sentence):
    with pytest.raises(ImproperlyConfigured, match=sentence):
        environment.bucket(parse(monkeypatch, text))


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("", MailServer("django.core.mail.backends.dummy.EmailBackend")),
        (
            "smtp://me:a%40b@mail.example.org",
            MailServer(SMTP, "mail.example.org", 587, "me", "a@b", uses_starttls=True),
        ),
        ("smtp://localhost:25?starttls=0", MailServer(SMTP, "localhost", 25)),
        ("smtps://h", MailServer(SMTP, "h", 465, uses_ssl=True)),
    ],
)
def test_mail_server(text, server):
    assert environment.mail_server(text) == server


@pytest.mark.parametrize("text", ["mail.example.org", "https://h", "smtp://"])
def test_mail_server_rejects_nonsense(text):
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL must name a server"):
        environment.mail_server(text)
