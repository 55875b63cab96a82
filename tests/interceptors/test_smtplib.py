"""Mail is sent once, when it is recorded; a replay talks to nobody."""

import email.utils
import smtplib
import socket
from email.message import EmailMessage
from email.utils import make_msgid

import pytest

from playback_core import RecordingKeyError
from tests.interceptors.mail_server import PASSWORD, USER, MailServer, running, self_signed
from tests.interceptors.runs import Runs

pytestmark = pytest.mark.usefixtures("intercepted")


def message(subject="Your order"):
    mail = EmailMessage()
    mail["From"] = "shop@example.com"
    mail["To"] = "ann@example.com"
    mail["Subject"] = subject
    mail["Message-ID"] = email.utils.make_msgid()
    mail.set_content("It is on its way.")
    mail.add_alternative("<p>It is on its way.</p>", subtype="html")
    return mail


def recorded(handler, operation, **options):
    """Record an operation over a running server, which is stopped when this returns."""
    with running(handler, **options) as controller:
        runs = Runs(lambda: operation(controller.port))
    return runs


def test_a_message_reaches_the_server_once_and_is_equal_in_a_replay():
    handler = MailServer()

    def work(port):
        with smtplib.SMTP("127.0.0.1", port) as client:
            refused = client.send_message(message())
            return refused, client.esmtp_features, client.has_extn("size"), client.ehlo_resp

    runs = recorded(handler, work)
    replay = runs.replayed()

    assert replay.result == runs.result
    assert replay.is_equal
    assert replay.playback.never_consumed == []
    assert len(handler.mails) == 1
    sent = dict(replay.playback.playback_outputs)["output: smtplib sendmail #1.output"]["kwargs"]
    assert (sent["from"], sent["to"]) == ("shop@example.com", ["ann@example.com"])
    # On its way it got the line ends of a message, and no more.
    assert sent["message"] == handler.mails[0].content


def test_every_command_and_its_answer_comes_again():
    def work(port):
        client = smtplib.SMTP()
        said = [client.connect("127.0.0.1", port), client.helo("me"), client.ehlo("me")]
        said += [client.noop(), client.rset(), client.verify("ann@example.com"), client.help()]
        said += [client.docmd("NOOP"), client.mail("a@example.com"), client.rcpt("b@example.com")]
        said += [client.rcpt("c@nowhere.example"), client.data("Subject: hello\n\nhello")]
        said += [client.docmd("NONSENSE", "word"), client.quit(), client.sock, client.ehlo_resp]
        return said

    handler = MailServer()
    runs = recorded(handler, work)
    assert runs.replayed().result == runs.result
    assert runs.replayed().is_equal
    assert (550, b"no such user") in runs.result
    assert len(handler.mails) == 1


def test_what_replayed_code_writes_otherwise_is_a_different_output():
    subjects = iter(["Your order", "Your  order"])

    def work(port):
        with smtplib.SMTP("127.0.0.1", port) as client:
            return client.send_message(message(next(subjects)))

    runs = recorded(MailServer(), work)
    replay = runs.replayed()
    assert replay.result == {}
    assert replay.playback.playback_outputs != replay.playback.recorded_outputs


def test_a_message_in_a_transaction_of_ones_own_is_an_output_too():
    texts = iter(["one", "two"])

    def work(port):
        with smtplib.SMTP("127.0.0.1", port) as client:
            client.ehlo()
            client.mail("a@example.com")
            client.rcpt("b@example.com")
            return client.data(next(texts))

    replay = recorded(MailServer(), work).replayed()
    assert replay.result == (250, b"accepted")
    assert replay.playback.playback_outputs != replay.playback.recorded_outputs


def test_other_recipients_in_a_transaction_of_ones_own_are_a_miss():
    recipients = iter(["b@example.com", "c@example.com"])

    def work(port):
        with smtplib.SMTP("127.0.0.1", port) as client:
            client.ehlo()
            client.mail("a@example.com")
            return client.rcpt(next(recipients))

    runs = recorded(MailServer(), work)
    with pytest.raises(RecordingKeyError, match=r"smtplib RCPT .*c@example\.com"):
        runs.replayed()


def test_refused_recipients_are_refused_again():
    def work(port):
        with smtplib.SMTP("127.0.0.1", port) as client:
            return client.sendmail("a@example.com", ["b@example.com", "c@nowhere.example"], "hello")

    runs = recorded(MailServer(), work)
    assert runs.result == {"c@nowhere.example": (550, b"no such user")}
    assert runs.replayed().result == runs.result

    def all_refused(port):
        with smtplib.SMTP("127.0.0.1", port) as client:
            try:
                client.sendmail("a@example.com", {"c@nowhere.example"}, "hello")
            except smtplib.SMTPRecipientsRefused as error:
                return error.recipients, error.args, client.sock is not None

    runs = recorded(MailServer(), all_refused)
    assert runs.result[0] == {"c@nowhere.example": (550, b"no such user")}
    assert runs.replayed().result == runs.result


def test_a_login_is_answered_without_its_password_being_stored():
    passwords = iter([PASSWORD, "of another environment"])

    def work(port):
        with smtplib.SMTP("127.0.0.1", port) as client:
            return client.login(USER, next(passwords)), client.user

    runs = recorded(MailServer(), work)
    assert runs.result == ((235, b"2.7.0 Authentication successful"), USER)
    assert "horse" not in str([(e.arguments, e.result) for e in runs.recording.entries])
    replay = runs.replayed()
    assert replay.result == runs.result
    assert replay.is_equal


def test_a_login_that_failed_fails_again():
    def work(port):
        with smtplib.SMTP("127.0.0.1", port) as client:
            try:
                client.login(USER, "wrong")
            except smtplib.SMTPAuthenticationError as error:
                return error.smtp_code, error.smtp_error, error.args

    runs = recorded(MailServer(), work)
    assert runs.result[0] == 535
    assert runs.replayed().result == runs.result


def test_a_login_by_a_mechanism_of_ones_own_keeps_no_secret():
    def work(port):
        with smtplib.SMTP("127.0.0.1", port) as client:
            client.ehlo()
            first = client.docmd("AUTH", "PLAIN AHNob3AAd3Jvbmc=")
            client.user, client.password = USER, PASSWORD
            return first, client.auth("LOGIN", client.auth_login)

    runs = recorded(MailServer(), work)
    assert [code for code, _ in runs.result] == [535, 235]
    stored = str([(e.arguments, e.result) for e in runs.recording.entries])
    assert "AHNob3AAd3Jvbmc" not in stored
    assert "Y29ycmVjdCBob3JzZQ" not in stored
    assert runs.replayed().result == runs.result
    assert runs.replayed().is_equal


def test_starttls_and_what_the_server_says_under_it(tmp_path):
    of_server, of_client = self_signed(tmp_path)

    def work(port):
        with smtplib.SMTP("127.0.0.1", port) as client:
            client.ehlo()
            before = dict(client.esmtp_features)
            started = client.starttls(context=of_client)
            between = client.ehlo_resp
            client.sendmail("a@example.com", "b@example.com", b"hello")
            return before, started, between, client.esmtp_features

    handler = MailServer()
    runs = recorded(handler, work, tls=of_server)
    assert "starttls" in runs.result[0]
    assert "starttls" not in runs.result[3]
    replay = runs.replayed()
    assert replay.result == runs.result
    assert replay.is_equal
    assert len(handler.mails) == 1


def test_starttls_that_the_server_does_not_have():
    def work(port):
        with smtplib.SMTP("127.0.0.1", port) as client:
            try:
                client.starttls()
            except smtplib.SMTPNotSupportedError as error:
                return error.args

    runs = recorded(MailServer(), work)
    assert runs.result == ("STARTTLS extension not supported by server.",)
    assert runs.replayed().result == runs.result


def test_a_connection_under_tls(tmp_path):
    of_server, of_client = self_signed(tmp_path)

    def work(port):
        with smtplib.SMTP_SSL("127.0.0.1", port, context=of_client) as client:
            return client.send_message(message())

    runs = recorded(MailServer(), work, tls=of_server, at_once=True)
    assert runs.result == {}
    replay = runs.replayed()
    assert replay.result == {}
    assert replay.is_equal


def test_a_server_that_is_down_is_down_again():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    def work():
        try:
            smtplib.SMTP("127.0.0.1", port)
        except OSError as error:
            return type(error), error.errno, error.args

    runs = Runs(work)
    assert runs.result[0] is ConnectionRefusedError
    assert runs.replayed().result == runs.result
    assert runs.replayed().is_equal


def test_a_server_that_hangs_up_has_hung_up_again():
    def work(port):
        client = smtplib.SMTP("127.0.0.1", port)
        client.quit()
        client.connect("127.0.0.1", port)
        try:
            # The server answers this by ending the conversation.
            client.docmd("QUIT")
            client.noop()
        except smtplib.SMTPServerDisconnected as error:
            return error.args, client.sock

    runs = recorded(MailServer(), work)
    (message,), connection = runs.result
    assert message.startswith("Connection unexpectedly closed")
    assert connection is None
    assert runs.replayed().result == runs.result
    assert runs.replayed().is_equal


def test_the_names_of_the_machine_are_those_of_the_recording(monkeypatch):
    def work():
        return socket.getfqdn(), socket.gethostname(), socket.gethostbyname("localhost")

    runs = Runs(work)
    assert runs.aliases == ["socket getfqdn", "socket gethostname", "socket gethostbyname"]
    assert runs.replayed().result == runs.result


def test_a_message_id_is_that_of_the_recording():
    runs = Runs(lambda: (email.utils.make_msgid(), email.utils.make_msgid(domain="example.com")))
    assert runs.result[0] != runs.result[1]
    assert runs.replayed().result == runs.result
    # Also where it was imported by its name before anything was intercepted.
    assert Runs(make_msgid).aliases == ["email make_msgid"]


def test_a_client_from_before_the_operation_sends_and_is_replayed():
    clients = []

    def work():
        return clients[0].sendmail("a@example.com", "b@example.com", "hello")

    handler = MailServer()
    with running(handler) as controller, smtplib.SMTP("127.0.0.1", controller.port) as client:
        client.ehlo()
        clients.append(client)
        runs = Runs(work)
        clients[0] = smtplib.SMTP()
        replay = runs.replayed()
    assert replay.result == {}
    assert replay.is_equal
    assert len(handler.mails) == 1


def test_without_an_operation_it_is_the_library_alone():
    handler = MailServer()
    with running(handler) as controller, smtplib.SMTP("127.0.0.1", controller.port) as client:
        client.login(USER, PASSWORD)
        assert client.send_message(message()) == {}
        assert not [name for name in vars(client) if "playback" in name]
    assert len(handler.mails) == 1
