"""The front end: it takes orders and sends them to the workers."""

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from orders.tasks import place
from playback_flask import FlaskPlayback

app = Flask(__name__)
FlaskPlayback(app)


@app.post("/orders")
def take_order() -> ResponseReturnValue:
    order = request.get_json()
    answer = place.delay(order["number"], order["lines"])
    return jsonify(task=answer.id), 202
