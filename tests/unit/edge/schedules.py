"""Defines example bandwidth schedules and units of time."""

from zoneinfo import ZoneInfo

JAKARTA = ZoneInfo("Asia/Jakarta")
NIGHTS, WEEKENDS, MOMENTS = "06:00,512k 23:00,off", "Mon-06:00,512k Sat-00:00,off", "02:00,off 02:10,512k"
MINUTE = 60.0
