"""A call of an ASGI application, recorded on its way to the server and back, or shed."""

from playback_core.asgi.exchange import AsgiApp, AsgiExchange, Message, Receive, Scope, Send
from playback_core.exchanges.shed_exchange import ShedExchange
from playback_core.session import enter, leave, within


async def run_within(
    exchange: AsgiExchange, run: AsgiApp, scope: Scope, receive: Receive, send: Send
) -> None:
    """Call an application within an exchange, which has ended when the call has."""

    # What the server does is no part of the operation.
    async def receive_recorded() -> Message:
        with within(None):
            message = await receive()
        exchange.receive(message)
        return message

    async def send_recorded(message: Message) -> None:
        shown = exchange.send(message)
        if exchange.is_replayed_to_its_end():
            exchange.finish()
        try:
            with within(None):
                await send(shown)
        except OSError:
            exchange.leave()
            raise

    token = enter(exchange.scope)
    try:
        await run(scope, receive_recorded, send_recorded)
    except BaseException as error:
        exchange.fail(error, "streaming")
        raise
    finally:
        leave(token)
        exchange.finish()


async def run_shed(
    exchange: ShedExchange, run: AsgiApp, scope: Scope, receive: Receive, send: Send
) -> None:
    """Call an application within an operation that is shed, which has ended when the call has."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            exchange.begin_answer(message.get("status"))
        await send(message)

    token = enter(exchange.scope)
    try:
        await run(scope, receive, sent)
    finally:
        leave(token)
        exchange.finish()
