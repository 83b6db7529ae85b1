"""Names the standalone edge's own queue, and moves messages there that an older version sent to Celery's default queue."""

import json
import logging

from celery import Celery
from kombu.transport.redis import Channel
from redis.exceptions import RedisError

from etalase.edge.task_names import OUR_TASKS, QUEUE

logger = logging.getLogger("etalase.edge")

OLD_QUEUE = "celery"
UNACKED, UNACKED_INDEX, UNACKED_MUTEX = f"{QUEUE}.unacked", f"{QUEUE}.unacked_index", f"{QUEUE}.unacked_mutex"
# Atomic, so that no other worker receives the message, too.
_MOVE = """
if redis.call('LREM', KEYS[1], -1, ARGV[1]) == 0 then return 0 end
redis.call('LPUSH', KEYS[2], ARGV[2])
return 1
"""


def take_over(app: Celery) -> None:
    """Moves our messages from Celery's default queue to our own, in their order. Other messages stay there."""
    with app.connection_for_write() as connection:
        channel = connection.default_channel
        if not isinstance(channel, Channel):
            return  # only Redis and Valkey are supported
        try:
            client = channel.client
            # A sender pushes at the left, a worker pops at the right: the last message is the oldest.
            moved = [
                client.eval(_MOVE, 2, OLD_QUEUE, QUEUE, message, ours)
                for message in reversed(client.lrange(OLD_QUEUE, 0, -1))
                if (ours := as_ours(message)) is not None
            ]
        except RedisError as error:
            logger.warning("the old queue «%s» cannot be read: %s", OLD_QUEUE, error)
            return
    if sum(moved):
        logger.info("took over %d messages from the queue «%s»", sum(moved), OLD_QUEUE)


def drop_unreadable(channel: object) -> None:
    """Drops unreadable entries among the unacknowledged deliveries: each would end the worker at every start."""
    if not isinstance(channel, Channel):
        return  # only Redis and Valkey are supported
    client = channel.client
    strange = [tag for tag, delivery in client.hgetall(UNACKED).items() if not is_delivery(delivery)]
    if strange:
        client.hdel(UNACKED, *strange)
        client.zrem(UNACKED_INDEX, *strange)
        logger.warning("dropped %d deliveries that cannot be read; the next scheduled run does their work", len(strange))


def is_delivery(text: bytes | str) -> bool:
    """Returns whether ``text`` is a message with exchange and routing key, as kombu keeps it until it is acknowledged."""
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
    """Returns the message in the form of our queue, or None if its task is not one of ours."""
    try:
        content = json.loads(message)
        if content["headers"]["task"] not in OUR_TASKS:
            return None
        content["properties"]["delivery_info"]["routing_key"] = QUEUE
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return json.dumps(content).encode()
