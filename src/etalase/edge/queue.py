"""The standalone edge's own queue, and our messages that an older version sent to Celery's default one."""

import json
import logging

from celery import Celery
from kombu.transport.redis import Channel
from redis.exceptions import RedisError

from etalase.edge.task_names import OUR_TASKS

logger = logging.getLogger("etalase.edge")

QUEUE = "etalase"
OLD_QUEUE = "celery"
UNACKED, UNACKED_INDEX, UNACKED_MUTEX = f"{QUEUE}.unacked", f"{QUEUE}.unacked_index", f"{QUEUE}.unacked_mutex"
# Atomic, so that nobody else's worker has the message too.
_MOVE = """
if redis.call('LREM', KEYS[1], -1, ARGV[1]) == 0 then return 0 end
redis.call('LPUSH', KEYS[2], ARGV[2])
return 1
"""


def take_over(app: Celery) -> None:
    """Move our messages from Celery's default queue to our own, in their order. What is not ours stays where it lies."""
    with app.connection_for_write() as connection:
        channel = connection.default_channel
        if not isinstance(channel, Channel):
            return  # only Redis and Valkey were ever supported
        try:
            client = channel.client
            # A sender pushes at the left, a worker takes from the right: the last is the oldest.
            moved = [
                client.eval(_MOVE, 2, OLD_QUEUE, QUEUE, message, ours)
                for message in reversed(client.lrange(OLD_QUEUE, 0, -1))
                if (ours := as_ours(message)) is not None
            ]
        except RedisError as error:
            logger.warning("the old queue «%s» cannot be looked through: %s", OLD_QUEUE, error)
            return
    if sum(moved):
        logger.info("took over %d messages from the queue «%s»", sum(moved), OLD_QUEUE)


def drop_unreadable(channel: object) -> None:
    """Drop what stands among the deliveries under way and is none: the worker would end over it, at each of its starts."""
    if not isinstance(channel, Channel):
        return  # only Redis and Valkey were ever supported
    client = channel.client
    strange = [tag for tag, delivery in client.hgetall(UNACKED).items() if not is_delivery(delivery)]
    if strange:
        client.hdel(UNACKED, *strange)
        client.zrem(UNACKED_INDEX, *strange)
        logger.warning("dropped %d deliveries that cannot be read; the next scheduled run does their work", len(strange))


def is_delivery(text: bytes | str) -> bool:
    """Whether it is a message with its exchange and routing key, as kombu keeps it until it is done."""
    try:
        message, exchange, routing_key = json.loads(text)
        return (
            isinstance(message["headers"], dict)
            and isinstance(message["properties"]["delivery_info"], dict)
            and isinstance(exchange, str)
            and isinstance(routing_key, str)
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return False


def as_ours(message: bytes) -> bytes | None:
    """The message as it stands in our queue, or None where its task is not ours."""
    try:
        told = json.loads(message)
        if told["headers"]["task"] not in OUR_TASKS:
            return None
        told["properties"]["delivery_info"]["routing_key"] = QUEUE
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return json.dumps(told).encode()
